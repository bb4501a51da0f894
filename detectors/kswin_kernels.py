"""KSWIN's inner loop: a sorted window, a random sample, and the exact test of Kolmogorov-Smirnov.

Of two samples of equal size k, the statistic is an integer h divided by k, and its probability
follows from h and k alone (Hodges 1958); so a test is a walk along the sorted window.
"""

from __future__ import annotations

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
from streamadapt.detectors.mersenne_kernels import draw_sample
from streamadapt.jit import kernel

__all__ = ["DISTANCE", "HELD", "NEXT", "ks_probability", "kswin_run"]

# Places in the counters after the common ones: values in the window, the slot of the next one,
# and the last test's statistic times the size of a sample.
HELD, NEXT, DISTANCE = range(N_COMMON, N_COMMON + 3)


@kernel
def kswin_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    _sums: FloatArray,
    window: FloatArray,
    ranked: IntArray,
    words: IntArray,
    first_words: IntArray,
    pool: IntArray,
) -> int:
    """Take `xs` in order; note alarms in `levels` and `rows` and return their number.

    ``window`` float64 [w] is a ring, ``ranked`` int64 [w] its slots in the order of their values;
    ``words`` is the random generator and ``first_words`` what it is after an alarm; ``pool`` int64
    [3 w] holds zeros between calls.
    """
    k, least, has_pool = int(params[0]), int(params[1]), params[2] > 0
    size, n_alarms, state = window.size, 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        _insert(xs[i], counts, window, ranked)
        if counts[HELD] < size:
            continue
        h = _distance(k, has_pool, counts[NEXT], window, ranked, words, pool)
        counts[DISTANCE] = h
        if h < least:
            continue
        change = _change(k, counts[NEXT], window)
        direction = int(change > 0.0) - int(change < 0.0)
        n_alarms = note_alarm(
            rows, n_alarms, i, h / k, least / k, change, direction, k, ks_probability(k, h)
        )
        state, levels[i] = ALARM_NOW, ALARMED
        counts[HELD], counts[NEXT] = 0, 0
        words[:] = first_words
    counts[ALARM] = state
    return n_alarms


@kernel
def _insert(x: float, counts: IntArray, window: FloatArray, ranked: IntArray) -> None:
    """Put x in the next slot, in place of the oldest value if all are in use, and rank it."""
    slot, n = counts[NEXT], counts[HELD]
    place = n
    if n == window.size:
        place = 0
        while ranked[place] != slot:
            place += 1
        n -= 1
    while place > 0 and window[ranked[place - 1]] > x:
        ranked[place] = ranked[place - 1]
        place -= 1
    while place < n and window[ranked[place + 1]] < x:
        ranked[place] = ranked[place + 1]
        place += 1
    ranked[place] = slot
    window[slot] = x
    counts[HELD] = n + 1
    counts[NEXT] = slot + 1 if slot + 1 < window.size else 0


@kernel
def _distance(
    k: int,
    has_pool: bool,
    oldest: int,
    window: FloatArray,
    ranked: IntArray,
    words: IntArray,
    pool: IntArray,
) -> int:
    """Return the largest difference between the counts up to a value of both samples.

    One are the newest k values of a full window, the other is k of those before, at random.
    """
    size = window.size
    n_before = size - k
    draw_sample(words, n_before, k, has_pool, pool)
    mark = pool[2 * size :]
    for j in range(k):
        mark[(oldest + pool[j]) % size] = 1
        mark[(oldest + n_before + j) % size] = -1
    h, sum_ = 0, 0
    for place in range(size):
        sum_ += mark[ranked[place]]
        mark[ranked[place]] = 0
        # Among equal values only the last counts.
        is_last = place + 1 == size or window[ranked[place]] != window[ranked[place + 1]]
        if is_last and abs(sum_) > h:
            h = abs(sum_)
    return h


@kernel
def _change(k: int, oldest: int, window: FloatArray) -> float:
    """Return the mean of the newest k values less that of those before."""
    size = window.size
    n_before = size - k
    before, since = 0.0, 0.0
    for j in range(size):
        x = window[(oldest + j) % size]
        if j < n_before:
            before += x
        else:
            since += x
    return since / k - before / n_before


@kernel
def ks_probability(k: int, h: int) -> float:
    """Return how probable it is that two samples of k values of one distribution differ by h/k.

    By Gnedenko and Korolyuk this is 2 (C(2k, k-h) - C(2k, k-2h) + ...) / C(2k, k): here as nested
    products, which lose no digits by cancellation.
    """
    if h == 0:
        return 1.0
    p = 0.0
    for term in range(k // h, -1, -1):
        ratio = 1.0
        for j in range(h):
            ratio = (k - term * h - j) * ratio / (k + term * h + j + 1)
        p = ratio * (1.0 - p)
    return min(1.0, 2.0 * p)
