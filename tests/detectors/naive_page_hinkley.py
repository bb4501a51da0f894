"""Page-Hinkley written down plainly: two fading sums of deviations from the running mean."""

from __future__ import annotations

import math


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

    def update(self, x: float) -> bool:
        self.n += 1
        self.mean = self.mean + (1 / self.n) * (x - self.mean)
        self.rise = self.alpha * self.rise + (x - self.mean) - self.delta
        self.fall = self.alpha * self.fall + (x - self.mean) + self.delta
        self.lowest = min(self.lowest, self.rise)
        self.highest = max(self.highest, self.fall)
        up = self.mode != "down" and self.rise - self.lowest > self.threshold
        down = self.mode != "up" and self.highest - self.fall > self.threshold
        alarm = self.n >= self.min_instances and (up or down)
        if alarm:
            self.start()
        return alarm
