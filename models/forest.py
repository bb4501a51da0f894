"""What all forests of classification trees share: parameters, pools, rows, threads, state."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import N_WORDS
from streamadapt.errors import SMALLEST, ParameterError, checked, whole
from streamadapt.java_random_kernels import MASK, jump, scrambled
from streamadapt.models.forest_kernels import (
    FIRST,
    GRADED,
    N_DRIFTS,
    N_SEEDS,
    N_TAKEN_OVER,
    N_WARNINGS,
    RIGHT,
    SUBSETS,
    SUBSETS_BEHIND,
    TIMES,
    add_votes,
    run_members,
)
from streamadapt.models.forest_pools import (
    Plan,
    forest_state,
    grove_of,
    put_tree,
    restored_grove,
    used_grove_bytes,
)
from streamadapt.models.hoeffding_tree import LEAF_PREDICTIONS, coded
from streamadapt.models.hoeffding_tree_pools import columns_of, plant
from streamadapt.models.learner import ArrayClassifier
from streamadapt.models.poisson_kernels import poisson_table
from streamadapt.models.split_merit_kernels import INFO_GAIN
from streamadapt.models.tree_description import TreeDescription, class_spread, described
from streamadapt.models.tree_kernels import MAX_DEPTH
from streamadapt.models.tree_room import shared_room
from streamadapt.state import State

__all__ = ["ForestClassifier", "Ways", "n_columns"]

_BLOCK = 1024  # rows a tree runs over before the next one does
_WORTH_A_THREAD = 2_000  # rows times trees


class Ways(NamedTuple):
    """How a forest works, as `forest_kernels` reads it."""

    warning_delta: float = 0.0
    drift_delta: float = 0.0
    resamples_behind: bool = False  # whether the tree in the background too learns rows often
    weighs_votes: bool = False  # whether trees vote with their accuracy
    resets_worst: bool = False  # whether a rise of any tree's error resets the worst tree
    is_patched: bool = False  # whether a tree's leaves all see the same columns


class ForestClassifier(ArrayClassifier):
    """Hoeffding trees that learn each row a random number of times, and vote."""

    def __init__(  # noqa: PLR0913, PLR0917 - what forests have in common
        self,
        n_features: int,
        n_classes: int,
        n_models: int,
        lambda_value: float,
        grace_period: int,
        delta: float,
        tau: float,
        leaf_prediction: str,
        nominal_features: dict[int, int] | None,
        max_size: float,
        max_depth: int | None,
        seed: int,
        n_jobs: int,
    ) -> None:
        super().__init__(n_features, n_classes)
        self.n_models = whole("n_models", n_models, 1, 10_000)
        self.lambda_value = checked("lambda_value", lambda_value, 1e-3, 99.0)
        self.grace_period = whole("grace_period", grace_period, 1, 10**12)
        self.delta = checked("delta", delta, SMALLEST, 1.0)
        self.tau = checked("tau", tau, 0.0, math.inf)
        self.leaf_prediction = leaf_prediction
        self.nominal_features = nominal_features
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.max_depth = max_depth
        self.seed = whole("seed", seed, 0, 2**62)
        self.n_jobs = whole("n_jobs", n_jobs, 1, 1024)

    def _grow(self, n_subset: int, ways: Ways) -> None:
        """Plant the trees, each leaf of which sees `n_subset` columns, or all if it is 0."""
        columns = columns_of(self.n_features, self.nominal_features)
        self._columns, self._ways = columns, ways
        per_tree = self.max_size * 2**20 / self.n_models
        self._plan = Plan(columns, self.n_classes, per_tree, self._settings(), n_subset)
        with shared_room(self.max_size, self.n_models):
            self._grove = grove_of(self._plan, self._seeds())
        self._forest = np.array(ways, np.float64)
        self._table = poisson_table(self.lambda_value)
        self._no_windows = np.zeros((0, N_WORDS), np.int32)

    def _settings(self) -> dict[str, float]:
        depth = MAX_DEPTH if self.max_depth is None else self.max_depth
        return dict(
            leaf_prediction=coded("leaf_prediction", self.leaf_prediction, LEAF_PREDICTIONS),
            criterion=INFO_GAIN,
            grace_period=float(self.grace_period),
            log_inverse_delta=-math.log(self.delta),
            tau=float(self.tau),
            n_split_points=10,
            binary_split=False,
            max_depth=whole("max_depth", depth, 0, MAX_DEPTH),
            memory_estimate_period=2_000_000,
        )

    def _seeds(self) -> IntArray:
        seeds = np.zeros((self.n_models, N_SEEDS), np.int64)
        first = scrambled(self.seed)
        for m in range(self.n_models):
            step, stride = jump(2 * m)
            seeds[m, TIMES] = (first * step + stride) & MASK
        seeds[:, [SUBSETS, SUBSETS_BEHIND, FIRST]] = first
        return seeds

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        for start in range(0, len(ops), _BLOCK):
            rows = slice(start, start + _BLOCK)
            add_votes(ops[rows], self.votes(ops[rows], X[rows], y[rows], w[rows]), P[rows])

    def votes(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray
    ) -> FloatArray:
        """Predict and learn as `run` does; return each tree's votes, float64 [m, n, k]."""
        votes = np.zeros((self.n_models, len(ops), self.n_outputs))

        def run(first: int, last: int) -> None:
            run_members(
                first, last, ops, X, y, w, votes, self._columns, *self._grove, self._forest,
                self._table, self._no_windows,
            )  # fmt: skip

        if (
            self.n_jobs == 1
            or self._ways.resets_worst
            or len(ops) * self.n_models < _WORTH_A_THREAD
        ):
            run(0, self.n_models)
        else:
            cuts = np.linspace(0, self.n_models, min(self.n_jobs, self.n_models) + 1).astype(int)
            with ThreadPoolExecutor(len(cuts) - 1) as threads:
                list(threads.map(run, cuts[:-1].tolist(), cuts[1:].tolist()))
        return votes

    def renew(self, m: int) -> None:
        """Put a tree that has learned nothing in the place of tree m."""
        plan = self._plan
        sapling = plant(
            plan.columns, plan.n_classes, plan.bytes_per_tree, plan.settings, plan.shape
        )
        put_tree(self._grove, m, sapling)
        self._grove.windows[m] = 0
        self._grove.tallies[m, [GRADED, RIGHT]] = 0.0

    def state(self) -> State:
        """Return nodes, windows and observers in use, as data."""
        return forest_state(type(self).__name__, self.state_version, self._grove, self._columns)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this forest's parameters.
        """
        state.expect(type(self).__name__, self.state_version)
        self._grove = restored_grove(self._plan, self._seeds(), state)

    def describe(self) -> tuple[TreeDescription, ...]:
        """Tell splits and importance of columns of each tree that votes."""
        grove = self._grove
        used = grove.trees["n_nodes"][:, 0].tolist()
        return tuple(
            described(nodes[:n], weights[:n], class_spread, self.n_features)
            for nodes, weights, n in zip(grove.nodes, grove.class_weights, used, strict=True)
        )

    def _tally(self, place: int) -> int:
        return int(self._grove.tallies[:, place].sum())

    @property
    def n_warnings_detected(self) -> int:
        """Warnings of all trees."""
        return self._tally(N_WARNINGS)

    @property
    def n_drifts_detected(self) -> int:
        """Drifts of all trees."""
        return self._tally(N_DRIFTS)

    @property
    def n_taken_over(self) -> int:
        """Trees that came from the background; at other drifts a tree starts afresh."""
        return self._tally(N_TAKEN_OVER)

    @property
    def n_trained(self) -> IntArray:
        """Rows that each tree learned since it was planted."""
        return np.array(self._grove.trees["n_learned"][:, 0])

    @property
    def n_bytes(self) -> int:
        """Bytes of the nodes, windows and observers in use."""
        return used_grove_bytes(self._grove, self._columns)

    @property
    def n_skipped(self) -> int:
        """Rows not learned for their label (not 0..k-1) or weight (negative, NaN, above 1e15)."""
        return int(self._grove.trees["n_skipped"][0, 0])


def n_columns(max_features: int | float | str | None, n_features: int, at_least: int = 1) -> int:
    """Return how many columns `max_features` means, but at least so many.

    >>> [n_columns(m, 8) for m in (3, 0.6, "sqrt", None)]
    [3, 5, 4, 8]
    """
    if max_features is None:
        return n_features
    if isinstance(max_features, str):
        if max_features != "sqrt":
            raise ParameterError(
                f"max_features = {max_features!r} is no number, no share, not 'sqrt', not None"
            )
        n = math.floor(math.sqrt(n_features) + 0.5) + 1
    elif isinstance(max_features, Integral):
        n = whole("max_features", max_features, 1, 1_000_000)
    else:
        n = math.floor(n_features * checked("max_features", max_features, 0.0, 1.0) + 0.5)
    return min(max(n, at_least), n_features)
