"""What derives columns from a row alone, or by functions of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import ClassVar

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived import FeatureFunction
from streamadapt.derived_block import Block
from streamadapt.derived_calendar import Calendar, Fourier
from streamadapt.derived_rows import Hashed
from streamadapt.encoding import TextCodes
from streamadapt.errors import LawError
from streamadapt.events import MISSING_TIME, Records
from streamadapt.state import State, Value

__all__ = ["Functions", "Products", "Texts", "Times"]


class Times:
    """Calendar parts and waves of the event time."""

    def __init__(self, placed: list[tuple[slice, Calendar | Fourier]]) -> None:
        self._placed = placed

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]; return counts."""
        times = block.times_us()
        for place, spec in self._placed:
            X[:, place] = spec.transform(times)
        return {"missing_time": int(np.count_nonzero(times == MISSING_TIME))}


class Texts:
    """Hashed values, words and combinations of text columns."""

    def __init__(self, placed: list[tuple[slice, Hashed]]) -> None:
        self._placed = [
            (place, spec, {name: TextCodes(spec.place(name)) for name in _sources(spec)})
            for place, spec in placed
        ]

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]; return counts."""
        for place, spec, codes_of in self._placed:
            columns = {name: block.texts(name) for name in spec.of}
            if spec.tokens == "cross":
                crossed = [_crossed(texts) for texts in zip(*columns.values(), strict=True)]
                columns = dict.fromkeys(codes_of, crossed)
            for name, texts in columns.items():
                rows, codes = _tokens(texts, spec, codes_of[name])
                np.add.at(X[:, place], (rows, codes >> 1), 1.0 - 2.0 * (codes & 1))
        return {}


def _tokens(
    texts: list[str | None], spec: Hashed, codes_of: TextCodes
) -> tuple[IntArray, IntArray]:
    """Return each token's row and code, int64 [m] both."""
    if spec.tokens != "words":
        codes = codes_of.of(texts, None)
        rows = np.flatnonzero(codes >= 0)
        return rows, codes[rows]
    words = [[] if text is None else spec.words(text) for text in texts]
    rows = np.repeat(np.arange(len(texts)), [len(each) for each in words])
    return rows, codes_of.of(list(chain.from_iterable(words)), None)


def _sources(spec: Hashed) -> tuple[str, ...]:
    return ("\0".join(spec.of),) if spec.tokens == "cross" else spec.of


def _crossed(texts: tuple[str | None, ...]) -> str | None:
    """Return one text for a combination, or None if a part is missing."""
    parts = [text for text in texts if text is not None]
    # Lengths, so that no other combination gives the same text.
    return "".join(f"{len(p)}:{p}" for p in parts) if len(parts) == len(texts) else None


class Functions:
    """Functions of the user's own."""

    name = "functions"
    evicted: ClassVar[dict[str, int]] = {}

    def __init__(
        self, placed: list[tuple[slice, FeatureFunction]], hidden: str | None = None
    ) -> None:
        self._placed = placed
        self._hidden = hidden  # the target, where it is not known yet

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]; return counts."""
        records = block.records
        seen = records if self._hidden is None else _without(records, self._hidden)
        indices = np.arange(len(records)) if block.rows is None else block.rows
        for place, function in self._placed:
            values = function.transform(seen, indices)
            if values.shape != (len(X), len(function.names)):
                raise LawError(
                    f"{type(function).__name__}.transform returned shape {values.shape} "
                    f"for {len(X)} rows of {len(function.names)} names"
                )
            X[:, place] = values
        return {}

    def state(self, live_slots: IntArray) -> State:
        """Return all that is needed to go on, as data."""
        states: dict[str, Value] = {
            str(i): function.state() for i, (_, function) in enumerate(self._placed)
        }
        return State("functions", 1, states)

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes."""
        for i, (_, function) in enumerate(self._placed):
            function.restore(state.child(str(i)))


class Products:
    """Products of two columns that are there already."""

    def __init__(self, place: slice, pairs: Sequence[tuple[int, int]]) -> None:
        self._place = place
        self._factors = np.array(pairs, np.int64).T

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]; return counts."""
        left, right = self._factors
        with np.errstate(over="ignore", invalid="ignore"):
            values = X[:, left] * X[:, right]
        X[:, self._place] = np.where(np.isfinite(values), values, np.nan)
        return {}


def _without(records: Records, column: str) -> Records:
    numbers = {name: values for name, values in records.numbers.items() if name != column}
    texts = {name: values for name, values in records.texts.items() if name != column}
    return replace(records, numbers=numbers, texts=texts)
