"""Records of a task's inputs (events, labels, operator's commands), decoded in the order taken."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from streamadapt.build import read_message
from streamadapt.config import Config
from streamadapt.connectors.json_codec import JSONCodec
from streamadapt.connectors.partition_log import Batch
from streamadapt.contracts import IntArray
from streamadapt.errors import ConfigError
from streamadapt.events import Command, LateLabels, Records, RecordSchema, Reject, no_records
from streamadapt.intake import Intake

__all__ = ["Block", "CommandCodec", "LiveInput", "Piece"]


MOST_IN_BLOCK = 2_000
"""So many records with all that is made of them fit into a core's own cache: of blocks of 20,000 a
record takes a third longer."""


class Piece(NamedTuple):
    """Records taken at a stretch from one input: ``e`` events, ``l`` labels, ``c`` control."""

    kind: str
    batch: Batch


class Block(NamedTuple):
    """Records to be given to a task at once, and the raw batches they come from."""

    records: Records
    pieces: Sequence[Piece]
    events: Batch
    label_offsets: IntArray
    """int64 [m], of all labels, the unusable ones too."""
    labels_before: IntArray
    """int64 [m]: the offset of the event that comes next after each label."""


class LiveInput:
    """Decodes what a worker took from a task's inputs, in that very order.

    Parameters
    ----------
    config
        The pipeline; its section ``kafka`` says which inputs there are.
    """

    def __init__(self, config: Config) -> None:
        self._schema = config.schema_of_records()
        self._events = JSONCodec(self._schema, read_message(config))
        label_schema = schema_of_labels(config)
        self._labels = JSONCodec(label_schema)
        self._label_intake = Intake(label_schema)
        self._commands = CommandCodec(config.learners)

    def blocks(self, pieces: Sequence[Piece], next_event: int) -> Iterator[Block]:
        """Yield the records of `pieces`, at the most `MOST_IN_BLOCK` at once.

        Commands begin a block, as they act on all after them.

        Parameters
        ----------
        pieces
            In the order taken.
        next_event
            Offset of the next event when the first piece was taken.
        """
        for part in _parts(pieces):
            block = self._block(part, next_event)
            next_event = block.events.next_offset if len(block.events) else next_event
            yield block

    def _block(self, pieces: Sequence[Piece], next_event: int) -> Block:
        events = _joined([piece.batch for piece in pieces if piece.kind == "e"], pieces)
        records = (
            self._events.decode(events.values, events.offsets)
            if len(events)
            else no_records(self._schema)
        )
        label_pieces, before = [], []
        for kind, batch in pieces:
            if kind == "e":
                next_event = batch.next_offset
            elif kind == "l":
                label_pieces.append(batch)
                before.append(np.full(len(batch), next_event))
            elif kind == "c":
                records.commands, refused = self._commands.decode(batch)
                records.rejects += refused
        labels = _joined(label_pieces, pieces)
        befores = np.concatenate([*before, np.zeros(0, np.int64)]).astype(np.int64)
        if len(labels):
            records.labels, refused = self._decoded_labels(labels, befores)
            records.rejects += refused
        return Block(records, pieces, events, labels.offsets, befores)

    def _decoded_labels(self, labels: Batch, before: IntArray) -> tuple[LateLabels, list[Reject]]:
        records = self._labels.decode(labels.values, labels.offsets)
        return self._label_intake.late_labels(records, before)


def schema_of_labels(config: Config) -> RecordSchema:
    """Return what records of the labels' topic are decoded by."""
    topic = config.kafka.labels if config.kafka else None
    return RecordSchema(
        features={},
        target=(topic.label if topic else None) or config.task.target,
        classes=config.task.classes,
        id=(topic.id if topic else None) or config.record.id,
        time=topic.time if topic else None,
    )


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    command: Literal["reset", "promote", "pause", "resume"]
    learner: str = ""
    asked_by: str = ""


class CommandCodec:
    """Operator's records: ``{"command": "reset", "learner": "tree"}``.

    Rejects: ``tombstone``, ``empty``, ``malformed``, ``unknown_learner``.

    Parameters
    ----------
    learners
        Names that may stand in a command; none means all of them, but for ``promote``.
    """

    def __init__(self, learners: Collection[str]) -> None:
        self._learners = frozenset(learners)
        self._decoder = msgspec.json.Decoder(_Asked)

    def encode(self, name: str, learner: str, asked_by: str = "") -> bytes:
        """Return a command as a record; raises `ConfigError` if no task would take it."""
        value = msgspec.json.encode({"command": name, "learner": learner, "asked_by": asked_by})
        read = self._read(value, 0)
        if isinstance(read, Reject):
            raise ConfigError(f"{name} {learner}: {read.reason}: {read.where}")
        return value

    def decode(self, batch: Batch) -> tuple[tuple[Command, ...], list[Reject]]:
        """Return the commands of a batch, and what is none."""
        read = [self._read(v, int(o)) for v, o in zip(batch.values, batch.offsets, strict=True)]
        commands = tuple(command for command in read if isinstance(command, Command))
        return commands, [reject for reject in read if isinstance(reject, Reject)]

    def _read(self, value: bytes | None, position: int) -> Command | Reject:
        if not value:
            reason = "tombstone" if value is None else "empty"
            return Reject(position, reason, "", b"", "control")
        try:
            asked = self._decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Reject(position, "malformed", str(error), value, "control")
        is_known = asked.learner in self._learners
        if not is_known and (asked.learner or asked.command == "promote"):
            allowed = ", ".join(sorted(self._learners))
            where = f"learner {asked.learner!r}; there are {allowed}"
            return Reject(position, "unknown_learner", where, value, "control")
        return Command(asked.command, asked.learner, position)


def _parts(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Cut pieces where a block is to begin."""
    part: list[Piece] = []
    n = 0
    for piece in _small(pieces):
        if part and (piece.kind == "c" or n + len(piece.batch) > MOST_IN_BLOCK):
            yield part
            part, n = [], 0
        part.append(piece)
        n += len(piece.batch)
    yield part


def _small(pieces: Sequence[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        n = len(piece.batch)
        if n <= MOST_IN_BLOCK:
            yield piece
            continue
        for start in range(0, n, MOST_IN_BLOCK):
            yield Piece(piece.kind, piece.batch.part(start, min(start + MOST_IN_BLOCK, n)))


def _joined(batches: Sequence[Batch], pieces: Sequence[Piece]) -> Batch:
    """Return batches of one partition as one."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return Batch.empty(pieces[0].batch.partition)
    return Batch(
        batches[0].partition,
        np.concatenate([batch.offsets for batch in batches]),
        np.concatenate([batch.times_ms for batch in batches]),
        [key for batch in batches for key in batch.keys],
        [value for batch in batches for value in batch.values],
    )
