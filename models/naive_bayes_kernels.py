"""Kernels of naive Bayes: per class a normal law of each numeric feature, counts of each nominal.

``stats`` float64 [3, k, d] holds weight, mean and sum of squared deviations; ``counts`` float64
[k, V] the values of the nominal features, those of feature j from ``first[j]`` on, ``n_values[j]``
of them (0: numeric).
"""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel
from streamadapt.models.linear_kernels import HUGE, MAX_WEIGHT, softmax, usable

__all__ = ["bayes_logit_rows", "run_naive_bayes"]

WEIGHT, MEAN, M2 = 0, 1, 2
_NEVER = -1e9  # logit of a class that never came


@kernel
def is_given(value: float, n_values: int) -> bool:
    if n_values == 0:
        return bool(usable(value))
    return bool(0.0 <= value < n_values and value == math.floor(value))


@kernel
def any_given(x: FloatArray, n_values: IntArray) -> bool:
    for j in range(x.shape[0]):  # noqa: SIM110 - kernels have no generators
        if is_given(x[j], n_values[j]):
            return True
    return False


@kernel
def density(value: float, weight: float, mean: float, m2: float) -> float:
    """Return the normal density; a feature that never varied is a point, as in MOA."""
    if weight <= 1.0:
        return 0.0
    variance = m2 / weight  # the likelihood's, as River's
    deviation = value - mean
    if m2 <= 0.0:
        return 1.0 if deviation == 0.0 else 0.0
    if variance <= 0.0:
        return 0.0
    exponent = deviation * deviation / (2.0 * variance)
    return float(math.exp(-exponent) / math.sqrt(math.tau * variance))


@kernel
def share_of(counts: FloatArray, first: int, n_values: int, value: int) -> float:
    """Return (count + 1) / (total + values seen), as MOA smooths; 1 if none was seen."""
    total, n_seen = 0.0, 0
    for v in range(first, first + n_values):
        total += counts[v]
        if counts[v] > 0.0:
            n_seen = v - first + 1
    if n_seen == 0:
        return 1.0
    return float((counts[first + value] + 1.0) / (total + n_seen))


@kernel
def fill_logits(
    x: FloatArray,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    classes: FloatArray,
    stats: FloatArray,
    counts: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out with log joint probabilities; all 0 before the first label."""
    total = 0.0
    for c in range(out.shape[0]):
        out[c] = 0.0
        total += classes[c]
    if total <= 0.0:
        return
    for c in range(out.shape[0]):
        if classes[c] <= 0.0:
            out[c] = _NEVER
            continue
        out[c] = math.log(classes[c] / total)
        for j in range(x.shape[0]):
            if not is_given(x[j], n_values[j]):
                continue
            if n_values[j] == 0:
                p = density(x[j], stats[WEIGHT, c, j], stats[MEAN, c, j], stats[M2, c, j])
            else:
                p = share_of(counts[c], first[j], n_values[j], int(x[j]))
            out[c] += math.log(min(min_density + p, HUGE))


@kernel
def observe_row(
    x: FloatArray,
    c: int,
    weight: float,
    first: IntArray,
    n_values: IntArray,
    stats: FloatArray,
    counts: FloatArray,
) -> None:
    for j in range(x.shape[0]):
        if not is_given(x[j], n_values[j]):
            continue
        if n_values[j] > 0:
            counts[c, first[j] + int(x[j])] += weight
            continue
        stats[WEIGHT, c, j] += weight
        deviation = x[j] - stats[MEAN, c, j]
        stats[MEAN, c, j] += deviation * (weight / stats[WEIGHT, c, j])
        stats[M2, c, j] += weight * deviation * (x[j] - stats[MEAN, c, j])


@kernel
def bayes_logit_rows(
    X: FloatArray,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    classes: FloatArray,
    stats: FloatArray,
    counts: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out float64 [n, k] with the logits of the rows of X."""
    for i in range(X.shape[0]):
        fill_logits(X[i], first, n_values, min_density, classes, stats, counts, out[i])


@kernel
def run_naive_bayes(
    ops: OpArray,
    X: FloatArray,
    y: IntArray,
    w: FloatArray,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    fading: float,
    classes: FloatArray,
    stats: FloatArray,
    counts: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order."""
    k = classes.shape[0]
    for i in range(X.shape[0]):
        if ops[i] & PREDICT:
            fill_logits(X[i], first, n_values, min_density, classes, stats, counts, P[i])
            softmax(P[i])
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_given(X[i], n_values)):
            skipped[0] += 1
            continue
        weight = min(w[i], MAX_WEIGHT)
        if fading < 1.0:
            for c in range(k):
                classes[c] *= fading
                for j in range(X.shape[1]):
                    stats[WEIGHT, c, j] *= fading
                    stats[M2, c, j] *= fading
                for v in range(counts.shape[1]):
                    counts[c, v] *= fading
        classes[y[i]] += weight
        observe_row(X[i], y[i], weight, first, n_values, stats, counts)
