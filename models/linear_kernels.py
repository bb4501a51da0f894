"""Kernels of the linear models: running scaling and implicit gradient steps, one row at a time.

`moments` float64 [3, d] holds per feature the evidence (sum of weights), the mean and the sum of
squared deviations, by West's weighted form of Welford's recurrence (D. H. D. West, "Updating mean
and variance estimates", CACM 22(9), 1979).  A step is the implicit one (B. Kulis and P. Bartlett,
"Implicit online learning", ICML 2010): ``r / (1 + r c |z|^2)`` with rate r and a bound c on the
loss's curvature, which no scale of the inputs and no rate can make diverge.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, OpArray
from streamadapt.jit import kernel

__all__ = ["HUGE", "MAX_WEIGHT", "logit_rows", "run_linear", "run_logistic", "scaled_rows"]

HUGE = 1e100
"""Larger values (in size) count as missing: their squares could overflow in a sum."""

MAX_WEIGHT = 1e6
"""Bound on the size of each weight, for scaled inputs and targets."""

_WARM = 30.0  # rows of evidence before an outlier is measured against the spread so far
_RESIDUAL_FADING = 0.999  # intervals follow the last thousand errors or so
_LEAST_VARIANCE = 2.2250738585072014e-308  # the least normal float: below it, digits are lost
_CURVATURE = 0.25  # of log loss in a logit: p (1 - p) <= 1/4


@kernel
def usable(value: float) -> bool:
    return -HUGE <= value <= HUGE


@kernel
def bounded(value: float, bound: float) -> float:
    return min(max(value, -bound), bound)


@kernel
def deviation_of(moments: FloatArray, j: int) -> float:
    """Return the standard deviation of column j; 0 for a constant, and before the first value."""
    evidence, squares = moments[0, j], moments[2, j]
    if evidence > 0.0 and squares > 0.0 and squares >= _LEAST_VARIANCE * evidence:
        return math.sqrt(squares / evidence)
    return 0.0


@kernel
def observe(
    value: float, weight: float, fading: float, clip: float, moments: FloatArray, j: int
) -> None:
    """Take one value into column j; once warm, an outlier counts as `clip` deviations.

    A variance that has faded below the least normal float is 0 from then on.
    """
    delta, deviation = value - moments[1, j], deviation_of(moments, j)
    if moments[0, j] > _WARM and deviation > 0.0:
        delta = bounded(delta, clip * deviation)
    moments[0, j] = fading * moments[0, j] + weight
    share = weight / moments[0, j]
    moments[1, j] += delta * share
    squares = fading * moments[2, j] + weight * delta * delta * (1.0 - share)
    moments[2, j] = squares if squares >= _LEAST_VARIANCE * moments[0, j] else 0.0


@kernel
def observe_row(
    x: FloatArray, weight: float, fading: float, clip: float, moments: FloatArray
) -> None:
    for j in range(x.shape[0]):
        if usable(x[j]):
            observe(x[j], weight, fading, clip, moments, j)


@kernel
def any_usable(x: FloatArray) -> bool:
    for value in x:  # noqa: SIM110 - kernels have no generators
        if usable(value):
            return True
    return False


@kernel
def scale_row(x: FloatArray, clip: float, moments: FloatArray, z: FloatArray) -> None:
    """Fill z with x in deviations from the mean, bounded; missing or constant is 0."""
    for j in range(x.shape[0]):
        z[j] = 0.0
        deviation = deviation_of(moments, j)
        if usable(x[j]) and deviation > 0.0:
            z[j] = bounded((x[j] - moments[1, j]) / deviation, clip)


@kernel
def apply_affine(affine: FloatArray, z: FloatArray) -> None:
    for j in range(z.shape[0]):
        z[j] = z[j] * affine[0, j] + affine[1, j]


@kernel
def weigh(weights: FloatArray, z: FloatArray) -> float:
    """Return weights . (z, 1)."""
    total = 0.0
    for j in range(z.shape[0]):
        total += weights[j] * z[j]
    return total + float(weights[z.shape[0]])


@kernel
def descend(weights: FloatArray, z: FloatArray, change: float, shrink: float) -> None:
    """Move weights by change * (z, 1), after shrinking all but the intercept."""
    d = z.shape[0]
    for j in range(d):
        weights[j] = bounded(weights[j] * shrink + change * z[j], MAX_WEIGHT)
    weights[d] = bounded(float(weights[d]) + change, MAX_WEIGHT)


@kernel
def squared_norm(z: FloatArray) -> float:
    total = 1.0  # the intercept's constant input
    for j in range(z.shape[0]):
        total += z[j] * z[j]
    return total


@kernel
def step_rate(learning_rate: float, evidence: float) -> float:
    """Never below the learning rate; larger while there is little evidence."""
    return max(learning_rate, 1.0 / math.sqrt(max(evidence, 1.0)))


@kernel
def softmax(p: FloatArray) -> None:
    """Turn logits into probabilities in place."""
    top = p[0]
    for c in range(1, p.shape[0]):
        top = max(top, p[c])
    total = 0.0
    for c in range(p.shape[0]):
        p[c] = np.exp(p[c] - top)
        total += p[c]
    for c in range(p.shape[0]):
        p[c] /= total


@kernel
def scaled_rows(X: FloatArray, clip: float, moments: FloatArray, Z: FloatArray) -> None:
    """Fill Z float64 [n, d] with the scaled rows of X."""
    for i in range(X.shape[0]):
        scale_row(X[i], clip, moments, Z[i])


@kernel
def logit_rows(
    X: FloatArray,
    clip: float,
    moments: FloatArray,
    affine: FloatArray,
    weights: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out float64 [n, k] with the logits of the rows of X."""
    z = np.empty(X.shape[1])
    for i in range(X.shape[0]):
        scale_row(X[i], clip, moments, z)
        apply_affine(affine, z)
        for c in range(weights.shape[0]):
            out[i, c] = weigh(weights[c], z)


@kernel
def run_logistic(
    ops: OpArray,
    X: FloatArray,
    y: NDArray[np.generic],
    w: FloatArray,
    settings: FloatArray,
    moments: FloatArray,
    affine: FloatArray,
    weights: FloatArray,
    tally: FloatArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order.

    settings: learning rate, l2, fading, clip.  weights [k, d + 1], intercept last.
    tally: evidence, rows skipped.
    """
    rate, l2, fading, clip = settings[0], settings[1], settings[2], settings[3]
    k = weights.shape[0]
    z = np.empty(X.shape[1])
    p = np.empty(k)
    for i in range(X.shape[0]):
        if ops[i] & PREDICT:
            scale_row(X[i], clip, moments, z)
            apply_affine(affine, z)
            for c in range(k):
                P[i, c] = weigh(weights[c], z)
            softmax(P[i])
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            tally[1] += 1.0
            continue
        weight = min(w[i], MAX_WEIGHT)
        observe_row(X[i], weight, fading, clip, moments)
        tally[0] = fading * tally[0] + weight
        scale_row(X[i], clip, moments, z)
        apply_affine(affine, z)
        for c in range(k):
            p[c] = weigh(weights[c], z)
        softmax(p)
        r = weight * step_rate(rate, tally[0])
        shrink = 1.0 / (1.0 + r * l2)
        step = r / (1.0 + r * _CURVATURE * squared_norm(z))
        for c in range(k):
            descend(weights[c], z, step * ((1.0 if c == y[i] else 0.0) - p[c]), shrink)


@kernel
def run_linear(
    ops: OpArray,
    X: FloatArray,
    y: NDArray[np.generic],
    w: FloatArray,
    settings: FloatArray,
    moments: FloatArray,
    target: FloatArray,
    weights: FloatArray,
    tally: FloatArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order.

    settings: learning rate, l2, fading, clip, clip of errors.  target [3, 1]: moments of y.
    weights [d + 1], intercept last.  tally: evidence, rows skipped, and of the errors made before
    learning the evidence and the mean square.
    """
    rate, l2, fading, clip, clip_error = (
        settings[0],
        settings[1],
        settings[2],
        settings[3],
        settings[4],
    )
    z = np.empty(X.shape[1])
    for i in range(X.shape[0]):
        learns = ops[i] & LEARN and w[i] != 0.0
        if learns and not (usable(y[i]) and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            tally[1] += 1.0
            learns = False
        if not (learns or ops[i] & PREDICT):
            continue
        scale_row(X[i], clip, moments, z)
        spread = deviation_of(target, 0)
        guess = target[1, 0] + spread * weigh(weights, z)
        if ops[i] & PREDICT:
            P[i, 0] = guess
        if not learns:
            continue
        weight = min(w[i], MAX_WEIGHT)
        if target[0, 0] > 0.0:  # the first guess is no guess
            error = y[i] - guess
            if tally[2] > _WARM and tally[3] > 0.0:
                bound = clip_error * math.sqrt(tally[3])
                error = bounded(error, bound)
            tally[2] = fading * _RESIDUAL_FADING * tally[2] + weight
            tally[3] += (error * error - tally[3]) * (weight / tally[2])
        observe_row(X[i], weight, fading, clip, moments)
        observe(y[i], weight, fading, clip_error, target, 0)
        tally[0] = fading * tally[0] + weight
        spread = deviation_of(target, 0)
        if spread == 0.0:
            continue
        scale_row(X[i], clip, moments, z)
        error = (y[i] - target[1, 0]) / spread - weigh(weights, z)
        error = bounded(error, clip_error)
        r = weight * step_rate(rate, tally[0])
        descend(weights, z, error * r / (1.0 + r * squared_norm(z)), 1.0 / (1.0 + r * l2))
