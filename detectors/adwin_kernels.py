"""ADWIN's inner loop: take values in, and every `clock` of them look for a cut.

The order of every floating-point operation is that of River 0.26.1 (``rust_src/adwin.rs``), so
that alarms, totals and variances agree to the last bit; dividing by a power of two is exact, and
what does not change during a scan is computed once.
"""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray, IntArray, LevelArray
from streamadapt.detectors.adwin_histogram_kernels import (
    HELD,
    N_ROWS,
    OLDEST,
    TOTAL,
    VARIANCE,
    WIDTH,
    drop_oldest,
    take,
)
from streamadapt.detectors.adwin_segment_kernels import SEGMENT, is_steady, take_segment
from streamadapt.detectors.detector_kernels import (
    ALARM,
    ALARM_NOW,
    ALARMED,
    LIMIT,
    N_SEEN,
    N_SKIPPED,
    NO_ALARM,
    note_alarm,
)
from streamadapt.jit import lean_kernel

__all__ = ["ALARM_BEFORE", "CLOCK", "DELTA", "GRACE_PERIOD", "MIN_WINDOW_LENGTH", "adwin_run"]

# The alarm was raised, and values skipped since.  The window starts afresh with the next usable
# value, not at the alarm, so that it can be read after an alarm, as in River.
ALARM_BEFORE = 2

# Places in `params`, float64 [4].
DELTA, CLOCK, MIN_WINDOW_LENGTH, GRACE_PERIOD = 0, 1, 2, 3

# More than the rounding of two quotients, two products and two differences takes away.
ROUNDING = 8.0 * 2.0**-53


@lean_kernel
def adwin_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    buckets: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number.

    ``buckets`` is float64 [MAX_ROWS, max_buckets + 1, 2]: a total and a sum of squared deviations
    each.  Every row is a ring; slots that are not in use hold anything.
    """
    clock, grace_period = int(params[CLOCK]), int(params[GRACE_PERIOD])
    n_alarms, i, n = 0, 0, int(xs.size)
    while i < n:
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            if counts[ALARM] != NO_ALARM:
                counts[ALARM] = ALARM_BEFORE
            i += 1
            continue
        if counts[ALARM] != NO_ALARM:
            counts[ALARM] = NO_ALARM
            counts[WIDTH] = 0
            counts[N_ROWS] = 0
            sums[TOTAL] = 0.0
            sums[VARIANCE] = 0.0
        n_taken, most = 1, min(n - i, clock - counts[WIDTH] % clock)
        if (
            most >= SEGMENT
            and is_steady(counts, buckets)
            and take_segment(xs[i : i + SEGMENT], counts, sums, buckets)
        ):
            n_taken = SEGMENT
        else:
            take(xs[i], counts, sums, buckets)
        counts[N_SEEN] += n_taken
        i += n_taken

        # No bucket is dropped without an alarm, so the width is also the count since the start.
        width = counts[WIDTH]
        is_asked = width % clock == 0 and width > grace_period
        if is_asked and _has_cut(params, counts, sums, buckets):
            n_alarms = _note_strongest(rows, n_alarms, i - 1, params, counts, sums, buckets)
            counts[ALARM] = ALARM_NOW
            levels[i - 1] = ALARMED
            while _has_cut(params, counts, sums, buckets):
                drop_oldest(counts, sums, buckets)
    return n_alarms


@lean_kernel
def _has_cut(params: FloatArray, counts: IntArray, sums: FloatArray, buckets: FloatArray) -> bool:
    """Tell whether any cut between two buckets leaves two means that are too far apart.

    The threshold is at least the root of ``2 variance log_term / (n0 n1)``: a cut that is below
    this even if all rounding went against it is passed over without a division, as most are.
    """
    width = float(counts[WIDTH])
    shortest = params[MIN_WINDOW_LENGTH]
    log_term = math.log(2.0 * math.log(width) / params[DELTA])
    mean_variance = sums[VARIANCE] / width
    linear = 2.0 / 3.0 * log_term
    least = 0.999999 * 2.0 * sums[VARIANCE] * log_term
    n0, n1, u0, u1 = 0.0, width, 0.0, sums[TOTAL]
    for row in range(counts[N_ROWS] - 1, -1, -1):
        size = float(1 << row)
        slot = counts[OLDEST + row]
        for _ in range(counts[HELD + row]):
            total = buckets[row, slot, 0]
            slot = slot + 1 if slot + 1 < buckets.shape[1] else 0
            n0 += size
            n1 -= size
            u0 += total
            u1 -= total
            if n0 < shortest:
                continue
            if n1 < shortest:  # it only gets shorter
                return False
            a, b = u0 * n1, u1 * n0
            most = abs(a - b) + ROUNDING * (abs(a) + abs(b))
            if most * most <= least * (n0 * n1):
                continue
            m_recip = 1.0 / (n0 - shortest + 1.0) + 1.0 / (n1 - shortest + 1.0)
            epsilon = math.sqrt(2.0 * m_recip * mean_variance * log_term) + linear * m_recip
            if abs(u0 / n0 - u1 / n1) > epsilon:
                return True
    return False


@lean_kernel
def _note_strongest(
    rows: FloatArray,
    n_alarms: int,
    i: int,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    buckets: FloatArray,
) -> int:
    """Note an alarm at the cut that would raise it with the least delta.

    The delta whose threshold is a given distance is ``2 log(width) / exp(r * r)``, with r the root
    of a quadratic; so the strongest cut is that of the largest r.
    """
    width = float(counts[WIDTH])
    shortest = params[MIN_WINDOW_LENGTH]
    mean_variance = sums[VARIANCE] / width
    n0, n1, u0, u1 = 0.0, width, 0.0, sums[TOTAL]
    strongest, size, age, recip = -1.0, 0.0, 0.0, 0.0
    for row in range(counts[N_ROWS] - 1, -1, -1):
        for k in range(counts[HELD + row]):
            total = buckets[row, (counts[OLDEST + row] + k) % buckets.shape[1], 0]
            n0 += float(1 << row)
            n1 -= float(1 << row)
            u0 += total
            u1 -= total
            if n0 < shortest or n1 < shortest:
                continue
            m_recip = 1.0 / (n0 - shortest + 1.0) + 1.0 / (n1 - shortest + 1.0)
            linear, root = 2.0 / 3.0 * m_recip, math.sqrt(2.0 * m_recip * mean_variance)
            gap = u1 / n1 - u0 / n0
            r = 2.0 * abs(gap) / (root + math.sqrt(root * root + 4.0 * linear * abs(gap)))
            if r > strongest:
                strongest, size, age, recip = r, gap, n1, m_recip
    log_width = math.log(width)
    log_term = math.log(2.0 * log_width / params[DELTA])
    epsilon = math.sqrt(2.0 * recip * mean_variance * log_term) + 2.0 / 3.0 * log_term * recip
    p_value = min(1.0, 2.0 * log_width * math.exp(-strongest * strongest))
    direction = 1 if size > 0.0 else -1
    return int(note_alarm(rows, n_alarms, i, abs(size), epsilon, size, direction, age, p_value))
