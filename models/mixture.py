"""Trees that forget, beside learners of other kinds, weighed by their losses and by a router."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.models.adaptive_random_forest import AdaptiveRandomForestClassifier
from streamadapt.models.drift_moe_kernels import N_COUNTERS, N_LEARNED, N_SKIPPED, N_STEPS
from streamadapt.models.forest import Ways
from streamadapt.models.hoeffding_tree_kernels import MAX_WEIGHT
from streamadapt.models.hoeffding_tree_pools import fitting
from streamadapt.models.knn import KNNClassifier
from streamadapt.models.learner import ArrayClassifier
from streamadapt.models.mixture_kernels import ALLOWANCE, rewire, run_mixture
from streamadapt.models.naive_bayes import NaiveBayesClassifier
from streamadapt.models.router import new_router, restored_router, router_bytes, router_values
from streamadapt.models.rvfl import RVFLClassifier
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.models.turnover import RENEW, SWITCH, Turnover
from streamadapt.state import State, Value

__all__ = ["COMPANIONS", "Mixture", "MixturePlan"]

COMPANIONS: Final[tuple[str, ...]] = ("knn", "naive_bayes", "rvfl")
"""Kinds of experts that are no trees; each learns every row."""

_BLOCK = 1024
_SEGMENT = 256  # rows learned between looks at the losses


class MixturePlan(NamedTuple):
    """What `DriftMoEClassifier` wants of its mixture."""

    n_features: int
    n_classes: int
    n_models: int
    companions: tuple[str, ...]
    forest: dict[str, Any]  # parameters of the trees
    nominal_features: dict[int, int] | None
    hidden: tuple[int, int]
    sharpness: float
    trust: float
    fading_factor: float
    learning_rate: float
    batch_size: int
    turnover: bool
    rewiring_rate: float
    seed: int
    has_head: bool = True
    votes_softly: bool = True
    scales: bool = True


class TreeExperts(AdaptiveRandomForestClassifier):
    """The trees of an adaptive random forest, each of which votes as it thinks."""

    def _grow(self, n_subset: int, ways: Ways) -> None:
        super()._grow(n_subset, ways._replace(weighs_votes=False))


class Mixture:
    """Experts of several kinds, and what weighs them; rows in, rows out."""

    def __init__(self, plan: MixturePlan) -> None:
        self.plan = plan
        d, k = plan.n_features, plan.n_classes
        n_trees = plan.n_models - len(plan.companions) - plan.has_head
        self.trees = TreeExperts(
            d, k, n_trees, nominal_features=plan.nominal_features, seed=plan.seed, **plan.forest
        )
        self.companions = [_companion(kind, plan) for kind in plan.companions]
        m = self.n_experts = n_trees + len(self.companions) + 1
        self.router = new_router(d, plan.hidden, m + k, plan.seed)
        self.counters = np.zeros(N_COUNTERS, np.int64)
        self.skills, self.shifts = np.full(m, 0.5), np.zeros(m)
        self.credit, self.segment = np.full(1, ALLOWANCE), np.zeros(m + 1)
        self.moments = np.zeros((3, d))
        self.turnover = Turnover(m)
        self._scratch = np.zeros(d), np.zeros(k), np.zeros(k), np.zeros(m)
        self._settings = np.array(
            [
                plan.sharpness,
                plan.trust,
                1.0 - plan.fading_factor,
                plan.learning_rate,
                plan.batch_size,
                plan.votes_softly,
                plan.scales,
                plan.has_head,
            ],
            np.float64,
        )

    def run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        """Predict and learn rows in order; see `streamadapt.contracts.Learner.run`."""
        for rows, ends_segment in self._blocks(ops, y.astype(np.int64), w):
            part = ops[rows], X[rows], y[rows], w[rows]
            run_mixture(
                *part, P[rows], self.votes(*part), self._settings, self.counters, self.skills,
                self.shifts, self.credit, self.segment, self.moments, *self._scratch, *self.router,
            )  # fmt: skip
            if ends_segment:
                self._turn_over()

    def _blocks(self, ops: OpArray, y: IntArray, w: FloatArray) -> Iterator[tuple[slice, bool]]:
        """Yield blocks of rows, and whether a segment ends there that has to be looked at."""
        segments = np.zeros(0, np.int64)
        if self.plan.turnover:
            is_learned = (ops & LEARN != 0) & (w > 0.0) & (w <= MAX_WEIGHT)
            labels = y.astype(np.int64)
            is_learned &= (labels >= 0) & (labels < self.plan.n_classes)
            n = self.counters[N_LEARNED] + np.cumsum(is_learned)
            segments = np.flatnonzero(is_learned & (n % _SEGMENT == 0)) + 1
        ends = np.minimum(np.arange(_BLOCK, len(ops) + _BLOCK, _BLOCK), len(ops))
        start = 0
        for end in np.union1d(ends, segments).tolist():
            yield slice(start, end), bool(np.isin(end, segments))
            start = end

    def votes(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray
    ) -> FloatArray:
        """Let all experts predict and learn; return [experts but the router, n, k]."""
        asked = ops | np.where(ops & LEARN != 0, PREDICT, 0).astype(np.int8)
        own = self.trees.votes(asked, X, y, w)
        others = [expert.run(asked, X, y, w)[None] for expert in self.companions]
        return np.concatenate([own, *others])

    def _turn_over(self) -> None:
        errors = self.segment / _SEGMENT
        self.segment[:] = 0.0
        outcome = self.turnover.judge(errors)
        if outcome == SWITCH:
            self.skills = 1.0 - errors[:-1]
        elif outcome == RENEW:
            worst = int(errors[: self.trees.n_models].argmax())
            self.trees.renew(worst)
            self.skills[worst] = 0.5

    def adapt(self, X: FloatArray) -> None:
        """Shift the weights towards experts that agree with a sure mixture, without labels."""
        if self.plan.rewiring_rate == 0.0:
            return
        for start in range(0, len(X), _BLOCK):
            rows = X[start : start + _BLOCK]
            n = len(rows)
            ops, labels = np.full(n, PREDICT, np.int8), np.zeros(n, np.int64)
            votes = self.votes(ops, rows, labels, np.ones(n))
            rewire(
                rows, votes, self.plan.rewiring_rate, self._settings, self.counters, self.skills,
                self.shifts, self.credit, self.moments, *self._scratch, *self.router,
            )  # fmt: skip

    def values(self) -> dict[str, Value]:
        """Return experts, router and what weighs them, as data."""
        experts = zip(self.plan.companions, self.companions, strict=True)
        return {
            **router_values(self.router),
            **{name: expert.state() for name, expert in experts},
            "trees": self.trees.state(),
            "companions": " ".join(self.plan.companions),
            "counters": self.counters.copy(),
            "skills": self.skills.copy(),
            "shifts": self.shifts.copy(),
            "credit": self.credit.copy(),
            "segment": self.segment.copy(),
            "moments": self.moments.copy(),
            "turnover": State("turnover", 1, self.turnover.values()),
        }

    def restored(self, state: State) -> Mixture:
        """Return a mixture of the same plan, with the contents of `state`.

        Raises
        ------
        IncompatibleStateError
            If they do not fit.
        """
        state.agreeing("companions", " ".join(self.plan.companions))
        other = Mixture(self.plan)
        other.router = restored_router(other.router, state)
        other.counters = fitting(state.integers("counters"), other.counters)
        for name in ("skills", "shifts", "credit", "segment", "moments"):
            setattr(other, name, finite_floats(state, name, getattr(other, name).shape))
        other.turnover = other.turnover.restored(state.child("turnover").expect("turnover", 1))
        other.trees.restore(state.child("trees"))
        for name, expert in zip(self.plan.companions, other.companions, strict=True):
            expert.restore(state.child(name))
        return other

    @property
    def n_bytes(self) -> int:
        """Bytes of experts and router in use."""
        others = sum(expert.state().nbytes() for expert in self.companions)
        return self.trees.n_bytes + router_bytes(self.router) + others

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
        return self.trees.n_trained


def _companion(kind: str, plan: MixturePlan) -> ArrayClassifier:
    d, k = plan.n_features, plan.n_classes
    if kind == "knn":
        return KNNClassifier(d, k)
    if kind == "naive_bayes":
        return NaiveBayesClassifier(d, k, plan.nominal_features, fading_factor=0.9995)
    return RVFLClassifier(d, k, n_hidden=50, seed=plan.seed)
