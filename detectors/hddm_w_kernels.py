"""HDDM_W's inner loop; the order of the operations is that of River 0.26.1."""

from __future__ import annotations

import math
from typing import TypeAlias

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

__all__ = ["AFRESH", "hddm_w_run"]

# Places in the counters after the common ones: values since the start, and since the cut points.
N, N_RISE, N_FALL = range(N_COMMON, N_COMMON + 3)

Side: TypeAlias = tuple[int, float, float, float, float, float]
"""Values since the cut; the bound there; weighted mean and sum of squared weights up to it, and
since."""

NO_SIDE = (0.0, 1.0, 0.0, 1.0)
AFRESH = (0.0, 1.0, math.inf, *NO_SIDE, math.inf, *NO_SIDE)
"""Mean and squared weights of all values; then each side without its count.

The side that watches for a fall looks at the values' negatives, so its bound is one too."""


@lean_kernel
def hddm_w_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    log_drift, log_warning, weight, is_two_sided = params[0], params[1], params[2], params[3] > 0
    n, zone, state = counts[N], counts[WARNING], counts[ALARM]
    mean, squares = sums[0], sums[1]
    rise = (counts[N_RISE], sums[2], sums[3], sums[4], sums[5], sums[6])
    fall = (counts[N_FALL], sums[7], sums[8], sums[9], sums[10], sums[11])
    fresh = (0, math.inf, 0.0, 1.0, 0.0, 1.0)
    n_alarms, n_skipped = 0, 0
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            mean, squares = _weighed(n, mean, squares, xs[i], weight)
            n += 1
            epsilon = math.sqrt(squares * log_drift / 2.0)
            rise = _moved(rise, xs[i], mean, squares, epsilon, weight)
            direction, zone = 0, 0
            if _is_apart(rise, log_drift):
                direction = 1
            elif _is_apart(rise, log_warning):
                zone = 1
            if is_two_sided:
                fall = _moved(fall, -xs[i], -mean, squares, epsilon, weight)
                if _is_apart(fall, log_drift):
                    direction = direction if direction == 1 else -1
                elif _is_apart(fall, log_warning):
                    zone = 1
            if direction != 0:
                side = rise if direction == 1 else fall
                n_alarms = _note(rows, n_alarms, i, direction, side, log_drift)
                state, levels[i] = ALARM_NOW, ALARMED
                n, mean, squares, rise, fall = 0, 0.0, 1.0, fresh, fresh
        else:
            n_skipped += 1
        if zone:
            levels[i] |= WARNED
    counts[N], counts[WARNING], counts[ALARM] = n, zone, state
    counts[N_RISE], sums[2], sums[3], sums[4], sums[5], sums[6] = rise
    counts[N_FALL], sums[7], sums[8], sums[9], sums[10], sums[11] = fall
    sums[0], sums[1] = mean, squares
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    return n_alarms


@lean_kernel
def _weighed(n: int, mean: float, squares: float, x: float, weight: float) -> tuple[float, float]:
    """Return mean and squared weights after x, which `n` values came before."""
    rest = 1.0 - weight
    squares = weight * weight + rest * rest * squares
    return (weight * x + rest * mean if n > 0 else x), squares


@lean_kernel
def _moved(
    side: Side, x: float, mean: float, squares: float, epsilon: float, weight: float
) -> Side:
    """Return a side after x: cut here if the bound of the mean was never as low."""
    n, bound, before, squares_before, since, squares_since = side
    if mean + epsilon < bound:
        return 0, mean + epsilon, mean, squares, 0.0, 1.0
    since, squares_since = _weighed(n, since, squares_since, x, weight)
    return n + 1, bound, before, squares_before, since, squares_since


@lean_kernel
def _is_apart(side: Side, log_term: float) -> bool:
    """Tell whether the mean since the cut is above that before by more than McDiarmid's bound."""
    n, _, before, squares_before, since, squares_since = side
    return n > 0 and since - before > math.sqrt((squares_before + squares_since) * log_term / 2.0)


@lean_kernel
def _note(
    rows: FloatArray, n_alarms: int, i: int, direction: int, side: Side, log_drift: float
) -> int:
    n, _, before, squares_before, since, squares_since = side
    gap, squares = since - before, squares_before + squares_since
    epsilon = math.sqrt(squares * log_drift / 2.0)
    p_value = math.exp(-2.0 * gap * gap / squares)
    size = gap if direction == 1 else -gap
    return int(note_alarm(rows, n_alarms, i, gap, epsilon, size, direction, n, p_value))
