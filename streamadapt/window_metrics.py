"""Sums of what was graded: over all rows, faded, and window by window in bounded memory."""

from __future__ import annotations

import numpy as np

from streamadapt import metrics_kernels as k
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.evaluation import Evaluation
from streamadapt.state import State

__all__ = ["Tally", "named", "ratio"]


class Tally:
    """The sums that metrics are ratios of; kernels add to them.

    Parameters
    ----------
    width
        Columns: those that `streamadapt.metrics_kernels` names, and more of its task.
    evaluation
        Windows and fading.
    """

    def __init__(self, width: int, evaluation: Evaluation) -> None:
        self.rows = np.zeros((k.POINTS + k.MAX_POINTS, width))
        self.rows[k.FADED, k.WEIGHT] = 1.0
        self.cursor = np.zeros(k.CURSORS, np.int64)
        self.cursor[k.SPAN] = evaluation.window
        self.growth = 1.0 / evaluation.fading

    @property
    def ungraded(self) -> int:
        """Labels that found no prediction."""
        return int(self.cursor[k.UNGRADED])

    def total(self) -> FloatArray:
        """Return the sums [width] over all graded rows."""
        total: FloatArray = self.rows[k.PAST].copy()
        k.absorb(total, self.rows[k.NOW])
        return total

    def faded(self) -> FloatArray:
        """Return the faded sums [width]."""
        faded: FloatArray = self.rows[k.FADED]
        return faded

    def windows(self) -> FloatArray:
        """Return the sums [p, width] of each window, oldest first.

        The one under way is left out while it is less than half full, unless it is the only one:
        ratios of few rows say little, and would end each curve with a leap.
        """
        n, now = int(self.cursor[k.N_POINTS]), self.rows[k.NOW]
        ended = self.rows[k.POINTS : k.POINTS + n]
        if now[k.N] == 0 or (n > 0 and 2 * now[k.N] < self.cursor[k.SPAN]):
            return ended.copy()
        return np.vstack([ended, now])

    def state(self) -> State:
        """Return sums and cursor; of the windows those that have ended."""
        used = k.POINTS + int(self.cursor[k.N_POINTS])
        return State("tally", 1, {"rows": self.rows[:used].copy(), "cursor": self.cursor.copy()})

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        rows = state.expect("tally", 1).floats("rows")
        self.rows[: len(rows)], self.rows[len(rows) :] = rows, 0.0
        self.cursor[:] = state.integers("cursor")


def ratio(a: FloatArray, b: FloatArray, empty: float = np.nan) -> FloatArray:
    """Return a / b, and `empty` where b is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]), empty=0.0)
    array([0.25, 0.  ])
    """
    a, b = np.broadcast_arrays(a, b)
    found: FloatArray = np.divide(a, b, out=np.full(a.shape, empty), where=b != 0.0)
    return found


def named(sums: FloatArray, values: dict[str, FloatArray]) -> dict[str, FloatArray | IntArray]:
    """Return the windows' metrics with the row each ends at, and how many rows it graded."""
    ends: IntArray = sums[:, k.END].astype(np.int64)
    graded: IntArray = sums[:, k.N].astype(np.int64)
    return {"row": ends, "graded": graded, **values}
