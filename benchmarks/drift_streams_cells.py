"""What `drift_streams` has measured: a row for each stream, system, learner and seed, in one file.

Beside it, packed into bits, in the cache: which rows each of them predicted right.  Differences of
two systems come from those, row by row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bench import Row, write_results
from drift_streams_data import RETURNS

from streamadapt.comparison import paired_difference
from streamadapt.contracts import BoolArray, IntArray

__all__ = ["AFTER_RETURN_ROWS", "Cell", "Cells", "grades"]

AFTER_RETURN_ROWS = 5_000
NAME, OURS = "drift_streams", "streamadapt"
RIVALS = {"MoE": ("ARF-10", "SRP-10")}
"""Learners of others that one of ours is compared with beside its namesake."""


class Cell(NamedTuple):
    """One run."""

    system: str
    learner: str
    stream: str
    seed: int
    rows: int

    def __str__(self) -> str:
        return f"{self.system}/{self.learner}/{self.stream}/{self.seed}"


def grades(stream: str, y: IntArray, hits: BoolArray) -> dict[str, float]:
    """Return prequential accuracy and kappas (as `streamadapt.class_metrics` defines them).

    `after_return` is the accuracy over the first rows after a concept has come back.
    """
    y = y[: len(hits)]
    counts = np.cumsum(np.eye(int(y.max()) + 1, dtype=np.int32)[y], axis=0)
    majority = float((counts.argmax(axis=1) == y).mean())
    no_change = float((np.concatenate([[0], y[:-1]]) == y).mean())
    accuracy = float(hits.mean())
    found = {
        "accuracy": accuracy,
        "kappa_m": _beyond(accuracy, majority),
        "kappa_temporal": _beyond(accuracy, no_change),
    }
    start = RETURNS.get(stream, len(hits))
    after = hits[start : start + AFTER_RETURN_ROWS]
    return found | ({"after_return": float(after.mean())} if len(after) else {})


def _beyond(accuracy: float, baseline: float) -> float:
    return (accuracy - baseline) / (1.0 - baseline) if baseline < 1.0 else 0.0


@dataclass(frozen=True)
class Cells:
    """The results so far: a row per run, and differences of ours from the others.

    `folder` is for the bits, `results` for the file of results.
    """

    folder: Path
    results: Path
    rows: list[Row]
    differences: list[Row]

    @classmethod
    def read(cls, folder: Path, results: Path) -> Cells:
        path = results / f"{NAME}.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        return cls(folder, results, known.get("rows", []), known.get("differences", []))

    def __contains__(self, cell: Cell) -> bool:
        """Whether the cell, or the same over more rows, has run."""
        return any(cell[:4] == c[:4] and cell.rows <= c.rows for c in map(_cell, self.rows))

    def add(self, cell: Cell, y: IntArray, hits: BoolArray, cost: dict[str, float]) -> Row:
        """Take a run: which rows it predicted right, and what it cost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        np.packbits(hits).tofile(self._path(cell))
        for other in map(_cell, self.rows):
            pair = (cell, other) if cell.system == OURS else (other, cell)
            if _are_compared(*pair):
                self.differences.extend(self._difference(*pair))
        row: Row = {**cell._asdict(), **grades(cell.stream, y, hits), **cost}
        self.rows.append(row)
        return row

    def write(self, versions: dict[str, str]) -> None:
        others = {"folder": self.results, "differences": self.differences}
        write_results(NAME, versions, self.rows, **others)

    def _difference(self, own: Cell, other: Cell) -> Iterator[Row]:
        """Yield ours less the other's, over the rows that both had, if the bits of both are there.

        Bounds are those of 95 % by a block bootstrap.
        """
        if not (self._path(own).is_file() and self._path(other).is_file()):
            return
        n = min(own.rows, other.rows)
        ours, theirs = self._hits(own, n), self._hits(other, n)
        found = paired_difference(~theirs, ~ours)
        names: Row = {"learner": own.learner, "other_learner": other.learner}
        names |= {"stream": own.stream, "seed": own.seed, "rows": n}
        accuracies = {"accuracy": float(ours.mean()), "other_accuracy": float(theirs.mean())}
        bounds = {"difference": found.mean, "low": found.low, "high": found.high}
        yield {"other": other.system, **names, **accuracies, **bounds}

    def _hits(self, cell: Cell, n: int) -> BoolArray:
        bits = np.fromfile(self._path(cell), np.uint8, count=(n + 7) // 8)
        return np.unpackbits(bits, count=n).astype(np.bool_)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{'-'.join(map(str, cell))}.bits"


def _are_compared(own: Cell, other: Cell) -> bool:
    learners = (own.learner, *RIVALS.get(own.learner, ()))
    is_other = own.system == OURS != other.system
    return is_other and own[2:4] == other[2:4] and other.learner in learners


def _cell(row: Row) -> Cell:
    return Cell(*(row[name] for name in Cell._fields))  # type: ignore[arg-type]
