"""Nearest neighbours with two memories, from lists, with River's ADWIN."""

from __future__ import annotations

import numpy as np
from river import drift

Row = tuple[np.ndarray, int]


class NaiveSAMKNN:
    """What `SAMKNNClassifier` says it does, row by row."""

    def __init__(
        self, k: int, n_neighbors: int, most: int, least: int, n_long: int, delta: float
    ) -> None:
        self.k, self.n_neighbors = k, n_neighbors
        self.most, self.least, self.n_long = most, least, n_long
        self.adwin = drift.ADWIN(delta)
        self.seen: list[np.ndarray] = []
        self.short: list[Row] = []
        self.long: list[Row] = []
        self.hits: list[list[bool]] = []

    def complete(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.mean(), x)

    def mean(self) -> np.ndarray:
        X = np.array(self.seen)
        return np.array([
            col[~np.isnan(col)].mean() if (~np.isnan(col)).any() else 0.0
            for col in (X.T if len(X) else np.full((2, 1), np.nan))
        ])  # fmt: skip

    def scales(self) -> np.ndarray:
        X = np.array(self.seen)
        if not len(X):
            return np.zeros(2)
        variances = np.array(
            [col[~np.isnan(col)].var() if (~np.isnan(col)).any() else 0.0 for col in X.T]
        )
        return np.where(variances > 0.0, 1.0 / np.where(variances > 0.0, variances, 1.0), 0.0)

    def nearest(self, z: np.ndarray, memory: list[Row]) -> list[tuple[float, int]]:
        scales = self.scales()
        far = [(float((((z - r) ** 2) * scales).sum()), -i, c) for i, (r, c) in enumerate(memory)]
        return [(f, c) for f, _, c in sorted(far)[: self.n_neighbors]]

    def vote(self, near: list[tuple[float, int]]) -> np.ndarray:
        shares = np.zeros(self.k)
        for f, c in near:
            shares[c] += 1.0 / max(np.sqrt(f), 1e-9)
        return shares / shares.sum() if near else np.full(self.k, 1.0 / self.k)

    def votes(self, z: np.ndarray) -> list[np.ndarray]:
        return [
            self.vote(self.nearest(z, m)) for m in (self.short, self.long, self.long + self.short)
        ]

    def predict(self, x: np.ndarray) -> np.ndarray:
        right = np.sum(self.hits, axis=0) if self.hits else np.zeros(3)
        best = int(np.argmax(right)) if self.long else 0
        return self.votes(self.complete(x))[best]

    def clean(self, z: np.ndarray, label: int, bound: float) -> None:
        near = self.nearest(z, self.long)
        if not near or bound < 0.0:
            return
        bound, scales = min(bound, near[-1][0]), self.scales()
        self.long = [
            (r, c)
            for r, c in self.long
            if c == label or float((((z - r) ** 2) * scales).sum()) > bound
        ]

    def bound(self, z: np.ndarray, label: int) -> float:
        return max([f for f, c in self.nearest(z, self.short) if c == label], default=-1.0)

    def to_long(self) -> None:
        if len(self.long) == self.n_long:
            self.long = self.long[1::2]
        self.long.append(self.short.pop(0))
        self.hits.pop(0)

    def learn(self, x: np.ndarray, label: int) -> None:
        z = self.complete(x)
        guesses = [int(v.argmax()) for v in self.votes(z)]
        self.clean(z, label, self.bound(z, label))
        if len(self.short) == self.most:
            self.to_long()
        self.short.append((z, label))
        self.hits.append([g == label for g in guesses])
        self.seen.append(x)
        self.adwin.update(float(guesses[0] != label))
        if self.adwin.drift_detected:
            # The kernel measures with the scales of before this row; so must this.
            last = self.seen.pop()
            while len(self.short) > max(int(self.adwin.width), self.least):
                self.to_long()
            for r, c in self.short:
                self.clean(r, c, self.bound(r, c))
            self.seen.append(last)
