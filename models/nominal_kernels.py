"""Nominal observers: per leaf, class and nominal feature, how often each value was seen.

All lie in one array ``counts`` float64 [slot, row, class].  A feature with V values has 2 + V
rows from its ``offset`` on: the total, one more than the largest value seen, one row per value.
Rows ``x`` float64 hold value indices, or NaN where missing; ``columns`` (records with an
``offset``) lists for each place in x what it is, and the nominal features are those from
``first`` on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.split_merit_kernels import TIE, merit
from streamadapt.models.tree_kernels import EQUAL, MULTIWAY

__all__ = [
    "clear_counts",
    "count_branches",
    "count_log_scale",
    "count_log_value",
    "count_log_values",
    "forget_counts",
    "n_values_seen",
    "observe_counts",
    "suggest_counts",
]

TOTAL, N_SEEN, VALUES = 0, 1, 2

_FOLD = 1e150  # above it a product goes on as its logarithm and 1, after each eighth factor
_BRIM = 1e270  # above it at once: a count is a sum of weights, which has no bound
_ABREAST = 5


@lean_kernel
def clear_counts(counts: FloatArray, slot: int) -> None:
    """Forget all of a slot."""
    for r in range(counts.shape[1]):
        for c in range(counts.shape[2]):
            counts[slot, r, c] = 0.0


@inlined_kernel
def observe_counts(
    counts: FloatArray,
    columns: NDArray[np.void],
    first: int,
    slot: int,
    c: int,
    x: FloatArray,
    w: float,
) -> tuple[float, float]:
    """Let class c have had row x with weight w > 0.

    Returns what `count_log_scale` of all features and `count_log_value` of x are then, to the bit.
    """
    scale, scale_folded, product, folded = 1.0, 0.0, 1.0, 0.0
    for m in range(first, columns.shape[0]):
        v, row = x[m], int(columns[m].offset)
        if v == v:
            counts[slot, row + TOTAL, c] += w
            counts[slot, row + N_SEEN, c] = max(counts[slot, row + N_SEEN, c], v + 1.0)
            count = counts[slot, row + VALUES + int(v), c] + w
            counts[slot, row + VALUES + int(v), c] = count
            product *= count + 1.0
        if product > _FOLD and ((m - first) % 8 == 7 or product > _BRIM):
            folded += math.log(product)
            product = 1.0
        n_seen = counts[slot, row + N_SEEN, c]
        if n_seen == 0.0:
            scale_folded = math.inf
            continue
        scale *= counts[slot, row + TOTAL, c] + n_seen
        if scale > _FOLD:
            scale_folded += math.log(scale)
            scale = 1.0
    return -(scale_folded + math.log(scale)), folded + math.log(product)


@lean_kernel
def forget_counts(
    counts: FloatArray, columns: NDArray[np.void], first: int, slot: int, factor: float
) -> None:
    """Let all values so far count `factor` times as much."""
    for m in range(first, columns.shape[0]):
        row = int(columns[m].offset)
        for c in range(counts.shape[2]):
            counts[slot, row + TOTAL, c] *= factor
            for v in range(columns[m].n_values):
                counts[slot, row + VALUES + v, c] *= factor


@inlined_kernel
def count_log_scale(
    counts: FloatArray,
    columns: NDArray[np.void],
    first: int,
    slot: int,
    c: int,
    x: FloatArray,
    whole: bool,
) -> float:
    """Return minus the log of the product of (total + values seen) over the features.

    All features if `whole`, else those that x has.  -inf if class c never had one of them.
    """
    product, folded = 1.0, 0.0
    for m in range(first, columns.shape[0]):
        if not whole and x[m] != x[m]:
            continue
        row = int(columns[m].offset)
        n_seen = counts[slot, row + N_SEEN, c]
        if n_seen == 0.0:
            folded = math.inf
            continue
        product *= counts[slot, row + TOTAL, c] + n_seen
        if product > _FOLD:
            folded += math.log(product)
            product = 1.0
    return -(folded + math.log(product))


@inlined_kernel
def count_log_values(
    counts: FloatArray,
    columns: NDArray[np.void],
    first: int,
    slot: int,
    x: FloatArray,
    scratch: FloatArray,
) -> None:
    """Fill the last row of scratch float64 [>= 2, k] with `count_log_value` of each class.

    Five classes at a time: their counts lie side by side, and as many products fit into registers.
    The last five overlap those before.  A product that never was above 1e150 was never folded.
    """
    k, logs = counts.shape[2], scratch.shape[0] - 1
    for start in range(0, k if k >= _ABREAST else 0, _ABREAST):
        c = min(start, k - _ABREAST)
        p0, p1, p2, p3, p4 = 1.0, 1.0, 1.0, 1.0, 1.0
        for m in range(first, columns.shape[0]):
            if x[m] == x[m]:
                row = int(columns[m].offset) + VALUES + int(x[m])
                p0 *= counts[slot, row, c] + 1.0
                p1 *= counts[slot, row, c + 1] + 1.0
                p2 *= counts[slot, row, c + 2] + 1.0
                p3 *= counts[slot, row, c + 3] + 1.0
                p4 *= counts[slot, row, c + 4] + 1.0
        if max(p0, p1, p2, p3, p4) <= _FOLD:
            scratch[logs, c] = math.log(p0)
            scratch[logs, c + 1] = math.log(p1)
            scratch[logs, c + 2] = math.log(p2)
            scratch[logs, c + 3] = math.log(p3)
            scratch[logs, c + 4] = math.log(p4)
        else:
            for one in range(c, c + _ABREAST):
                scratch[logs, one] = count_log_value(counts, columns, first, slot, one, x)
    for c in range(k if k < _ABREAST else 0):
        scratch[logs, c] = count_log_value(counts, columns, first, slot, c, x)


@inlined_kernel
def count_log_value(
    counts: FloatArray,
    columns: NDArray[np.void],
    first: int,
    slot: int,
    c: int,
    x: FloatArray,
) -> float:
    """Return class c's log-likelihood of x, up to its log scale.

    The log of the product of (count + 1) over the features x has (Laplace), which is folded before
    it can overflow, so one logarithm is mostly enough.
    """
    product, folded = 1.0, 0.0
    for m in range(first, columns.shape[0]):
        if x[m] == x[m]:
            product *= counts[slot, int(columns[m].offset) + VALUES + int(x[m]), c] + 1.0
        if product > _FOLD and ((m - first) % 8 == 7 or product > _BRIM):
            folded += math.log(product)
            product = 1.0
    return folded + math.log(product)


@lean_kernel
def n_values_seen(counts: FloatArray, offset: int, slot: int) -> int:
    """Return one more than the largest value of a feature that any class had."""
    largest = 0.0
    for c in range(counts.shape[2]):
        largest = max(largest, counts[slot, offset + N_SEEN, c])
    return int(largest)


@lean_kernel
def count_branches(
    counts: FloatArray, offset: int, slot: int, test: int, value: int, branches: FloatArray
) -> int:
    """Fill in the class weights of each branch; return how many there are."""
    n = n_values_seen(counts, offset, slot) if test == MULTIWAY else 2
    for c in range(counts.shape[2]):
        if test == MULTIWAY:
            for b in range(n):
                branches[b, c] = counts[slot, offset + VALUES + b, c]
        else:
            branches[0, c] = counts[slot, offset + VALUES + value, c]
            branches[1, c] = max(counts[slot, offset + TOTAL, c] - branches[0, c], 0.0)
    return n


@lean_kernel
def suggest_counts(
    counts: FloatArray,
    offset: int,
    slot: int,
    binary_only: bool,
    before: float,
    criterion: int,
    branches: FloatArray,
) -> tuple[float, int, int]:
    """Return (merit, test, value) of the best: one branch per value, or one value against the rest.

    `branches` float64 [>= values, k] is scratch.  The first of equals wins.
    """
    best, best_test, best_value = -math.inf, MULTIWAY, 0
    n_seen = n_values_seen(counts, offset, slot)
    if not binary_only:
        n = count_branches(counts, offset, slot, MULTIWAY, 0, branches)
        best = merit(branches, n, before, criterion)
    # With two values, and both branches already, one against the rest is the same again.
    for value in range(0 if n_seen == 2 and not binary_only else n_seen):
        n = count_branches(counts, offset, slot, EQUAL, value, branches)
        m = merit(branches, n, before, criterion)
        if m > best + TIE:
            best, best_test, best_value = m, EQUAL, value
    return best, best_test, best_value
