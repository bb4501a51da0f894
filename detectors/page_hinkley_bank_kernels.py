"""Page-Hinkley over a bank: at any keys, and at all keys tick by tick, eight keys at a time.

Both do to each row of the bank just what `page_hinkley_run` does to a detector, operation by
operation, but hold it where they can use it: `streamadapt.detectors.bank_kernels` would cost
five times as much.
"""

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
)
from streamadapt.detectors.page_hinkley_kernels import (
    AFRESH,
    ALPHA,
    DELTA,
    FALL_THRESHOLD,
    MIN_INSTANCES,
    RISE_THRESHOLD,
    WIDTH,
    Sums,
    moved,
    note,
    too_far,
)
from streamadapt.jit import kernel, lean_kernel

__all__ = ["page_hinkley_at_all_keys", "page_hinkley_at_keys"]

SUMS = N_COMMON + 1  # where a row's sums begin

TILE = 64
"""Keys whose rows are held column by column at a time: 5 kB, well inside the first cache."""

# Where the columns of a tile begin.
W, MEAN, RISE, FALL = 0, TILE, 2 * TILE, 3 * TILE
LOW, LOW_N, LOW_MEAN = 4 * TILE, 5 * TILE, 6 * TILE
HIGH, HIGH_N, HIGH_MEAN = 7 * TILE, 8 * TILE, 9 * TILE
SEEN, STATE = 10 * TILE, 11 * TILE
N_COLUMNS = 12


@lean_kernel
def page_hinkley_at_keys(
    keys: IntArray,
    xs: FloatArray,
    levels: LevelArray,
    alarms: FloatArray,
    params: FloatArray,
    bank: FloatArray,
    _n_counts: int,
    _n_sums: int,
) -> int:
    """Take `xs` in order, each at its key; return the number of alarms."""
    n_alarms = 0
    for i in range(xs.size):
        key = keys[i]
        if not abs(xs[i]) <= LIMIT:
            bank[key, ALARM] = NO_ALARM
            bank[key, N_SKIPPED] += 1
            continue
        width = int(bank[key, WIDTH]) + 1
        now = moved(_held(bank, key), xs[i], width, params)
        direction = too_far(now, params) if width >= params[MIN_INSTANCES] else 0
        bank[key, ALARM] = NO_ALARM
        if direction != 0:
            n_alarms = note(alarms, n_alarms, i, now, width, direction, params)
            levels[i] = ALARMED
            bank[key, ALARM] = ALARM_NOW
            width, now = 0, AFRESH
        bank[key, N_SEEN] += 1
        bank[key, WIDTH] = width
        _hold(bank, key, now)
    return n_alarms


@lean_kernel
def _held(bank: FloatArray, key: int) -> Sums:
    lowest = (bank[key, SUMS + 3], bank[key, SUMS + 4], bank[key, SUMS + 5])
    highest = (bank[key, SUMS + 6], bank[key, SUMS + 7], bank[key, SUMS + 8])
    return bank[key, SUMS], bank[key, SUMS + 1], bank[key, SUMS + 2], lowest, highest


@lean_kernel
def _hold(bank: FloatArray, key: int, now: Sums) -> None:
    bank[key, SUMS], bank[key, SUMS + 1], bank[key, SUMS + 2] = now[0], now[1], now[2]
    bank[key, SUMS + 3], bank[key, SUMS + 4], bank[key, SUMS + 5] = now[3]
    bank[key, SUMS + 6], bank[key, SUMS + 7], bank[key, SUMS + 8] = now[4]


@kernel
def page_hinkley_at_all_keys(
    X: FloatArray,
    levels: LevelArray,
    alarms: FloatArray,
    params: FloatArray,
    bank: FloatArray,
) -> int:
    """Take X [t, n_keys], a value of every key at each tick; `levels` int8 [t, n_keys].

    Alarms come key by key in tiles, not yet in the order of their index ``t * n_keys + key``.
    """
    return int(_take_all(np.empty(N_COLUMNS * TILE), X, levels, alarms, params, bank))


@lean_kernel
def _take_all(
    tile: FloatArray,
    X: FloatArray,
    levels: LevelArray,
    alarms: FloatArray,
    params: FloatArray,
    bank: FloatArray,
) -> int:
    n_keys, n_alarms = bank.shape[0], 0
    for first in range(0, n_keys, TILE):
        m = min(TILE, n_keys - first)
        _take_up(tile, bank, first, m)
        for t in range(X.shape[0]):
            if _tick(tile, X[t, first : first + m], params) == 0:
                continue
            for j in range(m):
                if tile[STATE + j] == ALARM_NOW:
                    direction, now = _now(tile, j, params)
                    index, width = t * n_keys + first + j, int(tile[W + j])
                    n_alarms = note(alarms, n_alarms, index, now, width, direction, params)
                    levels[t, first + j] = ALARMED
                    _start_afresh(tile, j)
        _put_down(tile, bank, first, m, X.shape[0])
    return n_alarms


@lean_kernel
def _take_up(tile: FloatArray, bank: FloatArray, first: int, m: int) -> None:
    for j in range(m):
        key = first + j
        tile[W + j] = bank[key, WIDTH]
        for c in range(9):
            tile[MEAN + c * TILE + j] = bank[key, SUMS + c]
        tile[SEEN + j], tile[STATE + j] = bank[key, N_SEEN], bank[key, ALARM]


@lean_kernel
def _put_down(tile: FloatArray, bank: FloatArray, first: int, m: int, n_ticks: int) -> None:
    for j in range(m):
        key = first + j
        bank[key, WIDTH] = tile[W + j]
        for c in range(9):
            bank[key, SUMS + c] = tile[MEAN + c * TILE + j]
        bank[key, N_SKIPPED] += n_ticks - (tile[SEEN + j] - bank[key, N_SEEN])
        bank[key, N_SEEN], bank[key, ALARM] = tile[SEEN + j], tile[STATE + j]


@lean_kernel
def _tick(tile: FloatArray, xs: FloatArray, params: FloatArray) -> int:
    """Let each key of the tile take its value; return how many are too far now.

    Without a branch, so that the compiler lets one instruction do it for several keys; and with
    values that begin at 0, as an index that might be negative makes it gather them one by one.
    """
    alpha, delta, least = params[ALPHA], params[DELTA], params[MIN_INSTANCES]
    rise_threshold, fall_threshold = params[RISE_THRESHOLD], params[FALL_THRESHOLD]
    n_far = 0
    for j in range(xs.size):
        x = xs[j]
        # All is read before anything is chosen: a read inside a choice would be a branch.
        n, mean, rise, fall = tile[W + j], tile[MEAN + j], tile[RISE + j], tile[FALL + j]
        low, low_n, low_mean = tile[LOW + j], tile[LOW_N + j], tile[LOW_MEAN + j]
        high, high_n, high_mean = tile[HIGH + j], tile[HIGH_N + j], tile[HIGH_MEAN + j]
        ok = abs(x) <= LIMIT
        width = n + 1.0
        new_mean = mean + 1.0 / width * (x - mean)
        new_rise = alpha * rise + (x - new_mean) - delta
        new_fall = alpha * fall + (x - new_mean) + delta
        is_low, is_high = ok & (new_rise < low), ok & (new_fall > high)
        low, high = new_rise if is_low else low, new_fall if is_high else high
        far = (new_rise - low > rise_threshold) | (high - new_fall > fall_threshold)
        far = far & ok & (width >= least)
        tile[LOW + j], tile[HIGH + j] = low, high
        tile[LOW_N + j], tile[HIGH_N + j] = width if is_low else low_n, width if is_high else high_n
        tile[LOW_MEAN + j] = new_mean if is_low else low_mean
        tile[HIGH_MEAN + j] = new_mean if is_high else high_mean
        tile[RISE + j], tile[FALL + j] = new_rise if ok else rise, new_fall if ok else fall
        tile[MEAN + j], tile[W + j] = new_mean if ok else mean, width if ok else n
        tile[SEEN + j] += 1.0 if ok else 0.0
        tile[STATE + j] = 1.0 if far else 0.0
        n_far += 1 if far else 0
    return n_far


@lean_kernel
def _now(tile: FloatArray, j: int, params: FloatArray) -> tuple[int, Sums]:
    lowest = (tile[LOW + j], tile[LOW_N + j], tile[LOW_MEAN + j])
    highest = (tile[HIGH + j], tile[HIGH_N + j], tile[HIGH_MEAN + j])
    now = (tile[MEAN + j], tile[RISE + j], tile[FALL + j], lowest, highest)
    return too_far(now, params), now


@lean_kernel
def _start_afresh(tile: FloatArray, j: int) -> None:
    mean, rise, fall, lowest, highest = AFRESH
    tile[W + j], tile[MEAN + j], tile[RISE + j], tile[FALL + j] = 0.0, mean, rise, fall
    tile[LOW + j], tile[LOW_N + j], tile[LOW_MEAN + j] = lowest
    tile[HIGH + j], tile[HIGH_N + j], tile[HIGH_MEAN + j] = highest
