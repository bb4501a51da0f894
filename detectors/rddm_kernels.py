"""RDDM's inner loop: DDM's, with the newest values kept to start anew from."""

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

__all__ = [
    "FIRST",
    "HELD",
    "MOST",
    "N_COUNTS",
    "N_SINCE",
    "N_SUMS",
    "WARNED_AT",
    "rate_since_warning",
    "rddm_run",
]

# Places in the counters after the common ones: values of the rate, values held in the ring and
# where the first is; which of these, from 1, began the warning zone, and how many values ago that
# was, its own included; 0 for none.
N, HELD, FIRST, WARNED_AT, WARNED_FOR = range(N_COMMON, N_COMMON + 5)
N_COUNTS = N_COMMON + 5

# Places in the sums: the rate of errors; where rate plus deviation was least, both, and their sum.
P, P_LEAST, S_LEAST, LEAST = 0, 1, 2, 3
N_SUMS = 4

# Places in what is known of the values since the warning began, with which an alarm goes on:
# the rate and the least as above, how many values these are, and the errors among them.  It follows
# from the ring; taken along value by value, an alarm need not go through the ring again.
SINCE_N, SINCE_ERRORS = 4, 5
N_SINCE = 6

MOST = 1.7976931348623157e308
"""What MOA calls the least before there is one: the largest float64."""

# Places in the parameters.
MIN_VALUES, WARNING_LEVEL, DRIFT_LEVEL, MOST_VALUES, WARNING_LIMIT = 0, 1, 2, 3, 4


@kernel
def rddm_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    ring: IntArray,
    since: FloatArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number."""
    too_many = max(params[MOST_VALUES], params[MIN_VALUES])
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            counts[N_SEEN] += 1
            _keep(counts, ring, int(xs[i]))
            if counts[WARNED_AT] > 0:
                _add_since(since, xs[i], params)
            s = _rate(counts, sums, xs[i])
            level = _alarm_level(counts, sums, s, params)
            if level > 0.0:
                n_alarms = _note(rows, n_alarms, i, s, level, counts, sums, ring, since)
                state, levels[i] = ALARM_NOW, ALARMED
                is_forced = level == params[WARNING_LEVEL]
                _start_anew(counts, sums, ring, params, since, True, is_forced)
            elif counts[WARNED_FOR] == 1:
                _begin_since(since)
                _add_since(since, xs[i], params)
            elif counts[N] + 1 > too_many and counts[WARNING] == 0:
                # Too long a concept makes the rate sluggish: it is taken anew from the ring.
                _start_anew(counts, sums, ring, params, since, False, False)
        else:
            counts[N_SKIPPED] += 1
        if counts[WARNING]:
            levels[i] |= WARNED
    counts[ALARM] = state
    return n_alarms


@kernel
def _keep(counts: IntArray, ring: IntArray, bit: int) -> None:
    """Put a value into the ring; forget the oldest if it is full."""
    place = counts[FIRST] + counts[HELD]
    ring[place if place < ring.size else place - ring.size] = bit
    if counts[HELD] < ring.size:
        counts[HELD] += 1
    else:
        counts[FIRST] = counts[FIRST] + 1 if counts[FIRST] + 1 < ring.size else 0
        if counts[WARNED_AT] > 0:
            counts[WARNED_AT] -= 1
    if counts[WARNED_FOR] > 0:
        counts[WARNED_FOR] += 1


@kernel
def _rate(counts: IntArray, sums: FloatArray, x: float) -> float:
    """Take a value into the rate of errors; return its standard deviation."""
    counts[N] += 1
    before = sums[P] if counts[N] > 1 else 1.0
    sums[P] = before + (x - before) / counts[N]
    return float(math.sqrt(sums[P] * (1.0 - sums[P]) / counts[N]))


@kernel
def _remember_least(sums: FloatArray, s: float) -> None:
    if sums[P] + s < sums[LEAST]:
        sums[P_LEAST], sums[S_LEAST], sums[LEAST] = sums[P], s, sums[P] + s


@kernel
def _begin_since(since: FloatArray) -> None:
    since[P], since[SINCE_N], since[SINCE_ERRORS] = 1.0, 0.0, 0.0
    since[P_LEAST], since[S_LEAST], since[LEAST] = MOST, MOST, MOST


@kernel
def _add_since(since: FloatArray, x: float, params: FloatArray) -> None:
    """Do what `_rate` and `_remember_least` will have done once an alarm starts anew."""
    since[SINCE_N] += 1.0
    since[SINCE_ERRORS] += x
    n = since[SINCE_N]
    since[P] += (x - since[P]) / n
    if n > params[MIN_VALUES]:
        _remember_least(since, math.sqrt(since[P] * (1.0 - since[P]) / n))


@kernel
def rate_since_warning(
    counts: IntArray, ring: IntArray, params: FloatArray, since: FloatArray
) -> None:
    """Take what is known since the warning from the ring, as after a restore."""
    _begin_since(since)
    if counts[WARNED_AT] > 0:
        for k in range(counts[WARNED_AT] - 1, counts[HELD]):
            _add_since(since, float(ring[(counts[FIRST] + k) % ring.size]), params)


@kernel
def _alarm_level(counts: IntArray, sums: FloatArray, s: float, params: FloatArray) -> float:
    """Return the level in deviations that raises an alarm now, 0 for none; mind warnings."""
    counts[WARNING] = 0
    if counts[N] + 1 <= params[MIN_VALUES]:
        return 0.0
    _remember_least(sums, s)
    if sums[P] + s > sums[P_LEAST] + params[DRIFT_LEVEL] * sums[S_LEAST]:
        return float(params[DRIFT_LEVEL])
    if sums[P] + s > sums[P_LEAST] + params[WARNING_LEVEL] * sums[S_LEAST]:
        if counts[WARNED_FOR] > params[WARNING_LIMIT]:
            return float(params[WARNING_LEVEL])
        counts[WARNING] = 1
        if counts[WARNED_FOR] == 0:
            counts[WARNED_FOR], counts[WARNED_AT] = 1, counts[HELD]
    else:
        counts[WARNED_FOR], counts[WARNED_AT] = 0, 0
    return 0.0


@kernel
def _start_anew(
    counts: IntArray,
    sums: FloatArray,
    ring: IntArray,
    params: FloatArray,
    since: FloatArray,
    is_alarm: bool,
    is_forced: bool,
) -> None:
    """Take the rate from what the ring holds since the warning, or of its last value alone."""
    drop, is_known = 0, False
    if is_alarm and (counts[WARNED_FOR] == 0 or is_forced):
        drop = counts[HELD] - 1
    elif counts[WARNED_AT] > 0:
        drop, is_known = counts[WARNED_AT] - 1, is_alarm
    counts[FIRST] = (counts[FIRST] + drop) % ring.size
    counts[HELD] -= drop
    counts[WARNED_AT], counts[WARNED_FOR], counts[N] = 0, 0, 0
    if is_alarm:
        sums[P_LEAST], sums[S_LEAST], sums[LEAST] = MOST, MOST, MOST
    if is_known:
        counts[N] = int(since[SINCE_N])
        for k in range(N_SUMS):
            sums[k] = since[k]
        return
    for k in range(counts[HELD]):
        s = _rate(counts, sums, float(ring[(counts[FIRST] + k) % ring.size]))
        if is_alarm and counts[N] > params[MIN_VALUES]:
            _remember_least(sums, s)


@kernel
def _note(
    rows: FloatArray,
    n: int,
    i: int,
    s: float,
    level: float,
    counts: IntArray,
    sums: FloatArray,
    ring: IntArray,
    since: FloatArray,
) -> int:
    """Write the alarm's row: the new level began with the warning zone."""
    age = max(1, counts[WARNED_FOR])
    n_new, n_errors = min(age, counts[HELD]), 0
    if counts[WARNED_AT] > 0:
        n_errors = int(since[SINCE_ERRORS])
    else:
        for k in range(n_new):
            n_errors += ring[(counts[FIRST] + counts[HELD] - 1 - k) % ring.size]
    size, n_old = 0.0, counts[N] - n_new
    if n_old > 0:
        old = (sums[P] * counts[N] - n_errors) / n_old
        size = one_sided(n_errors / n_new - old, 1)
    threshold = sums[P_LEAST] + level * sums[S_LEAST]
    return int(note_alarm(rows, n, i, sums[P] + s, threshold, size, 1, age, UNDEFINED))
