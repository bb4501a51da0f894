"""FHDDM's inner loop: counts of right answers in a ring of bits."""

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
    note_alarm,
)
from streamadapt.jit import lean_kernel

__all__ = ["N_COUNTS", "RIGHT", "N", "fhddm_run"]

# Places in the counters after the common ones: values since the start; right answers in the window
# and in its newest part, the most there ever were, and after how many values.
N, RIGHT, SHORT, BEST, SHORT_BEST, BEST_AT, SHORT_BEST_AT = range(N_COMMON, N_COMMON + 7)
N_COUNTS = N_COMMON + 7


@lean_kernel
def fhddm_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    _sums: FloatArray,
    window: IntArray,
) -> int:
    """Take `xs` in order; `window` int64 [size] is a ring: value k of a start is at k mod size."""
    epsilon, short_epsilon, short = params[0], params[1], int(params[2])
    size, n_alarms, state = window.size, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        n = counts[N]
        right = int(xs[i] == 0.0)
        if n >= size:
            counts[RIGHT] -= window[n % size]
        if short and n >= short:
            counts[SHORT] -= window[(n - short) % size]
        window[n % size] = right
        counts[RIGHT] += right
        counts[SHORT] += right if short else 0
        n += 1
        counts[N] = n
        counts[N_SEEN] += 1
        if n < size:
            continue
        gap = _gap(counts, RIGHT, BEST, BEST_AT, size)
        short_gap = _gap(counts, SHORT, SHORT_BEST, SHORT_BEST_AT, short) if short else 0.0
        if gap > epsilon:
            n_alarms = _note(rows, n_alarms, i, gap, epsilon, n - counts[BEST_AT], size)
        elif short_gap > short_epsilon:
            age = n - counts[SHORT_BEST_AT]
            n_alarms = _note(rows, n_alarms, i, short_gap, short_epsilon, age, short)
        else:
            continue
        state, levels[i] = ALARM_NOW, ALARMED
        counts[N_COMMON:] = 0
    counts[ALARM] = state
    return n_alarms


@lean_kernel
def _gap(counts: IntArray, now: int, best: int, best_at: int, size: int) -> float:
    """Return how far a share is below its highest; take it over where it is."""
    if counts[now] >= counts[best]:
        counts[best], counts[best_at] = counts[now], counts[N]
    return float(counts[best] / size - counts[now] / size)


@lean_kernel
def _note(rows: FloatArray, n: int, i: int, gap: float, epsilon: float, age: int, size: int) -> int:
    p_value = math.exp(-2.0 * size * gap * gap)
    return int(note_alarm(rows, n, i, gap, epsilon, gap, 1, age, p_value))
