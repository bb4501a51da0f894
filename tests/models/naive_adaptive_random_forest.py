"""The adaptive random forest, row by row, one generator of random numbers for all trees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.detectors.naive_bit_adwin import NaiveWindow
from tests.models.naive_hoeffding_adaptive_tree import naive_poisson
from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree, Node, Row
from tests.streamadapt.naive_java_random import JavaRandom


class NaiveRandomTree(NaiveHoeffdingTree):
    """A Hoeffding tree each leaf of which knows some columns only."""

    def __init__(self, d: int, k: int, n_subset: int, seed: int, **settings: Any) -> None:
        super().__init__(d, k, **settings)
        self.n_subset, self.random = n_subset, JavaRandom(seed)
        self.subsets: dict[int, list[int]] = {}
        self.kept: list[Node] = []

    def observed(self, node: Node) -> Iterable[int]:
        return self.subsets[id(node)]

    def learn_at(self, node: Node, row: Row, c: int, w: float) -> None:
        if id(node) not in self.subsets:
            left = list(range(self.d))
            if self.n_subset < self.d:
                left = [left.pop(self.random.next_int(len(left))) for _ in range(self.n_subset)]
            self.subsets[id(node)] = sorted(left)
            self.kept.append(node)
        super().learn_at(node, row, c, w)


class NaiveMember:
    """A tree, one behind it, and what watches its errors."""

    def __init__(self, forest: NaiveAdaptiveRandomForest) -> None:
        self.forest, self.tree, self.behind = forest, forest.tree(), None
        self.warning = NaiveWindow(forest.warning_delta)
        self.drift = NaiveWindow(forest.drift_delta)
        self.n_graded = self.right = 0.0

    def vote(self, row: Row) -> list[float]:
        if sum(self.tree.route(row).dist) == 0:
            return [0.0] * self.forest.k
        accuracy = 100 * self.right / self.n_graded if self.n_graded else 0.0
        return [v * (accuracy or 1.0) for v in self.tree.predict(row)]

    def errs(self, row: Row, c: int) -> int:
        votes = self.tree.predict(row)
        return int(votes.index(max(votes)) != c)

    def learn(self, row: Row, c: int, w: float) -> None:
        self.n_graded += w
        self.right += w * (1 - self.errs(row, c))
        times = naive_poisson(self.forest.rate, self.forest.random)
        if times == 0:
            return
        self.tree.learn(row, c, w * times)
        if self.behind is not None:
            self.behind.learn(row, c, w * times if self.forest.resamples_behind else w)
        error = self.errs(row, c)
        if self.warning.take(error) == "rose":
            self.forest.n_warnings += 1
            self.behind = self.forest.tree()
            self.warning = NaiveWindow(self.forest.warning_delta)
        if self.drift.take(error) == "rose":
            self.forest.n_drifts += 1
            self.n_graded = self.right = 0.0
            self.drift = NaiveWindow(self.forest.drift_delta)
            if self.behind is not None:
                self.warning = NaiveWindow(self.forest.warning_delta)
            self.tree, self.behind = self.behind or self.forest.tree(), None


class NaiveAdaptiveRandomForest:
    """The same parameters as the class under test, without a bound of memory."""

    def __init__(
        self,
        d: int,
        k: int,
        n_models: int,
        n_subset: int,
        seed: int = 0,
        rate: float = 6.0,
        warning_delta: float = 0.01,
        drift_delta: float = 0.001,
        **settings: Any,
    ) -> None:
        self.k, self.rate, self.random = k, rate, JavaRandom(seed)
        self.warning_delta, self.drift_delta = warning_delta, drift_delta
        self.tree = lambda: NaiveRandomTree(d, k, n_subset, seed, **settings)
        self.n_warnings = self.n_drifts = 0
        self.resamples_behind = False
        self.members = [NaiveMember(self) for _ in range(n_models)]

    def predict(self, row: Row) -> list[float]:
        votes = [
            sum(of_class) for of_class in zip(*(m.vote(row) for m in self.members), strict=True)
        ]
        return [v / sum(votes) for v in votes] if sum(votes) else [1 / self.k] * self.k

    def learn(self, row: Row, c: int, w: float = 1.0) -> None:
        for member in self.members:
            member.learn(row, c, w)


class NaivePatchTree(NaiveRandomTree):
    """A Hoeffding tree all leaves of which know the same columns."""

    def __init__(self, columns: list[int], d: int, k: int, **settings: Any) -> None:
        super().__init__(d, k, d, 0, **settings)
        self.columns = columns

    def observed(self, node: Node) -> Iterable[int]:
        return self.columns


class NaivePatchMember(NaiveMember):
    """Draws the columns of its trees itself; the tree behind learns as often as the first."""

    def __init__(self, forest: NaiveStreamingRandomPatches, m: int) -> None:
        self.forest, self.random = forest, JavaRandom(forest.seed + 1 + m)
        forest.draw = self.draw
        super().__init__(forest)

    def draw(self) -> list[int]:
        left = list(range(self.forest.d))
        return sorted(left.pop(self.random.next_int(len(left))) for _ in range(self.forest.n))

    def learn(self, row: Row, c: int, w: float) -> None:
        self.forest.draw = self.draw
        super().learn(row, c, w)


class NaiveStreamingRandomPatches(NaiveAdaptiveRandomForest):
    """Streaming random patches, with no two trees of the same first columns."""

    def __init__(
        self, d: int, k: int, n_models: int, n_subset: int, seed: int = 0, **settings: Any
    ) -> None:
        self.d, self.n, self.seed = d, n_subset, seed
        super().__init__(d, k, 0, n_subset, seed, **settings)
        watches = {"rate", "warning_delta", "drift_delta"}
        own = {name: value for name, value in settings.items() if name not in watches}
        self.resamples_behind = True
        self.draw = lambda: list(range(n_subset))
        self.tree = lambda: NaivePatchTree(self.draw(), d, k, **own)
        for m in range(n_models):
            member = NaivePatchMember(self, m)
            while member.tree.columns in [other.tree.columns for other in self.members]:
                member.tree = self.tree()
            self.members.append(member)


class NaiveLeveragingBagging:
    """Trees of all columns, of which the worst goes when any becomes worse."""

    def __init__(
        self, d: int, k: int, n_models: int, seed: int = 0, adwin_delta: float = 0.002,
        **settings: Any,
    ) -> None:  # fmt: skip
        self.k, self.random, self.n_drifts = k, JavaRandom(seed), 0
        self.tree = lambda: NaiveHoeffdingTree(d, k, **settings)
        self.window = lambda: NaiveWindow(adwin_delta)
        self.trees = [self.tree() for _ in range(n_models)]
        self.windows = [self.window() for _ in range(n_models)]

    def predict(self, row: Row) -> list[float]:
        voting = [tree for tree in self.trees if sum(tree.route(row).dist) > 0]
        votes = [sum(tree.predict(row)[c] for tree in voting) for c in range(self.k)]
        return [v / sum(votes) for v in votes] if voting else [1 / self.k] * self.k

    def learn(self, row: Row, c: int, w: float = 1.0) -> None:
        changes = []
        for tree, window in zip(self.trees, self.windows, strict=True):
            if times := naive_poisson(6.0, self.random):
                tree.learn(row, c, w * times)
            votes = tree.predict(row)
            changes.append(window.take(int(votes.index(max(votes)) != c)))
        if "rose" in changes:
            means = [window.mean for window in self.windows]
            worst = means.index(max(means))
            self.trees[worst], self.windows[worst] = self.tree(), self.window()
            self.n_drifts += 1
