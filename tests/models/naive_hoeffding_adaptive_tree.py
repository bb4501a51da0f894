"""The Hoeffding adaptive tree as objects that call themselves down the tree, as in the paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tests.detectors.naive_bit_adwin import NaiveWindow
from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree, Node, Row
from tests.streamadapt.naive_java_random import JavaRandom


def naive_poisson(rate: float, random: JavaRandom) -> int:
    """Inversion: the first k at which the distribution function is above a uniform number."""
    threshold, term, total, k = random.next_double() * math.exp(rate), 1.0, 1.0, 0
    while total <= threshold:
        k += 1
        term *= rate / k
        total += term
    return k


class NaiveHoeffdingAdaptiveTree(NaiveHoeffdingTree):
    """The same parameters as the class under test, but `max_nodes` and `n_slots` are its bounds."""

    def __init__(
        self,
        d: int,
        k: int,
        seed: int = 0,
        resamples: bool = True,
        adwin_delta: float = 0.002,
        least_window: int = 300,
        significance: float = 0.05,
        **settings: Any,
    ) -> None:
        super().__init__(d, k, **settings)
        self.seed, self.resamples, self.adwin_delta = seed, resamples, adwin_delta
        self.least_window, self.significance = least_window, significance
        self.windows: dict[int, NaiveWindow] = {}
        self.randoms: dict[int, JavaRandom] = {}
        self.beside: dict[int, Node] = {}
        self.kept: list[Node] = []  # so that no id is used twice
        self.lost: list[Node] = []  # trees that are no more, but hold memory until the row's end
        self.n_planted = self.n_switched = self.n_pruned = 0
        self.most_nodes = self.max_nodes
        self.watch(self.nodes[0])

    def watch(self, node: Node) -> None:
        self.kept.append(node)
        self.windows[id(node)] = NaiveWindow(self.adwin_delta)
        self.randoms[id(node)] = JavaRandom(self.seed)

    # prediction

    def found(self, node: Node, row: Row) -> list[Node]:
        if node.test is None:
            return [node]
        beside = self.beside.get(id(node))
        others = self.found(beside, row) if beside is not None and beside.test else []
        return self.found(self.child(node, row), row) + others

    def predict(self, row: Row) -> list[float]:
        leaves = self.found(self.nodes[0], row)
        if len(leaves) == 1:
            return self.votes(leaves[0], row)
        total = [0.0] * self.k
        for leaf in leaves:
            window = self.windows[id(leaf)]
            error = max(window.mean, 1 / (window.width + 1))
            if sum(leaf.dist) > 0:
                for c, vote in enumerate(self.votes(leaf, row)):
                    total[c] += vote / error**2
        return [v / sum(total) for v in total]

    # learning

    def learn(self, row: Row, c: int, w: float = 1.0) -> None:
        if not 0 < w <= 1e15 or not 0 <= c < self.k:
            return
        self.n_learned += 1
        self.waiting = [self.nodes[0]]
        while self.waiting:
            self.learn_below(self.waiting.pop(), row, c, w)
        self.lost = []
        if self.n_learned % self.period == 0:
            self.rank()

    def learn_below(self, root: Node, row: Row, c: int, w: float) -> None:
        self.max_nodes = self.most_nodes * 3 // 4 if root is self.nodes[0] else self.most_nodes
        votes = self.votes(self.route(row, root=root), row)
        for node in self.descend(root, int(votes.index(max(votes)) != c), row, c, w):
            if id(node) in self.beside:
                self.lost.append(self.beside.pop(id(node)))
            if self.n_nodes + 1 > self.most_nodes:
                self.n_refused += 1
                continue
            self.beside[id(node)] = self.plant(node)
            self.n_planted += 1
            self.waiting.append(self.beside[id(node)])

    def descend(self, node: Node, error: int, row: Row, c: int, w: float) -> list[Node]:
        """Return the nodes beside which a tree is to be planted."""
        change = self.windows[id(node)].take(error)
        node.weight += w
        if node.test is None:
            self.learn_leaf(node, row, c, w)
            return []
        beside = self.beside.get(id(node))
        plants = change in ("rose", "stayed")
        better = 0 if plants or beside is None else self.better(node, beside)
        if better > 0:
            self.switch(node, beside)
            self.waiting.append(node)
            return []
        if better < 0 and beside is not None and beside.test is None:
            self.lost.append(self.beside.pop(id(node)))
            self.n_pruned += 1
        elif beside is not None and not plants:
            self.waiting.append(beside)
        return [node] * plants + self.descend(self.child(node, row), error, row, c, w)

    def plant(self, node: Node) -> Node:
        if len(self.actives) >= self.n_slots:
            of_tree = self.tree_below(self.nodes[0])
            others = [leaf for leaf in self.actives if any(leaf is other for other in of_tree)]
            if others:
                min(others, key=lambda leaf: leaf.promise).observers = None
        sapling = Node([0.0] * self.k, node.depth, 0.0)
        if len(self.actives) < self.n_slots:
            self.activate(sapling)
        self.watch(sapling)
        return sapling

    def better(self, node: Node, beside: Node) -> int:
        old, new = self.windows[id(node)], self.windows[id(beside)]
        if min(old.width, new.width) <= self.least_window:
            return 0
        spread = 2 * old.mean * (1 - old.mean) * math.log(2 / self.significance)
        bound = math.sqrt(spread * (1 / new.width + 1 / old.width))
        return int(old.mean - new.mean > bound) - int(new.mean - old.mean > bound)

    def switch(self, node: Node, beside: Node) -> None:
        self.n_switched += 1
        weight = node.weight
        self.lost += [*node.children, Node([], 0, 0.0, test=beside.test or (0, ("below", 0.0)))]
        node.__dict__.update(beside.__dict__)
        node.weight = weight
        for of in (self.windows, self.randoms):
            of[id(node)] = of[id(beside)]
        self.beside.pop(id(node))
        if id(beside) in self.beside:
            self.beside[id(node)] = self.beside[id(beside)]

    def learn_leaf(self, leaf: Node, row: Row, c: int, w: float) -> None:
        if leaf.observers is None and len(self.actives) < self.n_slots:
            self.activate(leaf)
        if self.resamples:
            w *= max(naive_poisson(1.0, self.randoms[id(leaf)]), 1)
        if leaf.observers is None:
            leaf.dist[c] += w
            return
        self.learn_at(leaf, row, c, w)
        if leaf.test is not None:
            self.watch(leaf)
            for child in leaf.children:
                self.watch(child)

    @property
    def n_nodes(self) -> int:
        return sum(1 for root in (self.nodes[0], *self.lost) for _ in self.below(root))

    @property
    def leaves(self) -> list[Node]:
        """All leaves, in the order in which their nodes came to be."""
        nodes = [node for root in (self.nodes[0], *self.lost) for node in self.below(root)]
        found = {id(node): node for node in nodes if node.test is None}
        old = [found.pop(id(node)) for node in self.kept if id(node) in found]
        return old + list(found.values())

    @property
    def actives(self) -> list[Node]:
        return [leaf for leaf in self.leaves if leaf.observers is not None]

    def tree_below(self, node: Node) -> list[Node]:
        return [node] + [below for child in node.children for below in self.tree_below(child)]

    def below(self, node: Node) -> Iterator[Node]:
        """Yield the node and what is below it, with the trees beside."""
        yield node
        for child in node.children:
            yield from self.below(child)
        if id(node) in self.beside:
            yield from self.below(self.beside[id(node)])
