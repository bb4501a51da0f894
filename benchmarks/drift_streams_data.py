"""The streams of `drift_streams`: made once, then read from files: the same for all systems.

They are those of DriftMoE's study (Aspis, Cajas Ordonez, Suarez-Cetrulo and Simon Carbajo, arXiv
2507.18464), by its code: positions are the centres of drifts; the concepts of SEA are 1, 2, 4 and
1 again, those of LED swap 1, 3, 5 and 7 attributes; all 50 centroids of the radial basis functions
move, and there are two classes.  Seeds are 1.  Rows are the very ones of MOA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hoeffding_tree import Case, electricity, generated
from moa_loop import write_rows

from streamadapt.connectors.generators import (
    SEA,
    ConceptDrift,
    LEDDrift,
    RandomRBFDrift,
    RowGenerator,
)
from streamadapt.contracts import FloatArray, IntArray

__all__ = [
    "ABRUPT",
    "ELECTRICITY",
    "GENERATED",
    "GRADUAL",
    "RETURNS",
    "Stream",
    "drifting",
    "first_rows",
    "open_stream",
]

ELECTRICITY = "Electricity"
BLOCK_ROWS = 10_000
ABRUPT = (50, (249_975, 499_975, 749_975))
GRADUAL = (50_000, (225_000, 475_000, 725_000))
Drifts = tuple[int, tuple[int, ...]]


def drifting(concept: Callable[[int], RowGenerator], which: list[int], drifts: Drifts) -> Any:
    width, positions = drifts
    stream, *others = map(concept, which)
    for other, position in zip(others, positions, strict=True):
        stream = ConceptDrift(stream, other, position=position, width=width)
    return stream


def _led(n_drift_features: int) -> RowGenerator:
    return LEDDrift(n_drift_features=n_drift_features)


GENERATED: dict[str, Callable[[], RowGenerator]] = {
    "LED_a": partial(drifting, _led, [1, 3, 5, 7], ABRUPT),
    "LED_g": partial(drifting, _led, [1, 3, 5, 7], GRADUAL),
    "SEA_a": partial(drifting, SEA, [1, 2, 4, 1], ABRUPT),
    "SEA_g": partial(drifting, SEA, [1, 2, 4, 1], GRADUAL),
    "RBF_m": partial(RandomRBFDrift, change_speed=0.0001),
    "RBF_f": partial(RandomRBFDrift, change_speed=0.001),
}

RETURNS = {"SEA_a": ABRUPT[1][-1], "SEA_g": GRADUAL[1][-1]}
"""The row at which the first concept is back: the centre of the last drift."""


@dataclass(frozen=True)
class Stream:
    """Rows in a file that MOA's loop reads too, and their labels; `n_values` as in `Case`."""

    name: str
    path: Path
    y: IntArray
    n_classes: int
    n_values: list[int]

    @property
    def nominal(self) -> dict[int, int]:
        """How many values each nominal column has."""
        return {j: v for j, v in enumerate(self.n_values) if v}

    def blocks(self) -> Iterator[tuple[FloatArray, IntArray]]:
        """Yield rows and labels, in blocks."""
        table = _table(self.path)
        for i in range(0, len(table), BLOCK_ROWS):
            block = table[i : i + BLOCK_ROWS]
            yield np.ascontiguousarray(block[:, :-1]), self.y[i : i + BLOCK_ROWS]


def open_stream(name: str, n_rows: int, folder: Path) -> Stream | None:
    """Return the first rows of a stream, whose file is made if it is not there.

    None if it is Electricity and its data are not there.
    """
    path = folder / f"{name}-{n_rows}.rows"
    if not path.is_file():
        found = electricity() if name == ELECTRICITY else _first_rows(name, n_rows)
        if found is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, found.X[:n_rows], found.y[:n_rows], found.n_classes, found.n_values)
    _, d, n_classes = np.fromfile(path, "<i4", 3).tolist()
    n_values = np.fromfile(path, "<i4", 3 + d)[3:].tolist()
    return Stream(name, path, _table(path)[:, -1].astype(np.int64), n_classes, n_values)


def first_rows(stream: Stream, n_rows: int) -> Stream:
    """Return a stream of the first rows, in a file of its own if they are not all."""
    if n_rows >= len(stream.y):
        return stream
    path = stream.path.with_name(f"{stream.name}-first-{n_rows}.rows")
    y = stream.y[:n_rows]
    if not path.is_file():
        X = np.ascontiguousarray(_table(stream.path)[:n_rows, :-1])
        _write(path, X, y, stream.n_classes, stream.n_values)
    return replace(stream, path=path, y=y)


def _write(path: Path, X: FloatArray, y: IntArray, n_classes: int, n_values: list[int]) -> None:
    """Write a stream's file: whole, or not at all."""
    unfinished = path.with_suffix(".unfinished")
    write_rows(unfinished, X, y, n_classes, n_values)
    unfinished.rename(path)


def _first_rows(name: str, n: int) -> Case:
    return generated(name, GENERATED[name](), n)


def _table(path: Path) -> FloatArray:
    """Return rows with their labels, float64 [n, d + 1], as they are in the file."""
    n, d, _ = np.fromfile(path, "<i4", 3).tolist()
    return np.memmap(path, "<f8", "r", offset=4 * (3 + d), shape=(n, d + 1))
