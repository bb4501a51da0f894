"""The Mersenne Twister as Python's `random` uses it, so that a seed draws what it draws there.

M. Matsumoto, T. Nishimura (1998): Mersenne Twister. ACM TOMACS 8 (1).  A generator is int64
[N_WORDS + 1]: 624 words of 32 bits, and how many of them were used.
"""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.jit import kernel

__all__ = ["N_WORDS", "draw_below", "draw_sample", "seeded"]

N_WORDS = 624
_PERIOD = 397
_MASK = 0xFFFFFFFF


def seeded(seed: int) -> IntArray:
    """Return the generator of ``random.Random(seed)`` for a seed that is not negative, int64 [625].

    >>> words = seeded(42)
    >>> [int(draw_below(words, 100)) for _ in range(5)]  # random.Random(42).randrange(100), ...
    [81, 14, 3, 94, 35]
    """
    key = [(seed >> shift) & _MASK for shift in range(0, max(1, seed.bit_length()), 32)]
    words = [19650218]
    for i in range(1, N_WORDS):
        words.append((1812433253 * (words[-1] ^ words[-1] >> 30) + i) & _MASK)
    i, j = 1, 0
    for step in range(2 * N_WORDS - 1):
        mixed = words[i - 1] ^ words[i - 1] >> 30
        if step < N_WORDS:
            words[i] = ((words[i] ^ mixed * 1664525) + key[j] + j) & _MASK
            j = (j + 1) % len(key)
        else:
            words[i] = ((words[i] ^ mixed * 1566083941) - i) & _MASK
        i += 1
        if i == N_WORDS:
            words[0], i = words[-1], 1
    words[0] = 0x80000000
    return np.array([*words, N_WORDS], np.int64)


@kernel
def _refill(words: IntArray) -> None:
    for k in range(N_WORDS):
        mixed = (words[k] & 0x80000000) | (words[(k + 1) % N_WORDS] & 0x7FFFFFFF)
        twist = 0x9908B0DF if mixed & 1 else 0
        words[k] = words[(k + _PERIOD) % N_WORDS] ^ (mixed >> 1) ^ twist
    words[N_WORDS] = 0


@kernel
def _word(words: IntArray) -> int:
    """Return the next 32 bits."""
    if words[N_WORDS] >= N_WORDS:
        _refill(words)
    y = words[words[N_WORDS]]
    words[N_WORDS] += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680
    y ^= (y << 15) & 0xEFC60000
    return int(y ^ (y >> 18))


@kernel
def draw_below(words: IntArray, n: int) -> int:
    """Return an integer in 0..n-1, for n below 2**32."""
    bits = 0
    while n >> bits:
        bits += 1
    drawn = int(_word(words) >> (32 - bits))
    while drawn >= n:
        drawn = _word(words) >> (32 - bits)
    return drawn


@kernel
def draw_sample(words: IntArray, n: int, k: int, has_pool: bool, pool: IntArray) -> None:
    """Write into ``pool[:k]`` k different integers of 0..n-1, as ``random.sample(range(n), k)``.

    That one draws from a shrinking pool if n is small, and else draws again what it already has:
    `has_pool` says which.  Only the set of integers is the same, not their order.  ``pool`` is
    int64 [2 n] of any content, but ``pool[n:]`` is zero and is zero again afterwards.
    """
    if has_pool:
        for j in range(n):
            pool[j] = j
        for i in range(k):
            j, last = draw_below(words, n - i), n - i - 1
            pool[j], pool[last] = pool[last], pool[j]
        for i in range(k):
            pool[i] = pool[n - k + i]
        return
    for i in range(k):
        j = draw_below(words, n)
        while pool[n + j]:
            j = draw_below(words, n)
        pool[n + j] = 1
        pool[i] = j
    for i in range(k):
        pool[n + pool[i]] = 0
