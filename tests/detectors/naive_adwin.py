"""ADWIN written down plainly: a list of buckets, oldest first, merged and cut in sight."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Bucket:
    n: int
    total: float
    variance: float


class NaiveADWIN:
    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        self.delta, self.clock, self.max_buckets = delta, clock, max_buckets
        self.min_window_length, self.grace_period = min_window_length, grace_period
        self.start()

    def start(self) -> None:
        self.buckets: list[Bucket] = []
        self.width, self.total, self.variance, self.drift_detected = 0, 0.0, 0.0, False

    def update(self, x: float) -> None:
        if self.drift_detected:
            self.start()
        self.insert(x)
        if self.width % self.clock == 0 and self.width > self.grace_period:
            while self.has_cut():
                self.drift_detected = True
                self.drop_oldest()

    def insert(self, x: float) -> None:
        self.width += 1
        if self.width > 1:
            deviation = x - self.total / (self.width - 1)
            self.variance += (self.width - 1) * deviation * deviation / self.width
        self.total += x
        self.buckets.append(Bucket(1, x, 0.0))
        self.merge()

    def merge(self) -> None:
        n = 1
        while sum(b.n == n for b in self.buckets) > self.max_buckets:
            i = next(i for i, b in enumerate(self.buckets) if b.n == n)
            a, b = self.buckets[i : i + 2]
            gap = a.total / n - b.total / n
            variance = a.variance + b.variance + n * 0.5 * gap * gap
            self.buckets[i : i + 2] = [Bucket(2 * n, a.total + b.total, variance)]
            n *= 2

    def has_cut(self) -> bool:
        old, young, old_total, young_total = 0, self.width, 0.0, self.total
        for bucket in self.buckets[:-1]:
            old, young = old + bucket.n, young - bucket.n
            old_total, young_total = old_total + bucket.total, young_total - bucket.total
            if min(old, young) >= self.min_window_length:
                epsilon = self.epsilon(old, young)
                if abs(old_total / old - young_total / young) > epsilon:
                    return True
        return False

    def epsilon(self, old: int, young: int) -> float:
        shorter = self.min_window_length - 1
        recip = 1 / (old - shorter) + 1 / (young - shorter)
        log_term = math.log(2 * math.log(self.width) / self.delta)
        squared = 2 * recip * (self.variance / self.width) * log_term
        return (math.sqrt(squared) if squared >= 0 else math.nan) + 2 / 3 * log_term * recip

    def drop_oldest(self) -> None:
        bucket = self.buckets.pop(0)
        self.width -= bucket.n
        self.total -= bucket.total
        gap = bucket.total / bucket.n - self.total / self.width
        between = bucket.n * self.width * gap * gap / (bucket.n + self.width)
        self.variance -= bucket.variance + between
