"""MOA's detectors written down plainly, with lists; `update` returns whether there is an alarm."""

from __future__ import annotations

import math
from collections.abc import Callable


class NaiveCusum:
    def __init__(
        self, min_instances: int = 30, delta: float = 0.005, threshold: float = 50.0
    ) -> None:
        self.least, self.delta, self.threshold = min_instances, delta, threshold
        self.warning = False
        self.values: list[float] = []
        self.sum = 0.0

    def update(self, x: float) -> bool:
        self.values.append(x)
        self.sum = max(0.0, self.sum + x - math.fsum(self.values) / len(self.values) - self.delta)
        alarm = len(self.values) + 1 >= self.least and self.sum > self.threshold
        if alarm:
            self.values, self.sum = [], 0.0
        return alarm


class NaiveGeometricMovingAverage:
    def __init__(
        self, min_instances: int = 30, threshold: float = 0.2, alpha: float = 0.99
    ) -> None:
        self.least, self.threshold, self.alpha = min_instances, threshold, alpha
        self.warning = False
        self.values: list[float] = []
        self.average = 0.0

    def update(self, x: float) -> bool:
        self.values.append(x)
        gap = x - math.fsum(self.values) / len(self.values)
        self.average = self.alpha * self.average + (1 - self.alpha) * gap
        alarm = len(self.values) + 1 >= self.least and self.average > self.threshold
        if alarm:
            self.values, self.average = [], 0.0
        return alarm


class NaiveECDD:
    """With the paper's limit for 400, or with another, told of the rate and the count."""

    def __init__(
        self,
        min_instances: int = 30,
        lambda_: float = 0.2,
        margin: Callable[[float, int], float] | None = None,
    ) -> None:
        self.least, self.lambda_, self.margin = min_instances, lambda_, margin or self.papers
        self.warning = False
        self.values: list[float] = []
        self.z = 0.0

    def papers(self, p: float, n: int) -> float:
        w = self.lambda_
        s = math.sqrt(p * (1 - p) * w / (2 - w) * (1 - (1 - w) ** (2 * n)))
        return (3.97 - 6.56 * p + 48.73 * p**3 - 330.13 * p**5 + 848.18 * p**7) * s

    def update(self, x: float) -> bool:
        self.values.append(x)
        n, w = len(self.values), self.lambda_
        p = sum(self.values) / n
        self.z = (1 - w) * self.z + w * x
        limit = self.margin(p, n)
        alarm = n + 1 > self.least and self.z > p + limit
        self.warning = not alarm and n + 1 >= self.least and self.z > p + 0.5 * limit
        if alarm:
            self.values, self.z = [], 0.0
        return alarm


class NaiveSTEPD:
    def __init__(
        self, window_size: int = 30, alpha_drift: float = 0.003, alpha_warning: float = 0.05
    ) -> None:
        self.size, self.drift_alpha, self.warning_alpha = window_size, alpha_drift, alpha_warning
        self.warning = False
        self.values: list[float] = []

    def update(self, x: float) -> bool:
        self.values.append(x)
        self.p_value = 1.0
        old, new = self.values[: -self.size], self.values[-self.size :]
        if len(old) >= self.size:
            both = 1 / len(old) + 1 / len(new)
            p = sum(self.values) / len(self.values)
            gap = abs(sum(old) / len(old) - sum(new) / len(new)) - both / 2
            if gap > 0:
                self.p_value = math.erfc(gap / math.sqrt(p * (1 - p) * both) / math.sqrt(2))
        alarm = self.p_value < self.drift_alpha
        self.warning = not alarm and self.p_value < self.warning_alpha
        if alarm:
            self.values = []
        return alarm


class NaiveRDDM:
    def __init__(
        self,
        warm_start: int = 129,
        warning_threshold: float = 1.773,
        drift_threshold: float = 2.258,
        max_concept_size: int = 40_000,
        min_stable_size: int = 7_000,
        warning_limit: int = 1_400,
    ) -> None:
        self.least, self.warn_at, self.drift_at = warm_start, warning_threshold, drift_threshold
        self.longest, self.kept, self.limit = max_concept_size, min_stable_size, warning_limit
        self.warning = False
        self.stored: list[tuple[int, float]] = []
        self.t, self.warned_since = 0, -1
        self.n, self.p, self.lowest = 0, 1.0, (math.inf, math.inf)

    def rate(self, x: float) -> float:
        self.n += 1
        self.p += (x - self.p) / self.n
        return math.sqrt(self.p * (1 - self.p) / self.n)

    def remember(self, s: float) -> None:
        if self.p + s < sum(self.lowest):
            self.lowest = (self.p, s)

    def anew(self, stored: list[tuple[int, float]], alarm: bool) -> bool:
        self.stored, self.n, self.p, self.warned_since = stored, 0, 1.0, -1
        if alarm:
            self.lowest = (math.inf, math.inf)
        for _, x in stored:
            s = self.rate(x)
            if alarm and self.n > self.least:
                self.remember(s)
        return alarm

    def update(self, x: float) -> bool:
        self.t += 1
        self.stored = [*self.stored, (self.t, x)][-self.kept :]
        s = self.rate(x)
        self.warning = False
        if self.n + 1 <= self.least:
            return False
        self.remember(s)
        p, least_s = self.lowest
        if self.p + s > p + self.drift_at * least_s:
            since = self.warned_since if self.warned_since >= 0 else self.t
            return self.anew([(t, x) for t, x in self.stored if t >= since], alarm=True)
        if self.p + s > p + self.warn_at * least_s:
            if 0 <= self.warned_since <= self.t - self.limit:
                return self.anew(self.stored[-1:], alarm=True)
            self.warning = True
            self.warned_since = self.warned_since if self.warned_since >= 0 else self.t
        else:
            self.warned_since = -1
            if self.n + 1 > self.longest:
                self.anew(self.stored, alarm=False)
        return False


class NaiveSEED:
    """Blocks are lists of pairs: a value, and what it added to the variance."""

    def __init__(
        self,
        delta: float = 0.05,
        block_size: int = 32,
        epsilon_prime: float = 0.01,
        alpha: float = 0.8,
        compress_term: int = 75,
    ) -> None:
        self.delta, self.size, self.step = delta, block_size, epsilon_prime * alpha
        self.term, self.opened, self.t = compress_term, 0, 0
        self.warning = False
        self.blocks: list[list[tuple[float, float]]] = [[]]
        self.sizes = [block_size]

    def compress(self) -> None:
        k, epsilon = len(self.blocks) - 1, 0.0
        while k > 0:
            epsilon += self.step
            if abs(mean(self.blocks[k]) - mean(self.blocks[k - 1])) < epsilon:
                self.blocks[k - 1] += self.blocks.pop(k)
                self.sizes[k - 1] += self.sizes.pop(k)
            k -= 1

    def update(self, x: float) -> bool:
        self.t += 1
        if len(self.blocks[-1]) == self.sizes[-1]:
            if len(self.blocks) > 1 and self.opened > self.term:
                self.opened = 0
                self.compress()
            self.blocks.append([])
            self.sizes.append(self.size)
            self.opened += 1
        values = [*self.flat(), (x, 0.0)]
        n, total = len(values), math.fsum(v for v, _ in values)
        added = (n - 1) * (x - total / (n - 1)) ** 2 / n if n >= 2 else 0.0
        self.blocks[-1].append((x, added))
        return self.t % self.size == 0 and len(self.blocks) >= 2 and self.test()

    def flat(self) -> list[tuple[float, float]]:
        return [pair for block in self.blocks for pair in block]

    def test(self) -> bool:
        values = self.flat()
        n = len(values)
        v = math.fsum(added for _, added in values) / n
        for k in range(len(self.blocks) - 1, 0, -1):
            old = [pair for block in self.blocks[:k] for pair in block]
            new = values[len(old) :]
            m, dd = 1 / len(old) + 1 / len(new), math.log(2 * math.log(n) / self.delta)
            if abs(mean(new) - mean(old)) > math.sqrt(2 * m * v * dd) + 2 / 3 * dd * m:
                self.blocks, self.sizes = self.blocks[k:], self.sizes[k:]
                return True
        return False


def mean(block: list[tuple[float, float]]) -> float:
    return math.fsum(x for x, _ in block) / len(block)
