"""The Hoeffding tree regressor, slow and obvious: one object per node, one list per observer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

HUGE = 1e100


@dataclass
class Stats:
    """Weight, mean and sum of squared deviations of targets, and the sum of x beside them."""

    weight: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    x_sum: float = 0.0

    def add(self, y: float, w: float, x: float = 0.0) -> None:
        self.weight += w
        self.x_sum += w * x
        delta = y - self.mean
        self.mean += w / self.weight * delta
        self.m2 += w * delta * (y - self.mean)

    def share_of_variance(self, total: float) -> float:
        if self.weight <= 1.0:
            return 0.0
        return self.weight / total * (self.m2 / (self.weight - 1.0))


def merged(parts: Sequence[Stats]) -> Stats:
    whole = Stats()
    for part in parts:
        if part.weight > 0.0:
            share = part.weight / (whole.weight + part.weight)
            delta = part.mean - whole.mean
            whole.m2 = whole.m2 + part.m2 + delta * delta * (whole.weight * share)
            whole.weight += part.weight
            whole.mean += share * delta
    return whole


@dataclass
class Observer:
    """The bins of one feature."""

    bins: list[Stats]
    low: float
    high: float
    nominal: bool

    def add(self, x: float, y: float, w: float) -> None:
        n = len(self.bins)
        if not abs(x) <= HUGE:
            return
        if self.nominal:
            if x in range(n):
                self.bins[int(x)].add(y, w, x)
            return
        width = self.high - self.low
        per_unit = n / width if width > 1e-100 else 0.0
        self.bins[int(min(max((x - self.low) * per_unit, 0.0), n - 1.0))].add(y, w, x)

    def reduction(self, branches: Sequence[Sequence[Stats]], enough: float) -> float:
        sets = [merged(branch) for branch in branches]
        if any(s.weight < enough for s in sets):
            return 0.0
        total = merged(self.bins[::-1])
        left = total.share_of_variance(total.weight)
        for s in sets:
            left -= s.share_of_variance(total.weight)
        return left

    def best(self, enough: float, binary: bool) -> tuple[float, Test | None]:
        best, test = 0.0, None
        for merit, candidate in self.candidates(enough, binary):
            if merit > best:
                best, test = merit, candidate
        return best, test

    def candidates(self, enough: float, binary: bool) -> list[tuple[float, Test]]:
        full = [i for i, b in enumerate(self.bins) if b.weight > 0.0]
        found = []
        if not self.nominal:
            for i, j in pairwise(full):
                a, b = self.bins[i], self.bins[j]
                threshold = 0.5 * (a.x_sum / a.weight + b.x_sum / b.weight)
                merit = self.reduction([self.bins[:j], self.bins[: j - 1 : -1]], enough)
                found.append((merit, Test("<=", threshold, self.bins[: i + 1], self.bins[i + 1 :])))
            return found
        if not binary and len(full) > 2:
            merit = self.reduction([[self.bins[i]] for i in full], enough)
            found.append((merit, Test("each", 0.0, *[[b] for b in self.bins])))
        for i, b in enumerate(self.bins):
            rest = [merged(self.bins[:i]), merged(self.bins[:i:-1])]
            merit = self.reduction([[b], rest], enough)
            found.append((merit, Test("==", float(i), [b], self.bins[:i] + self.bins[i + 1 :])))
        return found


class Test:
    """A test, and the bins that fall to each branch."""

    __test__ = False

    def __init__(self, kind: str, value: float, *branches: Sequence[Stats]) -> None:
        self.kind, self.value, self.branches = kind, value, branches

    def branch(self, x: float) -> int | None:
        if not math.isfinite(x):
            return None
        if self.kind == "each":
            return int(x) if x in range(len(self.branches)) else None
        return int(not (x <= self.value if self.kind == "<=" else x == self.value))


@dataclass(eq=False)
class Node:
    """A leaf, and after `test` is set, an inner node."""

    number: int
    depth: int
    limits: dict[int, tuple[float, float]]
    stats: Stats
    coefficients: list[float]
    intercept: float = 0.0
    error_mean: float = 0.0
    error_model: float = 0.0
    attempted: float = 0.0
    observers: list[Observer] | None = None
    feature: int = -1
    test: Test | None = None
    children: list[Node] = field(default_factory=list)

    def next(self, row: Sequence[float]) -> Node:
        assert self.test is not None
        branch = self.test.branch(row[self.feature])
        if branch is None:
            return max(self.children, key=lambda child: child.stats.weight)
        return self.children[branch]


@dataclass
class Scale:
    """What is known of one feature in the whole tree."""

    stats: Stats = field(default_factory=Stats)
    low: float = math.inf
    high: float = -math.inf
    inverse: float = 0.0

    def z(self, x: float) -> float:
        if not abs(x) <= HUGE:
            return 0.0
        return min(max((x - self.stats.mean) * self.inverse, -10.0), 10.0)

    def add(self, x: float, w: float) -> None:
        if not abs(x) <= HUGE:
            return
        if self.inverse > 0.0:
            reach = 10.0 / self.inverse
            x = min(max(x, self.stats.mean - reach), self.stats.mean + reach)
        self.stats.add(x, w)
        self.low, self.high = min(self.low, x), max(self.high, x)
        varies = self.stats.m2 > 1e-100 * 1e-100 * self.stats.weight
        self.inverse = math.sqrt(self.stats.weight / self.stats.m2) if varies else 0.0

    def span(self) -> tuple[float, float]:
        if self.stats.weight == 0.0:
            return 0.0, 0.0
        reach = 4.0 / self.inverse if self.inverse > 0.0 else 0.0
        mean = self.stats.mean
        return max(self.low, mean - reach), min(self.high, mean + reach)


class NaiveHoeffdingTreeRegressor:
    """Parameters as of the real one, but for the room, which is counted in nodes and leaves."""

    def __init__(
        self,
        n_features: int,
        grace_period: int = 200,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: str = "adaptive",
        model_selector_decay: float = 0.95,
        nominal_features: dict[int, int] | None = None,
        max_depth: int = 32_000,
        n_bins: int = 64,
        min_samples_split: int = 5,
        binary_split: bool = False,
        learning_rate: float = 0.01,
        max_nodes: float = math.inf,
        max_active: float = math.inf,
    ) -> None:
        self.d = n_features
        self.grace_period, self.delta, self.tau = grace_period, delta, tau
        self.leaf_prediction, self.decay = leaf_prediction, model_selector_decay
        self.nominal, self.max_depth, self.n_bins = nominal_features or {}, max_depth, n_bins
        self.enough, self.binary, self.rate = min_samples_split, binary_split, learning_rate
        self.max_nodes, self.max_active = max_nodes, max_active
        self.scales = [Scale() for _ in range(n_features)]
        self.root = Node(0, 0, {}, Stats(), [0.0] * n_features)
        self.n_nodes, self.n_rows, self.n_skipped, self.n_splits_refused = 1, 0, 0, 0
        self.low = self.high = 0.0
        self.active: list[Node] = []
        self.splits: list[tuple[int, int, str, float]] = []

    def bounded(self, value: float) -> float:
        reach = self.high - self.low
        return min(max(value, self.low - reach), self.high + reach)

    def linear(self, node: Node, z: Sequence[float]) -> float:
        total = node.intercept
        for c, value in zip(node.coefficients, z, strict=True):
            total += c * value
        return total

    def standardized(self, row: Sequence[float]) -> list[float]:
        return [scale.z(x) for scale, x in zip(self.scales, row, strict=True)]

    def predict_one(self, row: Sequence[float]) -> float:
        node = self.root
        while node.test is not None:
            node = node.next(row)
        best_is_mean = node.error_mean < node.error_model
        if self.leaf_prediction == "mean" or (self.leaf_prediction == "adaptive" and best_is_mean):
            return node.stats.mean
        return self.bounded(self.linear(node, self.standardized(row)))

    def learn_one(self, row: Sequence[float], y: float, w: float = 1.0) -> None:
        if not (abs(y) <= HUGE and 0.0 <= w <= 1e15):
            self.n_skipped += 1
            return
        if w == 0.0:
            return
        if self.n_rows == 0:
            self.low = self.high = self.root.intercept = y
        node = self.root
        while node.test is not None:
            child = node.next(row)
            node.stats.weight += w
            node = child
        z = self.standardized(row)
        self.learn_model(node, z, y, w)
        for f, x in enumerate(row):
            if f not in self.nominal:
                self.scales[f].add(x, w)
        self.n_rows += 1
        self.low, self.high = min(self.low, y), max(self.high, y)
        node.stats.add(y, w)
        if node.depth < self.max_depth:
            self.grow_at(node, row, y, w)

    def learn_model(self, node: Node, z: Sequence[float], y: float, w: float) -> None:
        value = self.linear(node, z)
        errors = y - node.stats.mean, y - self.bounded(value)
        node.error_mean = self.decay * node.error_mean + errors[0] * errors[0]
        node.error_model = self.decay * node.error_model + errors[1] * errors[1]
        squares = 3.0  # the intercept counts as three features
        for value_f in z:
            squares += value_f * value_f
        rate = w * max(self.rate, 1.0 / (1.0 + (node.stats.weight + w)))
        step = rate / (1.0 + rate * squares) * (y - value)
        bound = 1000.0 * (self.high - self.low)
        node.coefficients = [
            min(max(c + step * value_f, -bound), bound)
            for c, value_f in zip(node.coefficients, z, strict=True)
        ]
        node.intercept += 3.0 * step

    def grow_at(self, node: Node, row: Sequence[float], y: float, w: float) -> None:
        due = node.stats.weight - node.attempted >= self.grace_period
        if due:
            node.attempted = node.stats.weight
        was_active = node.observers is not None
        if not was_active:
            has_room = len(self.active) < self.max_active
            if self.n_rows < 50 or not (due or has_room) or not self.activate(node):
                return
        assert node.observers is not None
        for observer, x in zip(node.observers, row, strict=True):
            observer.add(x, y, w)
        if due and was_active:
            self.attempt(node)

    def activate(self, node: Node) -> bool:
        if len(self.active) < self.max_active:
            self.active.append(node)
        else:
            loser = min(self.active, key=self.gain)
            if not 2.0 * self.gain(loser) < self.gain(node):
                return False
            loser.observers = None
            self.active[self.active.index(loser)] = node
        node.observers = [self.observer(node, f) for f in range(self.d)]
        return True

    def gain(self, node: Node) -> float:
        return node.stats.m2 if node.depth < self.max_depth else 0.0

    def observer(self, node: Node, f: int) -> Observer:
        if f in self.nominal:
            n = self.nominal[f]
            return Observer([Stats() for _ in range(n)], 0.0, float(n), True)
        low, high = self.span(node, f)
        return Observer([Stats() for _ in range(self.n_bins)], low, high, False)

    def span(self, node: Node, f: int) -> tuple[float, float]:
        low, high = self.scales[f].span()
        from_low, to_high = node.limits.get(f, (-math.inf, math.inf))
        return max(low, from_low), min(high, to_high)

    def attempt(self, node: Node) -> None:
        assert node.observers is not None
        ranked: list[tuple[float, int, Test]] = []
        for f, observer in enumerate(node.observers):
            merit, test = observer.best(self.enough, self.binary)
            if test is not None:
                merit *= merged(observer.bins[::-1]).weight / node.stats.weight
                ranked.append((merit, f, test))
        ranked.sort(key=lambda item: -item[0])  # stable: the first of equals stays first
        bound = math.sqrt(-math.log(self.delta) / 2.0 / node.stats.weight)
        if ranked and ranked[0][0] > 0.0:
            second = ranked[1][0] if len(ranked) > 1 else 0.0
            if second / ranked[0][0] < 1.0 - bound or bound < self.tau:
                self.split(node, *ranked[0][1:])
                return
        for f, old in enumerate(node.observers):
            low, high = self.span(node, f)
            width = max(old.high - old.low, 0.0)
            if not old.nominal and (low < old.low - width or high > old.high + width):
                node.observers[f] = self.observer(node, f)

    def split(self, node: Node, feature: int, test: Test) -> None:
        if self.n_nodes + len(test.branches) > self.max_nodes:
            self.n_splits_refused += 1
            return
        self.splits.append((node.number, feature, test.kind, test.value))
        for branch, bins in enumerate(test.branches):
            node.children.append(self.child(node, branch, feature, test, merged(bins)))
        node.feature, node.test, node.observers = feature, test, None
        first = node.children[0]
        self.active[self.active.index(node)] = first
        first.observers = [self.observer(first, f) for f in range(self.d)]
        for child in node.children[1:]:
            self.activate(child)

    def child(self, node: Node, branch: int, feature: int, test: Test, stats: Stats) -> Node:
        limits = dict(node.limits)
        if test.kind == "<=":
            low, high = limits.get(feature, (-math.inf, math.inf))
            cut = (low, min(high, test.value)), (max(low, test.value), high)
            limits[feature] = cut[branch]
        if stats.weight == 0.0:
            stats.mean = node.stats.mean
        self.n_nodes += 1
        return Node(
            self.n_nodes - 1,
            node.depth + 1,
            limits,
            stats,
            list(node.coefficients),
            node.intercept,
            node.error_mean,
            node.error_model,
            attempted=stats.weight,
        )

    def forget(self, factor: float) -> None:
        """Scale every weight there is, node by node."""
        self._each(self.root, lambda stats: self._fade(stats, factor), factor)
        for scale in self.scales:
            self._fade(scale.stats, factor)

    @staticmethod
    def _fade(stats: Stats, factor: float) -> None:
        stats.weight *= factor
        stats.m2 *= factor
        stats.x_sum *= factor

    def _each(self, node: Node, fade: Callable[[Stats], None], factor: float) -> None:
        fade(node.stats)
        node.error_mean *= factor
        node.error_model *= factor
        node.attempted *= factor
        for observer in node.observers or ():
            for b in observer.bins:
                fade(b)
        for child in node.children:
            self._each(child, fade, factor)
