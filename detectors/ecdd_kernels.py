"""ECDD's inner loop: an exponentially weighted average of errors and its control limit."""

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

__all__ = ["N_COUNTS", "ecdd_run"]

# Places in the counters after the common ones: values since the start, and the errors of these.
N, ERRORS = N_COMMON, N_COMMON + 1
N_COUNTS = N_COMMON + 2


@kernel
def ecdd_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; `params`: least number of values, lambda, the limit's polynomial."""
    least, lambda_ = params[0], params[1]
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            counts[N_SEEN] += 1
            counts[N] += 1
            counts[ERRORS] += int(xs[i])
            n = counts[N]
            p = counts[ERRORS] / n
            grown = 1.0 - math.pow(1.0 - lambda_, 2.0 * n)
            s = math.sqrt(p * (1.0 - p) * lambda_ * grown / (2.0 - lambda_))
            sums[0] += lambda_ * (xs[i] - sums[0])
            p3 = p * p * p
            p5 = p3 * p * p
            limit = params[2] + params[3] * p + params[4] * p3 + params[5] * p5
            limit += params[6] * p5 * p * p
            counts[WARNING] = 0
            if n + 1 > least and sums[0] > p + limit * s:
                size, age = one_sided(sums[0] - p, 1), min(n, math.ceil(1.0 / lambda_))
                n_alarms = note_alarm(
                    rows, n_alarms, i, sums[0], p + limit * s, size, 1, age, UNDEFINED
                )
                state, levels[i] = ALARM_NOW, ALARMED
                counts[N], counts[ERRORS], sums[0] = 0, 0, 0.0
            elif n + 1 >= least and sums[0] > p + 0.5 * limit * s:
                counts[WARNING] = 1
        else:
            counts[N_SKIPPED] += 1
        if counts[WARNING]:
            levels[i] |= WARNED
    counts[ALARM] = state
    return n_alarms
