"""The adaptive random forest regressor: model trees of random columns, replaced on drift."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.detector_kernels import N_FIELDS
from streamadapt.errors import SMALLEST, IncompatibleStateError, ParameterError, checked, whole
from streamadapt.java_random_kernels import MASK, jump, scrambled
from streamadapt.models.forest import n_columns
from streamadapt.models.forest_regressor_kernels import (
    DRIFT,
    HAS_BEHIND,
    MEAN_VOTE,
    MEDIAN_VOTE,
    N_MEMBER,
    N_SKIPPED,
    SEED,
    STEP,
    STRIDE,
    WARNING,
    add_up,
    run_member,
)
from streamadapt.models.hoeffding_tree_regressor import regression_settings
from streamadapt.models.hoeffding_tree_regressor_kernels import SCALE, Tree
from streamadapt.models.hoeffding_tree_regressor_pools import (
    laid_out,
    plant,
    replant,
    restored,
    tree_values,
)
from streamadapt.models.learner import ArrayRegressor
from streamadapt.models.poisson_kernels import poisson_table
from streamadapt.models.quantizer_kernels import COLUMN
from streamadapt.models.tree_description import TreeDescription, described_regression
from streamadapt.models.tree_room import shared_room
from streamadapt.state import State, Value

__all__ = ["AdaptiveRandomForestRegressor"]

_VOTES = {"mean": MEAN_VOTE, "median": MEDIAN_VOTE}
_BLOCK = 1024  # rows a tree runs over before the next one does
_WORTH_A_THREAD = 2_000  # rows times trees


@dataclass
class _Member:
    """A tree, room for one that grows behind it, and what watches its error."""

    front: Tree
    behind: Tree
    member: NDArray[np.int64]
    warning: ADWIN
    drift: ADWIN
    scale: NDArray[np.void]
    n_planted: int = 1
    n_warnings: int = 0
    n_drifts: int = 0
    n_taken_over: int = 0


class AdaptiveRandomForestRegressor(ArrayRegressor):
    """Model trees, each with other rows and other columns, whose mean or median is predicted.

    Gomes, Barddal, Ferreira and Bifet, Adaptive random forests for data stream regression, ESANN
    2018, on `HoeffdingTreeRegressor`: each tree learns each row Poisson(`lambda_value`) times; the
    observers of each leaf see `max_features` columns drawn at random, its linear model sees all.
    When ADWIN finds that a tree's error rises, another tree starts to grow in the background, and
    takes its place when a less eager ADWIN finds so too; without one a tree starts afresh.
    Errors are absolute ones before learning the row, in three running deviations of the targets,
    at most 1; River takes signed ones, whose mean an error that grows both ways does not move.
    Leaves see more columns than by River's "sqrt", which is worse on all streams of
    ``benchmarks/regressors.py``.
    Random numbers are Java's for `seed`.  A tree and that in the background may each take half of
    what `max_size` leaves to both.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_models
        Trees.
    max_features
        Columns that a leaf's observers see: their number, a share of all, "sqrt" (the rounded root
        and one more), or None for all.
    aggregation_method
        What of the trees' predictions is predicted.
    lambda_value
        Mean number of times that a tree learns a row, up to 99.
    grace_period
        Weight a leaf sees between attempts to split.
    delta
        Allowed chance of a wrong split, in (0, 1].
    tau
        Below this bound a tie is broken.
    leaf_prediction
        Mean of the targets, linear model, or whichever has the smaller faded squared error.
    model_selector_decay
        Fading of those squared errors per row, in [0, 1].
    nominal_features
        {column: number of values V}; such a column holds whole numbers 0..V-1.
    max_size
        Bound of all trees' arrays together, in MiB.
    max_depth
        Leaves this deep are not split.
    n_bins
        Bins of a numeric observer.
    min_samples_split
        Least weight of every branch of a split.
    learning_rate
        Least rate of the linear models, in [0, 1].
    warning_delta
        Confidence of the windows that start a tree in the background.
    drift_delta
        Confidence of the windows that let it take over.
    seed
        Of times and columns.
    n_jobs
        Threads over trees; results are the same bits with any number.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((6_000, 3))
    >>> y = np.where(np.arange(6_000) < 3_000, 1, -1) * np.floor(4 * X[:, 0])
    >>> forest = AdaptiveRandomForestRegressor(3, n_models=3)
    >>> miss = abs(forest.test_then_train(X, y)[:, 0] - y)
    >>> forest.n_drifts_detected > 0, bool(miss[-1000:].mean() < 0.5)
    (True, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - River's own parameters
        self,
        n_features: int,
        n_models: int = 10,
        max_features: int | float | Literal["sqrt"] | None = 0.8,
        aggregation_method: Literal["mean", "median"] = "median",
        lambda_value: float = 6.0,
        grace_period: int = 50,
        delta: float = 0.01,
        tau: float = 0.05,
        leaf_prediction: Literal["mean", "model", "adaptive"] = "adaptive",
        model_selector_decay: float = 0.95,
        nominal_features: dict[int, int] | None = None,
        max_size: float = 256.0,
        max_depth: int | None = None,
        n_bins: int = 64,
        min_samples_split: int = 5,
        learning_rate: float = 0.01,
        warning_delta: float = 0.01,
        drift_delta: float = 0.001,
        seed: int = 0,
        n_jobs: int = 1,
    ) -> None:
        super().__init__(n_features)
        self.n_models = whole("n_models", n_models, 1, 10_000)
        self.max_features = max_features
        self.aggregation_method = aggregation_method
        if aggregation_method not in _VOTES:
            raise ParameterError(
                f"aggregation_method = {aggregation_method!r} is not in {', '.join(_VOTES)}"
            )
        self.lambda_value = checked("lambda_value", lambda_value, 1e-3, 99.0)
        self.grace_period = whole("grace_period", grace_period, 1, 10**12)
        self.delta = checked("delta", delta, SMALLEST, 1.0)
        self.tau = checked("tau", tau, 0.0, math.inf)
        self.leaf_prediction = leaf_prediction
        self.model_selector_decay = checked("model_selector_decay", model_selector_decay, 0.0, 1.0)
        self.nominal_features = nominal_features
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.max_depth = max_depth
        self.n_bins = whole("n_bins", n_bins, 2, 10_000)
        self.min_samples_split = whole("min_samples_split", min_samples_split, 1, 10**12)
        self.learning_rate = checked("learning_rate", learning_rate, 0.0, 1.0)
        self.warning_delta = checked("warning_delta", warning_delta, SMALLEST, 1.0)
        self.drift_delta = checked("drift_delta", drift_delta, SMALLEST, 1.0)
        self.seed = whole("seed", seed, 0, 2**62)
        self.n_jobs = whole("n_jobs", n_jobs, 1, 1024)
        self._columns = laid_out(self.n_features, nominal_features, self.n_bins)
        self._table = poisson_table(self.lambda_value)
        self._target_column = np.zeros(1, COLUMN)
        with shared_room(self.max_size, 2 * self.n_models):  # those in the background included
            self._members = [self._new_member(m) for m in range(self.n_models)]

    def _settings(self) -> NDArray[np.void]:
        settings = regression_settings(
            self.grace_period, self.delta, self.tau, self.leaf_prediction,
            self.model_selector_decay, self.max_depth, self.min_samples_split, False,
            self.learning_rate,
        )  # fmt: skip
        n = n_columns(self.max_features, self.n_features)
        settings["n_subset"] = n if n < self.n_features else 0
        return settings

    def _max_bytes_of_tree(self) -> float:
        return self.max_size * 2**20 / self.n_models / 2

    def _new_tree(self) -> Tree:
        return plant(self._columns, self._settings(), self._max_bytes_of_tree())

    def _replant(self, m: int, tree: Tree) -> None:
        own = self._members[m]
        replant(tree)
        tree.random[0] = scrambled(self.seed + m + own.n_planted * self.n_models)
        own.n_planted += 1

    def _new_member(self, m: int) -> _Member:
        first, stride = jump(2 * m)
        trees, member = (self._new_tree(), self._new_tree()), np.zeros(N_MEMBER, np.int64)
        trees[0].random[0] = scrambled(self.seed + m)
        member[SEED] = (scrambled(self.seed) * first + stride) & MASK
        member[[STEP, STRIDE]] = [value & MASK for value in jump(2 * self.n_models)]
        windows = ADWIN(self.warning_delta), ADWIN(self.drift_delta)
        return _Member(*trees, member, *windows, np.zeros(1, SCALE))

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        for start in range(0, len(ops), _BLOCK):
            rows = slice(start, start + _BLOCK)
            self._run_block(ops[rows], X[rows], y[rows], w[rows], P[rows])

    def _run_block(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        votes = np.zeros((self.n_models, len(ops)))

        def run(m: int) -> None:
            self._run_member(m, ops, X, y, w, votes[m])

        if self.n_jobs == 1 or votes.size < _WORTH_A_THREAD:
            for m in range(self.n_models):
                run(m)
        else:
            with ThreadPoolExecutor(min(self.n_jobs, self.n_models)) as threads:
                list(threads.map(run, range(self.n_models)))
        add_up(ops, votes, _VOTES[self.aggregation_method], np.zeros(self.n_models), P)

    def _run_member(
        self,
        m: int,
        ops: OpArray,
        X: FloatArray,
        y: NDArray[np.generic],
        w: FloatArray,
        votes: FloatArray,
    ) -> None:
        own, row = self._members[m], 0
        scratch = np.zeros((1, N_FIELDS)), np.zeros(1, np.int8)
        while row < len(ops):
            row, risen = run_member(
                row, ops, X, y, w, votes, own.front, own.behind, own.member, self._table,
                *own.warning.arrays(), *own.drift.arrays(), *scratch, self._target_column,
                own.scale,
            )  # fmt: skip
            if risen & WARNING:
                own.n_warnings += 1
                own.warning = ADWIN(self.warning_delta)
                self._replant(m, own.behind)
                own.member[HAS_BEHIND] = 1
            if risen & DRIFT:
                self._take_over(m)

    def _take_over(self, m: int) -> None:
        own = self._members[m]
        own.n_drifts += 1
        own.warning, own.drift = ADWIN(self.warning_delta), ADWIN(self.drift_delta)
        if own.member[HAS_BEHIND]:
            own.n_taken_over += 1
            own.front, own.behind = own.behind, own.front
        else:
            self._replant(m, own.front)
        own.member[HAS_BEHIND] = 0

    def state(self) -> State:
        """Return trees and windows in use, as data."""
        members = {f"member_{m}": _member_state(own) for m, own in enumerate(self._members)}
        return State(type(self).__name__, self.state_version, dict(members))

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this forest's parameters.
        """
        state.expect(type(self).__name__, self.state_version)
        if f"member_{self.n_models}" in state.values:
            raise IncompatibleStateError(f"{state.kind}: the state has more trees than n_models")
        self._members = [
            self._restored_member(m, state.child(f"member_{m}").expect("member", 1))
            for m in range(self.n_models)
        ]

    def _restored_member(self, m: int, state: State) -> _Member:
        own = self._new_member(m)
        own.front = self._restored_tree(state.child("front"))
        own.member[[SEED, HAS_BEHIND, N_SKIPPED]] = [
            state.integer("seed") & MASK, state.integer("has_behind") != 0,
            state.integer("n_skipped"),
        ]  # fmt: skip
        if own.member[HAS_BEHIND]:
            own.behind = self._restored_tree(state.child("behind"))
        own.warning.restore(state.child("warning"))
        own.drift.restore(state.child("drift"))
        scale = state.floats("scale")
        if scale.shape != (len(SCALE.names or ()),) or not np.isfinite(scale).all():
            raise IncompatibleStateError("the scale of targets does not fit")
        own.scale[0] = tuple(scale.tolist())
        for name in ("n_planted", "n_warnings", "n_drifts", "n_taken_over"):
            setattr(own, name, state.integer(name))
        return own

    def _restored_tree(self, state: State) -> Tree:
        return restored(
            self._columns, self._settings(), self._max_bytes_of_tree(), state.expect("tree", 1)
        )

    def describe(self) -> tuple[TreeDescription, ...]:
        """Tell splits and importance of columns of each tree that votes."""
        return tuple(described_regression(own.front) for own in self._members)

    @property
    def n_warnings_detected(self) -> int:
        """Warnings of all trees."""
        return sum(own.n_warnings for own in self._members)

    @property
    def n_drifts_detected(self) -> int:
        """Drifts of all trees."""
        return sum(own.n_drifts for own in self._members)

    @property
    def n_taken_over(self) -> int:
        """Trees that came from the background; at other drifts a tree starts afresh."""
        return sum(own.n_taken_over for own in self._members)

    @property
    def n_skipped(self) -> int:
        """Rows not learned: target not finite or beyond 1e100, weight negative, NaN or > 1e15."""
        return int(self._members[0].member[N_SKIPPED])

    @property
    def max_bytes(self) -> int:
        """Bytes of all trees' arrays when full, those in the background included."""
        return sum(2 * sum(array.nbytes for array in own.front) for own in self._members)


def _member_state(own: _Member) -> State:
    values: dict[str, Value] = {
        "front": State("tree", 1, tree_values(own.front)),
        "seed": int(own.member[SEED]),
        "has_behind": int(own.member[HAS_BEHIND]),
        "n_skipped": int(own.member[N_SKIPPED]),
        "warning": own.warning.state(),
        "drift": own.drift.state(),
        "scale": np.array([float(value) for value in own.scale[0].tolist()]),
        "n_planted": own.n_planted,
        "n_warnings": own.n_warnings,
        "n_drifts": own.n_drifts,
        "n_taken_over": own.n_taken_over,
    }
    if own.member[HAS_BEHIND]:
        values["behind"] = State("tree", 1, tree_values(own.behind))
    return State("member", 1, values)
