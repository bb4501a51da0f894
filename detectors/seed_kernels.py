"""SEED's inner loop: ADWIN's test over blocks that are merged where they are alike."""

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

__all__ = ["BLOCKS", "COUNT", "N_COUNTS", "N_FIELDS_OF_BLOCK", "SIZE", "WIDTH", "seed_run"]

# Places in the counters after the common ones: blocks, values in the window, blocks opened since
# they were last merged, values of the block that is being filled.
BLOCKS, WIDTH, OPENED, FILLED = range(N_COMMON, N_COMMON + 4)
N_COUNTS = N_COMMON + 4

# Fields of a block, oldest first: values in it, values that fill it, their sum, their share of the
# window's variance.
COUNT, SIZE, TOTAL, VARIANCE = 0, 1, 2, 3
N_FIELDS_OF_BLOCK = 4

# Places in the parameters.
DELTA, BLOCK_SIZE, EPSILON, TERM = 0, 1, 2, 3


@lean_kernel
def seed_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    blocks: FloatArray,
) -> int:
    """Take `xs` in order; `sums`: the window's sum and variance; `blocks` float64 [most, 4]."""
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        _take(xs[i], counts, sums, blocks, params)
        counts[FILLED] = (counts[FILLED] + 1) % int(params[BLOCK_SIZE])
        if counts[FILLED] or counts[BLOCKS] < 2:
            continue
        found = _test(rows, n_alarms, i, counts, sums, blocks, params[DELTA])
        if found > n_alarms:
            n_alarms, state, levels[i] = found, ALARM_NOW, ALARMED
    counts[ALARM] = state
    return n_alarms


@lean_kernel
def _take(
    x: float, counts: IntArray, sums: FloatArray, blocks: FloatArray, params: FloatArray
) -> None:
    last = counts[BLOCKS] - 1
    if last < 0 or blocks[last, COUNT] == blocks[last, SIZE]:
        if counts[BLOCKS] > 1 and counts[OPENED] > params[TERM]:
            counts[OPENED] = 0
            counts[BLOCKS] = _merged(blocks, counts[BLOCKS], params[EPSILON])
        if counts[BLOCKS] == blocks.shape[0]:
            _merge_into(blocks, 0, 1)
            _drop_first(blocks, counts, 1)
        if last >= 0:  # the first block is not opened, it is there
            counts[OPENED] += 1
        last = counts[BLOCKS]
        counts[BLOCKS] += 1
        blocks[last, COUNT], blocks[last, SIZE] = 0.0, params[BLOCK_SIZE]
        blocks[last, TOTAL], blocks[last, VARIANCE] = 0.0, 0.0
    blocks[last, COUNT] += 1.0
    blocks[last, TOTAL] += x
    sums[0] += x
    counts[WIDTH] += 1
    n = counts[WIDTH]
    if n >= 2:
        gap = x - sums[0] / (n - 1)
        more = (n - 1) * gap * gap / n
        sums[1] += more
        blocks[last, VARIANCE] += more


@lean_kernel
def _merged(blocks: FloatArray, n: int, step: float) -> int:
    """Merge each block, newest first, with the one before if they are alike; return their number.

    What counts as alike grows by `step` from block to block.  MOA merges the older of two, with
    what it already holds, again with the one before it.
    """
    epsilon, kept = 0.0, n  # blocks kept stand from `kept` on, in place
    for k in range(n - 1, 0, -1):
        epsilon += step
        mean = blocks[k, TOTAL] / blocks[k, COUNT]
        before = blocks[k - 1, TOTAL] / blocks[k - 1, COUNT]
        if abs(before - mean) < epsilon:
            _merge_into(blocks, k, k - 1)
        else:
            kept -= 1
            _copy(blocks, k, kept)
    kept -= 1
    _copy(blocks, 0, kept)
    for k in range(n - kept):
        _copy(blocks, kept + k, k)
    return n - kept


@lean_kernel
def _copy(blocks: FloatArray, source: int, target: int) -> None:
    for field in range(N_FIELDS_OF_BLOCK):
        blocks[target, field] = blocks[source, field]


@lean_kernel
def _merge_into(blocks: FloatArray, source: int, target: int) -> None:
    for field in range(N_FIELDS_OF_BLOCK):
        blocks[target, field] += blocks[source, field]


@lean_kernel
def _drop_first(blocks: FloatArray, counts: IntArray, n: int) -> None:
    for k in range(n, counts[BLOCKS]):
        _copy(blocks, k, k - n)
    counts[BLOCKS] -= n


@lean_kernel
def _sum_up(blocks: FloatArray, counts: IntArray, sums: FloatArray) -> None:
    """Add up the blocks that are left: subtracted, a large value would leave its rounding."""
    counts[WIDTH], sums[0], sums[1] = 0, 0.0, 0.0
    for k in range(counts[BLOCKS]):
        counts[WIDTH] += int(blocks[k, COUNT])
        sums[0] += blocks[k, TOTAL]
        sums[1] += blocks[k, VARIANCE]


@lean_kernel
def _test(
    rows: FloatArray,
    n_alarms: int,
    i: int,
    counts: IntArray,
    sums: FloatArray,
    blocks: FloatArray,
    delta: float,
) -> int:
    """Compare all before with all after each edge, newest first; drop the older at the first gap.

    Returns the number of alarms.
    """
    n = counts[WIDTH]
    v = sums[1] / n
    n_new, new, n_old, old = 0.0, 0.0, float(n), sums[0]
    dd = math.log(2.0 * math.log(n) / delta)
    for k in range(counts[BLOCKS] - 1, 0, -1):
        n_old -= blocks[k, COUNT]
        n_new += blocks[k, COUNT]
        old -= blocks[k, TOTAL]
        new += blocks[k, TOTAL]
        size = new / n_new - old / n_old
        m = 1.0 / n_old + 1.0 / n_new
        bound = math.sqrt(2.0 * m * v * dd) + 2.0 / 3.0 * dd * m
        if abs(size) > bound:
            direction = 1 if size > 0.0 else -1
            p_value = _least_delta(abs(size), m, v, n)
            _drop_first(blocks, counts, k)
            _sum_up(blocks, counts, sums)
            return int(
                note_alarm(
                    rows, n_alarms, i, abs(size), bound, size, direction, int(n_new), p_value
                )
            )
    return n_alarms


@lean_kernel
def _least_delta(gap: float, m: float, v: float, n: int) -> float:
    """Return the `delta` at which the bound is the gap: a root of a quadratic in sqrt(dd)."""
    a, b = 2.0 / 3.0 * m, math.sqrt(2.0 * m * max(v, 0.0))
    root = 2.0 * gap / (b + math.sqrt(b * b + 4.0 * a * gap))
    return float(min(1.0, 2.0 * math.log(n) * math.exp(-root * root)))
