"""Checkpoints in a store: immutable, named by position and content, full or as deltas."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from numba.core.registry import cpu_target

from streamadapt import __version__
from streamadapt.checkpoint_names import (
    MAX_POSITION,
    Bases,
    bases_of,
    chains,
    key_of,
    position_of,
)
from streamadapt.contracts import Store
from streamadapt.envelope import Checkpoint, Meta, blob_digest, decode, encode
from streamadapt.errors import (
    CorruptStateError,
    MissingStateError,
    ParameterError,
    StateError,
    checked,
)
from streamadapt.state import State
from streamadapt.state_delta import apply, delta

__all__ = [
    "MAX_DELTAS",
    "Checkpoint",
    "CheckpointStore",
    "Found",
    "Meta",
    "decode",
    "encode",
    "environment",
]

MAX_DELTAS = 64
"""So many deltas in a row, at most, are written or read."""


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


@dataclass(frozen=True, slots=True)
class _Base:
    """The checkpoint that was saved or loaded last: the next delta may build on it."""

    name: str
    state: State
    checksum: str
    keys: tuple[str, ...]  # of all links, the full one first
    n_bytes: tuple[int, ...]  # of their blobs

    def bears(self, position: int, deltas: int) -> bool:
        """Return whether one more delta, at this position, may be put on it.

        The state is checked against what it was: a component that goes on writing into arrays that
        it gave away would else spoil the delta, which would be noticed only when it is loaded.
        """
        return (
            len(self.keys) <= deltas
            and position_of(self.name) < position
            and self.state.checksum() == self.checksum
        )

    def is_worth(self, n_bytes: int) -> bool:
        """Return whether a delta this large saves: half of a full one, all in a row one at most."""
        full, *others = self.n_bytes
        return 2 * n_bytes <= full and sum(others) + n_bytes <= full


class CheckpointStore:
    """The checkpoints of one task in a store; use it from one thread at a time, of any number.

    A checkpoint's name is ``position:digest``, with 16 digits of its blob's SHA-256: what it names
    never changes, and two writers of the same bytes write the same name.  So the names can stand
    where a transaction chooses among them (`load`, or `latest` of those names), or the newest of
    all can be taken (`latest`).  Nothing is deleted but by `retain` and `discard`.

    With `deltas`, a checkpoint may hold only what changed since the one that this object saved or
    loaded last, whose state it keeps in memory for that; to load one takes all of its chain.
    Chains end, with a full one, after so many deltas, or when those together would be larger than
    the full one.

    Parameters
    ----------
    store
        Where the blobs are; the caller closes it.
    task
        Name of the task; its blobs are listed under ``task/``.
    keep
        How many of the newest `retain` leaves, named or not, with what they build on.
    deltas
        How many deltas in a row, 0 to `MAX_DELTAS`; 0 writes full checkpoints only.

    Examples
    --------
    >>> from streamadapt.connectors.memory import MemoryStore
    >>> checkpoints = CheckpointStore(MemoryStore(), "clicks-0")
    >>> name = checkpoints.save(500, State("demo", 1, {"n": 7}), {"model": "f00d"})
    >>> checkpoints.load(name).state.integer("n"), checkpoints.latest().checkpoint.position
    (7, 500)
    """

    def __init__(self, store: Store, task: str, keep: int = 3, deltas: int = 0) -> None:
        if keep < 1:
            raise ParameterError(f"keep = {keep!r} is not at least 1")
        checked("deltas", deltas, 0, MAX_DELTAS)
        self._store = store
        self.task = task
        self.keep = keep
        self.deltas = deltas
        self._base: _Base | None = None

    def save(self, position: int, state: State, fingerprints: Mapping[str, str]) -> str:
        """Write `state` as it was at input `position`; return the checkpoint's name.

        With `deltas`, the state is kept: nothing may write into its arrays after this.

        Parameters
        ----------
        position
            Number of the record that comes next, not negative.
        state
            The task's state.
        fingerprints
            Fingerprint of each component's configuration.
        """
        if not 0 <= position <= MAX_POSITION:
            raise ParameterError(f"position = {position!r} is not in [0, {MAX_POSITION}]")
        meta: Meta = {
            "task": self.task,
            "position": int(position),
            "environment": environment(),
            "fingerprints": dict(fingerprints),
        }
        if not self.deltas:
            return self._put(encode(state, meta), position)[0]
        checksum = state.checksum()
        base = self._saved_delta(state, checksum, meta) or self._saved_full(state, checksum, meta)
        self._base = base
        return base.name

    def load(self, name: str) -> Checkpoint:
        """Return the checkpoint of that name, with all that it builds on.

        Raises
        ------
        MissingStateError
            If the store does not hold it, or one that it builds on.
        CorruptStateError
            If the bytes of one are damaged, or are those of another checkpoint.
        IncompatibleStateError
            If a newer release wrote it.
        """
        links = [self._read(name, "")]
        while links[-1].base is not None and len(links) <= MAX_DELTAS + 1:
            links.append(self._read(links[-1].base, f", on which {name} builds"))
        newest, full = links[0], links[-1]
        if full.base is not None:
            raise CorruptStateError(f"checkpoint {newest.key}: builds on more than {MAX_DELTAS}")
        checkpoint = newest.checkpoint
        if newest is not full:
            state = self._applied(links)
            checkpoint = Checkpoint(state, checkpoint.meta)
        if self.deltas:
            order = links[::-1]
            self._base = _Base(
                name,
                checkpoint.state,
                checkpoint.state.checksum(),
                tuple(link.key for link in order),
                tuple(link.n_bytes for link in order),
            )
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
        for name in sorted(self.names() if names is None else names, key=position_of, reverse=True):
            try:
                return Found(name, self.load(name), tuple(problems))
            except (CorruptStateError, MissingStateError) as error:
                problems.append(error)
        if problems:
            raise type(problems[0])("; ".join(str(problem) for problem in problems))
        return None

    def names(self) -> list[str]:
        """Return the names of all checkpoints in the store, oldest first."""
        return list(self._bases())

    def retain(self, names: Collection[str] = ()) -> None:
        """Delete all checkpoints but `names`, the last `keep`, and what these build on.

        Under a transaction that chooses by name: call it after the commit, with the names in it.
        """
        bases = self._bases()
        kept = chains([*names, *list(bases)[-self.keep :]], bases)
        self._delete([name for name in bases if name not in kept], bases)

    def discard(self, names: Collection[str]) -> None:
        """Delete checkpoints that nothing may go on from; one that others build on stays."""
        bases = self._bases()
        kept = chains([name for name in bases if name not in names], bases)
        self._delete([name for name in sorted(names) if name not in kept], bases)

    def _bases(self) -> dict[str, str | None]:
        return bases_of(self.task, self._store.names(f"{self.task}/"))

    def _delete(self, names: list[str], bases: Bases) -> None:
        self._store.delete([key_of(self.task, name, bases.get(name)) for name in names])

    def _put(self, blob: bytes, position: int, base: str | None = None) -> tuple[str, str]:
        """Write a blob; return its name and its key."""
        name = f"{position}:{blob_digest(blob)[:16]}"
        key = key_of(self.task, name, base)
        if self._store.get(key) != blob:  # if there, it is damaged: write it anew
            self._store.put(key, blob)
        return name, key

    def _saved_full(self, state: State, checksum: str, meta: Meta) -> _Base:
        blob = encode(state, meta)
        name, key = self._put(blob, _position(meta))
        return _Base(name, state, checksum, (key,), (len(blob),))

    def _saved_delta(self, state: State, checksum: str, meta: Meta) -> _Base | None:
        """Write a delta, if there is what it can build on and it saves; else return None."""
        base, position = self._base, _position(meta)
        if base is None or not base.bears(position, self.deltas):
            return None
        change = delta(base.state, state)
        if 2 * change.nbytes() > state.nbytes():
            return None
        blob = encode(change, {**meta, "base": base.name, "checksum": checksum})
        if not base.is_worth(len(blob)):
            return None
        name, key = self._put(blob, position, base.name)
        # Looked at after writing: who lists the store from now on sees that these are needed.
        if self._store.holds(base.keys) != set(base.keys):
            self._store.delete([key])  # the store was wiped, or lost some
            return None
        return _Base(name, state, checksum, (*base.keys, key), (*base.n_bytes, len(blob)))

    def _read(self, name: str, why: str) -> _Link:
        """Read one blob; `why` it is read is said in errors."""
        key = key_of(self.task, name)
        blob = self._store.get(key)
        for other in self._store.names(f"{key}~") if blob is None else ():
            key, blob = other, self._store.get(other)
        if blob is None:
            raise MissingStateError(f"checkpoint {key}{why}: the store does not hold it")
        digest = blob_digest(blob)[:16]
        if not name.endswith(f":{digest}"):
            # Before it is decoded: whoever may write into the store could make it as large as it
            # takes to end the worker, but no blob of this digest.
            raise CorruptStateError(f"checkpoint {key}{why}: holds another, {digest or 'empty'}")
        try:
            checkpoint = decode(blob)
            base = checkpoint.base
        except StateError as error:
            raise type(error)(f"checkpoint {key}{why}: {error}") from error
        there = (checkpoint.task, f"{checkpoint.position}:{digest}")
        if there != (self.task, name) or key != key_of(self.task, name, base):
            raise CorruptStateError(f"checkpoint {key}{why}: holds {'/'.join(there)}")
        return _Link(key, checkpoint, base, len(blob))

    def _applied(self, links: list[_Link]) -> State:
        """Return the state that a chain, the newest link first, ends with."""
        newest, *older = links
        try:
            state = apply(*(link.checkpoint.state for link in reversed(links)))
        except StateError as error:
            raise type(error)(f"checkpoint {newest.key}: {error}") from error
        if state.checksum() != newest.checkpoint.meta.get("checksum"):
            raise CorruptStateError(
                f"checkpoint {newest.key}: with the {len(older)} that it builds on it makes "
                "another state than was saved"
            )
        return state


class _Link(NamedTuple):
    key: str
    checkpoint: Checkpoint
    base: str | None
    n_bytes: int


def _position(meta: Meta) -> int:
    return Checkpoint(State("", 0), meta).position
