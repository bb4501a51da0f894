"""What changed in an array: the blocks of 64 bytes that differ, wherever they lie in its rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.errors import CorruptStateError
from streamadapt.state import State, raw_bytes

__all__ = ["BLOCK_BYTES", "alike", "patch", "patched"]

BLOCK_BYTES = 64
"""Eight words, a line of cache."""

_SLAB_BYTES = 4096 * BLOCK_BYTES  # compared at a time, so that what that leaves stays in cache
_SMALL_BYTES = 4 * BLOCK_BYTES  # below this an array is as well written whole

_Array: TypeAlias = NDArray[np.generic]
_Raw: TypeAlias = NDArray[np.uint8]


def alike(old: _Array, new: _Array) -> bool:
    """Return whether both are of one type, and large enough to be worth it."""
    return old.dtype == new.dtype and new.nbytes >= _SMALL_BYTES


def patch(old: _Array, new: _Array) -> State | None:
    """Return what makes `new` of `old`, an array of the same type; None if both are the same.

    The shapes may differ: what grew or shrank by rows is compared row by row all the same.

    Examples
    --------
    >>> old = np.zeros((100, 64))
    >>> new = np.zeros((101, 64))
    >>> new[7, 5] = 1.0
    >>> found = patch(old, new)  # a block in row 7, and the eight of the row that was added
    >>> found.array("blocks").tolist()
    [56, 800, 801, 802, 803, 804, 805, 806, 807]
    >>> bool((patched(old, found) == new).all())
    True
    """
    a, b = raw_bytes(old), raw_bytes(new)
    n_blocks = b.size // BLOCK_BYTES
    n_kept = min(n_blocks, a.size // BLOCK_BYTES)
    end = n_blocks * BLOCK_BYTES
    blocks = np.concatenate([*_changed_blocks(a, b, n_kept), np.arange(n_kept, n_blocks)])
    if old.shape == new.shape and not blocks.size and np.array_equal(a[end:], b[end:]):
        return None
    return State(
        "patch",
        1,
        {
            "blocks": blocks.astype("<u4"),
            "bytes": b[:end].reshape(-1, BLOCK_BYTES)[blocks],
            "shape": np.array(new.shape, "<i8"),
            "tail": b[end:].tobytes(),
        },
    )


def patched(old: _Array, change: State, *, in_place: bool = False) -> _Array:
    """Return `old` with that patch; `old` itself may be used up if `in_place`.

    Raises
    ------
    CorruptStateError
        If the patch does not fit.
    """
    shape = [int(n) for n in change.integers("shape").reshape(-1)]
    blocks, content = change.array("blocks"), change.array("bytes")
    tail = np.frombuffer(_bytes(change, "tail"), np.uint8)
    if min(shape, default=0) < 0 or (blocks.dtype.str, blocks.ndim) != ("<u4", 1):
        _corrupt("its numbers are impossible")
    n_bytes = math.prod(shape) * old.itemsize
    _check_parts(blocks, content, tail, (old.nbytes, n_bytes))
    if old.dtype == np.bool_ and max(content.max(initial=0), tail.max(initial=0)) > 1:
        _corrupt("its truth values are others")
    raw = _resized(raw_bytes(old), n_bytes, in_place=in_place)
    end = n_bytes // BLOCK_BYTES * BLOCK_BYTES
    raw[:end].reshape(-1, BLOCK_BYTES)[blocks] = content
    raw[end:] = tail
    return raw.view(old.dtype).reshape(shape)


def _changed_blocks(a: _Raw, b: _Raw, n_blocks: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of those of the first `n_blocks` blocks that differ."""
    end = n_blocks * BLOCK_BYTES
    for start in range(0, end, _SLAB_BYTES):
        stop = min(start + _SLAB_BYTES, end)
        differ = a[start:stop].view(np.uint64) != b[start:stop].view(np.uint64)
        # The eight truth values of a block are one word again: zero if none is true.
        yield np.flatnonzero(differ.view(np.uint64)) + start // BLOCK_BYTES


def _bytes(change: State, name: str) -> bytes:
    value = change.values.get(name)
    return value if isinstance(value, bytes) else _corrupt(f"{name!r} is not there")


def _check_parts(blocks: _Array, content: _Array, tail: _Raw, sizes: tuple[int, int]) -> None:
    """Raise unless these are blocks of an array of the new size, and all that the old one lacks."""
    old, new = (n_bytes // BLOCK_BYTES for n_bytes in sizes)
    numbers = blocks.astype(np.int64)
    if (content.dtype.str, content.shape) != ("|u1", (numbers.size, BLOCK_BYTES)):
        _corrupt("its bytes are not those of its blocks")
    if tail.size != sizes[1] % BLOCK_BYTES:
        _corrupt("its end has another length")
    n_added = max(0, new - old)
    if numbers.size < n_added or (numbers.size and not 0 <= numbers[-1] < new):
        _corrupt("its blocks are not those of the array")
    if np.any(np.diff(numbers) <= 0) or (n_added and numbers[-n_added] != old):
        _corrupt("its blocks are not in order")


def _resized(raw: _Raw, n_bytes: int, *, in_place: bool) -> _Raw:
    if raw.size == n_bytes:
        return raw if in_place else raw.copy()
    resized = np.zeros(n_bytes, np.uint8)
    n_kept = min(raw.size, n_bytes)
    resized[:n_kept] = raw[:n_kept]
    return resized


def _corrupt(why: str) -> NoReturn:
    raise CorruptStateError(f"a patch does not fit its array: {why}")
