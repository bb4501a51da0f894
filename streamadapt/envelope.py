"""The bytes of a checkpoint: a state and its origin in one blob that can be checked.

A blob is, in this order:

- 24 bytes: magic ``SADT``, format version, codec, two zero bytes, then as little-endian uint64 the
  length of the header, and that of header and arrays together before compression;
- 32 bytes: SHA-256 over all the rest.  It stands here and covers the rest in every format to come,
  so that damage is told from a newer format;
- header and arrays, compressed as one.  The header is MessagePack and describes the tree; the
  arrays follow in its order, little-endian, each at a multiple of 8 bytes.

Nothing in a blob can run code: there is no pickle, and no name of anything to import.  A digest
proves that a blob is whole, not who wrote it; so no length in it is believed before that many
bytes are there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias

import msgspec
import pyarrow as pa

from streamadapt.errors import CorruptStateError, IncompatibleStateError, StateError
from streamadapt.state import State
from streamadapt.state_tree import gap, pack, unpack

__all__ = [
    "LIMIT_BYTES",
    "Checkpoint",
    "Codec",
    "Meta",
    "blob_digest",
    "decode",
    "encode",
]

Codec = Literal["none", "lz4", "zstd"]
Meta: TypeAlias = Mapping[str, "str | int | Mapping[str, str]"]

LIMIT_BYTES = 1 << 30
"""Header and arrays of one checkpoint may take this much before compression."""

_FORMAT = 1
_CODECS: tuple[Codec, ...] = ("none", "lz4", "zstd")
_HEAD = struct.Struct("<4sBBHQQ")
_START = _HEAD.size + 32
_WORTH_COMPRESSING_BYTES = 4096
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state, and what was said about its origin when it was written."""

    state: State
    meta: Meta = field(default_factory=dict)

    @property
    def position(self) -> int:
        """Input position at which the state was taken."""
        value = self.meta.get("position")
        return value if isinstance(value, int) else _corrupt("it has no position")

    @property
    def task(self) -> str:
        """Name of the task whose state it is."""
        value = self.meta.get("task")
        return value if isinstance(value, str) else _corrupt("it has no task")

    @property
    def base(self) -> str | None:
        """Name of the checkpoint to which this is a delta; None if it is a full one."""
        value = self.meta.get("base")
        return value if value is None or isinstance(value, str) else _corrupt("its base is no name")

    @property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of each component's configuration, by the component's name."""
        return self._texts("fingerprints")

    @property
    def environment(self) -> dict[str, str]:
        """Versions and CPU of the process that wrote it."""
        return self._texts("environment")

    def _texts(self, name: str) -> dict[str, str]:
        value = self.meta.get(name)
        return dict(value) if isinstance(value, Mapping) else _corrupt(f"it has no {name}")


def encode(state: State, meta: Meta, codec: Codec | None = None) -> bytes:
    """Return `state` and `meta` as a blob; equal arguments give equal bytes.

    Parameters
    ----------
    state
        What to write.
    meta
        Facts about it: texts, whole numbers of 64 bits, and mappings of texts.
    codec
        How to compress; if left out, LZ4 where it saves an eighth of at least 4 KiB.

    Raises
    ------
    StateError
        If the state is larger than `LIMIT_BYTES` or nested deeper than `state_tree.MAX_DEPTH`.
    TypeError
        If it holds what is not a kind of state.

    Examples
    --------
    >>> import numpy as np
    >>> blob = encode(State("demo", 1, {"w": np.ones(3), "n": 7}), {"task": "clicks"})
    >>> decode(blob).state.digest() == State("demo", 1, {"w": np.ones(3), "n": 7}).digest()
    True
    >>> decode(blob[:-1])
    Traceback (most recent call last):
        ...
    streamadapt.errors.CorruptStateError: not a whole checkpoint: its digest does not match
    """
    tree, arrays = pack(state)
    facts = {name: dict(v) if isinstance(v, Mapping) else v for name, v in sorted(meta.items())}
    header = msgspec.msgpack.encode([tree, facts], order="deterministic")
    payload = b"".join([header, gap(len(header)), *arrays])
    if len(payload) > LIMIT_BYTES:
        raise StateError(f"state of {len(payload)} bytes: a checkpoint holds {LIMIT_BYTES}")
    codec, stored = _compressed(payload, codec)
    head = _HEAD.pack(b"SADT", _FORMAT, _CODECS.index(codec), 0, len(header), len(payload))
    return b"".join([head, _sha256(head, stored), stored])


def decode(blob: bytes) -> Checkpoint:
    """Return what `encode` wrote; arrays are writable copies.

    Raises
    ------
    CorruptStateError
        If the blob is damaged or is no checkpoint at all.
    IncompatibleStateError
        If it is whole, but of a format that a newer release writes.
    """
    header, arrays = _opened(memoryview(blob))
    try:
        content = msgspec.msgpack.decode(header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        _corrupt(f"its header cannot be read ({error})")
    match content:
        case [tree, dict(meta)] if all(_is_fact(*item) for item in meta.items()):
            return Checkpoint(unpack(tree, arrays), meta)
    raise CorruptStateError("not a whole checkpoint: its header has another form")


def blob_digest(blob: bytes) -> str:
    """Return the SHA-256 that stands in a blob, as 64 hexadecimal digits."""
    return blob[_HEAD.size : _START].hex()


def _corrupt(why: str) -> NoReturn:
    raise CorruptStateError(f"not a whole checkpoint: {why}")


def _sha256(head: bytes | memoryview, stored: bytes | memoryview) -> bytes:
    hasher = hashlib.sha256(head)
    hasher.update(stored)
    return hasher.digest()


def _is_fact(name: object, value: object) -> bool:
    if isinstance(value, dict):
        return isinstance(name, str) and all(_is_text(*item) for item in value.items())
    return isinstance(name, str) and isinstance(value, str | int)


def _is_text(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, str)


def _compressed(payload: bytes, codec: Codec | None) -> tuple[Codec, bytes]:
    if codec == "none" or (codec is None and len(payload) < _WORTH_COMPRESSING_BYTES):
        return "none", payload
    stored: bytes = pa.compress(payload, codec=codec or "lz4", asbytes=True)
    if codec is None and len(stored) > len(payload) * 7 // 8:
        return "none", payload
    return codec or "lz4", stored


def _opened(blob: memoryview) -> tuple[memoryview, memoryview]:
    """Return header and arrays of a blob, after all checks that need no look into them."""
    if len(blob) < _START or bytes(blob[:4]) != b"SADT":
        _corrupt("it does not begin like one")
    if blob[_HEAD.size : _START] != _sha256(blob[: _HEAD.size], blob[_START:]):
        _corrupt("its digest does not match")
    _, format_, codec, zero, n_header, n_payload = _HEAD.unpack_from(blob)
    if format_ != _FORMAT:
        raise IncompatibleStateError(
            f"checkpoint of format {format_}: this release reads {_FORMAT}"
        )
    if codec >= len(_CODECS) or zero:
        _corrupt("its codec is unknown")
    payload = _inflated(blob[_START:], _CODECS[codec], n_payload)
    start = n_header + len(gap(n_header))
    if start > len(payload):
        _corrupt("its lengths are wrong")
    return payload[:n_header], payload[start:]


def _inflated(stored: memoryview, codec: Codec, n_bytes: int) -> memoryview:
    if n_bytes > LIMIT_BYTES:
        _corrupt(f"it says that it holds {n_bytes} bytes")
    payload = stored if codec == "none" else memoryview(_read_stream(stored, codec, n_bytes))
    if len(payload) != n_bytes:
        _corrupt("its lengths are wrong")
    return payload


def _read_stream(stored: memoryview, codec: Codec, n_bytes: int) -> bytearray:
    """Inflate piece by piece: memory grows with what is there, not with what is said."""
    payload = bytearray()
    try:
        with pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(stored)), codec) as stream:
            while len(payload) <= n_bytes and (piece := stream.read(_CHUNK_BYTES)):
                payload += piece
    except OSError as error:
        _corrupt(f"it cannot be decompressed ({error})")
    return payload
