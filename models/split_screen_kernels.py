"""A quick proof that a leaf will not split yet, which is how nearly all attempts to split end.

An attempt needs the merits of all candidates only to find whether the best feature beats the
second by the Hoeffding bound.  Here merits (information gain) are estimated by polynomials, for
all thresholds of a feature at once; they are off by less than 1e-4 bits, and only what is decided
by `MARGIN` or more is taken as decided.  So whether this is asked changes no tree, but its time.

The normal distribution is Abramowitz and Stegun's 7.1.28 (error below 3e-7); the logarithm is a
polynomial over the binary digits of its argument (error below 6e-6).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray
from streamadapt.jit import inlined_kernel, lean_kernel, loose_kernel
from streamadapt.models.gaussian_kernels import HIGH, LOW, MEAN, POINT, PRECISION, UNSEEN, WEIGHT
from streamadapt.models.nominal_kernels import TOTAL, VALUES, n_values_seen
from streamadapt.models.split_merit_kernels import MIN_BRANCH_FRACTION

__all__ = ["MARGIN", "N_ROOM", "cannot_split", "count_bounds", "gauss_bounds"]

MARGIN = 2e-3
_SURE, _POSSIBLE = 1.1 * MIN_BRANCH_FRACTION, 0.9 * MIN_BRANCH_FRACTION

_LANES = 16  # thresholds at once: whole vectors
N_ROOM = 3 * _LANES
"""Length of the scratch that this needs."""

_BELOW, _ABOVE, _SPREAD = 0, _LANES, 2 * _LANES


@inlined_kernel
def _weighted_log(v: float) -> float:
    """Return about v log2 v for v >= 0."""
    bits = np.float64(v).view(np.int64)
    x = np.int64(bits & 0xFFFFFFFFFFFFF | 0x3FF0000000000000).view(np.float64) - 1.5
    log = 0.04342836333 + x * -0.02482560661
    log = 0.1418488667 + x * (-0.07068622482 + x * log)
    log = 0.5849626826 + x * (0.9618147784 + x * (-0.320624777 + x * log))
    return v * (float((bits >> 52) - 1023) + log)


@inlined_kernel
def _share_below(z: float) -> float:
    """Return about the standard normal distribution at z."""
    x = abs(z) * 0.7071067811865476
    p = 0.0002765672 + x * 0.0000430638
    p = 0.0092705272 + x * (0.0001520143 + x * p)
    p = 1.0 + x * (0.0705230784 + x * (0.0422820123 + x * p))
    p *= p
    p *= p
    p *= p
    tail = 0.5 / (p * p)
    return 1.0 - tail if z > 0.0 else tail


@inlined_kernel
def _add_class(
    gauss: FloatArray, slot: int, c: int, f: int, low: float, step: float, start: int,
    room: FloatArray,
) -> None:  # fmt: skip
    """Add class c's weight below and above thresholds start + 1, start + 2... to `room`."""
    mean, weight = gauss[slot, c, MEAN, f], gauss[slot, c, WEIGHT, f]
    least, most = gauss[slot, c, LOW, f], gauss[slot, c, HIGH, f]
    is_point = gauss[slot, c, PRECISION, f] == POINT
    root = math.sqrt(gauss[slot, c, PRECISION, f])
    for i in range(_LANES):
        threshold = step * (start + i + 1) + low
        share = _share_below((threshold - mean) * root)
        share = (1.0 if mean <= threshold else 0.0) if is_point else share
        share = 1.0 if threshold >= most else share
        share = 0.0 if threshold < least else share
        below = weight * share
        above = weight - below
        room[_BELOW + i] += below
        room[_ABOVE + i] += above
        room[_SPREAD + i] += _weighted_log(below) + _weighted_log(above)


@lean_kernel
def gauss_bounds(
    gauss: FloatArray, slot: int, f: int, n_points: int, before: float, room: FloatArray
) -> tuple[float, float]:
    """Return about the merit of a numeric feature: if doubtful thresholds count, and if not.

    A threshold is doubtful if it leaves about the least weight that a branch must have.
    """
    low, high = math.inf, -math.inf
    for c in range(gauss.shape[1]):
        low = min(low, gauss[slot, c, LOW, f])
        high = max(high, gauss[slot, c, HIGH, f])
    at_most, at_least = -math.inf, -math.inf
    step = (high - low) / (n_points + 1.0)
    for start in range(0, n_points, _LANES):
        for i in range(N_ROOM):
            room[i] = 0.0
        for c in range(gauss.shape[1]):
            if gauss[slot, c, PRECISION, f] != UNSEEN:
                _add_class(gauss, slot, c, f, low, step, start, room)
        for i in range(_LANES):
            below, above = room[_BELOW + i], room[_ABOVE + i]
            total = below + above
            mixed = _weighted_log(below) + _weighted_log(above) - room[_SPREAD + i]
            room[_BELOW + i] = min(below, above) / total
            room[_SPREAD + i] = before - mixed / total
        for i in range(min(_LANES, n_points - start)):
            if low < step * (start + i + 1) + low < high:
                share, merit = room[_BELOW + i], room[_SPREAD + i]
                at_most = max(at_most, merit if share > _POSSIBLE else -math.inf)
                at_least = max(at_least, merit if share > _SURE else -math.inf)
    return at_most, at_least


@loose_kernel
def _sums(counts: FloatArray, slot: int, row: int) -> tuple[float, float]:
    """Return the sums of v and of v log2 v over the classes' counts v."""
    weight, spread = 0.0, 0.0
    for c in range(counts.shape[2]):
        v = counts[slot, row, c]
        weight += v
        spread += _weighted_log(v)
    return weight, spread


@loose_kernel
def _sums_of_rest(counts: FloatArray, slot: int, total: int, row: int) -> tuple[float, float]:
    """Return the same of what is left of the total."""
    weight, spread = 0.0, 0.0
    for c in range(counts.shape[2]):
        v = max(counts[slot, total, c] - counts[slot, row, c], 0.0)
        weight += v
        spread += _weighted_log(v)
    return weight, spread


@lean_kernel
def count_bounds(
    counts: FloatArray, offset: int, slot: int, binary_only: bool, before: float
) -> tuple[float, float]:
    """Return the same of a nominal feature."""
    n_seen, at_most, at_least = n_values_seen(counts, offset, slot), -math.inf, -math.inf
    each, whole, largest, second = 0.0, 0.0, 0.0, 0.0
    for b in range(n_seen):
        one, spread = _sums(counts, slot, offset + VALUES + b)
        whole += one
        second = max(second, min(one, largest))
        largest = max(one, largest)
        mixed = _weighted_log(one) - spread
        each += mixed
        if binary_only or n_seen != 2:
            rest, spread = _sums_of_rest(counts, slot, offset + TOTAL, offset + VALUES + b)
            mixed += _weighted_log(rest) - spread
            merit, share = before - mixed / (one + rest), min(one, rest) / (one + rest)
            at_most = max(at_most, merit if share > _POSSIBLE else -math.inf)
            at_least = max(at_least, merit if share > _SURE else -math.inf)
    if not binary_only:
        merit = before - each / whole
        at_most = max(at_most, merit if second > _POSSIBLE * whole else -math.inf)
        at_least = max(at_least, merit if second > _SURE * whole else -math.inf)
    return at_most, at_least


@lean_kernel
def cannot_split(
    tree: NDArray[np.void], columns: NDArray[np.void], heads: FloatArray, subset: int,
    gauss: FloatArray, counts: FloatArray, slot: int, bound: float, room: FloatArray,
) -> bool:  # fmt: skip
    """Tell whether the best merit surely exceeds the second by less than `bound`.

    The impurity before the split is the same in both, so it is left out.

    The columns are those of the slot, as in
    `streamadapt.models.hoeffding_tree_kernels.attempt_split`.
    """
    best, first, second = -math.inf, -math.inf, -math.inf
    n_subset, n_numeric = heads.shape[1] - subset, 0
    for j in range(n_subset if n_subset > 0 else columns.shape[0]):
        p = int(heads[slot, subset + j]) if n_subset > 0 else int(columns[j].place)
        if p < tree[0].n_numeric:
            g = n_numeric if n_subset > 0 else p
            n_numeric += 1
            at_most, at_least = gauss_bounds(gauss, slot, g, tree[0].n_split_points, 0.0, room)
        else:
            at_most, at_least = count_bounds(
                counts, int(columns[p].offset), slot, tree[0].binary_split != 0, 0.0
            )
        best = max(best, at_most)
        if at_least > first:
            first, second = at_least, first
        elif at_least > second:
            second = at_least
    return best - second + MARGIN < bound
