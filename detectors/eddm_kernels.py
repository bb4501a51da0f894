"""EDDM's inner loop; the order of the operations is that of River 0.26.1."""

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
    WARNED,
    WARNING,
    note_alarm,
    one_sided,
)
from streamadapt.jit import lean_kernel

__all__ = ["eddm_run"]

# Places in the counters after the common ones: values and errors since the start, the place of
# the last error, values and errors when the distance was at its best.
N, ERRORS, LAST, N_BEST, ERRORS_BEST = range(N_COMMON, N_COMMON + 5)


@lean_kernel
def eddm_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    n, zone, state = counts[N], counts[WARNING], counts[ALARM]
    n_alarms, n_skipped = 0, 0
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            if n == 0:  # also after an alarm, which may leave the zone standing, as in River
                zone = 0
            n += 1
            if xs[i] == 1.0:
                level = _take_error(n, params, counts, sums)
                if level < params[2]:
                    n_alarms = _note(rows, n_alarms, i, n, level, params[2], counts)
                    state, levels[i], n = ALARM_NOW, ALARMED, 0
                    counts[ERRORS] = counts[LAST] = counts[N_BEST] = counts[ERRORS_BEST] = 0
                    sums[0], sums[1], sums[2] = 0.0, 0.0, -1.0
                elif level < math.inf:
                    zone = int(level < params[1])
        else:
            n_skipped += 1
        if zone:
            levels[i] |= WARNED
    counts[N], counts[WARNING], counts[ALARM] = n, zone, state
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    return n_alarms


@lean_kernel
def _take_error(n: int, params: FloatArray, counts: IntArray, sums: FloatArray) -> float:
    """Return how large the distance between errors is, as a share of its best; inf: not compared.

    ``sums`` hold the mean distance, the sum of squared deviations from it, and the best so far.
    """
    warm_start = params[0]
    counts[ERRORS] += 1
    errors, distance, before = counts[ERRORS], n - counts[LAST], sums[0]
    counts[LAST] = n
    sums[0] += 1.0 / errors * (distance - before)
    sums[1] += (distance - before) * (distance - sums[0])
    if n <= warm_start:
        return math.inf
    variance = sums[1] / (errors - 1) if errors > 1 else 0.0
    distance_now = sums[0] + 2.0 * math.sqrt(variance)
    if distance_now > sums[2]:
        sums[2], counts[N_BEST], counts[ERRORS_BEST] = distance_now, n, errors
        return math.inf
    return float(distance_now / sums[2]) if errors > warm_start else math.inf


@lean_kernel
def _note(
    rows: FloatArray, n_alarms: int, i: int, n: int, level: float, beta: float, counts: IntArray
) -> int:
    """Note an alarm; its size is in errors per value, as the values are."""
    age = n - counts[N_BEST]
    before = counts[ERRORS_BEST] / counts[N_BEST]
    since = (counts[ERRORS] - counts[ERRORS_BEST]) / age
    size = one_sided(since - before, 1)
    return int(note_alarm(rows, n_alarms, i, level, beta, size, 1, age, UNDEFINED))
