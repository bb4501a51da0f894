"""Kernels of the passive-aggressive learners: no step if the margin suffices, else just enough."""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel
from streamadapt.models.linear_kernels import (
    HUGE,
    MAX_WEIGHT,
    any_usable,
    bounded,
    softmax,
    usable,
    weigh,
)

__all__ = ["pa_logit_rows", "run_pa_classifier", "run_pa_regressor"]

PERFECT, LINEAR, SQUARED = 0, 1, 2  # PA, PA-I, PA-II
MODE, AGGRESSIVENESS, INTERCEPT, EPS = 0, 1, 2, 3


@kernel
def take_row(x: FloatArray, z: FloatArray) -> float:
    """Fill z with x, 0 where it cannot be used; return the sum of squares."""
    total = 0.0
    for j in range(x.shape[0]):
        z[j] = x[j] if usable(x[j]) else 0.0
        total += z[j] * z[j]
    return total


@kernel
def step_size(loss: float, norm: float, weight: float, settings: FloatArray) -> float:
    """Return tau of Crammer et al. (2006); weights scale the aggressiveness C."""
    mode, bound = settings[MODE], settings[AGGRESSIVENESS] * weight
    if mode == SQUARED:
        tau = loss / (norm + 0.5 / bound)
    elif norm > 0.0:
        tau = loss / norm
        if mode == LINEAR:
            tau = min(bound, tau)
    else:
        tau = 0.0
    return float(min(tau, HUGE))


@kernel
def move(weights: FloatArray, z: FloatArray, step: float, intercept: bool) -> None:
    d = z.shape[0]
    for j in range(d):
        weights[j] = bounded(weights[j] + step * z[j], HUGE)
    if intercept:
        weights[d] = bounded(weights[d] + step, HUGE)


@kernel
def fill_logits(weights: FloatArray, z: FloatArray, out: FloatArray) -> None:
    """Two classes share one vector of weights: class 0 has the logit 0."""
    if weights.shape[0] == 1:
        out[0], out[1] = 0.0, weigh(weights[0], z)
        return
    for c in range(weights.shape[0]):
        out[c] = weigh(weights[c], z)


@kernel
def pa_logit_rows(X: FloatArray, weights: FloatArray, z: FloatArray, out: FloatArray) -> None:
    """Fill out float64 [n, k] with the logits of the rows of X; z [d] is scratch."""
    for i in range(X.shape[0]):
        take_row(X[i], z)
        fill_logits(weights, z, out[i])


@kernel
def run_pa_classifier(
    ops: OpArray,
    X: FloatArray,
    y: IntArray,
    w: FloatArray,
    settings: FloatArray,
    weights: FloatArray,
    scratch: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order; weights [1 or k, d + 1]; scratch [2, max(d, k)]."""
    k, d = P.shape[1], X.shape[1]
    z, scores = scratch[0, :d], scratch[1, :k]
    intercept = settings[INTERCEPT] > 0.0
    for i in range(X.shape[0]):
        learns = ops[i] & LEARN and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            skipped[0] += 1
            learns = False
        if not (learns or ops[i] & PREDICT):
            continue
        norm = take_row(X[i], z)
        fill_logits(weights, z, scores)
        if ops[i] & PREDICT:
            P[i] = scores
            softmax(P[i])
        if not learns:
            continue
        weight = min(w[i], MAX_WEIGHT)
        if weights.shape[0] == 1:
            sign = 1.0 if y[i] == 1 else -1.0
            loss = max(0.0, 1.0 - sign * scores[1])
            move(weights[0], z, sign * step_size(loss, norm, weight, settings), intercept)
            continue
        rival = -1
        for c in range(k):
            if c != y[i] and (rival < 0 or scores[c] > scores[rival]):
                rival = c
        loss = max(0.0, 1.0 - (scores[y[i]] - scores[rival]))
        tau = step_size(loss, 2.0 * norm, weight, settings)
        move(weights[y[i]], z, tau, intercept)
        move(weights[rival], z, -tau, intercept)


@kernel
def run_pa_regressor(
    ops: OpArray,
    X: FloatArray,
    y: FloatArray,
    w: FloatArray,
    settings: FloatArray,
    weights: FloatArray,
    scratch: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order; weights [1, d + 1]; scratch [2, d]."""
    z = scratch[0, : X.shape[1]]
    intercept = settings[INTERCEPT] > 0.0
    for i in range(X.shape[0]):
        learns = ops[i] & LEARN and w[i] != 0.0
        if learns and not (usable(y[i]) and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            skipped[0] += 1
            learns = False
        if not (learns or ops[i] & PREDICT):
            continue
        norm = take_row(X[i], z)
        guess = weigh(weights[0], z)
        if ops[i] & PREDICT:
            P[i, 0] = guess
        if not learns:
            continue
        error = y[i] - guess
        loss = max(0.0, math.fabs(error) - settings[EPS])
        tau = step_size(loss, norm, min(w[i], MAX_WEIGHT), settings)
        move(weights[0], z, math.copysign(tau, error), intercept)
