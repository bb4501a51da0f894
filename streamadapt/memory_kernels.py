"""Kernel of what a key remembers in a few numbers: one recursion per line of a plan.

Arrays for c slots and rows of M numbers, beside ``table``, ``slots`` and ``meta`` of
`streamadapt.features_kernels` (``meta`` has one more, ROWS of the stream so far):

- ``memory`` float64 [c, M]: the newest event time of the key in microseconds (NaN: none), then the
  numbers of each line, from AT on; ``fresh`` float64 [M] is the row of a new key
- ``plan`` int64 [p, 9]: RECURSION, SOURCE, CURRENT (1 if the row's own value is known), AT, SIZE,
  then from OUT on the output columns (-1: not wanted)
- ``params`` float64 [p, 2]: the half-life in seconds or the window's length, and the decay per row
  (0.0: by time)

Times are float64 here, exact to the microsecond until the year 2255.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.features_kernels import META_FIELDS, SEEN, slot_of
from streamadapt.jit import kernel

__all__ = [
    "AT",
    "COUNT",
    "CURRENT",
    "MEAN",
    "MEMORY_FIELDS",
    "OUT",
    "QUARTILES",
    "QUARTILES_SIZE",
    "RANGE",
    "RATE",
    "RECURSION",
    "ROWS",
    "SINCE",
    "SIZE",
    "SOURCE",
    "run_memories",
]

RECURSION, SOURCE, CURRENT, AT, SIZE, OUT, MEMORY_FIELDS = 0, 1, 2, 3, 4, 5, 9
MEAN, RATE, SINCE, COUNT, RANGE, QUARTILES = 0, 1, 2, 3, 4, 5
QUARTILES_SIZE = 31
ROWS = META_FIELDS

_NO_TIME = np.iinfo(np.int64).min
_LARGEST = 1e140  # squares of larger values, summed up, could leave the range of float64


@kernel
def run_memories(
    start: int,
    keys: IntArray,
    times: IntArray,
    V: FloatArray,
    X: FloatArray,
    plan: IntArray,
    params: FloatArray,
    fresh: FloatArray,
    memory: FloatArray,
    table: IntArray,
    slots: IntArray,
    meta: IntArray,
) -> int:
    """Take in rows from `start` on and fill their columns of X.

    `keys` int64 [n] are hashes, `times` int64 [n] in microseconds, V float64 [n, S] the sources'
    values, X float64 [n, d].

    Returns the row at which the arrays must grow, or n.
    """
    for i in range(start, len(keys)):
        slot = slot_of(keys[i], table, slots, meta)
        if slot < 0:
            return i
        m = memory[slot]
        if slots[slot, SEEN] == 0:
            slots[slot, SEEN] = 1
            m[:] = fresh
        meta[ROWS] += 1
        last = m[0]
        timed = times[i] != _NO_TIME
        now = float(times[i]) if timed else last
        if last > now:
            now = last
        gap_s = (now - last) * 1e-6 if last == last else 0.0
        for p in range(len(plan)):
            at, source = plan[p, AT], plan[p, SOURCE]
            x = V[i, source] if source >= 0 else 0.0
            valid = abs(x) <= _LARGEST
            recursion = plan[p, RECURSION]
            first = plan[p, OUT]
            if recursion == MEAN:
                decay = params[p, 1] if params[p, 1] > 0.0 else 2.0 ** (-gap_s / params[p, 0])
                if not plan[p, CURRENT]:
                    _write_moments(m, at, x, valid, plan, p, X, i)
                m[at] *= decay
                if valid:
                    _add(m, at, x)
                if plan[p, CURRENT]:
                    _write_moments(m, at, x, valid, plan, p, X, i)
            elif recursion == RATE:
                X[i, first] = np.nan
                if timed:
                    m[at] = m[at] * 2.0 ** (-gap_s / params[p, 0]) + 1.0
                    X[i, first] = m[at] * math.log(2.0) / params[p, 0]
            elif recursion == SINCE:
                X[i, first] = gap_s if timed and last == last else np.nan
            elif recursion == COUNT:
                # By rows the decay is 1.0, by time 0.0.
                clock = float(meta[ROWS]) if params[p, 1] > 0.0 else now
                X[i, first] = np.nan
                if timed or params[p, 1] > 0.0:
                    X[i, first] = _count(m, at, plan[p, SIZE] - 2, clock, params[p, 0])
            elif recursion == RANGE:
                if valid:
                    m[at] = min(m[at], x)
                    m[at + 1] = max(m[at + 1], x)
                X[i, first] = _ratio(x - m[at], m[at + 1] - m[at]) if valid else np.nan
            else:
                X[i, first] = _robust(m, at, x) if valid else np.nan
        m[0] = now
    return len(keys)


@kernel
def _ratio(x: float, spread: float) -> float:
    return x / spread if spread > 0.0 else 0.0


@kernel
def _add(m: FloatArray, at: int, x: float) -> None:
    """Add a value of weight 1 to the sum of weights, mean and variance from `at` on."""
    old = m[at]
    weight = old + 1.0
    away = x - m[at + 1] if m[at + 1] == m[at + 1] else 0.0
    m[at] = weight
    m[at + 1] = m[at + 1] + away / weight if m[at + 1] == m[at + 1] else x
    m[at + 2] = old / weight * (m[at + 2] + away * away / weight)


@kernel
def _write_moments(
    m: FloatArray,
    at: int,
    x: float,
    valid: bool,
    plan: IntArray,
    p: int,
    X: FloatArray,
    i: int,
) -> None:
    """Write mean, standard deviation, variance, and x as a standard score into row i."""
    mean = m[at + 1]
    var = m[at + 2] if mean == mean else np.nan
    if plan[p, OUT] >= 0:
        X[i, plan[p, OUT]] = mean
    if plan[p, OUT + 1] >= 0:
        X[i, plan[p, OUT + 1]] = math.sqrt(var)
    if plan[p, OUT + 2] >= 0:
        X[i, plan[p, OUT + 2]] = var
    if plan[p, OUT + 3] >= 0:
        X[i, plan[p, OUT + 3]] = _ratio(x - mean, math.sqrt(var)) if valid else np.nan


@kernel
def _count(m: FloatArray, at: int, most: int, clock: float, window: float) -> float:
    """Put `clock` into the ring (head, number held, clocks); return how many the window holds."""
    ring = at + 2
    head, held = int(m[at]), int(m[at + 1])
    while held and (held == most or m[ring + head] <= clock - window):
        head = (head + 1) % most
        held -= 1
    m[ring + (head + held) % most] = clock
    m[at], m[at + 1] = head, held + 1
    return float(held + 1)


@kernel
def _robust(m: FloatArray, at: int, x: float) -> float:
    """Take x into three P2 estimators and return (x - median) / interquartile range."""
    n = int(m[at])
    m[at] = n + 1.0
    for q in range(3):
        _p2_add(m, at + 1 + 10 * q, n, 0.25 * (q + 1), x)
    low = _p2_value(m, at + 1, n + 1, 0.25)
    mid = _p2_value(m, at + 11, n + 1, 0.5)
    high = _p2_value(m, at + 21, n + 1, 0.75)
    return float(_ratio(x - mid, high - low))


@kernel
def _p2_value(m: FloatArray, at: int, n: int, q: float) -> float:
    """Return the quantile: the middle marker, or up to five values the one of that rank."""
    return float(m[at + 2] if n > 5 else m[at + min(n - 1, int(n * q))])


@kernel
def _p2_add(m: FloatArray, at: int, n: int, q: float, x: float) -> None:
    """Take x, the value after n others, into the five heights and positions from `at` on."""
    h, pos = at, at + 5
    if n < 5:
        j = n
        while j > 0 and m[h + j - 1] > x:
            m[h + j] = m[h + j - 1]
            j -= 1
        m[h + j] = x
        m[pos + n] = n + 1.0
        return
    m[h] = min(m[h], x)
    m[h + 4] = max(m[h + 4], x)
    above = 1
    while above < 4 and m[h + above] <= x:
        above += 1
    for j in range(above, 5):
        m[pos + j] += 1.0
    for j in range(1, 4):
        share = (0.5 * q, q, 0.5 * (1.0 + q))[j - 1]
        ahead = 1.0 + n * share - m[pos + j]
        right, left = m[pos + j + 1] - m[pos + j], m[pos + j - 1] - m[pos + j]
        if (ahead >= 1.0 and right > 1.0) or (ahead <= -1.0 and left < -1.0):
            step = 1.0 if ahead >= 1.0 else -1.0
            up = (m[h + j + 1] - m[h + j]) / right
            down = (m[h + j - 1] - m[h + j]) / left
            height = m[h + j] + step / (right - left) * ((step - left) * up + (right - step) * down)
            if not m[h + j - 1] < height < m[h + j + 1]:
                height = m[h + j] + step * (up if step > 0.0 else down)
            m[h + j] = height
            m[pos + j] += step
