"""Checkpoints in a store: immutable, named by position and content, the last few kept."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from numba.core.registry import cpu_target

from streamadapt import __version__
from streamadapt.contracts import Store
from streamadapt.envelope import Checkpoint, Meta, blob_digest, decode, encode
from streamadapt.errors import CorruptStateError, MissingStateError, ParameterError, StateError
from streamadapt.state import State

__all__ = [
    "Checkpoint",
    "CheckpointStore",
    "Found",
    "Meta",
    "decode",
    "encode",
    "environment",
]

_NAME = re.compile(r"(0|[1-9][0-9]{0,18}):([0-9a-f]{16})")
_KEY_END = re.compile(r"([0-9]{20}):([0-9a-f]{16})")
_MAX_POSITION = 10**19 - 1


def environment() -> dict[str, str]:
    """Return what decides, beside the state, how a restored task goes on, to the last bit.

    Versions of Python and of the libraries that compute, and the CPU for which Numba compiles
    (``NUMBA_CPU_NAME`` if set) with a hash of its features.

    >>> sorted(environment())
    ['cpu', 'cpu_features', 'llvmlite', 'numba', 'numpy', 'python', 'streamadapt']
    """
    return dict(_environment())


@cache
def _environment() -> tuple[tuple[str, str], ...]:
    _, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    versions = {name: version(name) for name in ("llvmlite", "numba", "numpy")}
    return (
        ("python", platform.python_version()),
        ("streamadapt", __version__),
        *versions.items(),
        ("cpu", cpu),
        ("cpu_features", hashlib.sha256(features.encode()).hexdigest()[:16]),
    )


class Found(NamedTuple):
    """The newest readable checkpoint, and what was wrong with the newer ones."""

    name: str
    checkpoint: Checkpoint
    problems: tuple[StateError, ...] = ()


class CheckpointStore:
    """The checkpoints of one task in a store.

    A checkpoint's name is ``position:digest``, with 16 digits of its blob's SHA-256: what it names
    never changes, and two writers of the same bytes write the same name.  So the names can stand
    where a transaction chooses among them (`load`, or `latest` of those names), or the newest of
    all can be taken (`latest`).  Nothing is deleted but by `retain`.

    Parameters
    ----------
    store
        Where the blobs are; the caller closes it.
    task
        Name of the task; its blobs are listed under ``task/``.
    keep
        How many of the newest `retain` leaves, named or not.

    Examples
    --------
    >>> from streamadapt.connectors.memory import MemoryStore
    >>> checkpoints = CheckpointStore(MemoryStore(), "clicks-0")
    >>> name = checkpoints.save(500, State("demo", 1, {"n": 7}), {"model": "f00d"})
    >>> checkpoints.load(name).state.integer("n"), checkpoints.latest().checkpoint.position
    (7, 500)
    """

    def __init__(self, store: Store, task: str, keep: int = 3) -> None:
        if keep < 1:
            raise ParameterError(f"keep = {keep!r} is not at least 1")
        self._store = store
        self.task = task
        self.keep = keep

    def save(self, position: int, state: State, fingerprints: Mapping[str, str]) -> str:
        """Write `state` as it was at input `position`; return the checkpoint's name.

        Parameters
        ----------
        position
            Number of the record that comes next, not negative.
        state
            The task's state.
        fingerprints
            Fingerprint of each component's configuration.
        """
        if not 0 <= position <= _MAX_POSITION:
            raise ParameterError(f"position = {position!r} is not in [0, {_MAX_POSITION}]")
        meta: Meta = {
            "task": self.task,
            "position": int(position),
            "environment": environment(),
            "fingerprints": dict(fingerprints),
        }
        blob = encode(state, meta)
        name = f"{position}:{blob_digest(blob)[:16]}"
        if self._store.get(self._key(name)) != blob:  # if there, it is damaged: write it anew
            self._store.put(self._key(name), blob)
        return name

    def load(self, name: str) -> Checkpoint:
        """Return the checkpoint of that name.

        Raises
        ------
        MissingStateError
            If the store does not hold it.
        CorruptStateError
            If its bytes are damaged, or are those of another checkpoint.
        IncompatibleStateError
            If a newer release wrote it.
        """
        key = self._key(name)
        blob = self._store.get(key)
        if blob is None:
            raise MissingStateError(f"checkpoint {key}: the store does not hold it")
        try:
            checkpoint = decode(blob)
        except StateError as error:
            raise type(error)(f"checkpoint {key}: {error}") from error
        found = (checkpoint.task, f"{checkpoint.position}:{blob_digest(blob)[:16]}")
        if found != (self.task, name):
            raise CorruptStateError(f"checkpoint {key}: holds {'/'.join(found)}")
        return checkpoint

    def latest(self, names: Collection[str] | None = None) -> Found | None:
        """Return the newest readable checkpoint of `names`, or of all; None if there are none.

        Damaged and missing ones are passed over and told in ``problems``.  One that a newer
        release wrote is not: that it would be passed over should be a person's decision.

        Raises
        ------
        CorruptStateError, MissingStateError
            If there are some, but none can be read.
        IncompatibleStateError
            If a newer release wrote one that would be chosen.
        """
        problems: list[StateError] = []
        for name in sorted(self.names() if names is None else names, key=_position, reverse=True):
            try:
                return Found(name, self.load(name), tuple(problems))
            except (CorruptStateError, MissingStateError) as error:
                problems.append(error)
        if problems:
            raise type(problems[0])("; ".join(str(problem) for problem in problems))
        return None

    def names(self) -> list[str]:
        """Return the names of all checkpoints in the store, oldest first."""
        prefix = f"{self.task}/"
        keys = (key.removeprefix(prefix) for key in self._store.names(prefix))
        return [f"{int(m[1])}:{m[2]}" for m in map(_KEY_END.fullmatch, keys) if m]

    def retain(self, names: Collection[str] = ()) -> None:
        """Delete all checkpoints but `names` and the last `keep`.

        Under a transaction that chooses by name: call it after the commit, with the names in it.
        """
        there = self.names()
        spare = [name for name in there[: -self.keep] if name not in names]
        self._store.delete([self._key(name) for name in spare])

    def discard(self, names: Collection[str]) -> None:
        """Delete checkpoints that nothing may go on from."""
        self._store.delete([self._key(name) for name in sorted(names)])

    def _key(self, name: str) -> str:
        match = _NAME.fullmatch(name)
        if not match:
            raise MissingStateError(f"{name!r} is not the name of a checkpoint")
        # Padded, so that a store's order of names is that of positions.
        return f"{self.task}/{int(match[1]):020d}:{match[2]}"


def _position(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else -1
