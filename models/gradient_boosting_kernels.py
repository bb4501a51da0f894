"""Kernels of gradient boosting: what each tree is to learn of a block of rows."""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel

__all__ = ["fill_newton_steps", "fill_probabilities"]

_MAX_STEP = 4.0  # of Friedman, Hastie and Tibshirani (2000), who propose 2 to 4
_MIN_SHARE = 1e-3  # a row counts at least so much
_PER_HESSIAN = 4.0  # the hessian is at most 1/4, and rows shall count up to 1


@kernel
def _sigmoid(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-score)) if score >= 0.0 else 1.0 - 1.0 / (1.0 + math.exp(score))


@kernel
def _fill_shares(scores: FloatArray, i: int, shares: FloatArray) -> None:
    """Fill shares [k] with row i's probabilities; a lone score is that of the second of two."""
    if scores.shape[1] == 1:
        shares[1] = _sigmoid(scores[i, 0])
        shares[0] = 1.0 - shares[1]
        return
    most, total = -math.inf, 0.0
    for c in range(scores.shape[1]):
        most = max(most, scores[i, c])
    for c in range(scores.shape[1]):
        shares[c] = math.exp(scores[i, c] - most)
        total += shares[c]
    for c in range(scores.shape[1]):
        shares[c] /= total


@kernel
def fill_newton_steps(
    ops: OpArray, scores: FloatArray, y: IntArray, w: FloatArray, shares: FloatArray,
    steps: FloatArray, weights: FloatArray,
) -> None:  # fmt: skip
    """Fill steps and weights float64 [s, n] with what the tree of each score is to learn, and how.

    A step is minus gradient over hessian of the log loss by the score, at most `_MAX_STEP`.
    ``shares`` float64 [k] is scratch.
    """
    n_scores = scores.shape[1]
    for i in range(len(ops)):
        if ops[i] & LEARN == 0:
            continue
        _fill_shares(scores, i, shares)
        for s in range(n_scores):
            c = 1 if n_scores == 1 else s
            gradient = (1.0 if y[i] == c else 0.0) - shares[c]
            hessian = shares[c] * (1.0 - shares[c])
            step = gradient / hessian if hessian > 0.0 else math.copysign(_MAX_STEP, gradient)
            steps[s, i] = min(max(step, -_MAX_STEP), _MAX_STEP)
            weights[s, i] = w[i] * max(_PER_HESSIAN * hessian, _MIN_SHARE)


@kernel
def fill_probabilities(scores: FloatArray, shares: FloatArray, P: FloatArray) -> None:
    """Fill P float64 [n, k] with the probabilities of all rows."""
    for i in range(P.shape[0]):
        _fill_shares(scores, i, shares)
        for c in range(P.shape[1]):
            P[i, c] = shares[c]
