"""The router's network: two hidden layers of rectified units, float32, and Adam.

Its layers are ``first`` float32 [4, d + 1, h1], ``second`` [4, h1 + 1, h2] and ``third``
[4, h2 + 1, m].  Each holds the weights, with the intercepts as last row, then the sums of gradients
since the last step, then Adam's two moments.  h1 and h2 are multiples of `LANES`.
``units`` float32 [2, h1 + h2 + m + LANES] is scratch: what each unit gives, and the loss's slope
there.

Adam is that of Kingma and Ba (ICLR 2015).  Gradients and parameters are bounded, so that no input
makes them overflow.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.jit import fast_kernel

__all__ = ["LANES", "N_PARTS", "SLOPE", "UNIT", "Layer", "adam_step", "backward", "draw_dropout",
           "forward"]  # fmt: skip

Layer: TypeAlias = NDArray[np.float32]

LANES = 16
N_PARTS = 4
VALUE, GRADIENT, MOMENT, SQUARE = 0, 1, 2, 3
UNIT, SLOPE = 0, 1

_MOST = np.float32(1e3)  # size of a parameter
_STEEPEST = np.float32(1e15)  # size of a gradient: its square is still a float32
_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8
_ZERO = np.float32(0.0)


@fast_kernel
def forward(z: Layer, kept: Layer, first: Layer, second: Layer, third: Layer, units: Layer) -> None:
    """Fill units' outputs for inputs z float32 [d]; the last m are logits.

    ``kept`` float32 [h1] multiplies the first layer's outputs: ones, or what dropout leaves.
    """
    d, h1, h2, m = z.shape[0], first.shape[2], second.shape[2], third.shape[2]
    a, b, c = units[UNIT, :h1], units[UNIT, h1 : h1 + h2], units[UNIT, h1 + h2 : h1 + h2 + m]
    for j in range(h1):
        a[j] = first[VALUE, d, j]
    for i in range(d):
        value = z[i]
        if value != _ZERO:
            for j in range(h1):
                a[j] += value * first[VALUE, i, j]
    for j in range(h1):
        a[j] = max(a[j], _ZERO) * kept[j]
    for j in range(h2):
        b[j] = second[VALUE, h1, j]
    for i in range(h1):
        value = a[i]
        if value != _ZERO:
            for j in range(h2):
                b[j] += value * second[VALUE, i, j]
    for j in range(h2):
        b[j] = max(b[j], _ZERO)
    for e in range(m):
        c[e] = third[VALUE, h2, e]
    for i in range(h2):
        value = b[i]
        if value != _ZERO:
            for e in range(m):
                c[e] += value * third[VALUE, i, e]


@fast_kernel
def backward(
    z: Layer, kept: Layer, first: Layer, second: Layer, third: Layer, units: Layer
) -> None:
    """Add to the gradients, after `forward`, from the slopes at the logits."""
    d, h1, h2, m = z.shape[0], first.shape[2], second.shape[2], third.shape[2]
    a, b = units[UNIT, :h1], units[UNIT, h1 : h1 + h2]
    sums = units[SLOPE, h1 + h2 + m :]
    of_a, of_b, of_c = (
        units[SLOPE, :h1],
        units[SLOPE, h1 : h1 + h2],
        units[SLOPE, h1 + h2 : h1 + h2 + m],
    )
    for e in range(m):
        third[GRADIENT, h2, e] += of_c[e]
    for i in range(h2):
        value = b[i]
        of_b[i] = _ZERO
        if value > _ZERO:
            slope = _ZERO
            for e in range(m):
                slope += third[VALUE, i, e] * of_c[e]
            for e in range(m):
                third[GRADIENT, i, e] += value * of_c[e]
            of_b[i] = slope
    for j in range(h2):
        second[GRADIENT, h1, j] += of_b[j]
    for i in range(h1):
        value = a[i]
        of_a[i] = _ZERO
        if value > _ZERO:
            for j in range(h2):
                second[GRADIENT, i, j] += value * of_b[j]
            # Sums side by side: one alone would wait for each addition.
            for lane in range(LANES):
                sums[lane] = _ZERO
            for j in range(0, h2, LANES):
                for lane in range(LANES):
                    sums[lane] += second[VALUE, i, j + lane] * of_b[j + lane]
            slope = _ZERO
            for lane in range(LANES):
                slope += sums[lane]
            of_a[i] = kept[i] * slope
    for j in range(h1):
        first[GRADIENT, d, j] += of_a[j]
    for i in range(d):
        value = z[i]
        if value != _ZERO:
            for j in range(h1):
                first[GRADIENT, i, j] += value * of_a[j]


@fast_kernel
def adam_step(layer: Layer, rate: float, n_before: int, share: float) -> None:
    """Take Adam's step number ``n_before + 1`` along the summed gradients times `share`."""
    t = float(n_before + 1)
    step = np.float32(rate / (1.0 - math.pow(_DECAY, t)))
    spread = np.float32(1.0 / math.sqrt(1.0 - math.pow(_SQUARE_DECAY, t)))
    part, epsilon = np.float32(share), np.float32(_EPSILON)
    a, b = np.float32(_DECAY), np.float32(_SQUARE_DECAY)
    new_a, new_b = np.float32(1.0 - _DECAY), np.float32(1.0 - _SQUARE_DECAY)
    flat = layer.reshape(N_PARTS, layer.shape[1] * layer.shape[2])
    for i in range(flat.shape[1]):
        slope = min(max(flat[GRADIENT, i] * part, -_STEEPEST), _STEEPEST)
        moment = a * flat[MOMENT, i] + new_a * slope
        square = b * flat[SQUARE, i] + new_b * slope * slope
        value = flat[VALUE, i] - step * moment / (np.sqrt(square) * spread + epsilon)
        flat[GRADIENT, i] = _ZERO
        flat[MOMENT, i] = moment
        flat[SQUARE, i] = square
        flat[VALUE, i] = min(max(value, -_MOST), _MOST)


@fast_kernel
def draw_dropout(seed: int, row: int, kept: Layer) -> None:
    """Fill `kept` float32 [h1] with 0 one time in five, else 1.25, by row number and seed.

    The bits are those of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), so that a prediction
    draws what learning the same row then draws, and no generator moves.
    """
    scale = np.float32(1.25)
    for j in range(kept.shape[0]):
        bits = np.uint64(seed) * np.uint64(0x632BE59BD9B4E019) + np.uint64(row)
        bits = (bits * np.uint64(1 << 20) + np.uint64(j)) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = (bits ^ (bits >> np.uint64(31))) >> np.uint64(32)
        kept[j] = _ZERO if bits < np.uint64(858993459) else scale
