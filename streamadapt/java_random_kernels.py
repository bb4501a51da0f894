"""Kernels of java.util.Random, so that a seed gives the very numbers that it gives in Java.

The generator is the 48-bit linear congruential one of D. E. Knuth, "The Art of Computer
Programming", volume 2, section 3.2.1; that it is so is part of Java's documented interface
(java.util.Random: ``next``, ``nextInt(bound)``, ``nextDouble``, ``nextGaussian``).  The logarithm
is that of fdlibm (Sun Microsystems, 1993; e_log.c), which java.lang.StrictMath promises bit for
bit; the C library's is another one.

Kernels pass the seed from hand to hand as a plain number, which lives in a register.  Its bits
above the 48th are left as they fall, since they never reach a lower one; `settled` drops them.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.jit import kernel

__all__ = [
    "JUMPS",
    "jump",
    "log_below_1",
    "next_double",
    "next_gaussian",
    "next_int",
    "next_polar",
    "polar_factor",
    "scrambled",
    "settled",
]

MULTIPLIER = 0x5DEECE66D
INCREMENT = 0xB
MASK = (1 << 48) - 1


def _jumps(most: int) -> list[tuple[int, int]]:
    """Return (a, c) by k such that ``seed * a + c`` is the seed after k steps."""
    jumps = [(1, 0)]
    for _ in range(most):
        a, c = jumps[-1]
        jumps.append((a * MULTIPLIER & MASK, (c * MULTIPLIER + INCREMENT) & MASK))
    return jumps


# Steps depend on one another; jumps from one seed do not, and the CPU does several at once.
JUMPS = np.array(_jumps(32), np.int64)
"""int64 [33, 2]: factor and summand of k steps at once."""

_MULTIPLIER_2, _INCREMENT_2 = _jumps(2)[2]
_HALF_RANGE = 1 << 31
_DOUBLE_UNIT = 2.0**-53


@kernel
def scrambled(seed: int) -> int:
    """Return the state that Java's constructor makes of a seed."""
    return (seed ^ MULTIPLIER) & MASK


@kernel
def settled(seed: int) -> int:
    """Return the seed without the bits that mean nothing."""
    return seed & MASK


@kernel
def next_double(seed: int) -> tuple[int, float]:
    """Return the next seed, and a number in [0, 1) of 53 bits."""
    high = (seed * MULTIPLIER + INCREMENT) >> 22 & 0x3FFFFFF
    after = seed * _MULTIPLIER_2 + _INCREMENT_2
    low = after >> 21 & 0x7FFFFFF
    return after, ((high << 27) + low) * _DOUBLE_UNIT


@kernel
def next_int(seed: int, bound: int) -> tuple[int, int]:
    """Return the next seed, and a whole number in [0, bound)."""
    after = seed * MULTIPLIER + INCREMENT
    bits = after >> 17 & 0x7FFFFFFF
    if bound & (bound - 1) == 0:
        return after, bound * bits >> 31
    value = bits % bound
    while bits - value + (bound - 1) >= _HALF_RANGE:  # the last, incomplete run of `bound` numbers
        after = after * MULTIPLIER + INCREMENT
        bits = after >> 17 & 0x7FFFFFFF
        value = bits % bound
    return after, value


@kernel
def jump(n: int) -> tuple[int, int]:
    """Return (a, c) such that ``seed * a + c`` is the seed after `n` steps, by squaring."""
    a, c, step_a, step_c = 1, 0, MULTIPLIER, INCREMENT
    while n > 0:
        if n & 1:
            a, c = a * step_a, c * step_a + step_c
        step_a, step_c = step_a * step_a, step_c * step_a + step_c
        n >>= 1
    return a, c


@kernel
def next_polar(seed: int) -> tuple[int, float, float, float]:
    """Return the next seed, and a point (u, v) within the unit circle with its square."""
    while True:
        seed, u = next_double(seed)
        seed, v = next_double(seed)
        u, v = 2.0 * u - 1.0, 2.0 * v - 1.0
        square = u * u + v * v
        if 0.0 < square < 1.0:
            return seed, u, v, square


@kernel
def polar_factor(square: float) -> float:
    """Return what turns both numbers of such a point into normal ones.

    G. Marsaglia's polar method (Knuth, volume 2, section 3.4.1, algorithm P).
    """
    return math.sqrt(-2.0 * log_below_1(square) / square)


@kernel
def next_gaussian(seed: int) -> tuple[int, float, float]:
    """Return the next seed and two normal numbers; Java keeps the second for its next call."""
    seed, u, v, square = next_polar(seed)
    factor = polar_factor(square)
    return seed, u * factor, v * factor


@kernel
def log_below_1(x: float) -> float:
    """Return fdlibm's logarithm of a normal number in (0, 1).

    Its special cases for k = 0 and f = 0 are left out: the general formulas give the same bits.
    """
    bits = np.float64(x).view(np.int64)
    high = bits >> 32 & 0xFFFFF
    # x = 2**k (1 + f) with sqrt(2)/2 < 1 + f < sqrt(2)
    carry = (high + 0x95F64) & 0x100000
    k = float((bits >> 52) - 1023 + (carry >> 20))
    exponent = (carry ^ 0x3FF00000) << 32
    f = np.int64(bits & 0xFFFFFFFFFFFFF | exponent).view(np.float64) - 1.0
    k_high, k_low = k * 6.93147180369123816490e-01, k * 1.90821492927058770002e-10
    if (2 + high) & 0xFFFFF < 3:  # |f| < 2**-20
        r = f * f * (0.5 - 0.33333333333333333 * f)
        return k_high - ((r - k_low) - f)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = 3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01)
    odd = 2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)
    r = z * (6.666666666666735130e-01 + w * odd) + w * even
    half = 0.5 * f * f
    # Both are computed: which one it is, no branch predictor could guess.
    near = half - (s * (half + r) + k_low)
    far = s * (f - r) - k_low
    is_near = (high - 0x6147A) | (0x6B851 - high) > 0
    return k_high - ((near if is_near else far) - f)
