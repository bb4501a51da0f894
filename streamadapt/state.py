"""State is data: a tree of arrays, numbers and strings with a digest over its very bits."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray

from streamadapt.errors import IncompatibleStateError

__all__ = ["ARRAY_DTYPES", "State", "Value", "raw_bytes", "same_bits"]

Value: TypeAlias = "NDArray[np.generic] | int | float | bool | str | bytes | State | None"

# Little-endian and fixed width, so that a digest does not depend on the machine; never object.
ARRAY_DTYPES = frozenset(
    {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"}
)


@dataclass(frozen=True, slots=True)
class State:
    """What a component must keep to go on bit for bit.

    ``kind`` and ``version`` say who can read it.  ``values`` maps names to arrays, numbers,
    strings, bytes, ``None`` or further states; nothing in it can run code.  Arrays are owned by
    the state: a component that goes on learning must hand out copies.

    Examples
    --------
    >>> a = State("demo", 1, {"w": np.zeros(3), "n": 7})
    >>> b = State("demo", 1, {"n": 7, "w": np.zeros(3)})
    >>> c = State("demo", 1, {"w": -np.zeros(3), "n": 7})  # minus zero has other bits
    >>> a.digest() == b.digest(), a.digest() == c.digest()
    (True, False)
    """

    kind: str
    version: int
    values: Mapping[str, Value] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 over kind, version, names and bits, as 64 hexadecimal digits."""
        hasher = hashlib.sha256()
        for part in _bits(self):
            hasher.update(part)
        return hasher.hexdigest()

    def checksum(self) -> str:
        """XXH3-128 over the same bits, as 32 hexadecimal digits.

        It finds mistakes as surely, in a tenth of the time; but states of one checksum can be made
        on purpose.
        """
        hasher = xxhash.xxh3_128()
        for part in _bits(self):
            hasher.update(part)
        digits: str = hasher.hexdigest()
        return digits

    def nbytes(self) -> int:
        """Bytes of all arrays, strings and numbers held, names not counted."""
        return sum(_size(value) for value in self.values.values())

    def expect(self, kind: str, version: int) -> State:
        """Return this state if it is of `kind` and `version`, else raise.

        Raises
        ------
        IncompatibleStateError
            If another component, or another version of it, wrote the state.
        """
        if (self.kind, self.version) != (kind, version):
            raise IncompatibleStateError(
                f"state of {self.kind!r} version {self.version} cannot restore "
                f"{kind!r} version {version}"
            )
        return self

    def agreeing(self, name: str, value: Value) -> State:
        """Return this state if it holds `value` as `name`, or no `name`, as older ones may.

        Raises
        ------
        IncompatibleStateError
            If it holds another: it is of another configuration.
        """
        held = self.values.get(name, value)
        if not same_bits(held, value):
            raise IncompatibleStateError(
                f"{self.kind}: the state has {name} = {held!r}, the configuration {value!r}"
            )
        return self

    def array(self, name: str) -> NDArray[np.generic]:
        """Return a writable copy of the array `name`."""
        value = self._get(name)
        if not isinstance(value, np.ndarray):
            raise IncompatibleStateError(f"{self.kind}: {name!r} is not an array")
        return value.copy()

    def floats(self, name: str) -> NDArray[np.float64]:
        """Return a writable float64 copy of the array `name`."""
        return self.array(name).astype(np.float64, copy=False)

    def integers(self, name: str) -> NDArray[np.int64]:
        """Return a writable int64 copy of the array `name`."""
        return self.array(name).astype(np.int64, copy=False)

    def integer(self, name: str) -> int:
        """Return the whole number `name`."""
        value = self._get(name)
        if not isinstance(value, int):
            raise IncompatibleStateError(f"{self.kind}: {name!r} is not a whole number")
        return value

    def number(self, name: str) -> float:
        """Return the number `name`."""
        value = self._get(name)
        if not isinstance(value, int | float):
            raise IncompatibleStateError(f"{self.kind}: {name!r} is not a number")
        return float(value)

    def text(self, name: str) -> str:
        """Return the string `name`."""
        value = self._get(name)
        if not isinstance(value, str):
            raise IncompatibleStateError(f"{self.kind}: {name!r} is not a string")
        return value

    def child(self, name: str) -> State:
        """Return the state `name` inside this one."""
        value = self._get(name)
        if not isinstance(value, State):
            raise IncompatibleStateError(f"{self.kind}: {name!r} is not a state")
        return value

    def _get(self, name: str) -> Value:
        if name not in self.values:
            raise IncompatibleStateError(f"{self.kind}: no {name!r} in this state")
        return self.values[name]


def same_bits(a: Value, b: Value) -> bool:
    """Return whether two values are the same to the last bit, and so is their kind.

    >>> same_bits(1, True), same_bits(0.0, -0.0), same_bits(float("nan"), float("nan"))
    (False, False, True)
    """
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        described = (a.dtype.str, a.shape) == (b.dtype.str, b.shape)
        return described and np.array_equal(raw_bytes(a), raw_bytes(b))
    if type(a) is type(b) and isinstance(a, str | bytes):
        return a == b
    return b"".join(_bits(a)) == b"".join(_bits(b))


def _bits(value: Value) -> Iterator[bytes | memoryview]:
    """Yield an unambiguous byte form: a type letter, a length where needed, the bits."""
    if isinstance(value, State):
        yield b"S" + _counted(value.kind.encode())
        yield struct.pack("<qq", value.version, len(value.values))
        for name in sorted(value.values):
            yield _counted(name.encode())
            yield from _bits(value.values[name])
    elif isinstance(value, np.ndarray):
        yield b"A" + _counted(_dtype(value).encode())
        yield struct.pack(f"<q{value.ndim}q", value.ndim, *value.shape)
        yield raw_bytes(value).data
    else:
        yield _scalar_bits(value)


def _scalar_bits(value: Value) -> bytes:
    match value:
        case None:
            return b"N"
        case bool():
            return b"T" if value else b"F"
        case int():
            return b"I" + _counted(str(value).encode())
        case float():
            return b"D" + struct.pack("<d", value)
        case str():
            return b"U" + _counted(value.encode())
        case bytes():
            return b"B" + _counted(value)
    raise TypeError(f"{type(value).__name__} is not a kind of state")


def raw_bytes(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the bytes of an array in C order, in place if they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _counted(raw: bytes) -> bytes:
    return struct.pack("<q", len(raw)) + raw


def _dtype(array: NDArray[np.generic]) -> str:
    if array.dtype.str not in ARRAY_DTYPES:
        raise TypeError(f"arrays of {array.dtype} are not a kind of state")
    return array.dtype.str


def _size(value: Value) -> int:
    if isinstance(value, State):
        return value.nbytes()
    if isinstance(value, np.ndarray):
        return value.nbytes
    return len(value) if isinstance(value, str | bytes) else 8
