"""A state as a tree of plain values, with its arrays beside it: what an envelope holds.

In the tree a list is a state ``["S", kind, version, {name: value}]``, an array
``["A", dtype, shape, offset]`` or a whole number of more than 64 bits ``["I", bytes]``; all else
stands for itself.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from streamadapt.errors import CorruptStateError, StateError
from streamadapt.state import ARRAY_DTYPES, State, Value, raw_bytes

__all__ = ["MAX_DEPTH", "gap", "pack", "unpack"]

MAX_DEPTH = 32
"""States may be nested this deep."""

_MAX_DIMENSIONS = 32
_INT64 = 1 << 63


def pack(state: State) -> tuple[object, list[bytes | memoryview]]:
    """Return the tree of `state`, and its arrays' bytes in the tree's order, each padded by `gap`.

    They may be views of the arrays.

    Raises
    ------
    StateError
        If states are nested deeper than `MAX_DEPTH`.
    TypeError
        If a value is not a kind of state.

    Examples
    --------
    >>> pack(State("demo", 1, {"n": 7, "w": np.zeros(3, np.int8)}))[0]
    ['S', 'demo', 1, {'n': 7, 'w': ['A', '|i1', [3], 0]}]
    """
    arrays = _ArrayWriter()
    return _packed(state, arrays, 1), arrays.parts


def unpack(tree: object, arrays: memoryview) -> State:
    """Return the state that `pack` took apart; its arrays are writable copies.

    Raises
    ------
    CorruptStateError
        If the tree has another form, or does not describe just these arrays.
    """
    reader = _ArrayReader(arrays)
    state = _unpacked(tree, reader, 1)
    if not isinstance(state, State) or reader.n_bytes != len(arrays):
        _corrupt("its arrays are not those described")
    return state


def gap(n_bytes: int) -> bytes:
    """Return the zeros that fill up `n_bytes` bytes to a multiple of 8."""
    return b"\0" * (-n_bytes % 8)


class _ArrayWriter:
    def __init__(self) -> None:
        self.parts: list[bytes | memoryview] = []
        self.n_bytes = 0

    def put(self, array: NDArray[np.generic]) -> list[object]:
        if array.dtype.str not in ARRAY_DTYPES:
            raise TypeError(f"arrays of {array.dtype} are not a kind of state")
        offset, raw = self.n_bytes, raw_bytes(array).data
        self.parts += [raw, gap(len(raw))]
        self.n_bytes += len(raw) + len(gap(len(raw)))
        return ["A", array.dtype.str, list(array.shape), offset]


class _ArrayReader:
    def __init__(self, arrays: memoryview) -> None:
        self._arrays = arrays
        self.n_bytes = 0

    def take(self, dtype: str, shape: list[Any], offset: int) -> NDArray[np.generic]:
        """Return the next array.  Arrays follow each other, so that no byte is copied twice."""
        if dtype not in ARRAY_DTYPES or offset != self.n_bytes:
            _corrupt("an array is not as described")
        if len(shape) > _MAX_DIMENSIONS or not all(_is_length(n) for n in shape):
            _corrupt("an array has an impossible shape")
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        raw = self._arrays[offset : offset + n_bytes]
        self.n_bytes += n_bytes + len(gap(n_bytes))
        return _array(raw, dtype, shape)


def _is_length(n: object) -> bool:
    return type(n) is int and 0 <= n < _INT64


def _array(raw: memoryview, dtype: str, shape: list[int]) -> NDArray[np.generic]:
    if dtype == "|b1" and np.frombuffer(raw, np.uint8).max(initial=0) > 1:
        _corrupt("an array of truth values holds others")
    try:
        return np.frombuffer(raw, dtype).reshape(shape).copy()
    except ValueError as error:
        _corrupt(f"an array is not there, or has an impossible shape ({error})")


def _packed(value: Value, arrays: _ArrayWriter, depth: int) -> object:
    match value:
        case State():
            if depth > MAX_DEPTH:
                raise StateError(f"states are nested deeper than {MAX_DEPTH}")
            values = {n: _packed(value.values[n], arrays, depth + 1) for n in sorted(value.values)}
            return ["S", value.kind, value.version, values]
        case np.ndarray():
            return arrays.put(value)
        case int() if not -_INT64 <= value < _INT64:
            return ["I", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)]
        case float():
            return float(value)  # NumPy's float64 is one of these too
        case None | bool() | int() | str() | bytes():
            return value
    raise TypeError(f"{type(value).__name__} is not a kind of state")


def _unpacked(node: Any, arrays: _ArrayReader, depth: int) -> Value:  # noqa: ANN401 - checked here
    match node:
        case ["S", str(kind), int(version), dict(values)] if depth <= MAX_DEPTH:
            if not all(isinstance(name, str) for name in values):
                _corrupt("a name is no text")
            unpacked = {name: _unpacked(v, arrays, depth + 1) for name, v in values.items()}
            return State(kind, version, unpacked)
        case ["A", str(dtype), [*shape], int(offset)]:
            return arrays.take(dtype, shape, offset)
        case ["I", bytes(raw)]:
            return int.from_bytes(raw, "little", signed=True)
        case None | bool() | int() | float() | str() | bytes():
            value: Value = node
            return value
    raise CorruptStateError("not a whole checkpoint: a value is of no known kind")


def _corrupt(why: str) -> NoReturn:
    raise CorruptStateError(f"not a whole checkpoint: {why}")
