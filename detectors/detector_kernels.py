"""What the kernels of all detectors share: places in the counters, levels, rows of alarms."""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray
from streamadapt.jit import lean_kernel

__all__ = [
    "ALARM",
    "ALARMED",
    "ALARM_NOW",
    "LEAST_CONFIDENCE",
    "LIMIT",
    "NO_ALARM",
    "N_COMMON",
    "N_FIELDS",
    "N_SEEN",
    "N_SKIPPED",
    "UNDEFINED",
    "WARNED",
    "WARNING",
    "first_that_is_no_bit",
    "note_alarm",
    "one_sided",
]

LIMIT = 1e100
"""Values beyond it are skipped like inf: their squares would overflow and blind a detector."""

LEAST_CONFIDENCE = 1e-300
"""The smallest probability that a bound may be asked for: its reciprocal must be a number."""

# The first places of every detector's counters, int64, and the values of counters[ALARM].
ALARM, N_SEEN, N_SKIPPED, WARNING = 0, 1, 2, 3
N_COMMON = 4
NO_ALARM, ALARM_NOW = 0, 1

# Bits of a value's level.
ALARMED, WARNED = 1, 2

N_FIELDS = 7
"""Width of an alarm's row: the fields of `streamadapt.contracts.Alarm`, in their order."""

UNDEFINED = math.nan
"""The p-value of methods that have none."""


@lean_kernel
def note_alarm(
    rows: FloatArray,
    n: int,
    index: int,
    statistic: float,
    threshold: float,
    size: float,
    direction: int,
    age: int,
    p_value: float,
) -> int:
    """Write the n-th alarm's row; return n + 1."""
    rows[n, 0] = index
    rows[n, 1] = statistic
    rows[n, 2] = threshold
    rows[n, 3] = size
    rows[n, 4] = direction
    rows[n, 5] = age
    rows[n, 6] = p_value
    return n + 1


@lean_kernel
def one_sided(size: float, direction: int) -> float:
    """Return `size` if its sign is that of `direction`, else 0.

    A method's statistic may pass its threshold though the estimated levels moved the other way;
    then all that can be said of the size is that it is small.
    """
    return size if size * direction > 0.0 else 0.0


@lean_kernel
def first_that_is_no_bit(xs: FloatArray) -> int:
    """Return the index of the first finite value that is neither 0 nor 1, or the length."""
    for i in range(xs.size):
        x = xs[i]
        if x * x != x and math.isfinite(x):  # one branch, that bits at random cannot mislead
            return i
    return int(xs.size)
