"""DriftMoE as published, slowly: NumPy in float64 for the router, Python trees, no shortcut.

MoE-Task keeps its trees here, as the paper has it, so that a test can show that they decide
nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.models.drift_moe import DriftMoEClassifier
from streamadapt.models.router_kernels import draw_dropout
from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree

RATE, BATCH = 2e-3, 256


class NaiveRouter:
    """Affine layers and rectifiers, binary cross-entropy, Adam: as in a textbook."""

    def __init__(self, layers: list[FloatArray]) -> None:
        self.layers = layers  # weights, and intercepts as last row
        self.moments = [np.zeros_like(layer) for layer in layers]
        self.squares = [np.zeros_like(layer) for layer in layers]
        self.t = 0

    @classmethod
    def like(cls, ours: DriftMoEClassifier) -> NaiveRouter:
        """Return one with the weights that `ours` has now."""
        state = ours.state()
        return cls([state.floats(name)[0] for name in ("first", "second", "third")])

    def outputs(self, x: FloatArray, kept: FloatArray) -> list[FloatArray]:
        hidden = np.maximum(np.append(x, 1.0) @ self.layers[0], 0.0) * kept
        second = np.maximum(np.append(hidden, 1.0) @ self.layers[1], 0.0)
        return [hidden, second, np.append(second, 1.0) @ self.layers[2]]

    def gradients(self, x: FloatArray, kept: FloatArray, mask: FloatArray) -> list[FloatArray]:
        """Return those of the mean binary cross-entropy over the outputs."""
        logits = self.outputs(x, kept)[2]
        return self.gradients_of(x, kept, (1.0 / (1.0 + np.exp(-logits)) - mask) / len(mask))

    def gradients_of(self, x: FloatArray, kept: FloatArray, slope: FloatArray) -> list[FloatArray]:
        """Return those of a loss with this slope at the logits."""
        hidden, second, _ = self.outputs(x, kept)
        last = np.outer(np.append(second, 1.0), slope)
        slope = (self.layers[2][:-1] @ slope) * (second > 0)
        middle = np.outer(np.append(hidden, 1.0), slope)
        slope = (self.layers[1][:-1] @ slope) * kept * (hidden > 0)
        return [np.outer(np.append(x, 1.0), slope), middle, last]

    def step(self, gradients: list[FloatArray]) -> None:
        self.t += 1
        for i, g in enumerate(gradients):
            self.moments[i] = 0.9 * self.moments[i] + 0.1 * g
            self.squares[i] = 0.999 * self.squares[i] + 0.001 * g * g
            m = self.moments[i] / (1 - 0.9**self.t)
            v = self.squares[i] / (1 - 0.999**self.t)
            self.layers[i] = self.layers[i] - RATE * m / (np.sqrt(v) + 1e-8)


class NaiveDriftMoE:
    """Either mode; starts from the weights that `ours` starts from."""

    def __init__(self, ours: DriftMoEClassifier, **tree: Any) -> None:
        self.router = NaiveRouter.like(ours)
        self.ours, self.d, self.k = ours, ours.n_features, ours.n_classes
        self.is_task = ours.mode == "task"
        n = self.k if self.is_task else ours.n_models
        k = 2 if self.is_task else self.k
        self.trees = [NaiveHoeffdingTree(self.d, k, **tree) for _ in range(n)]
        self.n_learned = 0
        self.batch: list[list[FloatArray]] = []
        self.n_trained = [0] * n

    def kept(self) -> FloatArray:
        kept = np.ones(len(self.router.layers[1]) - 1, np.float32)
        if self.is_task:
            draw_dropout(self.ours.seed, self.n_learned, kept)
        return kept.astype(np.float64)

    def logits(self, row: list[float]) -> FloatArray:
        return self.router.outputs(self.inputs(row), self.kept())[2]

    @staticmethod
    def inputs(row: list[float]) -> FloatArray:
        return np.nan_to_num(np.array(row), nan=0.0)

    def votes(self, row: list[float]) -> FloatArray:
        return np.array([tree.predict(row) for tree in self.trees])

    def predict(self, row: list[float]) -> FloatArray:
        logits = self.logits(row)
        if self.is_task:
            p = 1.0 / (1.0 + np.exp(-logits))
            return p / p.sum()
        return self.votes(row)[logits.argmax()]

    def mask(self, row: list[float], y: int) -> FloatArray:
        """Return which trees are right; if none is, the one that gives the label most."""
        votes = self.votes(row)
        if self.is_task:
            says = votes.argmax(axis=1)
            mask = np.array([float(says[c] == 1 and y == c) for c in range(self.k)])
            if mask.sum() == 0:
                mask[y] = 1.0
            return mask
        mask = (votes.argmax(axis=1) == y).astype(float)
        if mask.sum() == 0:
            mask[votes[:, y].argmax()] = 1.0
        return mask

    def learn(self, row: list[float], y: int) -> None:
        x, kept, mask = self.inputs(row), self.kept(), self.mask(row, y)
        best = np.argsort(-self.logits(row), kind="stable")[: self.ours.top_k]
        self.batch.append(self.router.gradients(x, kept, mask))
        if len(self.batch) == (1 if self.is_task else BATCH):
            self.router.step([np.mean(g, axis=0) for g in zip(*self.batch, strict=True)])
            self.batch.clear()
        for m in range(self.k) if self.is_task else best:
            self.trees[m].learn(row, int(y == m) if self.is_task else y, 1.0)
            self.n_trained[m] += 1
        self.n_learned += 1


class NaiveMixture:
    """How the variant of this package weighs its experts, given what they say about each row."""

    def __init__(self, ours: DriftMoEClassifier, n_experts: int) -> None:
        self.router, self.ours, self.k = NaiveRouter.like(ours), ours, ours.n_classes
        self.skills = np.full(n_experts + 1, 0.5)  # last, the router's own
        self.rows: list[FloatArray] = []
        self.batch: list[list[FloatArray]] = []

    def inputs(self, row: FloatArray) -> FloatArray:
        """Return a row in deviations from the rows learned so far, which vary and lack nothing."""
        if len(self.rows) < 2:
            return np.zeros(len(row))
        seen = np.array(self.rows)
        spread = seen.std(axis=0)
        z = (row - seen.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
        return np.where(spread > 0.0, np.clip(z, -5.0, 5.0), 0.0)

    def logits(self, row: FloatArray) -> FloatArray:
        kept = np.ones(len(self.router.layers[1]) - 1)
        return self.router.outputs(self.inputs(row), kept)[2]

    def said(self, row: FloatArray, votes: FloatArray) -> FloatArray:
        """Return all experts' votes [m, k], the router's last; zeros of those that know nothing."""
        own = np.exp(self.logits(row)[len(votes) + 1 :])
        own = own / own.sum() if self.rows else own * 0.0
        return np.vstack([votes, own])

    def predict(self, row: FloatArray, votes: FloatArray) -> FloatArray:
        said = self.said(row, votes)
        logits = self.logits(row)[: len(said)]
        weights = self.skills**self.ours.sharpness * np.exp(self.ours.trust * logits)
        p = (weights * (said.sum(axis=1) > 0.0)) @ said
        return p / p.sum() if p.sum() > 0.0 else np.full(self.k, 1.0 / self.k)

    def learn(self, row: FloatArray, votes: FloatArray, y: int) -> None:
        said, logits = self.said(row, votes), self.logits(row)
        knows = said.sum(axis=1) > 0.0
        mask = (said.argmax(axis=1) == y) & knows
        own = np.exp(logits[len(said) :])
        slope = np.append(
            (1.0 / (1.0 + np.exp(-logits[: len(said)])) - mask) / len(said),
            own / own.sum() - (np.arange(self.k) == y),
        )
        kept = np.ones(len(self.router.layers[1]) - 1)
        self.batch.append(self.router.gradients_of(self.inputs(row), kept, slope))
        fading = self.ours.fading_factor
        self.skills = fading * self.skills + (1.0 - fading) * mask
        if len(self.batch) == 16:
            self.router.step([np.mean(g, axis=0) for g in zip(*self.batch, strict=True)])
            self.batch.clear()
        self.rows.append(row)
