"""The inner loop of the exchangeability martingale: ranks among kept values, and bets on them."""

from __future__ import annotations

import numpy as np

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
    one_sided,
)
from streamadapt.jit import kernel

__all__ = ["HELD", "N_COUNTS", "N_OF_COPY", "N_SUMS", "exchangeability_run", "uniform"]

# Two copies whose blocks begin half a block apart.  Places in a copy's counters: values kept of its
# block, its number, values of it up to where the capital was least and since then.
HELD, BLOCK, N_BEFORE, N_SINCE = 0, 1, 2, 3
N_OF_COPY = 4
N_COUNTS = N_COMMON + 2 * N_OF_COPY

# Places in a copy's sums: its capital that bets on small p-values, on none and on large ones; the
# least that all was in this block; the values up to there and since then.
SMALL, NONE, LARGE, LEAST, BEFORE, SINCE = 0, 1, 2, 3, 4, 5
N_OF_SUMS = 6
N_SUMS = 2 * N_OF_SUMS

# Places in the parameters.
THRESHOLD, JUMP, STAKE, SEED = 0, 1, 2, 3


@kernel
def uniform(seed: int, n: int) -> float:
    """Return the n-th random number of `seed` in (0, 1): SplitMix64 (Steele et al. 2014)."""
    z = np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
    z += np.uint64(n) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (np.float64(z >> np.uint64(11)) + 0.5) / 9007199254740992.0


@kernel
def exchangeability_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    kept: FloatArray,
) -> int:
    """Take `xs` in order; `kept` float64 [2, block] are the copies' values, sorted."""
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        for copy in range(2):
            own = counts[N_COMMON + copy * N_OF_COPY : N_COMMON + (copy + 1) * N_OF_COPY]
            capital = sums[copy * N_OF_SUMS : (copy + 1) * N_OF_SUMS]
            u = uniform(int(params[SEED]), 2 * counts[N_SEEN] + copy)
            total = _played(xs[i], u, own, capital, kept[copy], copy, params)
            if total >= params[THRESHOLD]:
                n_alarms = _note(rows, n_alarms, i, own, capital, total, params[THRESHOLD])
                state, levels[i] = ALARM_NOW, ALARMED
                counts[N_COMMON:] = 0
                sums[:] = 0.0
                break
    counts[ALARM] = state
    return n_alarms


@kernel
def _played(
    x: float,
    u: float,
    own: IntArray,
    capital: FloatArray,
    kept: FloatArray,
    copy: int,
    params: FloatArray,
) -> float:
    """Bet on the p-value of x, keep x; return the capital, what is in reserve included."""
    full = kept.size // 2 if copy == 1 and own[BLOCK] == 1 else kept.size
    if own[BLOCK] == 0 or own[HELD] == full:
        _begin_block(own, capital)
    _bet(_p_value(x, kept, own[HELD], u), capital, params[JUMP], params[STAKE])
    _keep(x, kept, own)
    total = capital[SMALL] + capital[NONE] + capital[LARGE] + 1.0 / (own[BLOCK] + 1)
    own[N_SINCE] += 1
    capital[SINCE] += x
    if total < capital[LEAST]:
        capital[LEAST] = total
        own[N_BEFORE] += own[N_SINCE]
        capital[BEFORE] += capital[SINCE]
        own[N_SINCE], capital[SINCE] = 0, 0.0
    return float(total)


@kernel
def _begin_block(own: IntArray, capital: FloatArray) -> None:
    """Forget the values kept; stake some of the reserve, of which 1/k is there before block k."""
    own[BLOCK] += 1
    fresh = 1.0 / own[BLOCK] - 1.0 / (own[BLOCK] + 1)
    for part in range(SMALL, LARGE + 1):
        capital[part] += fresh / 3.0
    own[HELD], own[N_BEFORE], own[N_SINCE] = 0, 0, 0
    capital[LEAST], capital[BEFORE], capital[SINCE] = np.inf, 0.0, 0.0


@kernel
def _p_value(x: float, kept: FloatArray, n: int, u: float) -> float:
    """Return the share of greater ones among the kept values and x, and `u` times the equal."""
    low = np.searchsorted(kept[:n], x, "left")
    high = np.searchsorted(kept[:n], x, "right")
    return float((n - high + u * (high - low + 1)) / (n + 1))


@kernel
def _keep(x: float, kept: FloatArray, own: IntArray) -> None:
    place = own[HELD]
    while place > 0 and kept[place - 1] > x:
        kept[place] = kept[place - 1]
        place -= 1
    kept[place] = x
    own[HELD] += 1


@kernel
def _bet(p: float, capital: FloatArray, jump: float, stake: float) -> None:
    """Let the capital move to other bets, then win or lose; on average neither, if p is uniform."""
    share = jump * (capital[SMALL] + capital[NONE] + capital[LARGE]) / 3.0
    for part in range(SMALL, LARGE + 1):
        bet = 1.0 + stake * (part - NONE) * (p - 0.5)
        capital[part] = ((1.0 - jump) * capital[part] + share) * bet


@kernel
def _note(
    rows: FloatArray,
    n: int,
    i: int,
    own: IntArray,
    capital: FloatArray,
    total: float,
    threshold: float,
) -> int:
    direction = 1 if capital[SMALL] >= capital[LARGE] else -1
    size = 0.0
    if own[N_BEFORE] > 0 and own[N_SINCE] > 0:
        gap = capital[SINCE] / own[N_SINCE] - capital[BEFORE] / own[N_BEFORE]
        size = one_sided(gap, direction)
    age = max(1, own[N_SINCE])
    return int(
        note_alarm(rows, n, i, total, threshold, size, direction, age, min(1.0, 2.0 / total))
    )
