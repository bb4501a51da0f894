"""What a task says, as records for topics: predictions, dead letters, facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any

import msgspec
import numpy as np

from streamadapt.config import Config
from streamadapt.connectors.json_codec import encode_each, encode_json
from streamadapt.connectors.partition_log import Batch, Header, Outgoing
from streamadapt.contracts import PREDICT, FloatArray, IntArray
from streamadapt.errors import ConfigError
from streamadapt.events import MISSING_TIME, Records
from streamadapt.live_input import Block
from streamadapt.pipeline import Lane
from streamadapt.tag import Run, coded
from streamadapt.task import Outcome, Task

__all__ = ["Prediction", "Publication", "published_lanes"]

_MOST_OF_KEY = 64 * 1024  # bytes: events may be larger, compressed, than what may be sent here
_CHANGES = frozenset({"reset", "forget", "swap"})


class Prediction(msgspec.Struct, gc=False):
    """A record of the output topic, as JSON.

    ``outputs`` holds what each published learner said: class probabilities in the order of
    ``task.classes``, or a number.  ``answer`` is what the learner ``learner`` says: a class, a
    number, or for forecasts a number for each horizon.  ``version`` counts how often that learner
    was replaced or told to forget, ``drifts`` the alarms on its loss, up to this prediction.
    """

    id: str | int | None
    key: str | None
    time_us: int | None
    learner: str
    version: int
    drifts: int
    answer: Any
    outputs: dict[str, Any]


class Publication:
    """Makes records of what a task says; a pure function of its input, as the task is.

    Every prediction carries the headers ``input`` (topic/partition/offset of its event), ``model``
    (learner/version/fingerprint), and where there are such inputs ``labels`` and ``control``: the
    offsets of the next label and command when it was made.  ``order`` says in which order labels
    and commands came since the event before, where there were commands.

    Parameters
    ----------
    config
        The pipeline.
    task
        Its task.
    partition
        Number of its partition.
    fingerprints
        {learner: hash of its configuration}.
    """

    def __init__(
        self, config: Config, task: Task, partition: int, fingerprints: Mapping[str, str]
    ) -> None:
        if config.kafka is None:
            raise ConfigError("kafka: this section is missing: it names topics and servers")
        self._kafka = config.kafka
        self._schema = config.schema_of_records()
        self._task = task
        self._partition = partition
        self._fingerprints = fingerprints
        self._classes = config.task.classes
        self._lanes = published_lanes(config, task)
        self._input = f"{self._kafka.events}/{partition}/"
        # Made and written faster than a dict, and out of the collector's sight.
        self._outputs = msgspec.defstruct(
            "Outputs",
            [
                (f"lane{i}", Any, msgspec.field(name=lane.name))
                for i, lane in enumerate(self._lanes)
            ],
            gc=False,
        )

    def predictions(
        self, outcome: Outcome, block: Block, offsets: Mapping[str, int], since: list[Run]
    ) -> Outgoing:
        """Return the records of the n predictions of `outcome`.

        Parameters
        ----------
        outcome
            What came of the block.
        block
            What the task was given.
        offsets
            Of each input, the offset that was next before the block.
        since
            What came since the last event before the block, in order.
        """
        sayings = self._sayings(outcome)
        texts = self._texts(block.records, outcome.rows.tolist(), outcome.positions)
        name, versions, drifts, answers = self._answers(outcome)
        said = (*texts, _times(outcome), repeat(name), versions, drifts, answers, sayings)
        values = encode_each(list(map(Prediction, *said)))
        headers = self._headers(outcome, block, offsets, since, name, versions)
        keys = _keys(block.events, outcome.positions)
        return Outgoing(self._kafka.output, self._partition, keys, values, headers)

    def dead_letters(self, outcome: Outcome) -> Outgoing:
        """Return a record for each record that was refused, with the reason as header."""
        topics = {
            "events": self._kafka.events,
            "labels": self._kafka.labels.topic if self._kafka.labels else self._kafka.events,
            "control": self._kafka.control or "",
        }
        values, headers = [], []
        for reject in outcome.rejects:
            values.append(encode_json(reject.letter()))
            place = f"{topics[reject.stream]}/{self._partition}/{reject.position}"
            headers.append([("input", place.encode()), ("reason", reject.reason.encode())])
        return Outgoing(self._kafka.dead_letters, None, [None] * len(values), values, headers)

    def facts(self, lines: list[dict[str, object]]) -> Outgoing:
        """Return a record for each line about a drift or a reaction."""
        values = [encode_json(line | {"partition": self._partition}) for line in lines]
        keys = [str(line["learner"]).encode() for line in lines]
        return Outgoing(self._kafka.facts or "", None, keys, values)

    def _sayings(self, outcome: Outcome) -> Iterable[Any]:
        return map(self._outputs, *(_plain(outcome.outputs[lane.name]) for lane in self._lanes))

    def _texts(
        self, records: Records, rows: list[int], positions: IntArray
    ) -> tuple[list[Any], list[Any]]:
        """Return ids and keys of the predicted events."""
        schema = self._schema
        ids: list[Any] = positions.tolist()
        if schema.id is not None:
            ids = list(map(records.texts[schema.id].__getitem__, rows))
        if schema.key is None:
            return ids, [None] * len(rows)
        return ids, list(map(records.texts[schema.key].__getitem__, rows))

    def _answers(self, outcome: Outcome) -> tuple[str, list[int], list[int], list[Any]]:
        """Return the learner that answers, and for each event its version, drifts and answer."""
        learner = self._task.answers
        lanes = [lane for lane in self._task.lanes if lane.learner_name == learner]
        P = outcome.outputs[lanes[0].name]
        if self._classes:
            answers: list[Any] = list(map(self._classes.__getitem__, P.argmax(axis=1).tolist()))
        elif lanes[0].name == learner:
            answers = P[:, 0].tolist()
        else:
            by_horizon = [_plain(outcome.outputs[lane.name]) for lane in lanes]
            names = [lane.name.partition("@")[2] for lane in lanes]
            answers = [dict(zip(names, row, strict=True)) for row in zip(*by_horizon, strict=True)]
        lane = lanes[0]
        return (
            learner,
            self._counted(outcome, lane, lane.version, _CHANGES, 0),
            self._counted(outcome, lane, lane.counts["drift"], frozenset({"drift"}), 1),
            answers,
        )

    def _counted(
        self, outcome: Outcome, lane: Lane, now: int, kinds: frozenset[str], delay_rows: int
    ) -> list[int]:
        """Return for each prediction how many facts of these kinds came before it.

        A reaction acts on its own row, a drift is known only after it (`delay_rows` 1).
        """
        n = len(outcome.positions)
        rows = [
            f.row + delay_rows for f in outcome.facts if f.lane == lane.name and f.kind in kinds
        ]
        if not rows:
            return [now] * n
        track = self._track_of(lane)
        steps = outcome.steps[track]
        first = self._task.tracks[track].pipeline.n_rows - len(steps)
        predicted = first + np.flatnonzero(steps.op & PREDICT)
        later = len(rows) - np.searchsorted(np.sort(rows), predicted, "right")
        return (now - later).tolist()  # type: ignore[no-any-return]

    def _track_of(self, lane: Lane) -> int:
        tracks = self._task.tracks
        return next(i for i, track in enumerate(tracks) if lane in track.pipeline.lanes)

    def _headers(
        self,
        outcome: Outcome,
        block: Block,
        offsets: Mapping[str, int],
        since: list[Run],
        name: str,
        versions: list[int],
    ) -> list[list[Header]]:
        hash_ = self._fingerprints.get(name, "")
        models = {v: ("model", f"{name}/{v}/{hash_}".encode()) for v in set(versions)}
        inputs = _prefixed(self._input, outcome.positions)
        columns: list[Iterable[Header]] = [
            zip(repeat("input"), inputs, strict=False),
            map(models.__getitem__, versions),
        ]
        if "l" in offsets:
            places = np.searchsorted(block.labels_before, outcome.positions, "right")
            after = np.concatenate([[offsets["l"]], block.label_offsets + 1])[places]
            columns.append(zip(repeat("labels"), _prefixed("", after), strict=False))
        if "c" in offsets:
            columns.append(repeat(("control", b"%d" % offsets["c"])))
        headers = list(map(list, zip(*columns, strict=False)))
        if headers and any(kind == "c" for kind, _ in since):
            headers[0].append(("order", coded(since).encode()))
        return headers


def published_lanes(config: Config, task: Task) -> list[Lane]:
    """Return the lanes whose predictions are published: by default all but the baselines."""
    names = config.kafka.publish if config.kafka and config.kafka.publish else config.learners
    return [lane for lane in task.lanes if lane.learner_name in names]


def _times(outcome: Outcome) -> list[int | None]:
    """Return event times, None where missing."""
    times = outcome.times_us
    if (times == MISSING_TIME).all():
        return [None] * len(times)
    return [None if time_us == MISSING_TIME else time_us for time_us in times.tolist()]


def _keys(events: Batch, positions: IntArray) -> list[bytes | None]:
    """Return the keys of the events with these offsets; of one too long, its beginning."""
    keys = events.keys
    if len(positions) != len(events):
        places = np.searchsorted(events.offsets, positions).tolist()
        keys = list(map(events.keys.__getitem__, places))
    if max(map(len, filter(None, keys)), default=0) > _MOST_OF_KEY:
        return [key and key[:_MOST_OF_KEY] for key in keys]
    return keys


def _prefixed(prefix: str, numbers: IntArray) -> list[bytes]:
    """Return each number as text after a prefix that has no blanks, by few calls.

    >>> _prefixed("events/0/", np.arange(2)), _prefixed("", np.arange(0))
    ([b'events/0/0', b'events/0/1'], [])
    """
    if not len(numbers):
        return []
    return (prefix + f" {prefix}".join(map(str, numbers.tolist()))).encode().split(b" ")


def _plain(P: FloatArray) -> list[Any]:
    """Return predictions [n, k] as lists, or as numbers where k is 1."""
    plain: list[Any] = (P[:, 0] if P.shape[1] == 1 else P).tolist()
    return plain
