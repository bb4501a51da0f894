"""Page-Hinkley written down plainly: two fading sums of deviations from the running mean."""

from __future__ import annotations

import math
from math import fsum


class NaivePageHinkley:
    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: str = "both",
    ) -> None:
        self.min_instances, self.delta, self.threshold = min_instances, delta, threshold
        self.alpha, self.mode = alpha, mode
        self.start()

    def start(self) -> None:
        self.n, self.mean, self.rise, self.fall = 0, 0.0, 0.0, 0.0
        self.lowest, self.highest = math.inf, -1.0
        self.values: list[float] = []
        self.n_at_lowest = self.n_at_highest = 0

    def update(self, x: float) -> bool:
        self.n += 1
        self.mean = self.mean + (1 / self.n) * (x - self.mean)
        self.rise = self.alpha * self.rise + (x - self.mean) - self.delta
        self.fall = self.alpha * self.fall + (x - self.mean) + self.delta
        self.values.append(x)
        if self.rise < self.lowest:
            self.lowest, self.n_at_lowest = self.rise, self.n
        if self.fall > self.highest:
            self.highest, self.n_at_highest = self.fall, self.n
        up = self.mode != "down" and self.rise - self.lowest > self.threshold
        down = self.mode != "up" and self.highest - self.fall > self.threshold
        alarm = self.n >= self.min_instances and (up or down)
        if alarm:
            self.explain(1 if up else -1)
            self.start()
        return alarm

    def explain(self, direction: int) -> None:
        n_before = self.n_at_lowest if direction > 0 else self.n_at_highest
        before, after = self.values[:n_before], self.values[n_before:]
        gap = fsum(after) / len(after) - fsum(before) / n_before if before else 0.0
        self.alarm_direction, self.alarm_age = direction, len(after)
        self.alarm_size = gap if gap * direction > 0 else 0.0
        self.alarm_statistic = (
            self.rise - self.lowest if direction > 0 else self.highest - self.fall
        )
