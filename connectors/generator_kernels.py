"""Kernels of the stream generators: each fills a block of rows just as MOA draws them.

All take rows X float64 [n, d] and labels y int64 [n] to fill, and `rng` int64 [2]: the seed of the
random numbers, and the class that the next row of a balanced stream must have.  What is drawn, in
which order, and the order of operations of each sum are those of MOA's classes of the same name.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.java_random_kernels import (
    JUMPS,
    next_double,
    next_int,
    settled,
)
from streamadapt.jit import kernel

__all__ = [
    "choose_streams",
    "hyperplane_rows",
    "is_above",
    "led_rows",
    "merge_rows",
    "nearly_sine",
    "sea_rows",
    "sine_rows",
    "stagger_rows",
    "start_hyperplane",
]

SEED, WANTED = 0, 1
SEEN = 1  # of a concept drift: rows given so far

# Top, upper left, upper right, middle, lower left, lower right, bottom.
SEGMENTS = np.array(
    [
        [1, 1, 1, 0, 1, 1, 1],
        [0, 0, 1, 0, 0, 1, 0],
        [1, 0, 1, 1, 1, 0, 1],
        [1, 0, 1, 1, 0, 1, 1],
        [0, 1, 1, 1, 0, 1, 0],
        [1, 1, 0, 1, 0, 1, 1],
        [1, 1, 0, 1, 1, 1, 1],
        [1, 0, 1, 0, 0, 1, 0],
        [1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0, 1, 1],
    ],
    np.int64,
)


@kernel
def flipped(seed: int, noise_percentage: int) -> tuple[int, int]:
    """Return the next seed, and 1 if noise turns a bit around, else 0."""
    seed, drawn = next_int(seed, 100)
    return seed, int(drawn < noise_percentage)


@kernel
def led_rows(
    X: FloatArray, y: IntArray, rng: IntArray, order: IntArray, noise_percentage: int
) -> None:
    """Fill rows of 7 or 24 bits; `order` int64 [d] says in which column each bit goes."""
    seed, n_irrelevant = rng[SEED], X.shape[1] - 7
    for i in range(y.shape[0]):
        seed, digit = next_int(seed, 10)
        y[i] = digit
        for j in range(7):
            seed, flip = flipped(seed, noise_percentage)
            X[i, order[j]] = float(SEGMENTS[digit, j] ^ flip)
        for j in range(1, n_irrelevant + 1):
            X[i, order[6 + j]] = float((seed * JUMPS[j, 0] + JUMPS[j, 1]) >> 47 & 1)
        seed = seed * JUMPS[n_irrelevant, 0] + JUMPS[n_irrelevant, 1]
    rng[SEED] = settled(seed)


@kernel
def sea_rows(
    X: FloatArray,
    y: IntArray,
    rng: IntArray,
    threshold: float,
    noise_percentage: int,
    is_balanced: bool,
) -> None:
    """Fill rows of three numbers; class 1 is above the threshold."""
    seed, wanted = rng[SEED], rng[WANTED]
    for i in range(y.shape[0]):
        while True:
            seed, a = next_double(seed)
            seed, b = next_double(seed)
            seed, c = next_double(seed)
            a, b = 10.0 * a, 10.0 * b
            label = int(a + b > threshold)
            if not is_balanced or label == wanted:
                break
        wanted = 1 - wanted if is_balanced else wanted
        seed, flip = flipped(seed, noise_percentage)
        X[i, 0], X[i, 1], X[i, 2] = a, b, 10.0 * c
        y[i] = label ^ flip
    rng[SEED], rng[WANTED] = settled(seed), wanted


@kernel
def nearly_sine(z: float) -> float:
    """Return the sine of z in [-pi/2, pi/2] but for 1e-11: its power series up to z**15."""
    w = z * z
    s = 1.0 - w * (1.0 / 156.0) * (1.0 - w * (1.0 / 210.0))
    s = 1.0 - w * (1.0 / 72.0) * (1.0 - w * (1.0 / 110.0) * s)
    return z * (1.0 - w * (1.0 / 6.0) * (1.0 - w * (1.0 / 20.0) * (1.0 - w * (1.0 / 42.0) * s)))


@kernel
def is_above(a: float, b: float, function: int) -> bool:
    """Return whether the point (a, b) of the unit square is on the curve or above it.

    A point that is no nearer than 1e-9 is judged by a sine that costs a fourth of the exact one.
    """
    if function <= 2:
        curve = nearly_sine(a)
    else:
        turns = math.floor(3.0 * a + 0.5)
        sine = nearly_sine((3.0 * a - turns) * math.pi)
        curve = 0.5 + 0.3 * (sine if turns == 0.0 or turns == 2.0 else -sine)
    if abs(b - curve) < 1e-9:
        curve = math.sin(a) if function <= 2 else 0.5 + 0.3 * math.sin(3.0 * math.pi * a)
    return bool(b >= curve)


@kernel
def sine_rows(X: FloatArray, y: IntArray, rng: IntArray, function: int, is_balanced: bool) -> None:
    """Fill rows of two numbers, and of two irrelevant ones if X is that wide."""
    seed, wanted, is_wide = rng[SEED], rng[WANTED], X.shape[1] > 2
    for i in range(y.shape[0]):
        while True:
            seed, a = next_double(seed)
            seed, b = next_double(seed)
            label = int(is_above(a, b, function)) ^ (1 - function & 1)
            if not is_balanced or label == wanted:
                break
        wanted = 1 - wanted if is_balanced else wanted
        X[i, 0], X[i, 1] = a, b
        if is_wide:
            seed, X[i, 2] = next_double(seed)
            seed, X[i, 3] = next_double(seed)
        y[i] = label
    rng[SEED], rng[WANTED] = settled(seed), wanted


@kernel
def stagger_rows(
    X: FloatArray, y: IntArray, rng: IntArray, function: int, is_balanced: bool
) -> None:
    """Fill rows of size, color and shape."""
    seed, wanted = rng[SEED], rng[WANTED]
    for i in range(y.shape[0]):
        while True:
            seed, size = next_int(seed, 3)
            seed, color = next_int(seed, 3)
            seed, shape = next_int(seed, 3)
            if function == 1:
                label = int(size == 0 and color == 0)
            elif function == 2:
                label = int(color == 2 or shape == 0)
            else:
                label = int(size != 0)
            if not is_balanced or label == wanted:
                break
        wanted = 1 - wanted if is_balanced else wanted
        X[i, 0], X[i, 1], X[i, 2] = float(size), float(color), float(shape)
        y[i] = label
    rng[SEED], rng[WANTED] = settled(seed), wanted


@kernel
def start_hyperplane(rng: IntArray, weights: FloatArray) -> None:
    """Draw the first weights float64 [d] with the seed that the rows go on with."""
    seed = rng[SEED]
    for j in range(weights.shape[0]):
        seed, weights[j] = next_double(seed)
    rng[SEED] = settled(seed)


@kernel
def hyperplane_rows(
    X: FloatArray,
    y: IntArray,
    rng: IntArray,
    weights: FloatArray,
    steps: FloatArray,
    noise_percentage: int,
    sigma_percentage: int,
) -> None:
    """Fill rows; `steps` float64 [k] is added to the first k weights after each row."""
    seed = rng[SEED]
    for i in range(y.shape[0]):
        total, middle = 0.0, 0.0
        for j in range(X.shape[1]):
            seed, value = next_double(seed)
            X[i, j] = value
            total += weights[j] * value
            middle += weights[j]
        seed, flip = flipped(seed, noise_percentage)
        y[i] = int(total >= middle * 0.5) ^ flip
        for j in range(steps.shape[0]):
            weights[j] += steps[j]
            seed, turns = flipped(seed, sigma_percentage)
            if turns:
                steps[j] = -steps[j]
    rng[SEED] = settled(seed)


@kernel
def choose_streams(is_after: BoolArray, rng: IntArray, position: int, width: int) -> None:
    """Say for each row whether it comes from the stream after the drift.

    Far from the drift no exponential is needed: below -40 the probability is 1.0 to the last bit,
    above 40 it is less than any number that can be drawn but 0.
    """
    seed, seen = rng[SEED], rng[SEEN]
    for i in range(is_after.shape[0]):
        seen += 1
        x = -4.0 * float(seen - position) / float(width)
        seed, drawn = next_double(seed)
        if x < -40.0:
            is_after[i] = True
        elif x > 40.0:
            is_after[i] = drawn == 0.0
        else:
            is_after[i] = not drawn > 1.0 / (1.0 + math.exp(x))
    rng[SEED], rng[SEEN] = settled(seed), seen


@kernel
def merge_rows(
    X: FloatArray,
    y: IntArray,
    is_after: BoolArray,
    X_both: FloatArray,
    y_both: IntArray,
) -> None:
    """Put rows in their order; first in `X_both` and `y_both` come all rows before the drift."""
    n_after = 0
    for i in range(is_after.shape[0]):
        n_after += 1 if is_after[i] else 0
    places = (0, is_after.shape[0] - n_after)
    for i in range(is_after.shape[0]):
        before, after = places
        k = after if is_after[i] else before
        places = (before, after + 1) if is_after[i] else (before + 1, after)
        y[i] = y_both[k]
        for j in range(X.shape[1]):
            X[i, j] = X_both[k, j]
