"""Predictions as they come, graded as their labels come, with the drifts between them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from streamadapt.build import read_message
from streamadapt.config import Config
from streamadapt.connectors.json_codec import JSONCodec
from streamadapt.connectors.partition_log import Batch, Driver, Header
from streamadapt.errors import ConfigError
from streamadapt.grading import RunningGrade, is_number
from streamadapt.live_input import schema_of_labels
from streamadapt.log_tail import LogTail
from streamadapt.publication import Prediction

__all__ = ["FactLine", "PredictionLine", "Tail"]

_BLOCK_RECORDS = 500
_ENDS_EVERY_S = 0.5
_NOT_OURS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What comes of reading what another program wrote; the last of what is nested too deep."""

_OFFSET = re.compile(rb"/([0-9]{1,19})\Z")


@dataclass(frozen=True, slots=True)
class PredictionLine:
    """A prediction; ``lag`` is how many events of its partition came after its own."""

    partition: int
    offset: int
    said: Prediction
    event_offset: int | None
    lag: int | None

    @property
    def probability(self) -> float | None:
        """Of the answer, where the learner gives one and is published."""
        output = self.said.outputs.get(self.said.learner)
        known = [p for p in output if is_number(p)] if isinstance(output, list) else []
        return max(known, default=None)


@dataclass(frozen=True, slots=True)
class FactLine:
    """A drift or a reaction."""

    fields: dict[str, Any]


@dataclass(slots=True)
class Totals:
    """What was seen since the beginning."""

    predictions: int = 0
    repeated: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    lag: int | None = None


class Tail:
    """Reads a pipeline's predictions, labels and facts.

    Parameters
    ----------
    config
        The pipeline, with a section ``kafka``.
    driver
        The Kafka client.
    topics
        {topic: number of its partitions}: predictions, events, and what there is of labels, facts.
    from_start
        Whether to begin with the oldest predictions.
    """

    def __init__(
        self, config: Config, driver: Driver, topics: dict[str, int], from_start: bool
    ) -> None:
        if config.kafka is None:
            raise ConfigError("kafka: this section is missing: it names topics and servers")
        self._config = config
        self._kafka = kafka = config.kafka
        self.grade = RunningGrade(bool(config.task.classes))
        self.totals = Totals()
        self._predictions = msgspec.json.Decoder(Prediction)
        self._facts = msgspec.json.Decoder(dict[str, Any])
        self._schema = schema_of_labels(config) if kafka.labels else config.schema_of_records()
        read = None if kafka.labels else read_message(config)
        self._codec = JSONCodec(self._schema, read)
        self._seen: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._ends_s = -np.inf
        self._log = LogTail(driver, topics, from_start, with_headers=[kafka.output])

    def poll(self) -> Iterator[PredictionLine | FactLine]:
        """Yield what has come since the last call; waits for a moment if nothing has."""
        self._look_at_ends()
        for batch in self._log.poll(_BLOCK_RECORDS):
            topic = batch.partition.topic
            if topic == self._kafka.output:
                yield from self._predicted(batch)
            elif topic == self._kafka.facts:
                yield from self._told(batch)
            elif self._is_graded and topic == self._topic_of_labels:
                self._labelled(batch)

    def close(self) -> None:
        """Release all readers."""
        self._log.close()

    @property
    def _is_graded(self) -> bool:
        return self._config.task.kind != "forecast"  # its targets are values still to come

    @property
    def _topic_of_labels(self) -> str:
        return self._kafka.labels.topic if self._kafka.labels else self._kafka.events

    def _look_at_ends(self) -> None:
        """Ask now and then where the events end."""
        if time.monotonic() - self._ends_s >= _ENDS_EVERY_S:
            self._ends = self._log.ends(self._kafka.events) or self._ends
            self._ends_s = time.monotonic()

    def _predicted(self, batch: Batch) -> Iterator[PredictionLine]:
        number = batch.partition.number
        for i, value in enumerate(batch.values):
            try:
                said = self._predictions.decode(value or b"")
            except _NOT_OURS:
                continue
            at = _event_offset(batch.headers[i])
            lag = None
            if at is not None and number in self._ends:
                lag = max(self._ends[number] - at - 1, 0)
            self.totals.predictions += 1
            self._count_repeats(number, at)
            if self._is_graded:
                self.grade.answered((number, said.id), said.answer)
            yield PredictionLine(number, int(batch.offsets[i]), said, at, lag)

    def _count_repeats(self, number: int, at: int | None) -> None:
        """Events are predicted in order, so one that does not come after the last was before."""
        if at is None:
            return
        if at <= self._seen.get(number, -1):
            self.totals.repeated += 1
        self._seen[number] = max(at, self._seen.get(number, -1))
        ends = self._ends
        known = [max(ends[k] - 1 - seen, 0) for k, seen in self._seen.items() if k in ends]
        self.totals.lag = sum(known) if known else None

    def _told(self, batch: Batch) -> Iterator[FactLine]:
        for value in batch.values:
            try:
                fields = self._facts.decode(value or b"")
            except _NOT_OURS:
                continue
            self.totals.facts[str(fields.get("kind"))] += 1
            yield FactLine(fields)

    def _labelled(self, batch: Batch) -> None:
        records = self._codec.decode(batch.values, batch.offsets)
        schema, number = self._schema, batch.partition.number
        columns: Any = records.texts if schema.classes else records.numbers
        labels = columns[schema.target]
        ids: Sequence[Any] = (
            records.positions.tolist() if schema.id is None else records.texts[schema.id]
        )
        for event, label in zip(ids, labels, strict=True):
            self.grade.labelled((number, event), label)


def _event_offset(headers: Sequence[Header]) -> int | None:
    """Return the offset of the event that a prediction is of."""
    for name, value in headers:
        if name == "input":
            match = _OFFSET.search(value or b"")  # whoever writes there may write anything
            return int(match[1]) if match else None
    return None
