"""Learning changes instead of levels: what a series will add to its value now."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import LEARN, FloatArray, Forgets, Learner, LearningTask, OpArray
from streamadapt.errors import whole
from streamadapt.models.learner import as_rows, check_lengths
from streamadapt.state import State, Value

__all__ = ["ChangeRegressor", "ForgettingChangeRegressor", "learning_changes"]

_LIMIT = 1e100


class ChangeRegressor:
    """A regressor of ``y - x[column]`` that predicts ``x[column] + change``.

    A forecaster of levels must first learn that the next value is near the last one; this one
    knows it from the start, and its scale is that of the changes.  Rows without a value in
    `column` are not learned; there the last target learned stands in for it.

    Parameters
    ----------
    make
        Gives the regressor that learns the changes.
    column
        Feature that holds the series' value now.

    Examples
    --------
    >>> from streamadapt.models import RunningMean
    >>> walk = np.arange(10.0).reshape(-1, 1)  # goes up by 1 with each row
    >>> learner = ChangeRegressor(lambda: RunningMean(1), column=0)
    >>> learner.run(np.full(10, 3, np.int8), walk, walk[:, 0] + 1)[-1].tolist()
    [10.0]
    """

    learning_task = LearningTask.REGRESSION

    def __init__(self, make: Callable[[], Learner], column: int) -> None:
        self._learner = make()
        self.column = whole("column", column, 0, self._learner.n_features - 1)
        self._last = 0.0

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return self._learner.n_features

    @property
    def n_outputs(self) -> int:
        """Always 1."""
        return 1

    @property
    def n_skipped(self) -> int:
        """Rows that the regressor could not learn; 0 if it does not count them."""
        return int(getattr(self._learner, "n_skipped", 0))

    def run(
        self, ops: OpArray, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None
    ) -> FloatArray:
        """Predict and learn n rows in order; see `streamadapt.contracts.Learner.run`."""
        rows = as_rows(X, self.n_features)
        targets = _usable(np.asarray(y, np.float64))
        check_lengths(len(rows), y=targets)
        now = _usable(rows[:, self.column])
        weights = np.ones(len(rows)) if w is None else np.asarray(w, np.float64)
        P = self._learner.run(ops, rows, targets - now, weights)
        last = self._last_targets(ops, np.where(weights > 0, targets, np.nan))
        P[:, 0] += np.where(np.isnan(now), last, now)
        return P

    def adapt(self, X: FloatArray) -> None:
        """Let the regressor adapt, if it can."""
        self._learner.adapt(X)

    def state(self) -> State:
        """Return the regressor's state and the last value seen."""
        values: dict[str, Value] = {
            "learner": self._learner.state(),
            "last": self._last,
            "column": self.column,
        }
        return State("change", 1, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `IncompatibleStateError` if it cannot."""
        last = state.expect("change", 1).agreeing("column", self.column).number("last")
        self._learner.restore(state.child("learner"))
        self._last = last

    def _last_targets(self, ops: OpArray, targets: FloatArray) -> FloatArray:
        """Return for each row the last target learned before it, and keep the last of all."""
        learned = ((ops & LEARN) != 0) & ~np.isnan(targets)
        places = np.maximum.accumulate(np.where(learned, np.arange(1, len(ops) + 1), 0))
        known = np.concatenate([[self._last], np.where(learned, targets, 0.0)])
        self._last = float(known[places[-1]]) if len(ops) else self._last
        before: FloatArray = known[np.concatenate([[0], places[:-1]])[: len(ops)]]
        return before


def _usable(values: FloatArray) -> FloatArray:
    """Return values with NaN for what no difference can be taken of: inf and huge numbers."""
    return np.where(np.abs(values) <= _LIMIT, values, np.nan)


class ForgettingChangeRegressor(ChangeRegressor):
    """The same around a regressor that can forget."""

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much from now on."""
        if isinstance(self._learner, Forgets):
            self._learner.forget(factor)


def learning_changes(make: Callable[[], Learner], column: int) -> ChangeRegressor:
    """Return a `ChangeRegressor` around what `make` gives; it forgets if that does."""
    kind = ForgettingChangeRegressor if isinstance(make(), Forgets) else ChangeRegressor
    return kind(make, column)
