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
from streamadapt.jit import lean_kernel

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

NONE = -1.0
"""The threshold that was passed, where none was: 0 is one that may be."""

# Places in the parameters.
MIN_VALUES, WARNING_LEVEL, DRIFT_LEVEL, MOST_VALUES, WARNING_LIMIT = 0, 1, 2, 3, 4


@lean_kernel
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
    too_many, size = max(params[MOST_VALUES], params[MIN_VALUES]), ring.size
    least_n, warning, drift = params[MIN_VALUES], params[WARNING_LEVEL], params[DRIFT_LEVEL]
    n_alarms, n_skipped, state, zone = 0, 0, counts[ALARM], counts[WARNING]
    n, held, first, warned_at, warned_for = _loaded(counts)
    p, p_least, s_least, least = sums[P], sums[P_LEAST], sums[S_LEAST], sums[LEAST]
    for i in range(xs.size):
        state = NO_ALARM
        if abs(xs[i]) <= LIMIT:
            # The ring forgets its oldest value if it is full.
            place = first + held
            ring[place if place < size else place - size] = int(xs[i])
            if held < size:
                held += 1
            else:
                first = first + 1 if first + 1 < size else 0
                if warned_at > 0:
                    warned_at -= 1
            if warned_for > 0:
                warned_for += 1
            if warned_at > 0:
                _add_since(since, xs[i], params)
            n += 1
            before = p if n > 1 else 1.0
            p = before + (xs[i] - before) / n
            s = math.sqrt(p * (1.0 - p) / n)
            zone, level = 0, NONE
            if n + 1 > least_n:
                if p + s < least:
                    p_least, s_least, least = p, s, p + s
                if p + s > p_least + drift * s_least:
                    level = drift
                elif p + s > p_least + warning * s_least:
                    if warned_for > params[WARNING_LIMIT]:
                        level = warning
                    else:
                        zone = 1
                        if warned_for == 0:
                            warned_for, warned_at = 1, held
                            _begin_since(since)
                            _add_since(since, xs[i], params)
                else:
                    warned_for, warned_at = 0, 0
            if level >= 0.0 or (n + 1 > too_many and zone == 0):
                # Rare: an alarm; or too long a concept, which makes the rate sluggish and is taken
                # anew from the ring.
                _store(counts, n, held, first, warned_at, warned_for)
                sums[P], sums[P_LEAST], sums[S_LEAST], sums[LEAST] = p, p_least, s_least, least
                if level >= 0.0:
                    n_alarms = _note(rows, n_alarms, i, s, level, counts, sums, ring, since)
                    state, levels[i] = ALARM_NOW, ALARMED
                is_forced = level == warning
                _start_anew(counts, sums, ring, params, since, level >= 0.0, is_forced)
                n, held, first, warned_at, warned_for = _loaded(counts)
                p, p_least, s_least, least = sums[P], sums[P_LEAST], sums[S_LEAST], sums[LEAST]
        else:
            n_skipped += 1
        if zone:
            levels[i] |= WARNED
    counts[ALARM], counts[WARNING] = state, zone
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    _store(counts, n, held, first, warned_at, warned_for)
    sums[P], sums[P_LEAST], sums[S_LEAST], sums[LEAST] = p, p_least, s_least, least
    return n_alarms


@lean_kernel
def _loaded(counts: IntArray) -> tuple[int, int, int, int, int]:
    return counts[N], counts[HELD], counts[FIRST], counts[WARNED_AT], counts[WARNED_FOR]


@lean_kernel
def _store(
    counts: IntArray, n: int, held: int, first: int, warned_at: int, warned_for: int
) -> None:
    counts[N], counts[HELD], counts[FIRST] = n, held, first
    counts[WARNED_AT], counts[WARNED_FOR] = warned_at, warned_for


@lean_kernel
def _rate(counts: IntArray, sums: FloatArray, x: float) -> float:
    """Take a value into the rate of errors; return its standard deviation."""
    counts[N] += 1
    before = sums[P] if counts[N] > 1 else 1.0
    sums[P] = before + (x - before) / counts[N]
    return float(math.sqrt(sums[P] * (1.0 - sums[P]) / counts[N]))


@lean_kernel
def _remember_least(sums: FloatArray, s: float) -> None:
    if sums[P] + s < sums[LEAST]:
        sums[P_LEAST], sums[S_LEAST], sums[LEAST] = sums[P], s, sums[P] + s


@lean_kernel
def _begin_since(since: FloatArray) -> None:
    since[P], since[SINCE_N], since[SINCE_ERRORS] = 1.0, 0.0, 0.0
    since[P_LEAST], since[S_LEAST], since[LEAST] = MOST, MOST, MOST


@lean_kernel
def _add_since(since: FloatArray, x: float, params: FloatArray) -> None:
    """Do what `_rate` and `_remember_least` will have done once an alarm starts anew."""
    since[SINCE_N] += 1.0
    since[SINCE_ERRORS] += x
    n = since[SINCE_N]
    since[P] += (x - since[P]) / n
    if n > params[MIN_VALUES]:
        _remember_least(since, math.sqrt(since[P] * (1.0 - since[P]) / n))


@lean_kernel
def rate_since_warning(
    counts: IntArray, ring: IntArray, params: FloatArray, since: FloatArray
) -> None:
    """Take what is known since the warning from the ring, as after a restore."""
    _begin_since(since)
    if counts[WARNED_AT] > 0:
        for k in range(counts[WARNED_AT] - 1, counts[HELD]):
            _add_since(since, float(ring[(counts[FIRST] + k) % ring.size]), params)


@lean_kernel
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


@lean_kernel
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
