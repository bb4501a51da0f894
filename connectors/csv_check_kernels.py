"""Which records of a damaged CSV block are surely right, so that only the others are looked at."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import BoolArray, IntArray
from streamadapt.jit import kernel

__all__ = ["NUMBER", "TEXT", "surely_right"]

Bytes: TypeAlias = NDArray[np.uint8]

TEXT, NUMBER = 0, 1
"""What a column holds: anything, or numbers."""

_SPACE, _TAB, _LF, _CR, _NUL, _BOM, _E = 32, 9, 10, 13, 0, 0xEF, ord("e")


@kernel
def _is_digit(byte: int) -> bool:
    return 48 <= byte <= 57


@kernel
def _is_plain_number(data: Bytes, a: int, b: int, decimal: int) -> bool:
    """Whether data[a:b] is ``-1.5e-3`` or the like, blanks around it; no plus sign, no word."""
    while a < b and (data[a] == _SPACE or data[a] == _TAB):
        a += 1
    while a < b and (data[b - 1] == _SPACE or data[b - 1] == _TAB):
        b -= 1
    if a < b and data[a] == ord("-"):
        a += 1
    n_digits = 0
    while a < b and _is_digit(data[a]):
        a += 1
        n_digits += 1
    if a < b and data[a] == decimal:
        a += 1
        while a < b and _is_digit(data[a]):
            a += 1
            n_digits += 1
    if n_digits == 0 or a == b:
        return n_digits > 0 and a == b
    if data[a] | 32 != _E:
        return False
    a += 1
    if a < b and (data[a] == ord("-") or data[a] == ord("+")):
        a += 1
    first = a
    while a < b and _is_digit(data[a]):
        a += 1
    return a == b and a > first


@kernel
def _is_one_of(data: Bytes, a: int, b: int, words: Bytes, bounds: IntArray) -> bool:
    for i in range(len(bounds) - 1):
        if bounds[i + 1] - bounds[i] == b - a:
            j = 0
            while j < b - a and data[a + j] == words[bounds[i] + j]:
                j += 1
            if j == b - a:
                return True
    return False


@kernel
def _surely_right(
    data: Bytes,
    starts: IntArray,
    stops: IntArray,
    kinds: IntArray,
    marks: tuple[int, int, int],
    words: Bytes,
    bounds: IntArray,
    right: BoolArray,
) -> None:
    comma, quote, decimal = marks
    for row in range(len(starts)):
        at, stop, n_cells, is_right = starts[row], stops[row], 0, True
        if data[at] == _BOM:
            continue
        while is_right:
            first, is_quoted = at, quote >= 0 and at < stop and data[at] == quote
            last, is_doubled = at, False
            if is_quoted:
                first = at = at + 1
                while at < stop:
                    if data[at] == quote:
                        if at + 1 < stop and data[at + 1] == quote:
                            is_doubled = True
                            at += 1
                        else:
                            break
                    elif data[at] == _NUL or (data[at] == _CR and data[at + 1] != _LF):
                        is_right = False
                    at += 1
                last = at
                at += 1
                # The quote is closed, and the cell ends with it.
                is_right &= last < stop and (at == stop or data[at] == comma)
            else:
                while at < stop and data[at] != comma:
                    byte = data[at]
                    if byte == quote or byte in (_NUL, _CR, _LF):
                        is_right = False
                    at += 1
                last = at
            if n_cells == len(kinds):
                is_right = False
            if is_right and kinds[n_cells] == NUMBER:
                is_right = not is_doubled and (
                    _is_plain_number(data, first, last, decimal)
                    or _is_one_of(data, first, last, words, bounds)
                )
            n_cells += 1
            if at >= stop:
                break
            at += 1
        right[row] = is_right and n_cells == len(kinds)


def surely_right(
    data: bytes,
    starts: IntArray,
    stops: IntArray,
    kinds: IntArray,
    marks: tuple[int, int, int],
    words: tuple[bytes, ...],
) -> BoolArray:
    r"""Say of each record whether it has all cells, tidy quotes, and numbers where they belong.

    What is called right is right; the others may be, too (``+1``, ``nan``, blanks around a word
    for "missing").  UTF-8 is not looked at.

    Parameters
    ----------
    data, starts, stops
        As in `LineBlock`.
    kinds
        int64 [columns], `NUMBER` or `TEXT`.
    marks
        Delimiter, quote (-1: none), decimal point.
    words
        What stands for a missing number.

    Returns
    -------
    bool [n]

    Examples
    --------
    >>> bounds = np.array([0, 4]), np.array([3, 7])
    >>> surely_right(b"1,a\nx,a\n", *bounds, np.array([1, 0]), (44, 34, 46), (b"NA",)).tolist()
    [True, False]
    """
    right = np.zeros(len(starts), np.bool_)
    packed = np.frombuffer(b"".join(words) + b"\0", np.uint8)
    bounds = np.cumsum([0, *map(len, words)])
    # One byte more, so that what comes after the last one can be asked for.
    array = np.frombuffer(data + b"\n", np.uint8)
    _surely_right(array, starts, stops, kinds, marks, packed, bounds, right)
    return right
