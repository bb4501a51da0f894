"""Records: what a stream is made of, described by a schema that is fixed at the start.

A source decodes its bytes by the schema into `Records`: columns of floats, texts and times, each
row with its position.  What cannot be decoded is a `Reject`; it becomes a dead letter, never an
exception.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.fields import (
    BooleanField,
    CategoricalField,
    Encoding,
    FeatureField,
    MissingPolicy,
    NumericField,
    TextField,
)

__all__ = [
    "MISSING_TIME",
    "ORIGINAL_LIMIT_BYTES",
    "BooleanField",
    "CategoricalField",
    "Command",
    "Encoding",
    "FeatureField",
    "LateLabels",
    "MissingPolicy",
    "NumericField",
    "RecordSchema",
    "Records",
    "Reject",
    "Source",
    "Stream",
    "TextField",
    "TimeField",
    "TimeFormat",
    "no_records",
]

MISSING_TIME = np.iinfo(np.int64).min
"""Stands in `Records.times_us` where a row has no event time."""

ORIGINAL_LIMIT_BYTES = 64 * 1024
WHERE_LIMIT_CHARS = 1024
"""Dead letters carry at most this much of the original record."""

Stream = Literal["events", "labels", "control"]
"""Which of a task's inputs a record came by."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeFormat(StrEnum):
    """How event times are written; those without a zone are UTC."""

    ISO8601 = "iso8601"
    UNIX_S = "unix_s"
    UNIX_MS = "unix_ms"
    UNIX_US = "unix_us"


class TimeField(_Model):
    """The column that says when an event happened."""

    column: str
    format: TimeFormat = TimeFormat.ISO8601


class RecordSchema(_Model):
    """Which columns a record has, and what each is for.

    Parameters
    ----------
    features
        Raw feature columns, in the order of the row that learners see.
    target
        Column of the label or number to predict.
    classes
        All class names of a classification target, in the order of their indices; empty for a
        numeric target.
    id
        Column that names an event; by default its position in the source.
    key
        Column that says which entity or series an event belongs to; by default all are one.
    time
        Column of the event time.
    """

    features: dict[str, FeatureField]
    target: str
    classes: tuple[str, ...] = ()
    id: str | None = None
    key: str | None = None
    time: TimeField | None = None

    def number_columns(self) -> tuple[str, ...]:
        """Columns to decode as float64: numeric features and a numeric target."""
        names = [name for name, spec in self.features.items() if isinstance(spec, NumericField)]
        return tuple(dict.fromkeys(names + ([] if self.classes else [self.target])))

    def boolean_columns(self) -> tuple[str, ...]:
        """Columns to decode as 0.0, 1.0 or NaN."""
        return tuple(n for n, spec in self.features.items() if isinstance(spec, BooleanField))

    def text_columns(self) -> tuple[str, ...]:
        """Columns to decode as texts: categories, free texts, class labels, ids and keys."""
        texts = CategoricalField | TextField
        names = [n for n, spec in self.features.items() if isinstance(spec, texts)]
        others = [self.target if self.classes else None, self.id, self.key]
        return tuple(dict.fromkeys(names + [n for n in others if n is not None]))


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is not used, and why.

    ``reason`` is one word of a fixed list (``malformed``, ``wrong_type``, ``infinite``, ...), fit
    to count by; ``where`` says which column or byte; ``original`` is the record as it came;
    ``position`` is its place in its own ``stream``.
    """

    position: int
    reason: str
    where: str
    original: bytes
    stream: Stream = "events"

    def letter(self) -> dict[str, object]:
        """Return the dead letter: the original is cut, its length and SHA-256 are of the whole.

        So is `where`, which may quote the record.
        """
        return {
            "reason": self.reason,
            "where": self.where[:WHERE_LIMIT_CHARS],
            "stream": self.stream,
            "position": self.position,
            "original": self.original[:ORIGINAL_LIMIT_BYTES].decode("utf-8", "backslashreplace"),
            "length_bytes": len(self.original),
            "sha256": hashlib.sha256(self.original).hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class LateLabels:
    """n labels that came by themselves, in order.

    ``ids`` are hashed as the events' are; ``labels`` are class indices or numbers; ``before`` says
    of each the position of the event that comes next after it.
    """

    ids: NDArray[np.uint64]
    labels: FloatArray
    times_us: IntArray
    positions: IntArray
    before: IntArray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's record: what to do with a learner (all of them if ``learner`` is empty)."""

    name: Literal["reset", "promote", "pause", "resume"]
    learner: str
    position: int


@dataclass(slots=True)
class Records:
    """n decoded rows in the order they came, and what could not be decoded among them.

    ``counts`` tells of what was decoded, but is worth knowing: ``missing`` and ``nan`` values.
    ``labels`` came between the rows; ``commands`` before all of them.
    """

    positions: IntArray
    numbers: dict[str, FloatArray]
    texts: dict[str, list[str | None]]
    times_us: IntArray | None
    original: Callable[[int], bytes]
    """The i-th of these n rows as it came, for a dead letter that is found later."""
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    labels: LateLabels | None = None
    commands: tuple[Command, ...] = ()

    def __len__(self) -> int:
        return len(self.positions)


def no_records(schema: RecordSchema) -> Records:
    """Return a block without rows, with all columns of `schema`."""
    numbers = {name: np.zeros(0) for name in schema.number_columns() + schema.boolean_columns()}
    texts: dict[str, list[str | None]] = {name: [] for name in schema.text_columns()}
    times = np.zeros(0, np.int64) if schema.time else None
    return Records(np.zeros(0, np.int64), numbers, texts, times, lambda row: b"")


class Source(Protocol):
    """Gives the records of a stream, in order.

    It promises: ``seek(position())`` later, or in another process, goes on with the very record
    that would have come next; cutting the stream into other polls changes no record; bytes that
    are no record become rejects, whatever they are.  A position counts all records, rejected ones
    included, from 0.
    """

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records (rejects included), or None at the end for ever."""
        ...

    def position(self) -> int:
        """Return the position of the record that comes next."""
        ...

    def seek(self, position: int) -> None:
        """Go on from `position`."""
        ...

    def close(self) -> None:
        """Release what is held; nothing may be called after it."""
        ...
