"""DriftMoE as it was published: Hoeffding trees and their router, or the router alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import N_WORDS
from streamadapt.models.drift_moe_kernels import (
    N_COUNTERS,
    N_RULES,
    N_SKIPPED,
    N_STEPS,
    run_routed_trees,
    run_router_alone,
)
from streamadapt.models.forest_kernels import N_SEEDS
from streamadapt.models.forest_pools import (
    Plan,
    forest_state,
    grove_of,
    restored_grove,
    used_grove_bytes,
)
from streamadapt.models.hoeffding_tree_pools import columns_of, fitting
from streamadapt.models.router import new_router, restored_router, router_bytes, router_values
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.models.tree_room import shared_room
from streamadapt.state import State, Value

__all__ = ["RoutedPlan", "RoutedTrees"]

HIDDEN, RATE, BATCH = (256, 128), 2e-3, 256  # the authors'


class RoutedPlan(NamedTuple):
    """What `DriftMoEClassifier` wants of it."""

    n_features: int
    n_classes: int
    n_trees: int  # 0: the router alone, one output for each class
    top_k: int
    settings: Mapping[str, float]  # of a tree
    nominal_features: dict[int, int] | None
    max_bytes: float
    seed: int
    batch: int = BATCH
    rules: tuple[float, ...] = (0.0,) * N_RULES  # see `drift_moe_kernels`


class RoutedTrees:
    """The arrays of a router and its trees; rows in, rows out."""

    def __init__(self, plan: RoutedPlan) -> None:
        self.plan = plan
        d, k, n = plan.n_features, plan.n_classes, plan.n_trees
        self._columns = columns_of(d, plan.nominal_features)
        per_tree = plan.max_bytes / max(n, 1)
        self._forest = Plan(self._columns, k, per_tree, plan.settings, 0)
        self._no_seeds = np.zeros((n, N_SEEDS), np.int64)
        with shared_room(plan.max_bytes / 2**20, max(n, 1)):
            self.grove = grove_of(self._forest, self._no_seeds)
        self.router = new_router(d, HIDDEN, n or k, plan.seed)
        self.counters = np.zeros(N_COUNTERS, np.int64)
        self.use, self.moments = np.zeros(n), np.zeros((3, d))
        self._rules = np.array(plan.rules)
        self._no_windows = np.zeros((0, N_WORDS), np.int32)
        order, judged = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._scratch = np.zeros(d), order, judged, np.zeros(n), np.zeros((n, k))

    def run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        """Predict and learn rows in order; see `streamadapt.contracts.Learner.run`."""
        plan = self.plan
        if plan.n_trees == 0:
            run_router_alone(
                ops, X, y, w, P, plan.seed, RATE, self.counters, self.moments, self._scratch[0],
                *self.router,
            )  # fmt: skip
            return
        run_routed_trees(
            ops, X, y, w, P, self._rules, plan.top_k, plan.batch, RATE, self.counters, self.use,
            self.moments, *self._scratch, *self.router, self._columns, *self.grove[:12],
            self._no_windows,
        )  # fmt: skip

    def adapt(self, X: FloatArray) -> None:
        """Do nothing: the paper has no use for rows without labels."""

    def values(self) -> dict[str, Value]:
        """Return router, trees in use and counters, as data."""
        return {
            **router_values(self.router),
            "counters": self.counters.copy(),
            "use": self.use.copy(),
            "moments": self.moments.copy(),
            "trees": forest_state("trees", 1, self.grove, self._columns),
        }

    def restored(self, state: State) -> RoutedTrees:
        """Return a model of the same plan, with the contents of `state`.

        Raises
        ------
        IncompatibleStateError
            If they do not fit.
        """
        other = RoutedTrees(self.plan)
        other.router = restored_router(other.router, state)
        other.counters = fitting(state.integers("counters"), other.counters)
        for name in ("use", "moments"):
            setattr(other, name, finite_floats(state, name, getattr(other, name).shape))
        trees = state.child("trees").expect("trees", 1)
        other.grove = restored_grove(self._forest, self._no_seeds, trees)
        return other

    @property
    def n_bytes(self) -> int:
        """Bytes of the router, and of nodes and observers in use."""
        return router_bytes(self.router) + used_grove_bytes(self.grove, self._columns)

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned."""
        return int(self.counters[N_SKIPPED])

    @property
    def n_router_steps(self) -> int:
        """Steps of the router's optimiser."""
        return int(self.counters[N_STEPS])

    @property
    def n_trained(self) -> IntArray:
        """Rows that each tree learned."""
        return np.array(self.grove.trees["n_learned"][:, 0])
