"""The adaptive random forest regressor, row by row, one generator of numbers of times for all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from streamadapt.detectors import ADWIN
from tests.models.naive_hoeffding_adaptive_tree import naive_poisson
from tests.models.naive_hoeffding_tree_regressor import (
    HUGE,
    NaiveHoeffdingTreeRegressor,
    Node,
    Observer,
    Scale,
    Test,
)
from tests.streamadapt.naive_java_random import JavaRandom


class Blind(Observer):
    """Of a feature that a leaf does not see."""

    def add(self, x: float, y: float, w: float) -> None:
        pass

    def best(self, enough: float, binary: bool) -> tuple[float, Test | None]:
        return 0.0, None


class NaiveRandomTreeRegressor(NaiveHoeffdingTreeRegressor):
    """A regression tree whose leaves see some features each."""

    def __init__(self, d: int, n_subset: int, seed: int, **settings: Any) -> None:
        super().__init__(d, **settings)
        self.n_subset, self.random = n_subset, JavaRandom(seed)
        self.subsets: dict[int, set[int]] = {}

    def observer(self, node: Node, f: int) -> Observer:
        if node.observers is None and f == 0 and self.n_subset < self.d:
            self.subsets[id(node)] = self.drawn()
        observer = super().observer(node, f)
        if f not in self.subsets.get(id(node), range(self.d)):
            return Blind(observer.bins, observer.low, observer.high, observer.nominal)
        return observer

    def drawn(self) -> set[int]:
        found: set[int] = set()
        for f in range(self.d):
            if self.random.next_int(self.d - f) < self.n_subset - len(found):
                found.add(f)
        return found


class NaiveMemberRegressor:
    """A tree, one behind it, and what watches its errors."""

    def __init__(self, forest: NaiveAdaptiveRandomForestRegressor, m: int) -> None:
        self.forest, self.m, self.n_planted = forest, m, 0
        self.tree, self.behind = self.new_tree(), None
        self.warning, self.drift = ADWIN(forest.warning_delta), ADWIN(forest.drift_delta)

    def new_tree(self) -> NaiveRandomTreeRegressor:
        forest = self.forest
        self.n_planted += 1
        seed = forest.seed + self.m + (self.n_planted - 1) * forest.n_models
        return NaiveRandomTreeRegressor(forest.d, forest.n_subset, seed, **forest.settings)

    def learn(self, row: Sequence[float], y: float, w: float, times: int, inverse: float) -> None:
        error = min(abs(y - self.tree.predict_one(row)) * inverse / 3.0, 1.0)
        self.tree.learn_one(row, y, w * times)
        if self.behind is not None:
            self.behind.learn_one(row, y, w * times)
        risen = [rises(detector, error) for detector in (self.warning, self.drift)]
        if risen[0]:
            self.forest.n_warnings += 1
            self.warning, self.behind = ADWIN(self.forest.warning_delta), self.new_tree()
        if risen[1]:
            self.forest.n_drifts += 1
            self.tree, self.behind = self.behind or self.new_tree(), None
            self.warning = ADWIN(self.forest.warning_delta)
            self.drift = ADWIN(self.forest.drift_delta)


def rises(detector: ADWIN, error: float) -> bool:
    detector.update(error)
    return bool(detector.drift_detected and detector.alarms[-1].direction > 0)


class NaiveAdaptiveRandomForestRegressor:
    """The same parameters as the class under test, without a bound of memory."""

    def __init__(
        self,
        d: int,
        n_models: int,
        n_subset: int,
        aggregation_method: str = "median",
        seed: int = 0,
        rate: float = 6.0,
        warning_delta: float = 0.01,
        drift_delta: float = 0.001,
        **settings: Any,
    ) -> None:
        self.d, self.n_models, self.n_subset, self.seed = d, n_models, n_subset, seed
        self.how, self.rate, self.random = aggregation_method, rate, JavaRandom(seed)
        self.warning_delta, self.drift_delta, self.settings = warning_delta, drift_delta, settings
        self.target = Scale()
        self.n_warnings = self.n_drifts = self.n_skipped = 0
        self.members = [NaiveMemberRegressor(self, m) for m in range(n_models)]

    def predict_one(self, row: Sequence[float]) -> float:
        votes = [member.tree.predict_one(row) for member in self.members]
        if self.how == "median":
            return statistics.median(votes)
        total = 0.0
        for vote in votes:
            total += vote
        return total / len(votes)

    def learn_one(self, row: Sequence[float], y: float, w: float = 1.0) -> None:
        if w == 0.0:
            return
        if not (abs(y) <= HUGE and 0.0 < w <= 1e15):
            self.n_skipped += 1
            return
        self.target.add(y, w)
        for member in self.members:
            if times := naive_poisson(self.rate, self.random):
                member.learn(row, y, w, times, self.target.inverse)
