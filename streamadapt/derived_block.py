"""A block of rows to derive features of, and what derives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.events import MISSING_TIME, Records
from streamadapt.state import State
from streamadapt.target_features import Steps

__all__ = ["Block", "Part", "Remembers"]


@dataclass(frozen=True, slots=True)
class Block:
    """n rows to make features of: those of `records` at the indices `rows`, or all (None)."""

    records: Records
    rows: IntArray | None
    keys: IntArray
    """Hash of each row's key, int64 [n]."""
    steps: Steps | None = None
    """Which rows predict, and which labels arrive between them."""

    def column(self, name: str) -> FloatArray:
        """Return a numeric column, float64 [n]."""
        values = self.records.numbers[name]
        return values if self.rows is None else values[self.rows]

    def columns(self, names: Sequence[str]) -> FloatArray:
        """Return numeric columns beside each other, float64 [n, len(names)]."""
        V = np.empty((len(self.keys), len(names)))
        for j, name in enumerate(names):
            V[:, j] = self.column(name)
        return V

    def times_us(self) -> IntArray:
        """Return the event times, int64 [n], C-contiguous and writable."""
        times = self.records.times_us
        if times is None:
            return np.full(len(self.keys), MISSING_TIME, np.int64)
        chosen = times if self.rows is None else times[self.rows]
        return np.require(chosen, np.int64, ["C", "W"])

    def texts(self, name: str) -> list[str | None]:
        """Return a text column."""
        texts = self.records.texts[name]
        return texts if self.rows is None else [texts[row] for row in self.rows.tolist()]


class Part(Protocol):
    """Computes the columns of one family of derived features."""

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill its columns of X float64 [n, d], which come zeroed; return counts."""
        ...


@runtime_checkable
class Remembers(Part, Protocol):
    """One that remembers something of the rows it has seen."""

    name: str
    """Of its state among the others."""

    @property
    def evicted(self) -> dict[str, int]:
        """What was forgotten so far, by name."""
        ...

    def state(self, live_slots: IntArray) -> State:
        """Return all that is needed to go on; `live_slots` is where rows wait for labels."""
        ...

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; raises `StateError` if it cannot."""
        ...
