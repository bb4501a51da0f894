"""ADWIN's window: an exponential histogram, into which values go one at a time.

The order of every floating-point operation is that of River 0.26.1 (``rust_src/adwin.rs``), so
that totals and variances agree to the last bit; dividing by a power of two is exact.
"""

from __future__ import annotations

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.detectors.detector_kernels import N_COMMON
from streamadapt.jit import inlined_kernel, lean_kernel

__all__ = [
    "HELD",
    "MAX_ROWS",
    "N_COUNTS",
    "N_ROWS",
    "OLDEST",
    "TOTAL",
    "VARIANCE",
    "WIDTH",
    "drop_oldest",
    "insert",
    "take",
]

MAX_ROWS = 64
"""Row r holds buckets of 2**r values, so that no stream is too long."""

# Places in `counts`, int64 [N_COUNTS], after those that all detectors share: width of the window,
# rows in use, how many buckets each row holds, and in which slot its oldest one is.
WIDTH, N_ROWS, HELD = N_COMMON, N_COMMON + 1, N_COMMON + 2
OLDEST = HELD + MAX_ROWS
N_COUNTS = OLDEST + MAX_ROWS

# Places in `sums`, float64 [2].
TOTAL, VARIANCE = 0, 1


@inlined_kernel
def take(x: float, counts: IntArray, sums: FloatArray, buckets: FloatArray) -> None:
    """Take one value into the window."""
    before = float(counts[WIDTH])
    counts[WIDTH] += 1
    if before > 0.0:
        deviation = x - sums[TOTAL] / before
        sums[VARIANCE] += before * deviation * deviation / (before + 1.0)
    sums[TOTAL] += x
    insert(0, x, 0.0, counts, buckets)


@inlined_kernel
def insert(row: int, total: float, variance: float, counts: IntArray, buckets: FloatArray) -> None:
    """Insert a bucket into a row; of a row that is full, the two oldest go to the next as one."""
    capacity, size = buckets.shape[1], float(1 << row)
    share = 1.0 / size
    while True:
        if row == counts[N_ROWS]:
            counts[N_ROWS] += 1
            counts[HELD + row] = 0
        oldest = counts[OLDEST + row]
        held = counts[HELD + row]
        newest = oldest + held
        if newest >= capacity:
            newest -= capacity
        buckets[row, newest, 0] = total
        buckets[row, newest, 1] = variance
        if held + 1 < capacity:
            counts[HELD + row] = held + 1
            break
        second = oldest + 1 if oldest + 1 < capacity else 0
        counts[OLDEST + row] = second + 1 if second + 1 < capacity else 0
        counts[HELD + row] = held - 1
        gap = buckets[row, oldest, 0] * share - buckets[row, second, 0] * share
        total = buckets[row, oldest, 0] + buckets[row, second, 0]
        variance = buckets[row, oldest, 1] + buckets[row, second, 1] + size * 0.5 * gap * gap
        size, share = size * 2.0, share * 0.5
        row += 1


@lean_kernel
def drop_oldest(counts: IntArray, sums: FloatArray, buckets: FloatArray) -> None:
    """Drop the oldest bucket of the window."""
    row = counts[N_ROWS] - 1
    size = float(1 << row)
    oldest = counts[OLDEST + row]
    counts[WIDTH] -= 1 << row
    width = float(counts[WIDTH])
    sums[TOTAL] -= buckets[row, oldest, 0]
    gap = buckets[row, oldest, 0] / size - sums[TOTAL] / width
    sums[VARIANCE] -= buckets[row, oldest, 1] + size * width * gap * gap / (size + width)
    counts[OLDEST + row] = (oldest + 1) % buckets.shape[1]
    counts[HELD + row] -= 1
    if counts[HELD + row] == 0:
        counts[N_ROWS] = row
