"""ADWIN over bits, as trees and forests use it: rows of whole numbers, one window per row.

A. Bifet and R. Gavaldà, Learning from time-changing data with adaptive windowing, SDM 2007, with
the constants of MOA's ``ADWIN``.  Other than `streamadapt.detectors.ADWIN`, which is River's, a
window goes on after a cut with what is left of it, as adaptive trees read its mean.

Of bits no sums of squares need be kept: a window of n bits of which t are set has the variance
t (n - t) / n^2 exactly.  MOA's sum of squares is rounded at every bit; nothing else differs.

A row is int32 [N_WORDS]: the bits since the last look for a cut (``PHASE``), ``WIDTH``,
``TOTAL``, rows of buckets in use (``N_ROWS``), how many buckets each row holds, and their
numbers of set bits, oldest first.  What is not in use is 0, so that equal windows are equal.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.errors import IncompatibleStateError
from streamadapt.jit import inlined_kernel, lean_kernel

__all__ = [
    "CLOCK",
    "FELL",
    "MAX_ROWS",
    "N_WORDS",
    "PHASE",
    "ROSE",
    "STAYED",
    "TOTAL",
    "UNCUT",
    "WIDTH",
    "Windows",
    "checked_windows",
    "clear_window",
    "take_bit",
    "window_mean",
]

Windows: TypeAlias = NDArray[np.int32]

PHASE, WIDTH, TOTAL, N_ROWS, HELD = 0, 1, 2, 3, 4
MAX_ROWS = 24
"""Row r holds buckets of 2**r bits; beyond 67 million bits the oldest are dropped uncut."""

MAX_BUCKETS = 5
BUCKETS = HELD + MAX_ROWS
N_WORDS = BUCKETS + MAX_ROWS * (MAX_BUCKETS + 1)

CLOCK, LEAST_WIDTH, LEAST_PART = 32, 10, 5

UNCUT, FELL, STAYED, ROSE = 0, 1, 2, 3
"""What a bit did: no cut, or one after which the mean is lower, the same, or higher."""


def checked_windows(windows: NDArray[Any]) -> Windows:
    """Return int32 [n, N_WORDS] if kernels can go on with them.

    Raises
    ------
    IncompatibleStateError
        If they would lead out of their rows.
    """
    held = windows[:, HELD:BUCKETS]
    in_use = np.arange(MAX_ROWS) < windows[:, N_ROWS : N_ROWS + 1]
    if (
        windows.dtype != np.int32
        or not (windows[:, :HELD] >= 0).all()
        or not (windows[:, N_ROWS] <= MAX_ROWS).all()
        or not ((held > 0) == in_use).all()
        or not (held <= MAX_BUCKETS).all()
    ):
        raise IncompatibleStateError("windows of errors hold what no window can")
    return windows.astype(np.int32, copy=False)


@lean_kernel
def clear_window(windows: Windows, m: int) -> None:
    """Forget all bits of window m."""
    for j in range(N_WORDS):
        windows[m, j] = 0


@inlined_kernel
def window_mean(windows: Windows, m: int) -> float:
    """Return the share of set bits in window m; 0 if it is empty."""
    width = windows[m, WIDTH]
    return windows[m, TOTAL] / width if width > 0 else 0.0


@inlined_kernel
def take_bit(windows: Windows, m: int, bit: int, delta: float) -> int:
    """Take a bit into window m, and every 32 bits drop its oldest buckets while there is a cut."""
    width, total = windows[m, WIDTH], windows[m, TOTAL]
    windows[m, WIDTH] = width + 1
    windows[m, TOTAL] = total + bit
    row, carried = 0, bit
    while True:
        if row == MAX_ROWS:
            windows[m, WIDTH] -= 1 << row
            windows[m, TOTAL] -= carried
            break
        if row == windows[m, N_ROWS]:
            windows[m, N_ROWS] = row + 1
        at = BUCKETS + row * (MAX_BUCKETS + 1)
        held = windows[m, HELD + row]
        windows[m, at + held] = carried
        if held < MAX_BUCKETS:
            windows[m, HELD + row] = held + 1
            break
        carried = windows[m, at] + windows[m, at + 1]
        for b in range(2, MAX_BUCKETS + 1):
            windows[m, at + b - 2] = windows[m, at + b]
        windows[m, at + MAX_BUCKETS - 1] = 0
        windows[m, at + MAX_BUCKETS] = 0
        windows[m, HELD + row] = MAX_BUCKETS - 1
        row += 1

    windows[m, PHASE] += 1
    if windows[m, PHASE] < CLOCK:
        return UNCUT
    windows[m, PHASE] = 0
    return int(_cut(windows, m, total / width if width > 0 else 0.0, delta))


@lean_kernel
def _cut(windows: Windows, m: int, before: float, delta: float) -> int:
    """Drop the oldest buckets of window m while there is a cut; `before` was its mean."""
    if windows[m, WIDTH] <= LEAST_WIDTH or not _has_cut(windows, m, delta):
        return UNCUT
    while True:
        _drop_oldest(windows, m)
        if not _has_cut(windows, m, delta):
            break
    after = windows[m, TOTAL] / windows[m, WIDTH]
    if after > before:
        return ROSE
    return FELL if after < before else STAYED


@lean_kernel
def _drop_oldest(windows: Windows, m: int) -> None:
    row = windows[m, N_ROWS] - 1
    at = BUCKETS + row * (MAX_BUCKETS + 1)
    windows[m, WIDTH] -= 1 << row
    windows[m, TOTAL] -= windows[m, at]
    for b in range(1, MAX_BUCKETS + 1):
        windows[m, at + b - 1] = windows[m, at + b]
    windows[m, at + MAX_BUCKETS] = 0
    windows[m, HELD + row] -= 1
    if windows[m, HELD + row] == 0:
        windows[m, N_ROWS] = row


@lean_kernel
def _has_cut(windows: Windows, m: int, delta: float) -> bool:
    """Tell whether any cut between two buckets leaves two means that are too far apart.

    The bound is at least the root of ``2 variance log_term n / (n0 n1)``, so most cuts are passed
    over without a division.
    """
    width, total = float(windows[m, WIDTH]), float(windows[m, TOTAL])
    log_term = math.log(2.0 * math.log(width) / delta)
    variance = total / width * (1.0 - total / width)
    least = 0.999999 * 2.0 * variance * log_term * width
    n0, n1, u0, u1 = 0.0, width, 0.0, total
    for row in range(windows[m, N_ROWS] - 1, -1, -1):
        at, size = BUCKETS + row * (MAX_BUCKETS + 1), float(1 << row)
        for b in range(windows[m, HELD + row]):
            n0 += size
            n1 -= size
            u0 += windows[m, at + b]
            u1 -= windows[m, at + b]
            if n0 <= LEAST_PART + 1.0:
                continue
            if n1 <= LEAST_PART + 1.0:  # it only gets shorter
                return False
            gap = u0 * n1 - u1 * n0
            if gap * gap <= least * (n0 * n1):
                continue
            recip = 1.0 / (n0 - LEAST_PART + 1.0) + 1.0 / (n1 - LEAST_PART + 1.0)
            bound = math.sqrt(2.0 * recip * variance * log_term) + 2.0 / 3.0 * log_term * recip
            if abs(u0 / n0 - u1 / n1) > bound:
                return True
    return False
