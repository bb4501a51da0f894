"""Two small learners that keep every law, in plain Python: what a stranger would write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, LearningTask, OpArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.state import State


def usable(x: FloatArray) -> FloatArray:
    """Return x with what is missing, infinite or huge replaced by 0."""
    return np.where(np.abs(x) < 1e6, x, 0.0)


class NearestMean:
    """Class probabilities from distances to running class means; has every optional ability."""

    learning_task = LearningTask.CLASSIFICATION
    kind = "nearest_mean"

    def __init__(self, n_features: int, n_classes: int) -> None:
        self.n_features, self.n_outputs = n_features, n_classes
        self.n = np.zeros(n_classes)
        self.sums = np.zeros((n_classes, n_features))
        self.scale, self.shift = np.ones(n_features), np.zeros(n_features)

    def run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray | None = None
    ) -> FloatArray:
        P = np.full((len(X), self.n_outputs), np.nan)
        for i in range(len(X)):
            if ops[i] & PREDICT:
                P[i] = self.predict_row(X[i])
            if ops[i] & LEARN:
                self.learn_row(X[i], y[i], 1.0 if w is None else float(w[i]))
        return P

    def predict_row(self, x: FloatArray) -> FloatArray:
        z = self.logits_row(x)
        e = np.exp(z - z.max())
        p: FloatArray = e / e.sum()
        return p

    def logits_row(self, x: FloatArray) -> FloatArray:
        z = np.zeros(self.n_outputs)
        row = self.features_row(x)
        for k in range(self.n_outputs):
            difference = row - self.sums[k] / (self.n[k] + 1.0)
            z[k] = -(difference * difference).sum() / self.n_features
        return z

    def features_row(self, x: FloatArray) -> FloatArray:
        return usable(x) * self.scale + self.shift

    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        if label in range(self.n_outputs) and weight > 0:
            self.n[int(label)] += weight
            self.sums[int(label)] += weight * usable(x)

    def adapt(self, X: FloatArray) -> None:
        pass

    def forget(self, factor: float) -> None:
        self.n *= factor
        self.sums *= factor

    def features(self, X: FloatArray) -> FloatArray:
        return np.array([self.features_row(x) for x in X])

    def logits(self, X: FloatArray) -> FloatArray:
        return np.array([self.logits_row(x) for x in X])

    def affine(self) -> tuple[FloatArray, FloatArray]:
        return self.scale.copy(), self.shift.copy()

    def set_affine(self, scale: FloatArray, shift: FloatArray) -> None:
        self.scale, self.shift = scale.copy(), shift.copy()

    def state(self) -> State:
        arrays = {"n": self.n, "sums": self.sums, "scale": self.scale, "shift": self.shift}
        return State(self.kind, 1, {name: array.copy() for name, array in arrays.items()})

    def restore(self, state: State) -> None:
        state.expect(self.kind, 1)
        n, sums = state.floats("n"), state.floats("sums")
        scale, shift = state.floats("scale"), state.floats("shift")
        fits = (n.shape, sums.shape) == (self.n.shape, self.sums.shape)
        if not fits or not scale.shape == shift.shape == (self.n_features,):
            raise IncompatibleStateError("arrays of other shapes")
        self.n, self.sums, self.scale, self.shift = n, sums, scale, shift


class RecentMean:
    """The exponentially weighted mean of the targets, and how far they are from it."""

    learning_task = LearningTask.REGRESSION
    n_outputs = 1

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self.mean, self.spread = 0.0, 1.0

    def run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray | None = None
    ) -> FloatArray:
        P = np.full((len(X), 1), np.nan)
        for i in range(len(X)):
            if ops[i] & PREDICT:
                P[i] = self.mean
            if ops[i] & LEARN and abs(y[i]) < 1e100 and (w is None or w[i] > 0):
                error = float(y[i]) - self.mean
                self.mean += error / 20
                self.spread += (abs(error) - self.spread) / 20
        return P

    def adapt(self, X: FloatArray) -> None:
        pass

    def interval(self, X: FloatArray, coverage: float) -> FloatArray:
        half = self.spread * coverage / (1 - coverage)
        return np.tile([self.mean - half, self.mean + half], (len(X), 1))

    def state(self) -> State:
        return State("recent_mean", 1, {"mean": self.mean, "spread": self.spread})

    def restore(self, state: State) -> None:
        state.expect("recent_mean", 1)
        self.mean, self.spread = state.number("mean"), state.number("spread")
