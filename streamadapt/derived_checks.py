"""Whether derived features fit the columns of a record, and do not peek."""

from __future__ import annotations

from collections.abc import Sequence

from streamadapt.derived import (
    Calendar,
    Derived,
    Difference,
    FeatureFunction,
    Lag,
    PythonFeature,
    Rolling,
    TargetMean,
)
from streamadapt.derived_calendar import Fourier
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Scale, TimeSinceLast
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.errors import ConfigError
from streamadapt.events import RecordSchema

__all__ = ["check_derived"]


def check_derived(
    schema: RecordSchema, derived: Sequence[Derived], targets_known: bool, own_known: bool = False
) -> None:
    """Raise `ConfigError` if a derived feature does not fit the schema, or would peek.

    `targets_known` says whether earlier rows' targets are known when a row is predicted,
    `own_known` whether its own one is.
    """
    for spec in derived:
        if isinstance(spec, Polynomial):
            continue  # its columns are known once all others are there
        if not isinstance(spec, FeatureFunction) or isinstance(spec, PythonFeature):
            _check_own(schema, spec, (targets_known or own_known, own_known))


def _check_own(schema: RecordSchema, spec: Derived, known: tuple[bool, bool]) -> None:
    if isinstance(spec, Lag | Rolling | ExponentiallyWeighted):
        _check_source(schema, spec, known[0])
    elif isinstance(spec, Difference | Scale):
        _check_source(schema, spec, known[1])
    elif isinstance(spec, Hashed):
        _check_texts(schema, spec.kind, spec.of)
    elif isinstance(spec, TargetMean):
        _check_texts(schema, spec.kind, (spec.of,))
        if known[1]:
            raise ConfigError("derived: target_mean is for labels that come by id, not forecasts")
    elif not isinstance(spec, Calendar | Fourier | Rate | TimeSinceLast | Count):
        raise ConfigError(f"derived: {spec!r} has no names, transform, state and restore")
    if schema.time is None and _needs_time(spec):
        raise ConfigError(f"derived: a {spec.kind} needs a time column (`time` of the record)")


def _needs_time(spec: Derived) -> bool:
    if isinstance(spec, Count | ExponentiallyWeighted):
        return spec.unit == "seconds"
    return isinstance(spec, Calendar | Fourier | Rate | TimeSinceLast)


def _check_source(
    schema: RecordSchema,
    spec: Lag | Rolling | ExponentiallyWeighted | Difference | Scale,
    target_is_known: bool,
) -> None:
    allowed = schema.number_columns() + schema.boolean_columns()
    if spec.of not in allowed:
        raise ConfigError(
            f"derived: {spec.kind} of {spec.of!r}, which is no numeric or boolean column "
            f"(there are: {', '.join(allowed) or 'none'})"
        )
    if spec.of == schema.target and not target_is_known:
        raise ConfigError(
            f"derived: {spec.kind} of the target {spec.of!r} would peek: labels come late, so the "
            "last rows' targets are not known yet when a row is predicted; derive it from a "
            "feature column instead"
        )


def _check_texts(schema: RecordSchema, kind: str, columns: Sequence[str]) -> None:
    allowed = [name for name in schema.text_columns() if name != schema.target]
    for column in columns:
        if column not in allowed:
            raise ConfigError(
                f"derived: {kind} of {column!r}, which is no text column but the target "
                f"(there are: {', '.join(allowed) or 'none'})"
            )
