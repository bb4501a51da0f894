"""java.util.Random as its documentation defines it, with Python's own whole numbers."""

from __future__ import annotations

MULTIPLIER = 0x5DEECE66D


class JavaRandom:
    """Draws one by one; `state` is the 48-bit seed."""

    def __init__(self, seed: int) -> None:
        self.state = (seed ^ MULTIPLIER) % 2**48

    def next(self, bits: int) -> int:
        """The highest bits of the seed, without a sign."""
        self.state = (self.state * MULTIPLIER + 0xB) % 2**48
        return self.state >> (48 - bits)

    def next_int(self, bound: int) -> int:
        if bound & -bound == bound:
            return bound * self.next(31) >> 31
        while True:
            bits = self.next(31)
            value = bits % bound
            if bits - value + (bound - 1) < 2**31:  # else Java's int overflows
                return value

    def next_double(self) -> float:
        high = self.next(26)
        return float((high << 27) + self.next(27)) / float(1 << 53)

    def polar(self) -> tuple[float, float]:
        """The next point inside the unit circle, of which two normal numbers are made."""
        while True:
            u = 2.0 * self.next_double() - 1.0
            v = 2.0 * self.next_double() - 1.0
            if 0.0 < u * u + v * v < 1.0:
                return u, v
