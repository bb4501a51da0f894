"""The extremely fast decision tree as objects that keep their observers, as in the paper."""

from __future__ import annotations

import math
from typing import Any

from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree, Node, Row

Looked = tuple[float, Any, Any]


class NaiveExtremelyFastTree(NaiveHoeffdingTree):
    """The same parameters as the class under test; `n_slots` nodes may have observers."""

    def __init__(self, d: int, k: int, period: int = 2000, **settings: Any) -> None:
        self.sums: dict[int, dict[int, float]] = {}
        self.looks: dict[int, int] = {}
        self.spans: dict[int, float] = {}
        self.kept: list[Node] = []  # so that no id is used twice
        super().__init__(d, k, **settings)
        self.reevaluates = period
        self.n_revised = self.n_frozen = 0

    def activate(self, node: Node) -> None:
        super().activate(node)
        self.kept.append(node)
        self.sums[id(node)], self.looks[id(node)] = {}, 0

    @property
    def n_used(self) -> int:
        return sum(node.observers is not None for node in self.nodes)

    def learn(self, row: Row, c: int, w: float = 1.0) -> None:
        if not 0 < w <= 1e15 or not 0 <= c < self.k:
            return
        is_due = self.n_learned % self.reevaluates == 0
        self.n_learned += 1
        leaf, node = self.route(row), self.nodes[0]
        while node is not leaf:
            node.weight += w
            node.dist[c] += w
            if node.observers is not None:
                for j in range(self.d):
                    if self.usable(row, j):
                        node.observers[j].add(row[j], c, w)
                if is_due and self.revise(node):
                    return
            node = self.child(node, row)
        leaf.weight += w
        if leaf.observers is None and self.n_used < self.n_slots:
            self.activate(leaf)
        if leaf.observers is None:
            leaf.dist[c] += w
        else:
            self.learn_at(leaf, row, c, w)

    def look(self, node: Node) -> Looked:
        """Add this look's merits to those of earlier ones; return the best."""
        sums, best = self.sums[id(node)], (-math.inf, None, None)
        self.looks[id(node)] += 1
        null = 0.0 if self.criterion == "info_gain" else 1.0 - self.impurity(node.dist)
        for j in range(self.d):
            if not list(node.observers[j].suggestions(self)) or self.is_empty(node, j):
                continue
            merit, test, branches = self.suggestion(node, j)
            merit -= null
            sums[j] = sums.get(j, 0.0) + merit
            if merit > -math.inf and merit > best[0] - 1e-10:
                best = (merit, test, branches)
        return best

    def is_empty(self, node: Node, j: int) -> bool:
        return j in self.nominal and not node.observers[j].counts

    def bound(self, span: float, node: Node) -> float:
        return math.sqrt(span**2 * math.log(1 / self.delta) / (2 * sum(node.dist)))

    def span(self, node: Node) -> float:
        if self.criterion == "gini":
            return 1.0
        return math.log2(max([2] + [c + 1 for c in range(self.k) if node.dist[c] > 0]))

    def mean(self, node: Node, j: int) -> float:
        return self.sums[id(node)].get(j, 0.0) / self.looks[id(node)]

    def attempt(self, node: Node) -> None:
        if sum(v != 0 for v in node.dist) < 2:
            return
        merit, test, branches = self.look(node)
        if test is None or merit < 1e-10:
            return
        bound = self.bound(self.span(node), node)
        if self.mean(node, test[0]) > bound or bound < self.tau:
            if len(self.nodes) + len(branches) > self.max_nodes:
                self.n_refused += 1
            else:
                self.split(node, test, branches)

    def split(self, node: Node, test: Any, branches: Any) -> None:
        node.test = test
        self.looks[id(node)], self.spans[id(node)] = 0, self.span(node)
        node.children = [Node(list(dist), node.depth + 1, sum(dist)) for dist in branches]
        self.nodes += node.children
        while self.n_slots - self.n_used < len(branches) and self.freeze():
            pass
        if self.n_slots - self.n_used < len(branches):
            self.rank()
        else:
            for child in node.children:
                self.activate(child)

    def freeze(self) -> bool:
        holding = [n for n in self.nodes if n.test is not None and n.observers is not None]
        if not holding:
            return False
        min(holding, key=lambda node: node.weight).observers = None
        self.n_frozen += 1
        return True

    def below(self, node: Node) -> list[Node]:
        return [other for child in node.children for other in [child, *self.below(child)]]

    def revise(self, node: Node) -> bool:
        _, test, branches = self.look(node)
        if test is None or test[0] == node.test[0]:
            return False
        bound = self.bound(self.spans[id(node)], node)
        gap = (self.sums[id(node)][test[0]] - self.sums[id(node)].get(node.test[0], 0.0)) / (
            self.looks[id(node)]
        )
        if not (gap > bound or (bound < self.tau and gap > self.tau / 2)):
            return False
        gone = {id(other) for other in self.below(node)}
        if len(self.nodes) - len(gone) + len(branches) > self.max_nodes:
            self.n_refused += 1
            return False
        self.nodes = [other for other in self.nodes if id(other) not in gone]
        self.n_revised += 1
        self.split(node, test, branches)
        return True
