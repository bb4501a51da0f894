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
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        counts[N] += 1
        n = counts[N]
        mean = sums[MEAN] + (xs[i] - sums[MEAN]) / n
        sums[MEAN] = mean
        sums[RISE] = max(0.0, sums[RISE] + xs[i] - mean - delta)
        sums[FALL] = max(0.0, sums[FALL] - xs[i] + mean - delta)
        if sums[RISE] == 0.0:
            counts[N_RISE], sums[RISE_MEAN] = n, mean
        if sums[FALL] == 0.0:
            counts[N_FALL], sums[FALL_MEAN] = n, mean
        if n + 1 < least:
            continue
        if sums[RISE] > most_rise:
            size = _gap(mean, n, sums[RISE_MEAN], counts[N_RISE], 1)
            n_alarms = note_alarm(
                rows, n_alarms, i, sums[RISE], most_rise, size, 1, n - counts[N_RISE], UNDEFINED
            )
        elif sums[FALL] > most_fall:
            size = _gap(mean, n, sums[FALL_MEAN], counts[N_FALL], -1)
            n_alarms = note_alarm(
                rows, n_alarms, i, sums[FALL], most_fall, size, -1, n - counts[N_FALL], UNDEFINED
            )
        else:
            continue
        state, levels[i] = ALARM_NOW, ALARMED
        counts[N_COMMON:] = 0
        sums[:] = 0.0
    counts[ALARM] = state
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
    span = math.ceil(1.0 / max(1.0 - alpha, 1e-9))
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        counts[N] += 1
        n = counts[N]
        sums[0] = sums[0] + (xs[i] - sums[0]) / n
        sums[1] = alpha * sums[1] + (1.0 - alpha) * (xs[i] - sums[0])
        if n + 1 < least:
            continue
        direction = 1 if sums[1] > rise else (-1 if -sums[1] > fall else 0)
        if direction == 0:
            continue
        most = rise if direction > 0 else fall
        n_alarms = note_alarm(
            rows, n_alarms, i, abs(sums[1]), most, sums[1], direction, min(n, span), UNDEFINED
        )
        state, levels[i] = ALARM_NOW, ALARMED
        counts[N] = 0
        sums[:] = 0.0
    counts[ALARM] = state
    return n_alarms
