"""The Hoeffding adaptive tree regressor, slow and obvious: pointers to trees beside nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.models.naive_hoeffding_tree_regressor import (
    HUGE,
    NaiveHoeffdingTreeRegressor,
    Node,
    Scale,
    Stats,
)


class PageHinkley:
    """The test of a rising mean."""

    def __init__(self, delta: float, threshold: float) -> None:
        self.delta, self.threshold = delta, threshold
        self.n, self.total, self.excess, self.lowest = 0, 0.0, 0.0, 0.0

    def take(self, x: float) -> bool:
        self.n += 1
        self.total += x
        self.excess += x - self.total / self.n - self.delta
        self.lowest = min(self.lowest, self.excess)
        risen = self.excess - self.lowest > self.threshold
        if risen:
            self.__init__(self.delta, self.threshold)
        return risen


class NaiveHoeffdingAdaptiveTreeRegressor(NaiveHoeffdingTreeRegressor):
    """The same parameters as the class under test, without a bound of memory."""

    def __init__(
        self,
        n_features: int,
        drift_delta: float = 0.005,
        drift_threshold: float = 50.0,
        alternate_decay: float = 0.995,
        alternate_period: int = 150,
        alternate_lifetime: int = 1500,
        **settings: Any,
    ) -> None:
        super().__init__(n_features, **settings)
        self.drift = drift_delta, drift_threshold
        self.decay_of_loss = alternate_decay
        self.period, self.lifetime = alternate_period, alternate_lifetime
        self.target = Scale()
        self.tests: dict[int, PageHinkley] = {}
        self.losses: dict[int, float] = {}
        self.ages: dict[int, int] = {}
        self.beside: dict[int, Node] = {}
        self.kept: list[Node] = []  # so that no id is used twice
        self.n_planted = self.n_switched = self.n_pruned = 0

    def leaf_below(self, node: Node, row: Sequence[float]) -> Node:
        while node.test is not None:
            node = node.next(row)
        return node

    def value_at(self, leaf: Node, row: Sequence[float]) -> float:
        best_is_mean = leaf.error_mean < leaf.error_model
        if self.leaf_prediction == "mean" or (self.leaf_prediction == "adaptive" and best_is_mean):
            return leaf.stats.mean
        return self.bounded(self.linear(leaf, self.standardized(row)))

    def learn_one(self, row: Sequence[float], y: float, w: float = 1.0) -> None:
        if not (abs(y) <= HUGE and 0.0 <= w <= 1e15):
            self.n_skipped += 1
            return
        if w == 0.0:
            return
        if self.n_rows == 0:
            self.low = self.high = self.root.intercept = y
        leaf, twins, risen = self.watch_path(row, y, w)
        self.learn_model(leaf, self.standardized(row), y, w)
        for f, x in enumerate(row):
            if f not in self.nominal:
                self.scales[f].add(x, w)
        self.n_rows += 1
        self.low, self.high = min(self.low, y), max(self.high, y)
        self.learn_leaf(leaf, row, y, w)
        for twin in twins:
            node = twin
            while node.test is not None:
                below = node.next(row)
                node.stats.weight += w
                node = below
            self.learn_model(node, self.standardized(row), y, w)
            self.learn_leaf(node, row, y, w)
        for node in risen:
            self.plant(node, y)
        self.target.add(y, w)

    def learn_leaf(self, leaf: Node, row: Sequence[float], y: float, w: float) -> None:
        leaf.stats.add(y, w)
        if leaf.depth < self.max_depth:
            self.grow_at(leaf, row, y, w)

    def watch_path(
        self, row: Sequence[float], y: float, w: float
    ) -> tuple[Node, list[Node], list[Node]]:
        miss = y - self.value_at(self.leaf_below(self.root, row), row)
        node, parent, twins, risen = self.root, None, [], []
        while node.test is not None:
            if (twin := self.beside.get(id(node))) is not None:
                better = self.compare(node, twin, row, y, miss)
                if better == 0:
                    twins.append(twin)
                else:
                    del self.beside[id(node)]
                    self.n_switched += better > 0
                    self.n_pruned += better < 0
                if better > 0:
                    node = self.switch(node, twin, parent)
                    miss = y - self.value_at(self.leaf_below(node, row), row)
                    continue
            test = self.tests.setdefault(id(node), PageHinkley(*self.drift))
            self.kept.append(node)
            has_risen = test.take(min(abs(miss) * self.target.inverse / 3.0, 1.0))
            if has_risen and id(node) not in self.beside:
                risen.append(node)
            parent = node
            node = node.next(row)
            parent.stats.weight += w
        return node, twins, risen

    def switch(self, node: Node, twin: Node, parent: Node | None) -> Node:
        if parent is None:
            self.root = twin
        else:
            parent.children[parent.children.index(node)] = twin
        return twin

    def compare(self, node: Node, twin: Node, row: Sequence[float], y: float, miss: float) -> int:
        other = y - self.value_at(self.leaf_below(twin, row), row)
        for of, error in ((node, miss), (twin, other)):
            self.losses[id(of)] = self.decay_of_loss * self.losses[id(of)] + error * error
        self.ages[id(twin)] += 1
        if self.ages[id(twin)] % self.period:
            return 0
        if self.losses[id(twin)] < self.losses[id(node)]:
            return 1
        return -1 if self.ages[id(twin)] >= self.lifetime else 0

    def plant(self, node: Node, y: float) -> None:
        twin = Node(-1, node.depth, dict(node.limits), Stats(mean=y), [0.0] * self.d, y)
        self.kept.append(twin)
        self.beside[id(node)] = twin
        self.losses[id(node)] = self.losses[id(twin)] = 0.0
        self.ages[id(twin)] = 0
        self.n_planted += 1
