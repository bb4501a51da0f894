"""Kernels of naive Bayes: per class a normal law of each numeric feature, counts of each nominal.

``stats`` float64 [3, d, k] holds weight, mean and variance of each feature in each class (of a
nominal one: weight, and how many values were seen); ``counts`` float64 [V, k] the values of the
nominal features, those of feature j from ``first[j]`` on, ``n_values[j]`` of them (0: numeric).

Logs are dear, and there are k d of them in a row.  So ``laws`` float64 [2, d, k] keeps what a
normal law needs, 1 / (2 variance) and the log of its height, found anew when a row is learned; and
shares of nominal values are multiplied, as many as fit into a float, before their log is taken.
Classes lie side by side, which vectors of the CPU like.
"""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.linear_kernels import HUGE, MAX_WEIGHT, softmax, usable

__all__ = ["bayes_logit_rows", "fit_laws", "run_naive_bayes"]

WEIGHT, MEAN, VARIANCE = 0, 1, 2
N_SEEN = MEAN  # of a nominal feature: its highest value so far and one more
PRECISION, HEIGHT = 0, 1
NUMERATOR, DENOMINATOR, FARTHEST = 0, 1, 2
_NEVER = -1e9  # logit of a class that never came
_POINT = 1e300  # precision of a law without variance: other values are far out
_MIDDLE = 1e100  # variances beyond it, or below its inverse, have no kept law
_FAR = 500.0  # such an exponent, and a density that may count less than the least one
_TINY = 1e-290  # lesser least densities count nothing beside one that is not far out
_FULL = 1e280  # of a product of shares, its log is taken before it could be more


@inlined_kernel
def is_given(value: float, n_values: int) -> bool:
    if n_values == 0:
        return bool(usable(value))
    return bool(0.0 <= value < n_values and value == math.floor(value))


@inlined_kernel
def any_given(x: FloatArray, n_values: IntArray) -> bool:
    for j in range(x.shape[0]):  # noqa: SIM110 - kernels have no generators
        if is_given(x[j], n_values[j]):
            return True
    return False


@inlined_kernel
def fit_law(stats: FloatArray, laws: FloatArray, j: int, c: int) -> None:
    """Keep what the normal law of feature j in class c needs; a height of NaN is no law."""
    variance = stats[VARIANCE, j, c]
    laws[PRECISION, j, c], laws[HEIGHT, j, c] = 0.0, math.nan
    if variance <= 0.0:
        laws[PRECISION, j, c], laws[HEIGHT, j, c] = _POINT, 0.0
    elif 1.0 / _MIDDLE <= variance <= _MIDDLE:
        laws[PRECISION, j, c] = 0.5 / variance
        laws[HEIGHT, j, c] = -0.5 * math.log(math.tau * variance)


@lean_kernel
def fit_laws(stats: FloatArray, laws: FloatArray) -> None:
    """Keep what all normal laws need."""
    for j in range(stats.shape[1]):
        for c in range(stats.shape[2]):
            fit_law(stats, laws, j, c)


@lean_kernel
def density(value: float, mean: float, variance: float) -> float:
    """Return the normal density; a feature that never varied is a point, as in MOA."""
    deviation = value - mean
    if variance <= 0.0:
        return 1.0 if deviation == 0.0 else 0.0
    exponent = deviation * deviation / (2.0 * variance)
    return float(math.exp(-exponent) / math.sqrt(math.tau * variance))


@lean_kernel
def log_densities(
    x: FloatArray,
    c: int,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    stats: FloatArray,
    counts: FloatArray,
) -> float:
    """Return the sum of the logs, one by one, each with the least density added."""
    found = 0.0
    for j in range(x.shape[0]):
        if not is_given(x[j], n_values[j]):
            continue
        p = 1.0
        if n_values[j] == 0:
            p = density(x[j], stats[MEAN, j, c], stats[VARIANCE, j, c])
        elif stats[N_SEEN, j, c] > 0.0:
            count = counts[first[j] + int(x[j]), c]
            p = (count + 1.0) / (stats[WEIGHT, j, c] + stats[N_SEEN, j, c])
        found += math.log(min(min_density + p, HUGE))
    return found


@inlined_kernel
def add_normal(value: float, j: int, stats: FloatArray, laws: FloatArray, work: FloatArray,
               out: FloatArray) -> None:  # fmt: skip
    """Add the log density of feature j to each class; `work` keeps the farthest exponent."""
    for c in range(out.shape[0]):
        deviation = value - stats[MEAN, j, c]
        exponent = deviation * deviation * laws[PRECISION, j, c]
        out[c] += laws[HEIGHT, j, c] - exponent
        work[FARTHEST, c] = max(work[FARTHEST, c], exponent)


@inlined_kernel
def multiply_shares(place: int, j: int, stats: FloatArray, counts: FloatArray, work: FloatArray,
                    ) -> None:  # fmt: skip
    """Multiply by (count + 1) / (total + values seen), as MOA smooths; by 1 if none was seen."""
    for c in range(work.shape[1]):
        n_seen = stats[N_SEEN, j, c]
        work[NUMERATOR, c] *= counts[place, c] + 1.0
        work[DENOMINATOR, c] *= stats[WEIGHT, j, c] + n_seen if n_seen > 0.0 else 1.0


@inlined_kernel
def take_logs(work: FloatArray, out: FloatArray) -> None:
    for c in range(out.shape[0]):
        out[c] += math.log(work[NUMERATOR, c] / work[DENOMINATOR, c])
        work[NUMERATOR, c] = work[DENOMINATOR, c] = 1.0


@inlined_kernel
def fill_logits(
    x: FloatArray,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    classes: FloatArray,
    stats: FloatArray,
    laws: FloatArray,
    counts: FloatArray,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out with log joint probabilities; all 0 before the first label.

    `work` is float64 [3, k], for a product's numerator and denominator and the farthest exponent.
    """
    total, product = 0.0, 1.0
    for c in range(out.shape[0]):
        out[c] = work[FARTHEST, c] = 0.0
        work[NUMERATOR, c] = work[DENOMINATOR, c] = 1.0
        total += classes[c]
    if total <= 0.0:
        return
    for j in range(x.shape[0]):
        if not is_given(x[j], n_values[j]):
            continue
        if n_values[j] == 0:
            add_normal(x[j], j, stats, laws, work, out)
            continue
        most = total + n_values[j] + 1.0
        product *= most
        if product > _FULL:
            take_logs(work, out)
            product = most
        multiply_shares(first[j] + int(x[j]), j, stats, counts, work)
    for c in range(out.shape[0]):
        if classes[c] <= 0.0:
            out[c] = _NEVER
            continue
        plain = min_density <= _TINY and work[FARTHEST, c] <= _FAR and not math.isnan(out[c])
        if plain:
            out[c] += math.log(work[NUMERATOR, c] / work[DENOMINATOR, c])
        else:
            out[c] = log_densities(x, c, first, n_values, min_density, stats, counts)
        out[c] += math.log(classes[c] / total)


@inlined_kernel
def observe_row(
    x: FloatArray,
    c: int,
    weight: float,
    first: IntArray,
    n_values: IntArray,
    stats: FloatArray,
    laws: FloatArray,
    counts: FloatArray,
) -> None:
    for j in range(x.shape[0]):
        if not is_given(x[j], n_values[j]):
            continue
        stats[WEIGHT, j, c] += weight
        if n_values[j] > 0:
            counts[first[j] + int(x[j]), c] += weight
            stats[N_SEEN, j, c] = max(stats[N_SEEN, j, c], x[j] + 1.0)
            continue
        share = weight / stats[WEIGHT, j, c]
        deviation = x[j] - stats[MEAN, j, c]
        stats[MEAN, j, c] += share * deviation
        spread = stats[VARIANCE, j, c] + share * deviation * deviation
        stats[VARIANCE, j, c] = (1.0 - share) * spread
        fit_law(stats, laws, j, c)


@inlined_kernel
def fade(fading: float, classes: FloatArray, stats: FloatArray, counts: FloatArray) -> None:
    """Let all evidence count less; no law changes by that."""
    for c in range(classes.shape[0]):
        classes[c] *= fading
    for j in range(stats.shape[1]):
        for c in range(stats.shape[2]):
            stats[WEIGHT, j, c] *= fading
    for v in range(counts.shape[0]):
        for c in range(counts.shape[1]):
            counts[v, c] *= fading


@lean_kernel
def bayes_logit_rows(
    X: FloatArray,
    first: IntArray,
    n_values: IntArray,
    min_density: float,
    classes: FloatArray,
    stats: FloatArray,
    laws: FloatArray,
    counts: FloatArray,
    work: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out float64 [n, k] with the logits of the rows of X."""
    for i in range(X.shape[0]):
        fill_logits(X[i], first, n_values, min_density, classes, stats, laws, counts, work, out[i])


@lean_kernel
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
    laws: FloatArray,
    counts: FloatArray,
    work: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order."""
    k = classes.shape[0]
    for i in range(X.shape[0]):
        if ops[i] & PREDICT:
            fill_logits(
                X[i], first, n_values, min_density, classes, stats, laws, counts, work, P[i]
            )
            softmax(P[i])
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_given(X[i], n_values)):
            skipped[0] += 1
            continue
        if fading < 1.0:
            fade(fading, classes, stats, counts)
        weight = min(w[i], MAX_WEIGHT)
        classes[y[i]] += weight
        observe_row(X[i], y[i], weight, first, n_values, stats, laws, counts)
