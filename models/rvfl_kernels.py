"""Kernels of the random-vector functional-link learner: features, scores, one pass per row learned.

Everything a key owns lies in arrays whose first axis is the key, so one call serves a bank.  With
m features (scaled inputs, random nodes, perhaps a 1) padded by zeros to a multiple of `LANES`:

- ``P`` [keys, m, m]: the inverse of the weighted second moments plus ridge, **before** the last
  row learned; it is symmetric to the last bit, since both triangles see the same operations;
- ``lanes`` [keys, 3, m]: ``U`` and ``V``, the pending change ``P <- scale P - u u' - v v'``, and
  ``RIDGE``, how much of its ridge each direction has left;
- ``W`` [keys, k, m]: weights; ``offset`` [keys, k]: what they are added to;
- ``moments`` [keys, 4, d]: running scaling (`linear_kernels`) and the largest variance so far;
- ``tally`` [keys, N_TALLIES].

That the change is pending is what makes one pass do: the pass that carries it out also computes
``P a`` of the next row, and reads and writes each number once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel
from streamadapt.models.linear_kernels import (
    MAX_WEIGHT,
    any_usable,
    bounded,
    observe,
    scale_row,
    softmax,
    usable,
)

__all__ = [
    "CURSOR",
    "ERROR_EVIDENCE",
    "ERROR_SQUARE",
    "FACTOR",
    "LANES",
    "N_RESETS",
    "N_SETTINGS",
    "N_TALLIES",
    "SCALE",
    "SKIPPED",
    "hidden_rows",
    "logit_rows",
    "run_rvfl",
    "top_up",
]

LANES = 4

U, V, RIDGE = 0, 1, 2

SKIPPED, SCALE, CURSOR, FAST_ERROR, SLOW_ERROR, FAST_Q, FACTOR = 0, 1, 2, 3, 4, 5, 6
N_LEARNED, N_RESETS, ERROR_EVIDENCE, ERROR_SQUARE, TARGET_N, TARGET_M2 = 7, 8, 9, 10, 11, 12
N_TALLIES = 13

LARGEST_FACTOR, LEAST_FACTOR, REG, REINJECTS, SCALING_FADING, CLIP, CLIP_ERROR = 0, 1, 2, 3, 4, 5, 6
ACTIVATION, CLASSIFIES, INTERCEPT, FAST_FADING, SLOW_FADING = 7, 8, 9, 10, 11
N_SETTINGS = 12

SIGMOID, TANH, RELU = 0, 1, 2

_FLOOR = 1e-3  # least score of a class before scores are made to sum to 1
_CEILING = 1e6
_QUIET = 1.2  # errors up to this many times as large as usual are no drift: Paleologu's gamma
_MAX_Q = 1e12  # a' P a beyond this: P has wound up
_MAX_SCORE = 1e120
_MAX_SQUARE, _MAX_CLASS_SQUARE = 1e230, 1e12  # of all errors of a row
_WARM = 30.0
_RESIDUAL_FADING = 0.999
_LEAST_VARIANCE = 1e-12  # of the largest seen: a stuck input can start to move again
_SATURATED = 36.0  # beyond it the logistic function is 0 or 1 to the last bit
_HALVINGS = 10


@kernel
def squash(h: FloatArray, activation: int) -> None:
    """Apply the activation to h in place.

    The exponential is Taylor's series of x / 2^10, squared ten times: exact to 1e-12, and without
    a branch or call, so that the compiler makes vectors of it.
    """
    if activation == RELU:
        for i in range(h.shape[0]):
            h[i] = max(h[i], 0.0)
        return
    double = 2.0 if activation == TANH else 1.0
    for i in range(h.shape[0]):
        x = min(max(-double * h[i], -_SATURATED), _SATURATED) / 1024.0
        e = x * (1.0 / 5040.0) + 1.0 / 720.0
        e = e * x + 1.0 / 120.0
        e = e * x + 1.0 / 24.0
        e = e * x + 1.0 / 6.0
        e = e * x + 0.5
        e = e * x + 1.0
        e = e * x + 1.0
        for _ in range(_HALVINGS):
            e = e * e
        h[i] = double / (1.0 + e) - (double - 1.0)


@kernel
def fill_features(
    x: FloatArray,
    settings: FloatArray,
    moments: FloatArray,
    projection: FloatArray,
    bias: FloatArray,
    a: FloatArray,
) -> None:
    """Fill a with scaled inputs, activated nodes and, with an intercept, a 1."""
    d, n_hidden = projection.shape
    scale_row(x, settings[CLIP], moments, a)
    h = a[d : d + n_hidden]
    for i in range(n_hidden):
        h[i] = bias[i]
    for j in range(d):
        z = a[j]
        row = projection[j]
        for i in range(n_hidden):
            h[i] += z * row[i]
    squash(h, int(settings[ACTIVATION]))
    if settings[INTERCEPT] > 0.0:
        a[d + n_hidden] = 1.0


@kernel
def dot(a: FloatArray, b: FloatArray) -> float:
    """Return a . b in four sums, so that additions need not wait for one another."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for i in range(0, a.shape[0], 4):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
    return (s0 + s1) + (s2 + s3)


@kernel
def settle(
    P: FloatArray, scale: float, u: FloatArray, v: FloatArray, a: FloatArray, g: FloatArray
) -> None:
    """Carry out what is pending on P, and fill g with the new P times a, in one pass."""
    m = P.shape[0]
    for j in range(m):
        g[j] = 0.0
    for i in range(0, m, 4):
        p0, p1, p2, p3 = P[i], P[i + 1], P[i + 2], P[i + 3]
        u0, u1, u2, u3 = u[i], u[i + 1], u[i + 2], u[i + 3]
        v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
        a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
        for j in range(m):
            q0 = (scale * p0[j] - u0 * u[j]) - v0 * v[j]
            q1 = (scale * p1[j] - u1 * u[j]) - v1 * v[j]
            q2 = (scale * p2[j] - u2 * u[j]) - v2 * v[j]
            q3 = (scale * p3[j] - u3 * u[j]) - v3 * v[j]
            p0[j], p1[j], p2[j], p3[j] = q0, q1, q2, q3
            g[j] += (q0 * a0 + q1 * a1) + (q2 * a2 + q3 * a3)


@kernel
def start_over(
    reg: float, n_used: int, P: FloatArray, lanes: FloatArray, W: FloatArray, tally: FloatArray
) -> None:
    """Forget all that the weights know: the ridge alone is left."""
    for i in range(P.shape[0]):
        for j in range(P.shape[0]):
            P[i, j] = 0.0
        lanes[U, i], lanes[V, i], lanes[RIDGE, i] = 0.0, 0.0, 0.0
    for i in range(n_used):
        P[i, i] = 1.0 / reg
        lanes[RIDGE, i] = reg
    W[:] = 0.0
    tally[SCALE], tally[CURSOR] = 1.0, 0.0


@kernel
def inject(
    j: int, reg: float, scale: float, P: FloatArray, lanes: FloatArray, W: FloatArray
) -> None:
    """Make ``V`` the change that fills the ridge of direction j; ``U`` and `scale` are pending."""
    missing = reg - lanes[RIDGE, j]
    u, v, row = lanes[U], lanes[V], P[j]
    uj = u[j]
    pjj = scale * row[j] - uj * uj
    share = missing / (1.0 + missing * pjj)
    root = math.sqrt(share)
    for i in range(P.shape[0]):
        v[i] = root * (scale * row[i] - uj * u[i])
    for c in range(W.shape[0]):
        pull = root * W[c, j]
        for i in range(P.shape[0]):
            W[c, i] -= pull * v[i]
    lanes[RIDGE, j] = reg


@kernel
def top_up(
    factor: float,
    reg: float,
    n_used: int,
    P: FloatArray,
    lanes: FloatArray,
    W: FloatArray,
    tally: FloatArray,
) -> None:
    """Let all evidence count `factor` times as much, and fill the ridge of every direction."""
    m = P.shape[0]
    zeros, g = np.zeros(m), np.empty(m)
    settle(P, tally[SCALE], lanes[U], lanes[V], zeros, g)
    lanes[U, :] = 0.0
    lanes[RIDGE] *= factor
    tally[SCALE] = 1.0 / factor
    for j in range(n_used):
        inject(j, reg, tally[SCALE], P, lanes, W)
        settle(P, tally[SCALE], lanes[U], lanes[V], zeros, g)
        tally[SCALE] = 1.0
    lanes[V, :] = 0.0


@kernel
def forgetting_factor(
    error_square: float, q: float, settings: FloatArray, tally: FloatArray
) -> float:
    """Return the factor for this row, from errors now and as usual (Paleologu et al. 2008)."""
    largest, least = float(settings[LARGEST_FACTOR]), float(settings[LEAST_FACTOR])
    if tally[N_LEARNED] == 0.0:
        return 1.0  # there is nothing to forget
    if least == largest:
        return largest
    most = 1.0 / tally[N_LEARNED]
    fast, slow = max(1.0 - settings[FAST_FADING], most), max(1.0 - settings[SLOW_FADING], most)
    tally[FAST_ERROR] += fast * (error_square - tally[FAST_ERROR])
    tally[SLOW_ERROR] += slow * (error_square - tally[SLOW_ERROR])
    tally[FAST_Q] += fast * (q - tally[FAST_Q])
    now, usual = math.sqrt(tally[FAST_ERROR]), math.sqrt(tally[SLOW_ERROR])
    if now <= _QUIET * usual:
        return largest
    return min(max(math.sqrt(tally[FAST_Q]) * usual / (now - usual), least), largest)


@kernel
def watch_scales(x: FloatArray, weight: float, settings: FloatArray, moments: FloatArray) -> None:
    fading = settings[SCALING_FADING]
    for j in range(x.shape[0]):
        if not usable(x[j]):
            continue
        observe(x[j], weight, fading, settings[CLIP], moments, j)
        variance = moments[2, j] / moments[0, j]
        moments[3, j] = max(moments[3, j], variance)
        if variance < _LEAST_VARIANCE * moments[3, j]:
            moments[2, j] = _LEAST_VARIANCE * moments[3, j] * moments[0, j]


@kernel
def watch_target(
    y: float, weight: float, settings: FloatArray, W: FloatArray, at: int, offset: FloatArray,
    tally: FloatArray, target: FloatArray,
) -> None:  # fmt: skip
    """Move the offset to the targets' running mean, and the intercept so that no score moves."""
    target[0, 0], target[1, 0], target[2, 0] = tally[TARGET_N], offset[0], tally[TARGET_M2]
    observe(y, weight, settings[SCALING_FADING], settings[CLIP_ERROR], target, 0)
    if tally[TARGET_N] > 0.0:
        W[0, at] -= target[1, 0] - offset[0]
    tally[TARGET_N], offset[0], tally[TARGET_M2] = target[0, 0], target[1, 0], target[2, 0]


@kernel
def note_error(error: float, weight: float, clip: float, tally: FloatArray) -> float:
    """Take an error into the mean square that intervals and bounds use; return it bounded."""
    if tally[ERROR_EVIDENCE] > _WARM and tally[ERROR_SQUARE] > 0.0:
        error = bounded(error, clip * math.sqrt(tally[ERROR_SQUARE]))
    tally[ERROR_EVIDENCE] = _RESIDUAL_FADING * tally[ERROR_EVIDENCE] + weight
    share = weight / tally[ERROR_EVIDENCE]
    tally[ERROR_SQUARE] += share * (error * error - tally[ERROR_SQUARE])
    return error


@kernel
def step(
    a: FloatArray,
    g: FloatArray,
    errors: FloatArray,
    weight: float,
    settings: FloatArray,
    n_used: int,
    P: FloatArray,
    lanes: FloatArray,
    W: FloatArray,
    tally: FloatArray,
) -> None:
    """Learn one row whose features are a and whose errors are `errors` [k]."""
    reg = settings[REG]
    settle(P, tally[SCALE], lanes[U], lanes[V], a, g)
    q = dot(a, g)
    square = 0.0
    for c in range(errors.shape[0]):
        square += errors[c] * errors[c]
    most = _MAX_CLASS_SQUARE if settings[CLASSIFIES] > 0.0 else _MAX_SQUARE
    if not (0.0 <= q <= _MAX_Q and square <= most):
        start_over(reg, n_used, P, lanes, W, tally)
        tally[N_RESETS] += 1.0
        return
    factor = forgetting_factor(square, q, settings, tally)
    tally[FACTOR] = factor
    tally[N_LEARNED] += 1.0
    gain = weight / (factor + weight * q)
    root = math.sqrt(gain / factor)
    u = lanes[U]
    for i in range(a.shape[0]):
        u[i] = root * g[i]
        lanes[RIDGE, i] *= factor
    for c in range(errors.shape[0]):
        change = gain * errors[c]
        for i in range(a.shape[0]):
            W[c, i] += change * g[i]
    tally[SCALE] = 1.0 / factor
    j = int(tally[CURSOR])
    tally[CURSOR] = j + 1.0 if j + 1 < n_used else 0.0
    if settings[REINJECTS] > 0.0:
        inject(j, reg, tally[SCALE], P, lanes, W)
    elif not 0.0 <= P[j, j] <= _MAX_Q:  # what the published form comes to in the end
        start_over(reg, n_used, P, lanes, W, tally)
        tally[N_RESETS] += 1.0


@kernel
def fill_scores(a: FloatArray, W: FloatArray, offset: FloatArray, out: FloatArray) -> None:
    for c in range(W.shape[0]):
        out[c] = bounded(offset[c] + dot(a, W[c]), _MAX_SCORE)


@kernel
def positive(score: float) -> float:
    """Return what stands for a probability until they are made to sum to 1."""
    return min(max(score, _FLOOR), _CEILING)


@kernel
def fill_shares(scores: FloatArray, of_logits: bool, out: FloatArray) -> None:
    """Fill out with probabilities: of logits their softmax, else the scores' positive parts."""
    total = 0.0
    for c in range(scores.shape[0]):
        out[c] = scores[c] if of_logits else positive(scores[c])
        total += out[c]
    if of_logits:
        softmax(out)
        return
    for c in range(scores.shape[0]):
        out[c] /= total


@kernel
def hidden_rows(
    X: FloatArray,
    settings: FloatArray,
    moments: FloatArray,
    projection: FloatArray,
    bias: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out float64 [n, m] with the features of the rows of X."""
    for i in range(X.shape[0]):
        fill_features(X[i], settings, moments, projection, bias, out[i])


@kernel
def logit_rows(
    A: FloatArray, W: FloatArray, offset: FloatArray, of_logits: bool, out: FloatArray
) -> None:
    """Fill out float64 [n, k] with what the probabilities of features A [n, m] are softmax of."""
    for i in range(A.shape[0]):
        fill_scores(A[i], W, offset, out[i])
        if of_logits:
            continue
        for c in range(W.shape[0]):
            out[i, c] = math.log(positive(out[i, c]))


@kernel
def run_rvfl(
    keys: IntArray,
    ops: OpArray,
    X: FloatArray,
    y: NDArray[np.generic],
    w: FloatArray,
    settings: FloatArray,
    projection: FloatArray,
    bias: FloatArray,
    P: FloatArray,
    lanes: FloatArray,
    W: FloatArray,
    offset: FloatArray,
    moments: FloatArray,
    tally: FloatArray,
    out: FloatArray,
) -> None:
    """Predict and learn in order, each row with and for its key.

    A row learns with the features it had when it came, before its own values move the scaling.
    """
    d, n_hidden = projection.shape
    n_used = d + n_hidden + (1 if settings[INTERCEPT] > 0.0 else 0)
    classifies = settings[CLASSIFIES] > 0.0
    intercepts = settings[INTERCEPT] > 0.0
    k = W.shape[1]
    a, g = np.zeros(P.shape[1]), np.zeros(P.shape[1])
    scores, target = np.zeros(k), np.zeros((3, 1))
    for i in range(X.shape[0]):
        key = keys[i]
        learns = ops[i] & LEARN and w[i] != 0.0
        if learns:
            fits = 0 <= y[i] < k if classifies else usable(y[i])
            if not (fits and 0.0 < w[i] <= 1e100 and any_usable(X[i])):
                tally[key, SKIPPED] += 1.0
                learns = False
        if not (learns or ops[i] & PREDICT):
            continue
        fill_features(X[i], settings, moments[key], projection, bias, a)
        fill_scores(a, W[key], offset[key], scores)
        if ops[i] & PREDICT:
            if classifies:
                fill_shares(scores, not intercepts, out[i])
            else:
                out[i, 0] = scores[0]
        if not learns:
            continue
        weight = min(w[i], MAX_WEIGHT)
        if classifies:
            for c in range(k):
                scores[c] = (1.0 if c == y[i] else 0.0) - scores[c]
        else:
            error = y[i] - scores[0]
            if intercepts and tally[key, TARGET_N] == 0.0:
                error = 0.0  # the first guess is no guess
            else:
                error = note_error(error, weight, settings[CLIP_ERROR], tally[key])
            if intercepts:
                at = d + n_hidden
                watch_target(y[i], weight, settings, W[key], at, offset[key], tally[key], target)
            scores[0] = error
        step(a, g, scores, weight, settings, n_used, P[key], lanes[key], W[key], tally[key])
        if settings[SCALING_FADING] > 0.0:
            watch_scales(X[i], weight, settings, moments[key])
