"""A recorded stream as messages for topics: events, their labels as late as labels come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from streamadapt.config import Config
from streamadapt.connectors.json_codec import encode_json
from streamadapt.connectors.key_partition import partition_of
from streamadapt.contracts import BoolArray, IntArray
from streamadapt.delay import DelayedLabels
from streamadapt.errors import ConfigError
from streamadapt.event_messages import EventMessages, written_times
from streamadapt.events import MISSING_TIME, Records, RecordSchema
from streamadapt.intake import Intake
from streamadapt.labels import Arrivals
from streamadapt.labels_kernels import EVENT

__all__ = ["Message", "Production", "Spread", "recorded_schema"]

Spread = Literal["key", "id", "round-robin"]


class Message(NamedTuple):
    """A record to be sent; ``place`` is the position in the stream at which its turn comes."""

    place: int
    is_label: bool
    partition: int
    key: bytes | None
    value: bytes


def recorded_schema(config: Config, make_ids: bool) -> RecordSchema:
    """Return what the recorded stream is decoded by; ids that are made are not looked for.

    Raises
    ------
    ConfigError
        If ids are to be made, but nothing says how their column is called.
    """
    schema = config.schema_of_records()
    if not make_ids:
        return schema
    if schema.id is None:
        raise ConfigError("--make-ids: the pipeline names no column for them: name record.id")
    return schema.model_copy(update={"id": None})


class Production:
    """Turns records into messages, in order; a pure function of the stream, however it is cut.

    Where the pipeline has a topic of labels, labels are taken off their events, and come in the
    partition of their event as much later as ``labels.delay`` says, by the very rule of replay.
    What is no record is sent as it came, for a live worker to refuse.

    Parameters
    ----------
    config
        The pipeline, with a section ``kafka``.
    n_partitions
        Of the events.
    spread
        What chooses an event's partition; also its key, but that ``record.key`` goes first.
    make_ids
        Whether ids are made from positions.
    """

    def __init__(
        self, config: Config, n_partitions: int, spread: Spread, make_ids: bool = False
    ) -> None:
        if config.kafka is None:
            raise ConfigError("kafka: this section is missing: it names topics and servers")
        self._schema = recorded_schema(config, make_ids)
        self._id = config.record.id
        if {"key": self._schema.key, "id": self._id}.get(spread, "") is None:
            raise ConfigError(f"--partitions-by {spread}: the pipeline names no record.{spread}")
        self._topic = config.kafka.labels
        self._n_partitions = n_partitions
        self._spread = spread
        self._make_ids = make_ids
        self._write = EventMessages(self._schema, with_target=self._topic is None)
        self._intake = Intake(self._schema)
        self._delay = DelayedLabels(config.labels.delay, config.labels)
        self._most_waiting = config.labels.max_pending
        self._is_after = bool(config.labels.delay.events) or self._delay.is_immediate
        self._waiting: dict[int, Message] = {}

    def messages(self, records: Records) -> list[Message]:
        """Return the messages whose turn comes with these records."""
        events = self._events(records)
        if self._topic is None:
            return sorted(events, key=lambda message: message.place)
        labels = self._late(records, {event.place: event for event in events})
        turn = 1 if self._is_after else -1  # a label comes after the event of its turn, or before
        ordered = [(event.place, 0, event) for event in events]
        ordered += [(label.place, turn, label) for label in labels]
        return [message for *_, message in sorted(ordered, key=lambda each: each[:2])]

    def rest(self) -> list[Message]:
        """Return the labels that wait yet: the stream has ended."""
        return [self._waiting.pop(place) for place in self._delay.flush().position.tolist()]

    def _events(self, records: Records) -> list[Message]:
        ids = self._ids(records)
        more = {self._id: ids} if self._make_ids and self._id else None
        values = self._write.of(records, more)
        places = records.positions.tolist()
        events = [
            Message(place, False, *self._addressed(place, key), value)
            for place, key, value in zip(places, self._keys(records, ids), values, strict=True)
        ]
        return events + [
            Message(
                reject.position, False, *self._addressed(reject.position, None), reject.original
            )
            for reject in records.rejects
        ]

    def _ids(self, records: Records) -> list[str | None]:
        if self._make_ids:
            return list(map(str, records.positions.tolist()))
        return [None] * len(records) if self._id is None else records.texts[self._id]

    def _keys(self, records: Records, ids: list[str | None]) -> list[str | None]:
        if self._schema.key is not None:
            return records.texts[self._schema.key]
        return ids if self._spread == "id" else [None] * len(records)

    def _addressed(self, place: int, key: str | None) -> tuple[int, bytes | None]:
        """Return partition and key of an event."""
        coded = None if key is None else key.encode()
        if coded is None or self._spread == "round-robin":
            return place % self._n_partitions, coded
        return partition_of(coded, self._n_partitions), coded

    def _late(self, records: Records, events: dict[int, Message]) -> list[Message]:
        """Note the labels of new events, and return those whose turn has come."""
        arrivals, _ = self._intake.take(records)
        labelled = self._labelled(records)
        for row in arrivals.row[labelled[arrivals.row]].tolist():
            event = events[int(records.positions[row])]
            self._waiting[event.place] = event._replace(
                is_label=True, value=self._label(records, row)
            )
        # Unknown classes come as labels too: the worker refuses them.
        arrivals = replace(arrivals, label=np.where(labelled[arrivals.row], 1.0, np.nan))
        if self._delay.is_immediate:
            waiting, self._waiting = self._waiting, {}
            return list(waiting.values())
        turned = self._delay.interleave(arrivals)
        is_label = turned.kind != EVENT
        places = self._turns(turned, is_label)[is_label].tolist()
        due = [
            self._waiting.pop(position)._replace(place=place)
            for position, place in zip(turned.position[is_label].tolist(), places, strict=True)
        ]
        while len(self._waiting) > self._most_waiting + len(records):
            del self._waiting[next(iter(self._waiting))]  # the delay has dropped it, as in replay
        return due

    def _labelled(self, records: Records) -> BoolArray:
        """Whether each row has a label."""
        target = self._schema.target
        if not self._schema.classes:
            return ~np.isnan(records.numbers[target])
        return np.array([text is not None for text in records.texts[target]], bool)

    def _turns(self, turned: Arrivals, is_label: BoolArray) -> IntArray:
        """Return for each arrival the place of the event at whose turn it comes."""
        if self._is_after:
            found: IntArray = np.maximum.accumulate(np.where(is_label, -1, turned.position))
            return found
        last = np.iinfo(np.int64).max
        places = np.where(is_label, last, turned.position)
        return np.minimum.accumulate(places[::-1])[::-1]

    def _label(self, records: Records, row: int) -> bytes:
        topic, schema = self._topic, self._schema
        if topic is None:
            raise ValueError("there is no topic of labels")
        columns = records.texts if schema.classes else records.numbers
        value: dict[str, Any] = {
            topic.id or self._id or "id": self._ids_of_row(records, row),
            topic.label or schema.target: columns[schema.target][row],
        }
        if topic.time is not None and records.times_us is not None:
            value[topic.time.column] = written_times(topic.time, records.times_us[row : row + 1])[0]
        return encode_json(value)

    def _ids_of_row(self, records: Records, row: int) -> str | None:
        if self._make_ids or self._id is None:
            return str(int(records.positions[row]))
        return records.texts[self._id][row]


def times_of(records: Records) -> tuple[IntArray, IntArray]:
    """Return places and event times of all records, also of what is none, in order."""
    times = np.full(len(records), MISSING_TIME) if records.times_us is None else records.times_us
    refused = np.array([reject.position for reject in records.rejects], np.int64)
    places = np.concatenate([records.positions, refused]).astype(np.int64)
    order = np.argsort(places)
    every = np.concatenate([times, np.full(len(refused), MISSING_TIME)]).astype(np.int64)
    return places[order], every[order]
