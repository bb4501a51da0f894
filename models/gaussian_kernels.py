"""Gaussian observers: per leaf, class and numeric feature, a normal distribution and its limits.

All lie in one array ``gauss`` float64 [slot, class, statistic, feature] with the statistics

- ``MEAN``, ``M2``: weighted mean and sum of squared deviations (Welford, West 1979), ``WEIGHT``;
- ``PRECISION``: 1 / variance with variance M2 / (weight - 1), kept ready so that predicting needs
  neither division nor logarithm; `POINT` where the variance is 0 or not known, so that only the
  mean itself is possible; `UNSEEN` before the first value;
- ``LOW``, ``HIGH``: smallest and largest value.

What predicting reads (``MEAN``, ``PRECISION``) lies side by side.  Rows ``x`` float64 [features]
come with NaN for every missing value; their other values are at most `MAX_VALUE` in size, so that
no square and no sum of squares overflows.
"""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.split_merit_kernels import TIE, merit

__all__ = [
    "HIGH",
    "LOW",
    "MAX_VALUE",
    "N_STATISTICS",
    "POINT",
    "clear_gauss",
    "forget_gauss",
    "gauss_branches",
    "gauss_distance",
    "gauss_log_scale",
    "observe_gauss",
    "suggest_gauss",
]

MEAN, PRECISION, WEIGHT, M2, LOW, HIGH = 0, 1, 2, 3, 4, 5
N_STATISTICS = 6

MAX_VALUE = 1e100
POINT = 1e300
UNSEEN = -1.0
_MAX_PRECISION = 1e290
_PER_TURN = 0.5 / math.pi


@lean_kernel
def clear_gauss(gauss: FloatArray, slot: int) -> None:
    """Forget all of a slot."""
    for c in range(gauss.shape[1]):
        for f in range(gauss.shape[3]):
            for s in range(N_STATISTICS):
                gauss[slot, c, s, f] = 0.0
            gauss[slot, c, PRECISION, f] = UNSEEN
            gauss[slot, c, LOW, f] = math.inf
            gauss[slot, c, HIGH, f] = -math.inf


@inlined_kernel
def observe_gauss(gauss: FloatArray, slot: int, c: int, x: FloatArray, w: float) -> None:
    """Let class c have had row x with weight w > 0."""
    last_weight, share = -1.0, 1.0
    for f in range(gauss.shape[3]):
        v = x[f]
        if v != v:
            continue
        weight = gauss[slot, c, WEIGHT, f] + w
        if weight != last_weight:  # mostly all features have the same: one division less
            last_weight, share = weight, w / weight
        deviation = v - gauss[slot, c, MEAN, f]
        mean = gauss[slot, c, MEAN, f] + share * deviation
        # Where the new mean is v but for rounding, it can lie beyond.
        m2 = gauss[slot, c, M2, f] + max(w * deviation * (v - mean), 0.0)
        precision = (weight - 1.0) / m2 if weight > 1.0 else POINT
        gauss[slot, c, MEAN, f] = mean
        gauss[slot, c, M2, f] = m2
        gauss[slot, c, WEIGHT, f] = weight
        gauss[slot, c, PRECISION, f] = precision if precision < _MAX_PRECISION else POINT
        gauss[slot, c, LOW, f] = min(gauss[slot, c, LOW, f], v)
        gauss[slot, c, HIGH, f] = max(gauss[slot, c, HIGH, f], v)


@lean_kernel
def forget_gauss(gauss: FloatArray, slot: int, factor: float) -> None:
    """Let all values so far count `factor` times as much; means and limits stay."""
    for c in range(gauss.shape[1]):
        for f in range(gauss.shape[3]):
            if gauss[slot, c, PRECISION, f] == UNSEEN:
                continue
            gauss[slot, c, WEIGHT, f] *= factor
            gauss[slot, c, M2, f] *= factor
            weight, m2 = gauss[slot, c, WEIGHT, f], gauss[slot, c, M2, f]
            precision = (weight - 1.0) / m2 if weight > 1.0 else POINT
            gauss[slot, c, PRECISION, f] = precision if precision < _MAX_PRECISION else POINT


@inlined_kernel
def gauss_log_scale(gauss: FloatArray, slot: int, c: int, x: FloatArray, whole: bool) -> float:
    """Return the log of the product of 1 / sqrt(2 pi variance) over the features.

    All features if `whole`, else those that x has.  -inf if class c never had one of them.  One
    logarithm is enough, as the product is only folded when it could leave the range of floats.
    """
    product, folded = 1.0, 0.0
    for f in range(gauss.shape[3]):
        if not whole and x[f] != x[f]:
            continue
        precision = gauss[slot, c, PRECISION, f]
        if precision == UNSEEN:
            folded = -math.inf
        elif not 1e-150 < precision < 1e150:
            folded += math.log(precision * _PER_TURN) if precision != POINT else 0.0
        else:
            product *= precision * _PER_TURN
            if not 1e-150 < product < 1e150:
                folded += math.log(product)
                product = 1.0
    return 0.5 * (folded + math.log(product)) if gauss.shape[3] > 0 else 0.0


@inlined_kernel
def gauss_distance(gauss: FloatArray, slot: int, c: int, x: FloatArray) -> float:
    """Return the sum of (x - mean)^2 / variance over the features x has; `POINT` means never."""
    distance = 0.0
    for f in range(gauss.shape[3]):
        deviation = x[f] - gauss[slot, c, MEAN, f]
        term = deviation * deviation * gauss[slot, c, PRECISION, f]
        distance += term if term == term else 0.0
    return distance


@lean_kernel
def gauss_branches(
    gauss: FloatArray, slot: int, f: int, threshold: float, branches: FloatArray
) -> None:
    """Estimate the class weights at most (row 0) and above (row 1) a threshold."""
    for c in range(gauss.shape[1]):
        weight = gauss[slot, c, WEIGHT, f]
        if threshold < gauss[slot, c, LOW, f]:
            below = 0.0
        elif threshold >= gauss[slot, c, HIGH, f]:
            below = weight
        elif gauss[slot, c, PRECISION, f] == POINT:
            below = weight if gauss[slot, c, MEAN, f] <= threshold else 0.0
        else:
            z = (threshold - gauss[slot, c, MEAN, f]) * math.sqrt(gauss[slot, c, PRECISION, f])
            below = weight * 0.5 * math.erfc(-z / math.sqrt(2.0))
        branches[0, c] = below
        branches[1, c] = weight - below


@lean_kernel
def suggest_gauss(
    gauss: FloatArray,
    slot: int,
    f: int,
    n_points: int,
    before: float,
    criterion: int,
    branches: FloatArray,
) -> tuple[float, float]:
    """Return (merit, threshold) of the best of n_points equally spaced ones; -inf if there is none.

    `branches` float64 [>= 2, k] is scratch.
    """
    low, high = math.inf, -math.inf
    for c in range(gauss.shape[1]):
        low = min(low, gauss[slot, c, LOW, f])
        high = max(high, gauss[slot, c, HIGH, f])
    best, best_threshold = -math.inf, math.nan
    for i in range(n_points):
        threshold = (high - low) / (n_points + 1.0) * (i + 1) + low
        if not low < threshold < high:
            continue
        gauss_branches(gauss, slot, f, threshold, branches)
        m = merit(branches, 2, before, criterion)
        if m > best + TIE:
            best, best_threshold = m, threshold
    return best, best_threshold
