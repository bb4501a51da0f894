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
from streamadapt.jit import lean_kernel

__all__ = ["LIMITS", "N_COUNTS", "N_POLYNOMIAL", "ecdd_run"]

# Places in the counters after the common ones: values since the start, and the errors of these.
N, ERRORS = N_COMMON, N_COMMON + 1
N_COUNTS = N_COMMON + 2

# Places in the parameters.  From the last on stand the limits: the coefficients of the paper's
# polynomial, or knots of a table, of which there are more.
LEAST, LAMBDA, LIMITS = 0, 1, 2
N_POLYNOMIAL = 5


@lean_kernel
def ecdd_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; `params`: least number of values, lambda, the limits."""
    least, lambda_ = params[LEAST], params[LAMBDA]
    is_table = params.size > LIMITS + N_POLYNOMIAL
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            counts[N_SEEN] += 1
            counts[N] += 1
            counts[ERRORS] += int(xs[i])
            n = counts[N]
            p = counts[ERRORS] / n
            sums[0] += lambda_ * (xs[i] - sums[0])
            margin = _tabled(params, p) if is_table else _published(params, p, n)
            counts[WARNING] = 0
            if n + 1 > least and sums[0] > p + margin:
                size, age = one_sided(sums[0] - p, 1), min(n, math.ceil(1.0 / lambda_))
                n_alarms = note_alarm(
                    rows, n_alarms, i, sums[0], p + margin, size, 1, age, UNDEFINED
                )
                state, levels[i] = ALARM_NOW, ALARMED
                counts[N], counts[ERRORS], sums[0] = 0, 0, 0.0
            elif n + 1 >= least and sums[0] > p + 0.5 * margin:
                counts[WARNING] = 1
        else:
            counts[N_SKIPPED] += 1
        if counts[WARNING]:
            levels[i] |= WARNED
    counts[ALARM] = state
    return n_alarms


@lean_kernel
def _tabled(params: FloatArray, p: float) -> float:
    """Return how far the limit is above the rate p, by knots at rates evenly spaced from 0 to 1.

    Of the distance from p to 1, which no average can pass, a limit leaves ``exp(-w / (1 - p))``;
    what is tabled is w.  So there is no rate at which the limit is out of reach.
    """
    last = params.size - LIMITS - 1
    k = min(int(p * last), last - 1)
    here, there = params[LIMITS + k], params[LIMITS + k + 1]
    w = here + (p * last - k) * (there - here)
    return (1.0 - p) * (1.0 - math.exp(-w / (1.0 - p)))


@lean_kernel
def _published(params: FloatArray, p: float, n: int) -> float:
    """Return how far the limit is above the rate p: the paper's polynomial of deviations."""
    lambda_ = params[LAMBDA]
    grown = 1.0 - math.pow(1.0 - lambda_, 2.0 * n)
    s = math.sqrt(p * (1.0 - p) * lambda_ * grown / (2.0 - lambda_))
    p3 = p * p * p
    p5 = p3 * p * p
    limit = params[LIMITS] + params[LIMITS + 1] * p + params[LIMITS + 2] * p3
    limit += params[LIMITS + 3] * p5
    limit += params[LIMITS + 4] * p5 * p * p
    return float(limit * s)
