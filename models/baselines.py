"""The trivial baselines that every model is reported beside.

None reads its inputs; all skip labels that are no class or not finite, and bad weights, and count
them in ``n_skipped``.  A row of weight 0 is not learned; a weight counts as at most 1e6.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import PREDICT, FloatArray, OpArray
from streamadapt.errors import IncompatibleStateError, checked, whole
from streamadapt.models.baselines_kernels import (
    run_majority,
    run_mean,
    run_no_change,
    run_seasonal,
)
from streamadapt.models.learner import ArrayClassifier, ArrayRegressor, as_rows
from streamadapt.models.linear import normal_interval
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = [
    "MajorityClass",
    "NoChangeClassifier",
    "Persistence",
    "RunningMean",
    "SeasonalPersistence",
]

_SMALLEST = float(np.nextafter(0.0, 1.0))


def _skipped(n: int = 0) -> NDArray[np.int64]:
    return np.array([n], np.int64)


class _CountsSkipped:
    _skipped: NDArray[np.int64]

    @property
    def n_skipped(self) -> int:
        """Labels or weights that could not be used."""
        return int(self._skipped[0])


class MajorityClass(_CountsSkipped, ArrayClassifier):
    """Predicts each class's share of the labels so far; uniform before the first.

    Its most probable class is the prequential majority class (a tie goes to the lower index).

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.

    Examples
    --------
    >>> MajorityClass(1, 2).test_then_train(np.zeros((3, 1)), [1, 1, 0]).tolist()
    [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__(n_features, n_classes)
        self._counts = np.zeros(self.n_outputs)
        self._skipped = _skipped()

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_majority(ops, y, w, self._counts, self._skipped, P)

    def forget(self, factor: float) -> None:
        """Let all labels so far count `factor` (in (0, 1]) times as much."""
        self._counts *= checked("factor", factor, _SMALLEST, 1.0)

    def state(self) -> State:
        """Return the counts."""
        values: dict[str, Value] = {"counts": self._counts.copy(), "n_skipped": self.n_skipped}
        return State("majority", self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `IncompatibleStateError` if it cannot."""
        state.expect("majority", self.state_version)
        n_skipped = state.integer("n_skipped")
        self._counts = finite_floats(state, "counts", self._counts.shape)
        self._skipped = _skipped(n_skipped)


class NoChangeClassifier(_CountsSkipped, ArrayClassifier):
    """Predicts the last label seen, with probability 1; uniform before the first.

    The baseline to beat where labels come in runs (A. Bifet et al., "Pitfalls in benchmarking
    data stream classification and how to avoid them", ECML PKDD 2013).

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.

    Examples
    --------
    >>> NoChangeClassifier(1, 2).test_then_train(np.zeros((3, 1)), [1, 0, -1]).tolist()
    [[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]]
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__(n_features, n_classes)
        self._last = np.array([-1], np.int64)
        self._skipped = _skipped()

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_no_change(ops, y, w, self._last, self._skipped, P)

    def state(self) -> State:
        """Return the last label, -1 for none."""
        values: dict[str, Value] = {"last": int(self._last[0]), "n_skipped": self.n_skipped}
        return State("no_change", self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `IncompatibleStateError` if it cannot."""
        state.expect("no_change", self.state_version)
        last, n_skipped = state.integer("last"), state.integer("n_skipped")
        if not -1 <= last < self.n_outputs:
            raise IncompatibleStateError(f"no_change: label {last} of {self.n_outputs} classes")
        self._last, self._skipped = np.array([last], np.int64), _skipped(n_skipped)


class SeasonalPersistence(_CountsSkipped, ArrayRegressor):
    """Predicts the target of one period ago; before there is one, the last target, or 0.

    A target that is missing keeps its place in the season: there the forecast stands in for it.

    Parameters
    ----------
    n_features
        Width d of a row.
    period
        Length of the season, in learned rows.

    Examples
    --------
    >>> SeasonalPersistence(1, 2).test_then_train(np.zeros((5, 1)), [1, 2, 3, 4, 5])[:, 0].tolist()
    [0.0, 1.0, 1.0, 2.0, 3.0]
    """

    kind = "seasonal_persistence"

    def __init__(self, n_features: int, period: int = 24) -> None:
        super().__init__(n_features)
        self.period = whole("period", period, 1, 100_000_000)
        self._ring = np.zeros(self.period)
        self._place = np.zeros(2, np.int64)
        self._last = np.zeros(1)
        self._skipped = _skipped()

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_seasonal(ops, y, w, self._ring, self._place, self._last, self._skipped, P)

    def state(self) -> State:
        """Return the targets of the last period, oldest first, and the last one while it counts."""
        put = int(self._place[1])
        full = put == self.period
        ring = np.roll(self._ring, -self._place[0]) if full else self._ring[:put].copy()
        last = 0.0 if full else float(self._last[0])
        values: dict[str, Value] = {
            "ring": ring,
            "last": last,
            "period": self.period,
            "n_skipped": self.n_skipped,
        }
        return State(self.kind, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `IncompatibleStateError` if it cannot."""
        state.expect(self.kind, self.state_version).agreeing("period", self.period)
        put = len(state.floats("ring"))
        if put > self.period:
            raise IncompatibleStateError(f"{self.kind}: {put} targets, period {self.period}")
        ring = finite_floats(state, "ring", (put,))
        last, n_skipped = state.number("last"), state.integer("n_skipped")
        self._ring = np.concatenate([ring, np.zeros(self.period - put)])
        self._place = np.array([put % self.period, put], np.int64)
        self._last, self._skipped = np.array([last]), _skipped(n_skipped)


class Persistence(SeasonalPersistence):
    """Predicts the last target; 0 before the first.  A season of one row.

    Parameters
    ----------
    n_features
        Width d of a row.
    column
        Feature that holds the series' value now, if there is one: it is the prediction, and right
        also where the rows of many series are mixed.  Where it is missing the last target is.

    Examples
    --------
    >>> Persistence(1).test_then_train(np.zeros((4, 1)), [1, np.nan, 3, 4])[:, 0].tolist()
    [0.0, 1.0, 1.0, 3.0]
    >>> Persistence(1, column=0).test_then_train([[7], [np.nan]], [1, 2])[:, 0].tolist()
    [7.0, 1.0]
    """

    kind = "persistence"

    def __init__(self, n_features: int, column: int | None = None) -> None:
        super().__init__(n_features, 1)
        self.column = None if column is None else whole("column", column, 0, n_features - 1)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        super()._run(ops, X, y, w, P)
        if self.column is not None:
            known = ((ops & PREDICT) != 0) & np.isfinite(X[:, self.column])
            P[known, 0] = X[known, self.column]


class RunningMean(_CountsSkipped, ArrayRegressor):
    """Predicts the mean of the targets so far; 0 before the first.

    Parameters
    ----------
    n_features
        Width d of a row.

    Examples
    --------
    >>> RunningMean(1).test_then_train(np.zeros((3, 1)), [1, 3, 5])[:, 0].tolist()
    [0.0, 1.0, 2.0]
    """

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self._moments = np.zeros(3)
        self._skipped = _skipped()

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_mean(ops, y, w, self._moments, self._skipped, P)

    def interval(self, X: ArrayLike, coverage: float) -> FloatArray:
        """Return float64 [n, 2] (low, high) from the targets' variance, taken as normal.

        Infinite before the second target.  Raises `ParameterError` if `coverage` is not in [0, 1).
        """
        evidence, mean, squares = self._moments.tolist()
        known = squares > 0.0 and evidence > 0.0
        deviation = math.sqrt(squares) / math.sqrt(evidence) if known else math.inf
        return normal_interval(np.full(len(as_rows(X, self.n_features)), mean), deviation, coverage)

    def forget(self, factor: float) -> None:
        """Let all targets so far count `factor` (in (0, 1]) times as much."""
        self._moments[[0, 2]] *= checked("factor", factor, _SMALLEST, 1.0)

    def state(self) -> State:
        """Return evidence, mean and sum of squared deviations."""
        values: dict[str, Value] = {"moments": self._moments.copy(), "n_skipped": self.n_skipped}
        return State("running_mean", self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `IncompatibleStateError` if it cannot."""
        state.expect("running_mean", self.state_version)
        n_skipped = state.integer("n_skipped")
        self._moments = finite_floats(state, "moments", (3,))
        self._skipped = _skipped(n_skipped)
