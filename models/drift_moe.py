"""DriftMoE: experts that learn the stream, and a router that learns which of them to trust."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.errors import ParameterError, checked, whole
from streamadapt.models.hoeffding_tree import LEAF_PREDICTIONS, coded
from streamadapt.models.learner import ArrayClassifier, as_rows
from streamadapt.models.mixture import COMPANIONS, Mixture, MixturePlan
from streamadapt.models.routed_trees import RoutedPlan, RoutedTrees
from streamadapt.models.split_merit_kernels import INFO_GAIN
from streamadapt.models.tree_kernels import MAX_DEPTH
from streamadapt.state import State

__all__ = ["DriftMoEClassifier"]

_VARIANTS = {"streamadapt": 0, "paper": 1}
_TOP_K = 3
_MODES = {"data": 0, "task": 1}


def checked_companions(companions: tuple[str, ...]) -> tuple[str, ...]:
    """Return them if each is a kind that there is, and comes once.

    Raises
    ------
    ParameterError
        If not.
    """
    kinds = tuple(companions)
    if len(set(kinds)) < len(kinds) or not set(kinds) <= set(COMPANIONS):
        raise ParameterError(f"companions = {kinds} are not different ones of {COMPANIONS}")
    return kinds


def _engine(plan: RoutedPlan | MixturePlan) -> RoutedTrees | Mixture:
    return RoutedTrees(plan) if isinstance(plan, RoutedPlan) else Mixture(plan)


class DriftMoEClassifier(ArrayClassifier):
    """Experts that all learn the stream, and a router that learns which of them is right where.

    After Aspis, Cajas Ordonez, Suarez-Cetrulo and Simon Carbajo, DriftMoE (arXiv 2507.18464).  The
    router is a network of two hidden layers, trained by Adam to tell from a row which experts will
    be right about it: binary cross-entropy against the mask of those that were.

    ``variant="paper"`` is what was published.  In ``mode="data"`` the experts are Hoeffding trees;
    the one that the router prefers predicts, the `top_k` that it prefers learn the row, and the
    router, 256-128 units on the values as they are, steps every 256 rows.  In ``mode="task"`` the
    router has an output for each class, steps with each row, and its outputs are the prediction; as
    the mask of one expert per class is the label, whatever the experts say, there are none here.
    Deviations: values beyond 1e6 count as 1e6 in the router, missing ones as 0.  The published
    temperature changes no order of the experts, and nothing else is made of it, so there is none.

    ``variant="streamadapt"`` lets the experts forget, differ and vote.  They are the trees of an
    adaptive random forest, `companions` of other kinds, and a second head of the router that tells
    classes itself; all learn each row.  An expert's weight in the vote is its fading accuracy to
    the power of `sharpness` times ``exp(trust * logit)``, with the router's logit for this row.
    The router takes inputs in deviations from running means, is small, and steps every 16 rows; an
    expert that has learned nothing is never counted as right.  Weights of rows count in the experts
    that know weights; here each row counts once.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_models
        Experts, of all kinds; trees are what companions and the router's head leave over.
    variant
        "streamadapt" or "paper".
    mode
        Of the paper's variant: "data" or "task".
    top_k
        Of the paper's variant in mode "data": trees that learn a row; None for 3, or all if there
        are fewer.
    companions
        Kinds of experts beside trees: "knn", "naive_bayes", "rvfl".
    sharpness
        How much an expert's fading accuracy decides its weight.
    trust
        How much the router's opinion of an expert does.
    fading_factor
        An expert's accuracy so far counts this much less with each row.
    turnover
        Whether experts are switched or renewed when errors deviate, by TAME's rule
        (arXiv 2210.03869) on segments of 256 rows: if some expert is within its own bounds, all
        weights follow the last segment alone; if none is, a new tree takes the worst one's place.
    rewiring_rate
        If not 0, `adapt` shifts weights by rows without labels, towards experts that agree with a
        mixture that is sure; after "Rewiring Experts on the Fly" (arXiv 2510.14853).  Labels take
        the shift back by 1 % each, and end it before it has cost more than 10 errors, and one more
        for every 1000 rows learned.
    nominal_features
        {column: number of values V}; such a column holds whole numbers 0..V-1.
    max_size
        Bound of all trees' pools together, in MiB.
    seed
        Of the router's first weights, and of the trees.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((6_000, 3))
    >>> y = (X[:, 0] > 0.5) ^ (np.arange(6_000) > 3_000)
    >>> hit = DriftMoEClassifier(3, 2, n_models=6).test_then_train(X, y).argmax(axis=1) == y
    >>> bool(hit[-2000:].mean() > 0.98)
    True
    """

    def __init__(  # noqa: PLR0913, PLR0917 - those of trees, router and mixture
        self,
        n_features: int,
        n_classes: int,
        n_models: int = 12,
        variant: Literal["streamadapt", "paper"] = "streamadapt",
        mode: Literal["data", "task"] = "data",
        top_k: int | None = None,
        companions: tuple[str, ...] = ("knn", "naive_bayes"),
        sharpness: float = 16.0,
        trust: float = 1.0,
        fading_factor: float = 0.998,
        turnover: bool = False,
        rewiring_rate: float = 0.0,
        nominal_features: dict[int, int] | None = None,
        max_size: float = 256.0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_features, n_classes)
        self.variant, self.mode = variant, mode
        is_paper = bool(coded("variant", variant, _VARIANTS))
        is_task = bool(coded("mode", mode, _MODES))
        self.companions = checked_companions(companions)
        least = 1 if is_paper else len(self.companions) + 2
        self.n_models = whole("n_models", n_models, least, 1000)
        default = min(_TOP_K, self.n_models)
        most = self.n_models if is_paper and not is_task else 1000
        self.top_k = default if top_k is None else whole("top_k", top_k, 1, most)
        self.sharpness = checked("sharpness", sharpness, 0.0, 1000.0)
        self.trust = checked("trust", trust, 0.0, 100.0)
        self.fading_factor = checked("fading_factor", fading_factor, 0.5, 1.0 - 1e-6)
        self.turnover = bool(turnover)
        self.rewiring_rate = checked("rewiring_rate", rewiring_rate, 0.0, 10.0)
        self.nominal_features = nominal_features
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.seed = whole("seed", seed, 0, 2**62)
        if is_task and not is_paper:
            raise ParameterError('mode = "task" is the paper\'s: it needs variant = "paper"')
        self._kind = f"drift_moe_{variant}_{mode}"
        self.plan = self._routed_plan(is_task) if is_paper else self._mixture_plan()
        self._engine = _engine(self.plan)

    def _routed_plan(self, is_task: bool) -> RoutedPlan:
        settings = dict(
            leaf_prediction=LEAF_PREDICTIONS["nba"],
            criterion=INFO_GAIN,
            grace_period=50.0,
            log_inverse_delta=-math.log(1e-7),
            tau=0.05,
            n_split_points=10,
            binary_split=False,
            max_depth=MAX_DEPTH,
            memory_estimate_period=2_000_000,
        )
        n_trees = 0 if is_task else self.n_models
        return RoutedPlan(
            self.n_features, self.n_classes, n_trees, min(self.top_k, self.n_models), settings,
            self.nominal_features, self.max_size * 2**20, self.seed,
        )  # fmt: skip

    def _mixture_plan(self) -> MixturePlan:
        return MixturePlan(
            self.n_features, self.n_classes, self.n_models, self.companions,
            {"max_size": self.max_size}, self.nominal_features, (32, 16), self.sharpness,
            self.trust, self.fading_factor, 2e-3, 16, self.turnover, self.rewiring_rate, self.seed,
        )  # fmt: skip

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        self._engine.run(ops, X, y, w, P)

    def adapt(self, X: ArrayLike) -> None:
        """Weigh the experts anew by rows X [n, d] without labels, if `rewiring_rate` is not 0."""
        self._engine.adapt(as_rows(X, self.n_features))

    def state(self) -> State:
        """Return router, experts and counts, as data."""
        return State(self._kind, self.state_version, self._engine.values())

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit these parameters.
        """
        state.expect(self._kind, self.state_version)
        self._engine = self._engine.restored(state)

    @classmethod
    def of_plan(cls, plan: RoutedPlan | MixturePlan) -> DriftMoEClassifier:
        """Return one in which parts are left out or exchanged, as an ablation wants it."""
        model = cls(plan.n_features, plan.n_classes)
        model.plan, model._engine = plan, _engine(plan)
        return model

    @property
    def n_skipped(self) -> int:
        """Rows not learned for their label (not 0..k-1) or weight (negative, NaN, above 1e15)."""
        return self._engine.n_skipped

    @property
    def n_trained(self) -> IntArray:
        """Rows that each tree learned."""
        return self._engine.n_trained

    @property
    def n_router_steps(self) -> int:
        """Steps of the router's optimiser."""
        return self._engine.n_router_steps

    @property
    def n_turnovers(self) -> tuple[int, int]:
        """How often weights were switched to the last segment's, and a tree was renewed."""
        return self._engine.turnover.counts() if isinstance(self._engine, Mixture) else (0, 0)

    @property
    def n_bytes(self) -> int:
        """Bytes of the router, and of all that the experts have in use."""
        return self._engine.n_bytes
