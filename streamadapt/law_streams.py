"""The streams that laws are tested on: drawn from fixed seeds, drifting, with gaps, and nasty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import (
    LEARN,
    PREDICT,
    PREDICT_LEARN,
    FloatArray,
    Learner,
    LearningTask,
    OpArray,
)

__all__ = ["N_ROWS", "Stream", "cuts", "errors", "nasty", "other_labels", "stream_for"]

N_ROWS = 1500
"""Rows of a stream: enough for a small tree to split, for a drift, and for 500 rows after it."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """n rows in order: what to do (int8 [n]), float64 [n, d], and labels or targets [n]."""

    ops: OpArray
    X: FloatArray
    y: NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.X)

    def part(self, start: int, stop: int) -> Stream:
        """Return copies of the rows start..stop-1."""
        rows = slice(start, stop)
        return Stream(self.ops[rows].copy(), self.X[rows].copy(), self.y[rows].copy())

    def halves(self) -> tuple[Stream, Stream]:
        """Return the first and the second half, cut at an odd place."""
        middle = len(self) // 2 + 3
        return self.part(0, middle), self.part(middle, len(self))

    def always(self, op: int) -> Stream:
        """Return the same rows, all with the operation `op`."""
        return replace(self, ops=np.full(len(self), op, np.int8))


def stream_for(learner: Learner, n: int = N_ROWS, seed: int = 7) -> Stream:
    """Draw n rows that this learner can take: mixed operations, 2 % gaps, a drift in the middle."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, learner.n_features))
    score = _drifting_score(X, rng) + 0.1 * rng.normal(size=n)
    X[rng.random(X.shape) < 0.02] = np.nan
    ops = rng.choice(np.array([PREDICT, LEARN, PREDICT_LEARN, PREDICT_LEARN], np.int8), n)
    if learner.learning_task is LearningTask.REGRESSION:
        return Stream(ops, X, score)
    return Stream(ops, X, _ranks(score, learner.n_outputs))


def _drifting_score(X: FloatArray, rng: np.random.Generator) -> FloatArray:
    before, after = rng.normal(size=(2, X.shape[1]))
    weights = np.where(np.arange(len(X))[:, None] < len(X) // 2, before, after)
    score: FloatArray = (X * weights).sum(axis=1)
    return score


def _ranks(score: FloatArray, n_classes: int) -> NDArray[np.int64]:
    inner_edges = np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1])
    return np.searchsorted(inner_edges, score).astype(np.int64)


def nasty(stream: Stream, learner: Learner, huge: bool) -> Stream:
    """Spoil every third row or so: NaN, inf, empty rows, a constant column, labels that are none.

    With `huge`, also values of 1e308, whose sums and squares overflow.
    """
    X, y = stream.X.copy(), stream.y.copy()
    column = np.arange(len(X)) % X.shape[1]
    if X.shape[1] > 1:
        X[:, 0] = 0.0
    for step, value in ((7, np.nan), (11, np.inf), (13, -np.inf)) + ((17, 1e308),) * huge:
        X[::step, :][np.arange(len(X[::step])), column[::step]] = value
    X[::19] = np.nan
    bad_labels = _bad_labels(learner, huge)
    y[::6] = np.resize(bad_labels, len(y[::6]))
    return Stream(stream.ops, X, y)


def _bad_labels(learner: Learner, huge: bool) -> NDArray[np.generic]:
    if learner.learning_task is LearningTask.REGRESSION:
        return np.array([np.nan, np.inf, -np.inf] + [1e308, -1e308] * huge)
    return np.array([-1, learner.n_outputs, np.iinfo(np.int64).max, np.iinfo(np.int64).min])


def other_labels(y: NDArray[np.generic], learner: Learner) -> NDArray[np.generic]:
    """Return valid labels or targets [n], none of them equal to that in y."""
    if learner.learning_task is LearningTask.REGRESSION:
        return 50.0 - 2.0 * y.astype(np.float64)
    return (y.astype(np.int64) + 1) % learner.n_outputs


def errors(n: int = 3000, seed: int = 11) -> FloatArray:
    """Draw 0/1 errors float64 [n] whose rate jumps between 5 % and 95 % each thousand values."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(n) // 1000 % 2 == 0, 0.05, 0.95)
    return (rng.random(n) < rate).astype(np.float64)


def cuts(n: int, size: int | None, seed: int = 3) -> Iterator[Span]:
    """Cut 0..n-1 into spans of `size`, or of random sizes (0 included) if it is None."""
    rng = np.random.default_rng(seed)
    start = 0
    while start < n:
        stop = min(n, start + (int(rng.integers(0, 60)) if size is None else size))
        yield start, stop
        start = stop
