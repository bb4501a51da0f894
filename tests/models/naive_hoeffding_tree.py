"""The Hoeffding tree classifier as slow and obvious Python objects, an oracle for the kernels.

Nothing is cached, packed or fused: densities are computed value by value, each leaf is an object
with a dictionary per observer, and leaves are ranked by sorting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Branches: TypeAlias = list[list[float]]
Row: TypeAlias = list[float]
Test: TypeAlias = tuple[str, float]

MISSING_ABOVE = 1e100
TIE = 1e-10  # closer merits are equal


@dataclass
class Gaussian:
    """Weighted mean and variance of the values of one class."""

    weight: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, x: float, w: float) -> None:
        self.weight += w
        deviation = x - self.mean
        self.mean += w / self.weight * deviation
        self.m2 += w * deviation * (x - self.mean)
        self.low, self.high = min(self.low, x), max(self.high, x)

    @property
    def variance(self) -> float:
        """Zero if not known, and if so small that a float cannot hold its inverse."""
        variance = self.m2 / (self.weight - 1.0) if self.weight > 1.0 else 0.0
        return variance if variance > 1e-290 else 0.0

    def log_density(self, x: float) -> float:
        if self.variance == 0.0:
            return 0.0 if x == self.mean else -math.inf
        squared = (x - self.mean) ** 2 / self.variance
        if squared >= 1e100:
            return -math.inf
        return -0.5 * (math.log(2 * math.pi * self.variance) + squared)

    def weight_up_to(self, threshold: float) -> float:
        if threshold < self.low:
            return 0.0
        if threshold >= self.high:
            return self.weight
        if self.variance == 0.0:
            return self.weight if self.mean <= threshold else 0.0
        z = (threshold - self.mean) / math.sqrt(self.variance)
        return self.weight * 0.5 * math.erfc(-z / math.sqrt(2))


class NumericObserver:
    """One Gaussian per class that was seen."""

    def __init__(self) -> None:
        self.classes: dict[int, Gaussian] = {}

    def add(self, x: float, c: int, w: float) -> None:
        self.classes.setdefault(c, Gaussian()).add(x, w)

    def log_likelihood(self, x: float, c: int) -> float:
        return self.classes[c].log_density(x) if c in self.classes else -math.inf

    def branches(self, threshold: float, k: int) -> Branches:
        below = [0.0] * k
        above = [0.0] * k
        for c, gaussian in self.classes.items():
            below[c] = gaussian.weight_up_to(threshold)
            above[c] = gaussian.weight - below[c]
        return [below, above]

    def suggestions(self, tree: NaiveHoeffdingTree) -> Iterator[tuple[Test, Branches]]:
        if not self.classes:
            return
        low = min(g.low for g in self.classes.values())
        high = max(g.high for g in self.classes.values())
        for i in range(1, tree.n_split_points + 1):
            threshold = (high - low) / (tree.n_split_points + 1.0) * i + low
            if low < threshold < high:
                yield ("below", threshold), self.branches(threshold, tree.k)

    def forget(self, factor: float) -> None:
        for gaussian in self.classes.values():
            gaussian.weight *= factor
            gaussian.m2 *= factor


class NominalObserver:
    """Counts of the values of each class that was seen."""

    def __init__(self) -> None:
        self.counts: dict[int, dict[int, float]] = {}
        self.n_seen: dict[int, int] = {}

    def add(self, x: float, c: int, w: float) -> None:
        counts = self.counts.setdefault(c, {})
        counts[int(x)] = counts.get(int(x), 0.0) + w
        self.n_seen[c] = max(self.n_seen.get(c, 0), int(x) + 1)

    def log_likelihood(self, x: float, c: int) -> float:
        if c not in self.counts:
            return -math.inf
        counts = self.counts[c]
        return math.log((counts.get(int(x), 0.0) + 1.0) / (sum(counts.values()) + self.n_seen[c]))

    def suggestions(self, tree: NaiveHoeffdingTree) -> Iterator[tuple[Test, Branches]]:
        n = max(self.n_seen.values(), default=0)
        by_value = [[self.counts.get(c, {}).get(v, 0.0) for c in range(tree.k)] for v in range(n)]
        if not tree.binary_split:
            yield ("multiway", math.nan), by_value
        for v in range(0 if n == 2 and not tree.binary_split else n):
            rest = [sum(by_value[u][c] for u in range(n) if u != v) for c in range(tree.k)]
            yield ("equal", v), [by_value[v], rest]

    def forget(self, factor: float) -> None:
        for counts in self.counts.values():
            for v in counts:
                counts[v] *= factor


@dataclass
class Node:
    """A leaf, with observers if it is active; or an inner node, with a test."""

    dist: list[float]
    depth: int
    weight: float
    observers: list[Any] | None = None
    seen: bool = False
    since_attempt: float = 0.0
    majority_correct: float = 0.0
    bayes_correct: float = 0.0
    test: tuple[int, Test] | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def promise(self) -> float:
        return sum(self.dist) - max(self.dist)


class NaiveHoeffdingTree:
    """The same parameters as the class under test, but `n_slots` leaves may be active."""

    def __init__(
        self,
        d: int,
        k: int,
        n_slots: int = 10**9,
        nominal: dict[int, int] | None = None,
        leaf: str = "nba",
        grace: float = 200,
        delta: float = 1e-7,
        tau: float = 0.05,
        n_split_points: int = 10,
        binary_split: bool = False,
        max_depth: int = 10**9,
        max_nodes: int = 10**9,
        criterion: str = "info_gain",
        period: int = 1_000_000,
    ) -> None:
        self.d, self.k, self.n_slots, self.nominal, self.leaf = d, k, n_slots, nominal or {}, leaf
        self.grace, self.delta, self.tau, self.criterion = grace, delta, tau, criterion
        self.n_split_points, self.binary_split = n_split_points, binary_split
        self.max_depth, self.max_nodes, self.period = max_depth, max_nodes, period
        self.n_learned = self.n_refused = 0
        self.nodes = [Node([0.0] * k, 0, 0.0)]
        self.activate(self.nodes[0])

    # routing

    def route(self, row: Row, w: float = 0.0, root: Node | None = None) -> Node:
        node = root or self.nodes[0]
        while True:
            if node.test is None:
                node.weight += w
                return node
            child = self.child(node, row)
            node.weight += w
            node = child

    def child(self, node: Node, row: Row) -> Node:
        column, (kind, value) = node.test
        x = row[column]
        heaviest = max(node.children, key=lambda child: child.weight)  # the first of equals
        if not math.isfinite(x):
            return heaviest
        if kind == "below":
            return node.children[0 if x <= value else 1]
        if kind == "equal":
            return node.children[0 if x == value else 1]
        return node.children[int(x)] if x in range(len(node.children)) else heaviest

    # prediction

    def usable(self, row: Row, j: int) -> bool:
        if j in self.nominal:
            return row[j] in range(self.nominal[j])
        return abs(row[j]) <= MISSING_ABOVE

    def observed(self, node: Node) -> Iterable[int]:
        """Columns that the node knows of."""
        return range(self.d)

    def bayes_logs(self, node: Node, row: Row) -> list[float] | None:
        if not node.seen:
            return None
        logs = []
        for c in range(self.k):
            log = math.log(node.dist[c]) if node.dist[c] > 0 else -math.inf
            for j in self.observed(node):
                if self.usable(row, j):
                    log += node.observers[j].log_likelihood(row[j], c)
            logs.append(log)
        return logs if max(logs) > -math.inf else None

    def shares(self, node: Node) -> list[float]:
        total = sum(node.dist)
        return [v / total for v in node.dist] if total > 0 else [1.0 / self.k] * self.k

    def predict(self, row: Row) -> list[float]:
        return self.votes(self.route(row), row)

    def votes(self, node: Node, row: Row) -> list[float]:
        adaptive = self.leaf == "nba" and node.majority_correct <= node.bayes_correct
        logs = None
        if node.observers is not None and (self.leaf == "nb" or adaptive):
            logs = self.bayes_logs(node, row)
        if logs is None:
            return self.shares(node)
        odds = [math.exp(log - max(logs)) for log in logs]
        return [v / sum(odds) for v in odds]

    # learning

    def learn(self, row: Row, c: int, w: float = 1.0) -> None:
        if not 0 < w <= 1e15 or not 0 <= c < self.k:
            return
        node = self.route(row, w)
        self.n_learned += 1
        if node.observers is None:
            node.dist[c] += w
        else:
            self.learn_at(node, row, c, w)
        if self.n_learned % self.period == 0:
            self.rank()

    def learn_at(self, node: Node, row: Row, c: int, w: float) -> None:
        if self.leaf == "nba":
            majority = node.dist.index(max(node.dist)) if sum(node.dist) > 0 else -1
            logs = self.bayes_logs(node, row)
            bayes = max(majority, 0) if logs is None else logs.index(max(logs))
            node.majority_correct += w * (majority == c)
            node.bayes_correct += w * (bayes == c)
        node.seen = True
        node.dist[c] += w
        for j in self.observed(node):
            if self.usable(row, j):
                node.observers[j].add(row[j], c, w)
        node.since_attempt += w
        if node.since_attempt >= self.grace:
            node.since_attempt = 0.0
            if node.depth < self.max_depth:
                self.attempt(node)

    # splitting

    def impurity(self, dist: list[float]) -> float:
        total = sum(dist)
        if total <= 0:
            return 0.0
        if self.criterion == "gini":
            return 1.0 - sum((v / total) ** 2 for v in dist)
        return -sum(v / total * math.log2(v / total) for v in dist if v > 0)

    def merit(self, before: list[float], branches: Branches) -> float:
        weights = [sum(branch) for branch in branches]
        total = sum(weights)
        if total <= 0:
            return -math.inf
        after = sum(w * self.impurity(b) for w, b in zip(weights, branches, strict=True)) / total
        if sum(w > 0.01 * total for w in weights) < 2:
            return -math.inf
        return 1.0 - after if self.criterion == "gini" else self.impurity(before) - after

    def suggestion(self, node: Node, j: int) -> tuple[float, Any, Any]:
        best = (-math.inf, None, None)
        for test, branches in node.observers[j].suggestions(self):
            merit = self.merit(node.dist, branches)
            if merit > best[0] + TIE:
                best = (merit, (j, test), branches)
        return best

    def attempt(self, node: Node) -> None:
        if sum(v != 0 for v in node.dist) < 2:
            return
        if self.n_nodes + 2 > self.max_nodes:
            self.n_refused += 1
            return
        null = 1.0 - self.impurity(node.dist) if self.criterion == "gini" else -math.inf
        merits, best, chosen = [null], null + TIE, None
        for j in self.observed(node):
            merit, test, branches = self.suggestion(node, j)
            merits.append(merit)
            if merit > best - TIE:
                best, chosen = merit, (len(merits) - 1, test, branches)
        if chosen is None:
            return
        place, test, branches = chosen
        second = max(merit for i, merit in enumerate(merits) if i != place)
        k_seen = max([2] + [c + 1 for c in range(self.k) if node.dist[c] > 0])
        span = 1.0 if self.criterion == "gini" else math.log2(k_seen)
        bound = math.sqrt(span**2 * math.log(1 / self.delta) / (2 * sum(node.dist)))
        if best - second > bound or bound < self.tau:
            self.split(node, test, branches)

    def split(self, node: Node, test: tuple[int, Test], branches: Branches) -> None:
        if self.n_nodes + len(branches) > self.max_nodes:
            self.n_refused += 1
            return
        node.test, node.observers = test, None
        node.children = [Node(list(dist), node.depth + 1, sum(dist)) for dist in branches]
        self.nodes += node.children
        if len(self.leaves) > self.n_slots:
            self.rank()
        else:
            for child in node.children:
                self.activate(child)

    # memory

    @property
    def n_nodes(self) -> int:
        return len(self.nodes)

    @property
    def leaves(self) -> list[Node]:
        return [node for node in self.nodes if node.test is None]

    def activate(self, node: Node) -> None:
        node.observers = [
            NominalObserver() if j in self.nominal else NumericObserver() for j in range(self.d)
        ]
        node.seen, node.since_attempt = False, 0.0
        node.majority_correct = node.bayes_correct = 0.0

    def rank(self) -> None:
        if len(self.leaves) <= self.n_slots:
            return
        ranked = sorted(self.leaves, key=lambda node: (-node.promise, node.observers is None))
        for place, node in enumerate(ranked):
            if place >= self.n_slots:
                node.observers = None
                node.majority_correct = node.bayes_correct = 0.0
            elif node.observers is None:
                self.activate(node)

    def forget(self, factor: float) -> None:
        for node in self.nodes:
            node.weight *= factor
            if node.test is not None:
                continue
            node.dist = [v * factor for v in node.dist]
            node.since_attempt *= factor
            node.majority_correct *= factor
            node.bayes_correct *= factor
            for observer in node.observers or []:
                observer.forget(factor)
