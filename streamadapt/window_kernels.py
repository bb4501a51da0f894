"""Kernels of rolling statistics: a ring of past values, and summaries of its blocks.

``ring`` float64 [D], D a power of two, holds the value of row t at ``t & (D-1)``, NaN where it is
missing.  ``summary`` float64 [B, 6] holds that of rows 64b..64b+63 at ``b & (B-1)``, with B = D/64,
or B = 0 where all windows are short.

A window's statistics are computed afresh for each row, so that no rounding error builds up and an
extreme value leaves no trace once it has left the window.  Sums are of differences from a value of
the window, in two passes, which keeps a small spread of large numbers exact (Chan, Golub and
LeVeque, "Algorithms for computing the sample variance: analysis and recommendations", The American
Statistician 37(3), 1983).  Where windows are longer than a block, whole blocks are read as
summaries and merged by the same paper's formula: about window/64 + 128 steps per row.  Borders of
blocks are fixed by the row count, so results do not depend on how rows are cut into calls.
"""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.jit import kernel

__all__ = ["BLOCK", "BLOCK_FIELDS", "push", "summarise", "write_statistics"]

BLOCK = 64
"""Rows per summary; windows up to this long are read row by row."""

# Fields of a block's summary; the mean is ORIGIN + OFFSET, kept apart to lose no digits.
VALID, ORIGIN, OFFSET, SQUARES, LOW, HIGH, BLOCK_FIELDS = 0, 1, 2, 3, 4, 5, 6


@kernel
def summarise(ring: FloatArray, block: int, first: int, summary: FloatArray) -> None:
    """Summarise rows first..first+BLOCK-1 of a ring; `block` is the place of the result."""
    mask = len(ring) - 1
    valid, origin, total, low, high = 0.0, 0.0, 0.0, np.inf, -np.inf
    for row in range(first, first + BLOCK):
        x = ring[row & mask]
        if x == x:
            if valid == 0.0:
                origin = x
            valid += 1.0
            total += x - origin
            low = min(low, x)
            high = max(high, x)
    offset = total / max(valid, 1.0)  # without a valid value the summary is never read
    squares = 0.0
    for row in range(first, first + BLOCK):
        x = ring[row & mask]
        if x == x:
            squares += ((x - origin) - offset) ** 2
    summary[block, VALID] = valid
    summary[block, ORIGIN] = origin
    summary[block, OFFSET] = offset
    summary[block, SQUARES] = squares
    summary[block, LOW] = low
    summary[block, HIGH] = high


@kernel
def push(ring: FloatArray, summary: FloatArray, row: int, x: float) -> None:
    """Write the value of `row`; sum up the block that it completes."""
    ring[row & (len(ring) - 1)] = x if np.isfinite(x) else np.nan
    if len(summary) and (row + 1) % BLOCK == 0:
        summarise(ring, (row // BLOCK) & (len(summary) - 1), row + 1 - BLOCK, summary)


@kernel
def write_statistics(
    ring: FloatArray,
    summary: FloatArray,
    rows: tuple[int, int],
    columns: IntArray,
    out: FloatArray,
) -> None:
    """Write statistics of rows[0] <= row < rows[1] into `out`; NaN where no value is valid."""
    mask = len(ring) - 1
    blocks = len(summary)
    valid, origin, total, low, high = 0.0, 0.0, 0.0, np.inf, -np.inf
    row, high_row = rows
    while row < high_row:
        if blocks and row % BLOCK == 0 and row + BLOCK <= high_row:
            b = (row // BLOCK) & (blocks - 1)
            if summary[b, VALID] > 0.0:
                if valid == 0.0:
                    origin = summary[b, ORIGIN]
                valid += summary[b, VALID]
                total += summary[b, VALID] * ((summary[b, ORIGIN] - origin) + summary[b, OFFSET])
                low = min(low, summary[b, LOW])
                high = max(high, summary[b, HIGH])
            row += BLOCK
        else:
            stop = min(high_row, (row // BLOCK + 1) * BLOCK)
            while row < stop:
                x = ring[row & mask]
                if x == x:
                    if valid == 0.0:
                        origin = x
                    valid += 1.0
                    total += x - origin
                    low = min(low, x)
                    high = max(high, x)
                row += 1
    if valid == 0.0:
        for column in columns:
            _put(out, column, np.nan)
        return
    offset = total / valid
    _put(out, columns[0], origin + offset)
    if columns[1] >= 0:
        squares = _squares(ring, summary, rows, origin, offset)
        _put(out, columns[1], np.sqrt(squares / valid))
    _put(out, columns[2], low)
    _put(out, columns[3], high)
    _put(out, columns[4], valid * origin + total)


@kernel
def _squares(
    ring: FloatArray, summary: FloatArray, rows: tuple[int, int], origin: float, offset: float
) -> float:
    """Return the sum of squared differences from origin + offset."""
    mask = len(ring) - 1
    blocks = len(summary)
    squares = 0.0
    row, high_row = rows
    while row < high_row:
        if blocks and row % BLOCK == 0 and row + BLOCK <= high_row:
            b = (row // BLOCK) & (blocks - 1)
            if summary[b, VALID] > 0.0:
                away = ((summary[b, ORIGIN] - origin) + summary[b, OFFSET]) - offset
                squares += summary[b, SQUARES] + summary[b, VALID] * away * away
            row += BLOCK
        else:
            stop = min(high_row, (row // BLOCK + 1) * BLOCK)
            while row < stop:
                x = ring[row & mask]
                if x == x:
                    squares += ((x - origin) - offset) ** 2
                row += 1
    return squares


@kernel
def _put(out: FloatArray, column: int, value: float) -> None:
    if column >= 0:
        out[column] = value if np.isfinite(value) else np.nan
