"""STEPD's inner loop: counts of errors in the newest values, and in all before them."""

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
)
from streamadapt.jit import lean_kernel

__all__ = ["N_COUNTS", "RECENT", "N", "stepd_run"]

# Places in the counters after the common ones: values since the start, errors among the newest
# and among those before.
N, RECENT, OLDER = N_COMMON, N_COMMON + 1, N_COMMON + 2
N_COUNTS = N_COMMON + 3


@lean_kernel
def stepd_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    _sums: FloatArray,
    window: IntArray,
) -> int:
    """Take `xs` in order; `window` int64 [size] is a ring: value k of a start is at k mod size."""
    size, n_alarms, state = window.size, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            counts[N_SEEN] += 1
            _take(counts, window, int(xs[i]))
            counts[WARNING] = 0
            n_old = counts[N] - size
            if n_old >= size:
                old, new = counts[OLDER] / n_old, counts[RECENT] / size
                z = _distance(abs(old - new), counts[OLDER] + counts[RECENT], n_old, size)
                if z > params[0]:
                    p_value = math.erfc(z * math.sqrt(0.5))
                    direction = 1 if new > old else -1
                    n_alarms = note_alarm(
                        rows, n_alarms, i, z, params[0], new - old, direction, size, p_value
                    )
                    state, levels[i] = ALARM_NOW, ALARMED
                    counts[N_COMMON:] = 0
                elif z > params[1]:
                    counts[WARNING] = 1
        else:
            counts[N_SKIPPED] += 1
        if counts[WARNING]:
            levels[i] |= WARNED
    counts[ALARM] = state
    return n_alarms


@lean_kernel
def _take(counts: IntArray, window: IntArray, bit: int) -> None:
    place = counts[N] % window.size
    if counts[N] >= window.size:
        counts[OLDER] += window[place]
        counts[RECENT] -= window[place]
    window[place] = bit
    counts[RECENT] += bit
    counts[N] += 1


@lean_kernel
def _distance(gap: float, n_errors: int, n_old: int, n_new: int) -> float:
    """Return Yates' corrected distance of two shares in standard deviations, 0 if below."""
    inverse = 1.0 / n_old + 1.0 / n_new
    p = n_errors / (n_old + n_new)
    above = gap - inverse / 2.0
    return float(above / math.sqrt(p * (1.0 - p) * inverse)) if above > 0.0 else 0.0
