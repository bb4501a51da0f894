"""Functional-link learners as their formulas say, slowly: normal equations, solved at each row."""

from __future__ import annotations

import numpy as np

_MARGIN = 0.01


def hidden(z: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-(z @ weights + bias)))


class PublishedLiteRVFL:
    """Lite-RVFL in its own form: growing weights theta^(2t), Woodbury's identity, W = P Q.

    Formulas from arXiv 2506.08063 and the authors' program, not their text.
    """

    def __init__(self, theta: float, reg: float, weights: np.ndarray, bias: np.ndarray) -> None:
        self.theta, self.reg = theta, reg
        self.weights, self.bias = weights, bias

    def features(self, X: np.ndarray) -> np.ndarray:
        z = (np.atleast_2d(X) - self.mean) / (self.deviation + _MARGIN)
        return np.hstack([z, hidden(z, self.weights, self.bias)])

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Learn the first batch X [n, d], Y [n, k]."""
        self.mean, self.deviation = X.mean(axis=0), X.std(axis=0)
        A = self.features(X)
        D = np.diag(self.theta ** (2.0 * np.arange(len(X))))
        self.P = np.linalg.inv(A.T @ D @ A + self.reg * np.eye(A.shape[1]))
        self.Q = A.T @ D @ Y
        self.W = self.P @ self.Q
        self.t = len(X)

    def scores(self, x: np.ndarray) -> np.ndarray:
        return (self.features(x) @ self.W)[0]

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        a = self.features(x)
        growth = self.theta ** (2 * self.t)
        inner = np.linalg.inv(np.eye(1) + growth * a @ self.P @ a.T)
        self.P = self.P - growth * self.P @ a.T @ inner @ a @ self.P
        self.Q = self.Q + growth * a.T @ y[None, :]
        self.W = self.P @ self.Q
        self.t += 1


class NaiveStable:
    """The stable form by normal equations: each row's ridge is kept per direction and refilled.

    Rows come as features; targets in deviations from what scores start at.
    """

    def __init__(self, m: int, k: int, factor: float, reg: float) -> None:
        self.factor, self.reg = factor, reg
        self.S, self.Q = np.zeros((m, m)), np.zeros((m, k))
        self.ridge = np.full(m, reg)
        self.n = 0

    def scores(self, a: np.ndarray) -> np.ndarray:
        return a @ np.linalg.solve(self.S + np.diag(self.ridge), self.Q)

    def learn(self, a: np.ndarray, y: np.ndarray, weight: float) -> None:
        factor = self.factor if self.n else 1.0
        self.S = factor * self.S + weight * np.outer(a, a)
        self.Q = factor * self.Q + weight * np.outer(a, y)
        self.ridge *= factor
        self.ridge[self.n % len(self.ridge)] = self.reg
        self.n += 1
