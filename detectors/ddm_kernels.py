"""DDM's inner loop; the order of the operations is that of River 0.26.1."""

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
from streamadapt.jit import kernel

__all__ = ["ddm_run"]

# Places in the counters after the common ones: values since the start, and when at the best.
N, N_BEST = N_COMMON, N_COMMON + 1


@kernel
def ddm_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    warm_start, warning, drift = params[0], params[1], params[2]
    n, n_best, zone = counts[N], counts[N_BEST], counts[WARNING]
    p, p_best, s_best, best = sums[0], sums[1], sums[2], sums[3]
    n_alarms, n_skipped, state = 0, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            n += 1
            p += 1.0 / n * (xs[i] - p)
            s = math.sqrt(p * (1.0 - p) / n)
            if n > warm_start:
                if p + s <= best:
                    n_best, p_best, s_best, best = n, p, s, p + s
                zone = int(p + s > p_best + warning * s_best)
                if p + s > p_best + drift * s_best:
                    age, size = n - n_best, 0.0
                    if age > 0:
                        size = one_sided((p * n - p_best * n_best) / age - p_best, 1)
                    n_alarms = note_alarm(
                        rows, n_alarms, i, p + s, p_best + drift * s_best,
                        size, 1, max(1, age), UNDEFINED,
                    )  # fmt: skip
                    state, levels[i] = ALARM_NOW, ALARMED
                    zone, n, n_best = 0, 0, 0
                    p, p_best, s_best, best = 0.0, 0.0, 0.0, math.inf
        else:
            n_skipped += 1
        if zone:
            levels[i] |= WARNED
    counts[ALARM], counts[WARNING] = state, zone
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    counts[N], counts[N_BEST] = n, n_best
    sums[0], sums[1], sums[2], sums[3] = p, p_best, s_best, best
    return n_alarms
