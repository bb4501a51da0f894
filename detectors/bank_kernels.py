"""A detector's kernel over a bank of detectors: one value each, at any keys, in one call."""

from __future__ import annotations

from functools import cache
from types import FunctionType

import numpy as np

from streamadapt.contracts import FloatArray, IntArray, LevelArray
from streamadapt.detectors.detector_kernels import N_FIELDS
from streamadapt.jit import Kernel, kernel

__all__ = ["bank_kernel", "first_outside"]


@cache
def bank_kernel(run: Kernel) -> Kernel:
    """Return the kernel that runs a detector's kernel `run` over the rows of a bank.

    Numba calls directly only what it finds by name in a function's globals, and keeps on disk only
    what is no closure: so this is the function below, with globals and a name of its own.
    """
    name = f"_bank_{run.__name__}"
    own = FunctionType(_bank_run.__code__, {**globals(), "_run": run}, name)
    own.__qualname__ = name  # what tells its file in the cache from those of other banks
    return kernel(own)


def _run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
) -> int:
    raise NotImplementedError  # in its place stands the kernel of a detector


def _bank_run(
    keys: IntArray,
    xs: FloatArray,
    levels: LevelArray,
    alarms: FloatArray,
    params: FloatArray,
    bank: FloatArray,
    n_counts: int,
    n_sums: int,
) -> int:
    """Take `xs` in order, each at its key; return the number of alarms.

    Row k of `bank` float64 [n_keys, width] is detector k: its counters, then its sums.
    """
    counts, sums = np.empty(n_counts, np.int64), np.empty(n_sums)
    x, level, alarm = np.empty(1), np.zeros(1, np.int8), np.empty((1, N_FIELDS))
    n_alarms = 0
    for i in range(xs.size):
        key = keys[i]
        for j in range(n_counts):
            counts[j] = int(bank[key, j])
        for j in range(n_sums):
            sums[j] = bank[key, n_counts + j]
        x[0], level[0] = xs[i], 0
        if _run(x, level, alarm, params, counts, sums):
            alarms[n_alarms] = alarm[0]
            alarms[n_alarms, 0] = i
            n_alarms += 1
        levels[i] = level[0]
        for j in range(n_counts):
            bank[key, j] = counts[j]
        for j in range(n_sums):
            bank[key, n_counts + j] = sums[j]
    return n_alarms


@kernel
def first_outside(keys: IntArray, n_keys: int) -> int:
    """Return the index of the first key that is not in 0..n_keys-1, or the length."""
    for i in range(keys.size):
        if not 0 <= keys[i] < n_keys:
            return i
    return int(keys.size)
