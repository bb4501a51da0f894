"""Slow, obvious versions of the linear models: lists of floats, one formula per line."""

from __future__ import annotations

import math

import numpy as np


class NaiveMoments:
    def __init__(self) -> None:
        self.evidence = self.mean = self.squares = 0.0

    def deviation(self) -> float:
        return math.sqrt(self.squares / self.evidence) if self.evidence else 0.0

    def take(self, value: float, weight: float, fading: float, clip: float) -> None:
        if self.evidence > 30 and self.squares > 0:
            reach = clip * self.deviation()
            value = self.mean + max(-reach, min(reach, value - self.mean))
        before = self.mean
        self.evidence = fading * self.evidence + weight
        self.mean = before + weight * (value - before) / self.evidence
        self.squares = fading * self.squares + weight * (value - before) * (value - self.mean)


def usable(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= 1e100


class NaiveScaler:
    def __init__(self, d: int, fading: float, clip: float) -> None:
        self.columns = [NaiveMoments() for _ in range(d)]
        self.fading, self.clip = fading, clip

    def take(self, x: np.ndarray, weight: float) -> None:
        for column, value in zip(self.columns, x, strict=True):
            if usable(value):
                column.take(float(value), weight, self.fading, self.clip)

    def scaled(self, x: np.ndarray) -> np.ndarray:
        z = []
        for column, value in zip(self.columns, x, strict=True):
            known = usable(value) and column.squares > 0
            scaled = (value - column.mean) / column.deviation() if known else 0.0
            z.append(max(-self.clip, min(self.clip, scaled)))
        return np.array([*z, 1.0])


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max())
    return p / p.sum()


class NaiveLogistic:
    def __init__(self, d: int, k: int, rate: float, l2: float, fading: float, clip: float) -> None:
        self.scaler = NaiveScaler(d, fading, clip)
        self.rate, self.l2, self.fading = rate, l2, fading
        self.W = np.zeros((k, d + 1))
        self.evidence = 0.0
        self.n_skipped = 0
        self.scale, self.shift = np.ones(d), np.zeros(d)

    def _inputs(self, x: np.ndarray) -> np.ndarray:
        z = self.scaler.scaled(x)
        z[:-1] = z[:-1] * self.scale + self.shift
        return z

    def predict(self, x: np.ndarray) -> np.ndarray:
        return softmax(self.W @ self._inputs(x))

    def learn(self, x: np.ndarray, y: int, w: float) -> None:
        if w == 0:
            return
        good_weight = math.isfinite(w) and w > 0
        if not (good_weight and y in range(len(self.W)) and any(usable(v) for v in x)):
            self.n_skipped += 1
            return
        self.scaler.take(x, w)
        self.evidence = self.fading * self.evidence + w
        z = self._inputs(x)
        rate = w * max(self.rate, 1 / math.sqrt(max(1, self.evidence)))
        wanted = np.eye(len(self.W))[y] - softmax(self.W @ z)
        self.W[:, :-1] /= 1 + rate * self.l2
        self.W += rate / (1 + rate * 0.25 * (z @ z)) * np.outer(wanted, z)


class NaiveLinear:
    def __init__(
        self, d: int, rate: float, l2: float, fading: float, clip: float, clip_error: float
    ) -> None:
        self.scaler = NaiveScaler(d, fading, clip)
        self.target = NaiveMoments()
        self.rate, self.l2, self.fading, self.clip_error = rate, l2, fading, clip_error
        self.w = np.zeros(d + 1)
        self.evidence = 0.0
        self.n_skipped = 0
        self.errors: list[tuple[float, float]] = []  # (weight, squared error), winsorised

    def predict(self, x: np.ndarray) -> float:
        return self.target.mean + self.target.deviation() * float(self.w @ self.scaler.scaled(x))

    def mean_square(self) -> float:
        return sum(w * e for w, e in self.errors) / sum(w for w, _ in self.errors)

    def _note_error(self, error: float, w: float) -> None:
        if sum(weight for weight, _ in self.errors) > 30 and self.mean_square() > 0:
            reach = self.clip_error * math.sqrt(self.mean_square())
            error = max(-reach, min(reach, error))
        faded = [(weight * self.fading * 0.999, e) for weight, e in self.errors]
        self.errors = [*faded, (w, error**2)]

    def learn(self, x: np.ndarray, y: float, w: float) -> None:
        if w == 0:
            return
        good_weight = math.isfinite(w) and w > 0
        if not (good_weight and usable(y) and any(usable(v) for v in x)):
            self.n_skipped += 1
            return
        if self.target.evidence:
            self._note_error(y - self.predict(x), w)
        self.scaler.take(x, w)
        self.target.take(y, w, self.fading, self.clip_error)
        self.evidence = self.fading * self.evidence + w
        if not self.target.deviation():
            return
        z = self.scaler.scaled(x)
        error = (y - self.target.mean) / self.target.deviation() - self.w @ z
        error = max(-self.clip_error, min(self.clip_error, error))
        rate = w * max(self.rate, 1 / math.sqrt(max(1, self.evidence)))
        self.w[:-1] /= 1 + rate * self.l2
        self.w += rate / (1 + rate * (z @ z)) * error * z
