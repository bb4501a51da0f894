"""ADWIN over bits as a list of buckets, looked through at every thirty-second bit."""

from __future__ import annotations

import math


class NaiveWindow:
    """Buckets of (bits, set bits), oldest first; at most five of a size."""

    def __init__(self, delta: float) -> None:
        self.delta, self.n_seen = delta, 0
        self.buckets: list[tuple[int, int]] = []

    @property
    def width(self) -> int:
        return sum(size for size, _ in self.buckets)

    @property
    def mean(self) -> float:
        return sum(total for _, total in self.buckets) / self.width if self.buckets else 0.0

    def take(self, bit: int) -> str:
        before = self.mean
        self.n_seen += 1
        self.buckets.append((1, bit))
        self.merge()
        n_dropped = 0
        while self.n_seen % 32 == 0 and self.width > 10 - n_dropped * 10 and self.has_cut():
            self.buckets.pop(0)
            n_dropped += 1
        if n_dropped == 0:
            return "uncut"
        return "rose" if self.mean > before else "fell" if self.mean < before else "stayed"

    def merge(self) -> None:
        size = 1
        while [s for s, _ in self.buckets].count(size) > 5:
            first = [s for s, _ in self.buckets].index(size)
            (_, a), (_, b) = self.buckets[first : first + 2]
            self.buckets[first : first + 2] = [(2 * size, a + b)]
            size *= 2

    def has_cut(self) -> bool:
        n, p = self.width, self.mean
        log_term = math.log(2 * math.log(n) / self.delta)
        for cut in range(1, len(self.buckets)):
            old, new = self.buckets[:cut], self.buckets[cut:]
            n0, n1 = sum(s for s, _ in old), sum(s for s, _ in new)
            if n0 <= 6 or n1 <= 6:
                continue
            m = 1 / (n0 - 4) + 1 / (n1 - 4)
            bound = math.sqrt(2 * m * p * (1 - p) * log_term) + 2 / 3 * log_term * m
            if abs(sum(t for _, t in old) / n0 - sum(t for _, t in new) / n1) > bound:
                return True
        return False
