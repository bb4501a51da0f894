"""Kernels of nearest neighbours with a short and a long memory, one row at a time.

A memory is a ring of rows ``rows`` float64 [2, size, d] and ``labels`` int64 [2, size], oldest
first from ``START`` on.  Each row of the short one keeps which memory would have been right about
it, ``hits`` int64 [size, 3].  Of equal distances the newer row is nearer.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.adwin_histogram_kernels import WIDTH
from streamadapt.detectors.adwin_kernels import adwin_run
from streamadapt.detectors.detector_kernels import N_FIELDS
from streamadapt.jit import kernel
from streamadapt.models.linear_kernels import HUGE, any_usable, observe_row, usable

__all__ = ["COUNT", "N_CUTS", "N_PLACES", "SKIPPED", "START", "run_sam_knn"]

SHORT, LONG, BOTH = 0, 1, 2
START, COUNT, SKIPPED, N_CUTS, N_PLACES = 0, 2, 4, 5, 6  # START, COUNT: one for each memory
_NEAREST = 1e-9  # a smaller distance counts as this
_FARTHEST = 1e300
_WIDE = 1e6  # deviations at which a clip of outliers is none


@kernel
def place_of(places: IntArray, memory: int, i: int, size: int) -> int:
    """Return where row i, counted from the oldest, lies."""
    at = places[START + memory] + i
    return int(at - size if at >= size else at)


@kernel
def complete_row(x: FloatArray, moments: FloatArray, z: FloatArray) -> None:
    for j in range(x.shape[0]):
        z[j] = x[j] if usable(x[j]) else moments[1, j]


@kernel
def fill_scales(moments: FloatArray, scales: FloatArray) -> None:
    """Fill scales with 1 / variance; a feature that never varied does not count."""
    for j in range(scales.shape[0]):
        scales[j] = moments[0, j] / moments[2, j] if moments[2, j] > 0.0 else 0.0


@kernel
def distance(a: FloatArray, b: FloatArray, scales: FloatArray) -> float:
    total = 0.0
    for j in range(a.shape[0]):
        deviation = a[j] - b[j]
        total += deviation * deviation * scales[j]
    return min(total, _FARTHEST) if total == total else _FARTHEST


@kernel
def insert(near: FloatArray, labels: IntArray, n: int, far: float, label: int) -> int:
    """Put a row among the nearest so far, before equals; return how many there are now."""
    size = near.shape[0]
    if n == size and far > near[n - 1]:
        return n
    at = n if n < size else n - 1
    while at > 0 and near[at - 1] >= far:
        near[at], labels[at] = near[at - 1], labels[at - 1]
        at -= 1
    near[at], labels[at] = far, label
    return n + 1 if n < size else n


@kernel
def find_nearest(
    memory: int,
    z: FloatArray,
    scales: FloatArray,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
    far: FloatArray,
    near: FloatArray,
    near_labels: IntArray,
) -> int:
    """Fill far with the distances of a memory's rows, near with the least; return how many."""
    n = 0
    for i in range(places[COUNT + memory]):
        at = place_of(places, memory, i, rows.shape[1])
        far[i] = distance(z, rows[memory, at], scales)
        n = insert(near, near_labels, n, far[i], labels[memory, at])
    return n


@kernel
def vote(near: FloatArray, labels: IntArray, n: int, shares: FloatArray) -> int:
    """Fill shares with the classes' parts among the nearest; return the first largest."""
    total = 0.0
    shares[:] = 0.0
    for i in range(n):
        weight = 1.0 / max(math.sqrt(near[i]), _NEAREST)
        shares[labels[i]] += weight
        total += weight
    best = 0
    for c in range(shares.shape[0]):
        shares[c] = shares[c] / total if n > 0 else 1.0 / shares.shape[0]
        best = c if shares[c] > shares[best] else best
    return best


@kernel
def drop_oldest(memory: int, places: IntArray, size: int) -> None:
    places[START + memory] = place_of(places, memory, 1, size)
    places[COUNT + memory] -= 1


@kernel
def thin(memory: int, rows: FloatArray, labels: IntArray, places: IntArray) -> None:
    """Keep every second row, the newer of each two: the farther back, the sparser."""
    size, count = rows.shape[1], places[COUNT + memory]
    for i in range(1, count, 2):
        at, to = place_of(places, memory, i, size), place_of(places, memory, i // 2, size)
        rows[memory, to, :], labels[memory, to] = rows[memory, at], labels[memory, at]
    places[COUNT + memory] = count // 2


@kernel
def push(
    memory: int,
    z: FloatArray,
    label: int,
    limit: int,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
) -> int:
    """Append a row; of a full memory the oldest goes, or half of the long one's.

    Returns where the row lies.
    """
    if places[COUNT + memory] >= limit:
        if memory == SHORT:
            drop_oldest(memory, places, rows.shape[1])
        else:
            thin(memory, rows, labels, places)
    at = place_of(places, memory, int(places[COUNT + memory]), rows.shape[1])
    rows[memory, at, :], labels[memory, at] = z, label
    places[COUNT + memory] += 1
    return int(at)


@kernel
def reach(label: int, near: FloatArray, near_labels: IntArray, n: int) -> float:
    """Return how far the farthest of the nearest rows with this label is; -1 if there is none."""
    farthest = -1.0
    for i in range(n):
        if near_labels[i] == label:
            farthest = max(farthest, near[i])
    return farthest


@kernel
def keep_consistent(
    z: FloatArray,
    label: int,
    bound: float,
    scales: FloatArray,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
    far: FloatArray,
    near: FloatArray,
    near_labels: IntArray,
) -> None:
    """Take rows of another label out of the long memory that lie as near as `bound` to z.

    Only those among the nearest of z there.
    """
    n = find_nearest(LONG, z, scales, rows, labels, places, far, near, near_labels)
    if n == 0 or bound < 0.0:
        return
    bound = min(bound, near[n - 1])
    size, count = rows.shape[1], places[COUNT + LONG]
    kept = 0
    for i in range(count):
        at = place_of(places, LONG, i, size)
        if far[i] <= bound and labels[LONG, at] != label:
            continue
        if kept < i:
            to = place_of(places, LONG, kept, size)
            rows[LONG, to, :], labels[LONG, to] = rows[LONG, at], labels[LONG, at]
        kept += 1
    places[COUNT + LONG] = kept


@kernel
def forget_hits(at: int, hits: IntArray, right: IntArray) -> None:
    for m in range(3):
        right[m] -= hits[at, m]
        hits[at, m] = 0


@kernel
def cut_short(
    keep: int,
    limits: IntArray,
    scales: FloatArray,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
    hits: IntArray,
    right: IntArray,
    far: FloatArray,
    near: FloatArray,
    near_labels: IntArray,
) -> None:
    """Move all but the newest `keep` rows to the long memory, then clean it by each row kept."""
    size = rows.shape[1]
    while places[COUNT + SHORT] > keep:
        at = place_of(places, SHORT, 0, size)
        forget_hits(at, hits, right)
        push(LONG, rows[SHORT, at], int(labels[SHORT, at]), int(limits[LONG]), rows, labels, places)
        drop_oldest(SHORT, places, size)
    for i in range(places[COUNT + SHORT]):
        at = place_of(places, SHORT, i, size)
        z, label = rows[SHORT, at], int(labels[SHORT, at])
        n = find_nearest(SHORT, z, scales, rows, labels, places, far, near, near_labels)
        bound = reach(label, near, near_labels, n)
        keep_consistent(z, label, bound, scales, rows, labels, places, far, near, near_labels)


@kernel
def judge(
    z: FloatArray,
    scales: FloatArray,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
    far: FloatArray,
    near: FloatArray,
    near_labels: IntArray,
    shares: FloatArray,
    guesses: IntArray,
) -> int:
    """Let the memories guess: shares [3, k], guesses [3]; return how many rows were near in short.

    ``near`` is float64 [3, n_neighbors]; row ``BOTH`` holds the nearest of both.
    """
    counts_short = find_nearest(
        SHORT, z, scales, rows, labels, places, far, near[SHORT], near_labels[SHORT]
    )
    counts_long = find_nearest(
        LONG, z, scales, rows, labels, places, far, near[LONG], near_labels[LONG]
    )
    n = 0
    for i in range(counts_long):
        n = insert(near[BOTH], near_labels[BOTH], n, near[LONG, i], int(near_labels[LONG, i]))
    for i in range(counts_short - 1, -1, -1):
        n = insert(near[BOTH], near_labels[BOTH], n, near[SHORT, i], int(near_labels[SHORT, i]))
    guesses[SHORT] = vote(near[SHORT], near_labels[SHORT], counts_short, shares[SHORT])
    guesses[LONG] = vote(near[LONG], near_labels[LONG], counts_long, shares[LONG])
    guesses[BOTH] = vote(near[BOTH], near_labels[BOTH], n, shares[BOTH])
    return int(counts_short)


@kernel
def best_memory(right: IntArray, places: IntArray) -> int:
    """Return which memory was right most often over the short one's rows; the short one if tied."""
    best = SHORT
    if places[COUNT + LONG] > 0:
        best = LONG if right[LONG] > right[best] else best
        best = BOTH if right[BOTH] > right[best] else best
    return best


@kernel
def run_sam_knn(
    ops: OpArray,
    X: FloatArray,
    y: IntArray,
    w: FloatArray,
    limits: IntArray,
    moments: FloatArray,
    rows: FloatArray,
    labels: IntArray,
    places: IntArray,
    hits: IntArray,
    right: IntArray,
    near: FloatArray,
    near_labels: IntArray,
    adwin_params: FloatArray,
    adwin_counts: IntArray,
    adwin_sums: FloatArray,
    adwin_buckets: FloatArray,
    P: FloatArray,
) -> None:
    """Predict and learn in order; limits: rows of the short and long memory, least of the short."""
    k, d, size = P.shape[1], X.shape[1], rows.shape[1]
    z, scales, far = np.empty(d), np.empty(d), np.empty(size)
    shares, guesses = np.empty((3, k)), np.zeros(3, np.int64)
    error, level, alarm = np.empty(1), np.zeros(1, np.int8), np.empty((1, N_FIELDS))
    for i in range(X.shape[0]):
        learns = ops[i] & LEARN and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            places[SKIPPED] += 1
            learns = False
        if not (learns or ops[i] & PREDICT):
            continue
        complete_row(X[i], moments, z)
        fill_scales(moments, scales)
        n = judge(z, scales, rows, labels, places, far, near, near_labels, shares, guesses)
        if ops[i] & PREDICT:
            P[i] = shares[best_memory(right, places)]
        if not learns:
            continue
        label = int(y[i])
        bound = reach(label, near[SHORT], near_labels[SHORT], int(n))
        if places[COUNT + LONG] > 0:
            keep_consistent(
                z, label, bound, scales, rows, labels, places, far,
                near[LONG], near_labels[LONG],
            )  # fmt: skip
        if places[COUNT + SHORT] >= limits[SHORT]:
            oldest = place_of(places, SHORT, 0, size)
            forget_hits(oldest, hits, right)
            long_label = int(labels[SHORT, oldest])
            push(LONG, rows[SHORT, oldest], long_label, int(limits[LONG]), rows, labels, places)
        at = push(SHORT, z, label, int(limits[SHORT]), rows, labels, places)
        for m in range(3):
            hits[at, m] = 1 if guesses[m] == label else 0
            right[m] += hits[at, m]
        observe_row(X[i], 1.0, 1.0, _WIDE, moments)
        error[0], level[0] = (0.0 if guesses[SHORT] == label else 1.0), 0
        if adwin_run(error, level, alarm, adwin_params, adwin_counts, adwin_sums, adwin_buckets):
            places[N_CUTS] += 1
            keep = max(int(adwin_counts[WIDTH]), int(limits[2]))
            cut_short(
                keep, limits, scales, rows, labels, places, hits, right, far,
                near[SHORT], near_labels[SHORT],
            )  # fmt: skip
