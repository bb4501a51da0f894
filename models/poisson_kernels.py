"""Poisson numbers from a seed of `java.util.Random`, drawn as MOA's ``MiscUtils.poisson`` does."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.java_random_kernels import next_double
from streamadapt.jit import inlined_kernel

__all__ = ["next_poisson", "poisson_table"]

_AT_ONCE = 16  # of the at least 100 sums, which never fall


def poisson_table(rate: float) -> FloatArray:
    """Return float64 [m]: by k, the sum of ``rate ** j / j!`` for j up to k, over ``exp(rate)``.

    >>> poisson_table(1.0)[:3].round(3).tolist()
    [0.368, 0.736, 0.92]
    """
    terms, term = [1.0], 1.0
    for i in range(1, max(100, 10 * math.ceil(rate))):
        term *= rate / i
        terms.append(term)
    return np.array(np.cumsum(terms) / math.exp(rate))


@inlined_kernel
def next_poisson(seed: int, table: FloatArray) -> tuple[int, int]:
    """Return the next seed, and a whole number by inversion of the table."""
    after, u = next_double(seed)
    k = 0
    for j in range(_AT_ONCE):  # how many no branch predictor could guess
        k += int(table[j] <= u)
    while k >= _AT_ONCE and k < table.size - 1 and table[k] <= u:
        k += 1
    return after, k
