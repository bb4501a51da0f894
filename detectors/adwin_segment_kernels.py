"""ADWIN's window, 32 values at a time, to the very bits of one at a time.

With the usual number of buckets, the first five rows hold the same numbers of them at each multiple
of 32 values.  So which of them become one is known beforehand, and is done row by row, in vectors,
with no branch that would have to be foreseen.
"""

from __future__ import annotations

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.detectors.adwin_histogram_kernels import (
    N_ROWS,
    OLDEST,
    TOTAL,
    VARIANCE,
    WIDTH,
    insert,
)
from streamadapt.detectors.detector_kernels import LIMIT
from streamadapt.jit import inlined_kernel, lean_kernel

__all__ = ["SEGMENT", "is_steady", "take_segment"]

SEGMENT = 32
USUAL_CAPACITY = 6  # buckets of a row, the one that makes it too full included

# From so many values on there are six rows, of which the first five hold so many buckets.
STEADY, STEADY_HELD = 160, (4, 4, 5, 4, 4)

# Rows from this one on are for more values than will ever come: their place is room for work.
ROOM = 48

# Where in the room the totals of each row stand, with what comes to it, and the variances; and what
# the values add to the window's variance.
TOTALS, VARIANCES = (0, 36, 76, 102, 118, 130), (132, 56, 89, 110, 124, 131)
ADDED = 136


@inlined_kernel
def is_steady(counts: IntArray, buckets: FloatArray) -> bool:
    """Tell whether the window holds a multiple of 32 values, in rows as they then always are."""
    width = counts[WIDTH]
    is_usual = buckets.shape[1] == USUAL_CAPACITY and counts[N_ROWS] < ROOM
    return bool(is_usual and width >= STEADY and width % SEGMENT == 0)


@lean_kernel
def take_segment(xs: FloatArray, counts: IntArray, sums: FloatArray, buckets: FloatArray) -> bool:
    """Take `SEGMENT` values into a steady window, or none and return False if one is unusable."""
    n_bad = 0
    for j in range(SEGMENT):
        n_bad += 0 if abs(xs[j]) <= LIMIT else 1
    if n_bad > 0:
        return False
    room = buckets[ROOM:].reshape(-1)
    _weigh(xs, counts, sums, room)
    _insert_all(xs, counts, buckets, room)
    return True


@inlined_kernel
def _weigh(xs: FloatArray, counts: IntArray, sums: FloatArray, room: FloatArray) -> None:
    """Add the values to the width, the total and the variance, in the order of `take`.

    Only the two sums are a chain; what is divided stands in a loop of its own, so that one
    instruction divides for several values.
    """
    before, total = float(counts[WIDTH]), sums[TOTAL]
    for j in range(SEGMENT):
        room[ADDED + j] = total
        total += xs[j]
    for j in range(SEGMENT):
        n = before + float(j)
        deviation = xs[j] - room[ADDED + j] / n
        room[ADDED + j] = n * deviation * deviation / (n + 1.0)
    variance = sums[VARIANCE]
    for j in range(SEGMENT):
        variance += room[ADDED + j]
    counts[WIDTH] += SEGMENT
    sums[TOTAL], sums[VARIANCE] = total, variance


@inlined_kernel
def _insert_all(xs: FloatArray, counts: IntArray, buckets: FloatArray, room: FloatArray) -> None:
    """Insert the values, each of the first five rows once with all that comes to it.

    Whatever the order, it is the oldest of a row and the next oldest that become one, and the next
    two: so the buckets are those that `take` makes.
    """
    _lift(0, counts, buckets, room)
    for j in range(SEGMENT):
        room[4 + j] = xs[j]
    for k in range(16):
        gap = room[2 * k] - room[2 * k + 1]
        room[TOTALS[1] + 4 + k] = room[2 * k] + room[2 * k + 1]
        room[VARIANCES[1] + 4 + k] = 0.5 * gap * gap  # a value has no variance
    for k in range(4):
        buckets[0, k, 0], buckets[0, k, 1] = room[SEGMENT + k], 0.0
    counts[OLDEST] = 0
    _pass_on(1, 8, 5, counts, buckets, room)
    _pass_on(2, 4, 4, counts, buckets, room)
    _pass_on(3, 2, 4, counts, buckets, room)
    _pass_on(4, 1, 0, counts, buckets, room)
    insert(5, room[TOTALS[5]], room[VARIANCES[5]], counts, buckets)


@inlined_kernel
def _pass_on(
    row: int, n: int, held: int, counts: IntArray, buckets: FloatArray, room: FloatArray
) -> None:
    """Merge the 2n oldest of a row into n after the `held` of the next, and keep the others."""
    _lift(row, counts, buckets, room)
    t, v = TOTALS[row], VARIANCES[row]
    to_t, to_v = TOTALS[row + 1] + held, VARIANCES[row + 1] + held
    share, weight = 1.0 / float(1 << row), 0.5 * float(1 << row)
    for k in range(n):
        gap = room[t + 2 * k] * share - room[t + 2 * k + 1] * share
        room[to_t + k] = room[t + 2 * k] + room[t + 2 * k + 1]
        variance = room[v + 2 * k] + room[v + 2 * k + 1]
        room[to_v + k] = variance + weight * gap * gap
    for k in range(STEADY_HELD[row]):
        buckets[row, k, 0], buckets[row, k, 1] = room[t + 2 * n + k], room[v + 2 * n + k]
    counts[OLDEST + row] = 0


@inlined_kernel
def _lift(row: int, counts: IntArray, buckets: FloatArray, room: FloatArray) -> None:
    """Copy a row, oldest first, to the room."""
    slot = counts[OLDEST + row]
    for k in range(STEADY_HELD[row]):
        room[TOTALS[row] + k] = buckets[row, slot, 0]
        room[VARIANCES[row] + k] = buckets[row, slot, 1]
        slot = slot + 1 if slot + 1 < USUAL_CAPACITY else 0
