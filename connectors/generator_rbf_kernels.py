"""Kernels of radial basis functions: where centroids are, and rows around them as MOA draws them.

Rows are made in pieces of `PIECE`, in three passes.  First only the seed goes its way through all
rows: how many random numbers a row takes is known but for a normal number, which rejects some.
Then each row's numbers are drawn from the seed it began with, and no row waits for the one before.
Last come the centroids.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.java_random_kernels import (
    JUMPS,
    jump,
    next_double,
    next_int,
    next_polar,
    polar_factor,
    scrambled,
    settled,
)
from streamadapt.jit import kernel

__all__ = ["place_centroids", "rbf_rows"]

SPARE, HAS_SPARE = 0, 1  # of the second normal number, kept for the next call
LABEL, DEVIATION, CUMULATIVE = 0, 1, 2  # of a centroid
U, V, SQUARE = 0, 1, 2  # of a point that gives two normal numbers

PIECE = 64
DOUBLES = JUMPS.shape[0] // 2  # a jump takes up to 32 steps, a number two of them
_ONE = 1 << 52

# Columns of their own: consecutive in memory, so that the CPU may take several at once.
_FIRST_A, _FIRST_C = JUMPS[1::2, 0].copy(), JUMPS[1::2, 1].copy()
_SECOND_A, _SECOND_C = JUMPS[2::2, 0].copy(), JUMPS[2::2, 1].copy()


@kernel
def place_centroids(
    centres: FloatArray,
    facts: FloatArray,
    steps: FloatArray,
    seed: int,
    n_classes: int,
    change: float,
) -> None:
    """Draw centres [m, d], facts [3, m] (label, deviation, sum of weights so far), steps [k, d]."""
    start = scrambled(seed)
    seed, total = start, 0.0
    for i in range(centres.shape[0]):
        for j in range(centres.shape[1]):
            seed, centres[i, j] = next_double(seed)
        seed, label = next_int(seed, n_classes)
        seed, facts[DEVIATION, i] = next_double(seed)
        seed, weight = next_double(seed)
        total += weight
        facts[LABEL, i], facts[CUMULATIVE, i] = float(label), total
    seed = start  # directions come from the same numbers as the centres
    for i in range(steps.shape[0]):
        square = 0.0
        for j in range(steps.shape[1]):
            seed, value = next_double(seed)
            steps[i, j] = value
            square += value * value
        norm = math.sqrt(square)
        for j in range(steps.shape[1]):
            steps[i, j] = steps[i, j] / norm * change


@kernel
def move_centroids(centres: FloatArray, steps: FloatArray) -> None:
    """Move the first of the flat `centres` by `steps`; at 0 and at 1 they turn around."""
    for q in range(steps.shape[0]):
        moved, step = centres[q] + steps[q], steps[q]
        kept = 0.0 if moved < 0.0 else moved
        kept = 1.0 if kept > 1.0 else kept
        centres[q] = kept
        steps[q] = step if kept == moved else -step


@kernel
def chosen_centroid(facts: FloatArray, drawn: float) -> int:
    """Return the first centroid whose sum of weights is above `drawn`, or the last one."""
    n_below = 0  # counted, not searched for: no branch for the CPU to guess, and several at once
    for i in range(facts.shape[1]):
        n_below += 1 if facts[CUMULATIVE, i] <= drawn else 0
    return n_below if n_below < facts.shape[1] else facts.shape[1] - 1


@kernel
def walk_rows(
    seed: int, starts: IntArray, points: FloatArray, has_spare: bool, row_jump: tuple[int, int]
) -> tuple[int, int]:
    """Note each row's seed, and the points of its normal numbers; return the seed and their n."""
    n_points = 0
    for i in range(starts.shape[0]):
        starts[i] = seed
        seed = seed * row_jump[0] + row_jump[1]
        if not has_spare:
            seed, u, v, square = next_polar(seed)
            points[n_points, U], points[n_points, V], points[n_points, SQUARE] = u, v, square
            n_points += 1
        has_spare = not has_spare
    return seed, n_points


@kernel
def symmetric(seed: int, j: int) -> float:
    """Return the `j`-th number of [-1, 1) from `seed` on, times 2**52, with which it is whole."""
    high = (seed * _FIRST_A[j] + _FIRST_C[j]) >> 22 & 0x3FFFFFF
    low = (seed * _SECOND_A[j] + _SECOND_C[j]) >> 21 & 0x7FFFFFF
    return float((high << 27) + low - _ONE)


@kernel
def draw_rows(starts: IntArray, X: FloatArray, drawn: FloatArray) -> None:
    """Draw each row's number for its centroid, and its direction, `symmetric` numbers.

    Their factor, a power of two, drops out of the rows without a change of a bit.
    """
    n_columns = X.shape[1]
    n_at_once = min(n_columns, DOUBLES)
    for i in range(starts.shape[0]):
        seed, drawn[i] = next_double(starts[i])
        for j in range(n_at_once):
            X[i, j] = symmetric(seed, j)
        for j in range(DOUBLES, n_columns):
            if j % DOUBLES == 0:
                seed = seed * _SECOND_A[-1] + _SECOND_C[-1]
            X[i, j] = symmetric(seed, j % DOUBLES)


@kernel
def turn_normal(points: FloatArray, normals: FloatArray) -> None:
    """Make two normal numbers of each point."""
    for k in range(points.shape[0]):
        factor = polar_factor(points[k, SQUARE])
        normals[2 * k] = points[k, U] * factor
        normals[2 * k + 1] = points[k, V] * factor


@kernel
def scatter_rows(
    X: FloatArray,
    y: IntArray,
    drawn: FloatArray,
    normals: FloatArray,
    centres: FloatArray,
    facts: FloatArray,
    steps: FloatArray,
) -> None:
    """Move directions X to their centroids."""
    total = facts[CUMULATIVE, -1]
    flat_centres, flat_steps = centres.reshape(centres.size), steps.reshape(steps.size)
    is_moving = steps.shape[0] > 0
    for i in range(X.shape[0]):
        if is_moving:
            move_centroids(flat_centres, flat_steps)
        chosen = chosen_centroid(facts, drawn[i] * total)
        square = 0.0
        for j in range(X.shape[1]):
            square += X[i, j] * X[i, j]
        scale = normals[i] * facts[DEVIATION, chosen] / math.sqrt(square)
        for j in range(X.shape[1]):
            X[i, j] = centres[chosen, j] + X[i, j] * scale
        y[i] = int(facts[LABEL, chosen])


@kernel
def rbf_rows(
    X: FloatArray,
    y: IntArray,
    rng: IntArray,
    centres: FloatArray,
    facts: FloatArray,
    steps: FloatArray,
    gaussian: FloatArray,
) -> None:
    """Fill rows around centroids; `gaussian` float64 [2] keeps the second normal number."""
    seed, row_jump = rng[0], jump(2 * X.shape[1] + 2)
    starts, drawn, points = np.empty(PIECE, np.int64), np.empty(PIECE), np.empty((PIECE, 3))
    normals = np.empty(PIECE + 1)  # one may be left for the next piece
    normals[0], n_spare = gaussian[SPARE], int(gaussian[HAS_SPARE] > 0.0)
    for first in range(0, y.shape[0], PIECE):
        n = min(PIECE, y.shape[0] - first)
        rows = X[first : first + n]
        seed, n_points = walk_rows(seed, starts[:n], points, n_spare > 0, row_jump)
        turn_normal(points[:n_points], normals[n_spare:])
        draw_rows(starts[:n], rows, drawn)
        scatter_rows(rows, y[first : first + n], drawn, normals, centres, facts, steps)
        n_spare += 2 * n_points - n
        normals[0] = normals[n]
    rng[0] = settled(seed)
    gaussian[SPARE], gaussian[HAS_SPARE] = normals[0] if n_spare else 0.0, float(n_spare)
