"""From described features to what computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamadapt.derived import Derived, Difference, FeatureFunction, Lag, Rolling, TargetMean
from streamadapt.derived_block import Part
from streamadapt.derived_calendar import Calendar, Fourier
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Scale, TimeSinceLast
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.errors import ConfigError
from streamadapt.past_features import Numbers, PastRows, Targets
from streamadapt.row_features import Functions, Products, Texts, Times

__all__ = ["parts_of"]

Placed = Sequence[tuple[slice, Derived]]


def parts_of(
    placed: Placed,
    columns: Sequence[str],
    classes: tuple[str, ...],
    late: str | None,
    max_keys: int,
) -> list[Part]:
    """Return what computes the features, each at its place of the columns, in order.

    `late` is the target, if a row's own one is not known when it is predicted; `classes` are its.
    """
    parts: list[Part] = []
    if past := _of_kinds(placed, Lag, Difference, Rolling):
        parts.append(PastRows(past, late, max_keys))
    numbers = _of_kinds(placed, ExponentiallyWeighted, Rate, TimeSinceLast, Count, Scale)
    shared = [one for one in numbers if isinstance(one[1], Scale) and not one[1].per_key]
    if own := [one for one in numbers if one not in shared]:
        parts.append(Numbers(own, late, max_keys))
    if shared:
        parts.append(Numbers(shared))
    if times := _of_kinds(placed, Calendar, Fourier):
        parts.append(Times(times))
    if texts := _of_kinds(placed, Hashed):
        parts.append(Texts(texts))
    if functions := [one for one in placed if isinstance(one[1], FeatureFunction)]:
        parts.append(Functions(functions, late))  # type: ignore[arg-type]
    if means := _of_kinds(placed, TargetMean):
        parts.append(Targets(means, classes, max_keys))
    return parts + [
        Products(place, _factors(spec, placed, columns))
        for place, spec in _of_kinds(placed, Polynomial)
    ]


def _of_kinds(placed: Placed, *kinds: type) -> list[tuple[slice, Any]]:
    return [(place, spec) for place, spec in placed if isinstance(spec, kinds)]


def _factors(
    polynomial: Polynomial, placed: Placed, columns: Sequence[str]
) -> list[tuple[int, int]]:
    """Return the places of each product's factors, which may be any columns but products."""
    products = {i for p, _ in _of_kinds(placed, Polynomial) for i in range(p.start, p.stop)}
    places = {name: i for i, name in enumerate(columns) if i not in products}
    for name in polynomial.of:
        if name not in places:
            raise ConfigError(
                f"derived: polynomial of {name!r}, which is no column (there are: "
                f"{', '.join(places)})"
            )
    return [(places[a], places[b]) for a, b in polynomial.pairs()]
