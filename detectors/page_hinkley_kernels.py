"""Page-Hinkley's inner loop; the order of the operations is that of River 0.26.1."""

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
    UNDEFINED,
    note_alarm,
    one_sided,
)
from streamadapt.jit import lean_kernel

__all__ = ["AFRESH", "Sums", "moved", "note", "page_hinkley_run", "too_far"]

# Places in the parameters as kernels take them, and in the counters after the common ones.
MIN_INSTANCES, DELTA, ALPHA, RISE_THRESHOLD, FALL_THRESHOLD = 0, 1, 2, 3, 4
WIDTH = N_COMMON

Extreme: TypeAlias = tuple[float, float, float]
"""A sum at its lowest or highest; how many values and which mean there were then."""

Sums: TypeAlias = tuple[float, float, float, Extreme, Extreme]
"""Mean, fading sum for a rise and for a fall, the first where lowest, the second where highest."""

# That the highest is -1 and not -inf is River's choice; it shows where delta < -1.
AFRESH: Sums = (0.0, 0.0, 0.0, (math.inf, 0.0, 0.0), (-1.0, 0.0, 0.0))


@lean_kernel
def page_hinkley_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    # Held in local variables during a block: kept in memory they would cost twice the time.
    lowest, highest = (sums[3], sums[4], sums[5]), (sums[6], sums[7], sums[8])
    width, now = counts[WIDTH], (sums[0], sums[1], sums[2], lowest, highest)
    n_skipped, n_alarms, state = 0, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            n_skipped += 1
            continue
        width += 1
        now = moved(now, xs[i], width, params)
        direction = too_far(now, params) if width >= params[MIN_INSTANCES] else 0
        if direction != 0:
            n_alarms = note(rows, n_alarms, i, now, width, direction, params)
            levels[i] = ALARMED
            state, width, now = ALARM_NOW, 0, AFRESH
    counts[ALARM] = state
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    counts[WIDTH] = width
    sums[0], sums[1], sums[2] = now[0], now[1], now[2]
    for j in range(3):
        sums[3 + j], sums[6 + j] = now[3][j], now[4][j]
    return n_alarms


@lean_kernel
def moved(now: Sums, x: float, width: int, params: FloatArray) -> Sums:
    """Return the sums after the `width`-th value x; the order of the operations is River's."""
    mean, rise, fall, lowest, highest = now
    mean += 1.0 / width * (x - mean)
    rise = params[ALPHA] * rise + (x - mean) - params[DELTA]
    fall = params[ALPHA] * fall + (x - mean) + params[DELTA]
    if rise < lowest[0]:
        lowest = (rise, float(width), mean)
    if fall > highest[0]:
        highest = (fall, float(width), mean)
    return mean, rise, fall, lowest, highest


@lean_kernel
def too_far(now: Sums, params: FloatArray) -> int:
    """Return 1 if the mean rose too far, -1 if it fell, else 0."""
    _, rise, fall, lowest, highest = now
    if rise - lowest[0] > params[RISE_THRESHOLD]:
        return 1
    return -1 if highest[0] - fall > params[FALL_THRESHOLD] else 0


@lean_kernel
def note(
    rows: FloatArray, n: int, i: int, now: Sums, width: int, direction: int, params: FloatArray
) -> int:
    """Write the n-th alarm's row, of value i, with the sums that went too far; return n + 1."""
    mean, rise, fall, lowest, highest = now
    statistic, threshold = rise - lowest[0], params[RISE_THRESHOLD]
    _, n_before, before = lowest
    if direction < 0:
        statistic, threshold = highest[0] - fall, params[FALL_THRESHOLD]
        _, n_before, before = highest
    age = width - n_before
    size = 0.0  # no value came before the extreme
    if n_before > 0.0:
        size = one_sided((mean * width - before * n_before) / age - before, direction)
    return int(note_alarm(rows, n, i, statistic, threshold, size, direction, age, UNDEFINED))
