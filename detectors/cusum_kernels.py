"""The inner loops of CUSUM and of the geometric moving average, which share a running mean."""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray, IntArray, LevelArray
from streamadapt.detectors.detector_kernels import (
    ALARM,
    ALARM_NOW,
    ALARMED,
    LIMIT,
    N_COMMON,
    N_SEEN,
    N_SKIPPED,
    NO_ALARM,
    UNDEFINED,
    note_alarm,
    one_sided,
)
from streamadapt.jit import lean_kernel

__all__ = ["cusum_run", "geometric_moving_average_run"]

# Places in the counters after the common ones: values since the start, and when each sum was 0.
N, N_RISE, N_FALL = N_COMMON, N_COMMON + 1, N_COMMON + 2

# Places in CUSUM's sums: the mean; the sum of a rise and the mean when it was 0; those of a fall.
MEAN, RISE, RISE_MEAN, FALL, FALL_MEAN = 0, 1, 2, 3, 4


@lean_kernel
def cusum_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    least, delta, most_rise, most_fall = params[0], params[1], params[2], params[3]
    # Held in local variables during a block: kept in memory they would cost more time.
    n, n_rise, n_fall = counts[N], counts[N_RISE], counts[N_FALL]
    mean, rise, rise_mean = sums[MEAN], sums[RISE], sums[RISE_MEAN]
    fall, fall_mean = sums[FALL], sums[FALL_MEAN]
    n_alarms, n_skipped, state = 0, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            n_skipped += 1
            continue
        n += 1
        mean += (xs[i] - mean) / n
        rise = max(0.0, rise + xs[i] - mean - delta)
        fall = max(0.0, fall - xs[i] + mean - delta)
        if rise == 0.0:
            n_rise, rise_mean = n, mean
        if fall == 0.0:
            n_fall, fall_mean = n, mean
        if n + 1 < least or not (rise > most_rise or fall > most_fall):
            continue
        if rise > most_rise:
            size = _gap(mean, n, rise_mean, n_rise, 1)
            n_alarms = note_alarm(
                rows, n_alarms, i, rise, most_rise, size, 1, n - n_rise, UNDEFINED
            )
        else:
            size = _gap(mean, n, fall_mean, n_fall, -1)
            n_alarms = note_alarm(
                rows, n_alarms, i, fall, most_fall, size, -1, n - n_fall, UNDEFINED
            )
        state, levels[i] = ALARM_NOW, ALARMED
        n = n_rise = n_fall = 0
        mean = rise = rise_mean = fall = fall_mean = 0.0
    counts[ALARM] = state
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    counts[N], counts[N_RISE], counts[N_FALL] = n, n_rise, n_fall
    sums[MEAN], sums[RISE], sums[RISE_MEAN] = mean, rise, rise_mean
    sums[FALL], sums[FALL_MEAN] = fall, fall_mean
    return n_alarms


@lean_kernel
def _gap(mean: float, n: int, before: float, n_before: int, direction: int) -> float:
    """Return the mean of the values after the first `n_before` less that of those."""
    if n_before == 0:
        return 0.0
    return float(one_sided((mean * n - before * n_before) / (n - n_before) - before, direction))


@lean_kernel
def geometric_moving_average_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    least, alpha, rise, fall = params[0], params[1], params[2], params[3]
    # The step of doubles: 1 / (1 - 0.9) is a little more than 10, and 11 if rounded up.
    span = math.ceil(1.0 / max(1.0 - alpha + 2.0**-53, 1e-9))
    n, mean, average = counts[N], sums[0], sums[1]
    n_alarms, n_skipped, state = 0, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            n_skipped += 1
            continue
        n += 1
        mean += (xs[i] - mean) / n
        average = alpha * average + (1.0 - alpha) * (xs[i] - mean)
        if n + 1 < least:
            continue
        direction = 1 if average > rise else (-1 if -average > fall else 0)
        if direction == 0:
            continue
        most = rise if direction > 0 else fall
        n_alarms = note_alarm(
            rows, n_alarms, i, abs(average), most, average, direction, min(n, span), UNDEFINED
        )
        state, levels[i] = ALARM_NOW, ALARMED
        n, mean, average = 0, 0.0, 0.0
    counts[ALARM], counts[N] = state, n
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    sums[0], sums[1] = mean, average
    return n_alarms
