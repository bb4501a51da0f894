"""HDDM_A's inner loop; the order of the operations is that of River 0.26.1."""

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
    WARNED,
    WARNING,
    note_alarm,
    one_sided,
)
from streamadapt.jit import lean_kernel

__all__ = ["hddm_a_run"]

# Places in the counters after the common ones: values since the start, and up to the cut points.
N, N_LOW, N_HIGH = range(N_COMMON, N_COMMON + 3)


@lean_kernel
def hddm_a_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    log_bound, log_drift, log_warning, is_two_sided = params[0], params[1], params[2], params[3] > 0
    n, n_low, n_high = counts[N], counts[N_LOW], counts[N_HIGH]
    mean, low, high = sums[0], sums[1], sums[2]
    zone, state = counts[WARNING], counts[ALARM]
    n_alarms, n_skipped = 0, 0
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            n += 1
            mean += 1.0 / n * (xs[i] - mean)
            bound = math.sqrt(1.0 / (2 * n) * log_bound)
            if n == 1 or low + math.sqrt(1.0 / (2 * n_low) * log_bound) >= mean + bound:
                n_low, low = n, mean
            direction, zone = 0, 0
            if n_low < n:
                gap = mean - low
                if gap >= _epsilon(n, n_low, log_drift):
                    direction = 1
                elif gap >= _epsilon(n, n_low, log_warning):
                    zone = 1
            if is_two_sided:
                if n == 1 or high - math.sqrt(1.0 / (2 * n_high) * log_bound) <= mean - bound:
                    n_high, high = n, mean
                if n_high < n:
                    gap = high - mean
                    if gap >= _epsilon(n, n_high, log_drift):
                        direction = direction if direction == 1 else -1
                    elif gap >= _epsilon(n, n_high, log_warning):
                        zone = 1
            if direction != 0:
                n_cut, cut = (n_low, low) if direction == 1 else (n_high, high)
                n_alarms = _note(rows, n_alarms, i, direction, n, mean, n_cut, cut, log_drift)
                state, levels[i] = ALARM_NOW, ALARMED
                n, n_low, n_high, mean, low, high = 0, 0, 0, 0.0, 0.0, 0.0
        else:
            n_skipped += 1
        if zone:
            levels[i] |= WARNED
    counts[N], counts[N_LOW], counts[N_HIGH] = n, n_low, n_high
    sums[0], sums[1], sums[2] = mean, low, high
    counts[WARNING], counts[ALARM] = zone, state
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    return n_alarms


@lean_kernel
def _epsilon(n: int, n_cut: int, log_term: float) -> float:
    """Return how far the mean of n values may be from that of its first `n_cut`."""
    return math.sqrt((n - n_cut) / n_cut * (1.0 / n) / 2.0 * log_term)


@lean_kernel
def _note(
    rows: FloatArray,
    n_alarms: int,
    i: int,
    direction: int,
    n: int,
    mean: float,
    n_cut: int,
    cut: float,
    log_drift: float,
) -> int:
    gap, age = abs(mean - cut), n - n_cut
    size = one_sided((mean * n - cut * n_cut) / age - cut, direction)
    epsilon = _epsilon(n, n_cut, log_drift)
    p_value = min(1.0, 2.0 * math.exp(-2.0 * gap * gap * n_cut * n / age))
    return int(note_alarm(rows, n_alarms, i, gap, epsilon, size, direction, age, p_value))
