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
from streamadapt.jit import lean_kernel

__all__ = ["N_PARAMS", "ddm_run"]

# Places in the counters after the common ones: values since the start, and when at the best.
N, N_BEST = N_COMMON, N_COMMON + 1


SEGMENT = 64
"""Values whose rates are known before any is compared: so most of the work is done in vectors."""

# Places in the parameters: after the three, the rate after each value of a segment, its deviation.
RATE, DEVIATION = 3, 3 + SEGMENT
N_PARAMS = 3 + 2 * SEGMENT


@lean_kernel
def ddm_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number.

    ``params``: three, then room for the rates and the deviations of a segment, as to make an array
    takes longer than all the work of a call with one value.
    """
    warm_start, warning, drift = params[0], params[1], params[2]
    n, n_best, zone = counts[N], counts[N_BEST], counts[WARNING]
    p, p_best, s_best, best = sums[0], sums[1], sums[2], sums[3]
    nearest = min(warning, drift)  # whichever is passed first: neither need be the lower
    n_alarms, n_skipped, state, i = 0, 0, counts[ALARM], 0
    while i < xs.size:
        m = _usable(xs, i)
        if m == 0:
            n_skipped, state = n_skipped + 1, NO_ALARM
            if zone:
                levels[i] |= WARNED
            i += 1
            continue
        _rates(xs, i, m, n, p, params)
        taken, state = m, NO_ALARM
        if zone or _matters(params, m, best, p_best + nearest * s_best):
            for j in range(m):
                if n + j + 1 > warm_start:
                    now, s = params[RATE + j], params[DEVIATION + j]
                    if now + s <= best:
                        n_best, p_best, s_best, best = n + j + 1, now, s, now + s
                    zone = int(now + s > p_best + warning * s_best)
                    if now + s > p_best + drift * s_best:
                        taken, state = j + 1, ALARM_NOW
                        break
                if zone:
                    levels[i + j] |= WARNED
        n, p, i = n + taken, params[RATE + taken - 1], i + taken
        if state == ALARM_NOW:
            age, size = n - n_best, 0.0
            if age > 0:
                size = one_sided((p * n - p_best * n_best) / age - p_best, 1)
            n_alarms = note_alarm(
                rows, n_alarms, i - 1, p + params[DEVIATION + taken - 1], p_best + drift * s_best,
                size, 1, max(1, age), UNDEFINED,
            )  # fmt: skip
            levels[i - 1] = ALARMED
            zone, n, n_best = 0, 0, 0
            p, p_best, s_best, best = 0.0, 0.0, 0.0, math.inf
    counts[ALARM], counts[WARNING] = state, zone
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    counts[N], counts[N_BEST] = n, n_best
    sums[0], sums[1], sums[2], sums[3] = p, p_best, s_best, best
    return n_alarms


@lean_kernel
def _usable(xs: FloatArray, start: int) -> int:
    """Return how many values there are before one to be skipped, `SEGMENT` at the most."""
    most, m = min(SEGMENT, xs.size - start), 0
    while m < most and abs(xs[start + m]) <= LIMIT:
        m += 1
    return m


@lean_kernel
def _rates(xs: FloatArray, start: int, m: int, n: int, p: float, params: FloatArray) -> None:
    """Note the rate and its deviation after each of m values; n came before, with the rate p."""
    for j in range(m):
        params[DEVIATION + j] = 1.0 / (n + j + 1)
    for j in range(m):
        p += params[DEVIATION + j] * (xs[start + j] - p)
        params[RATE + j] = p
    for j in range(m):
        p = params[RATE + j]
        params[DEVIATION + j] = math.sqrt(p * (1.0 - p) / (n + j + 1))


@lean_kernel
def _matters(params: FloatArray, m: int, best: float, limit: float) -> bool:
    """Tell whether any sum of rate and deviation is a new best or beyond the limit."""
    for j in range(m):
        level = params[RATE + j] + params[DEVIATION + j]
        if level <= best or level > limit:
            return True
    return False
