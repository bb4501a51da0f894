"""A stream that still stands in Kafka, read again in the order in which a worker took it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs

from streamadapt.config import Config
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import (
    Committed,
    Driver,
    Header,
    LogReader,
    Partition,
)
from streamadapt.errors import ConfigError, SourceError
from streamadapt.events import Records
from streamadapt.live_input import Block, LiveInput
from streamadapt.log_feed import LogFeed, Stretch
from streamadapt.tag import Tag, decoded

__all__ = ["LoggedSource", "LoggedStream", "is_logged", "logged_stream", "order_taken"]

_URL = re.compile(r"kafka:/{1,2}(?P<bootstrap>[^/?]+)/(?P<topic>[\w.-]+)(\?(?P<query>.*))?")
_OPTIONS = {"partition", "from", "to", "labels_from", "labels_to", "control_from", "order_from"}
_ANSWER_S = 10.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class LoggedStream:
    """One partition of a topic, between two offsets, as ``kafka://HOST:PORT/TOPIC?...`` says.

    ``offsets`` are those given, by the letter of the input; the others are the log's own.
    """

    bootstrap: str
    topic: str
    partition: int
    begin: Mapping[str, int]
    end: Mapping[str, int]
    order_from: str | None


def is_logged(path: Path) -> bool:
    """Whether a source is a topic.

    >>> is_logged(Path("kafka://localhost:9092/events?partition=1")), is_logged(Path("a.csv"))
    (True, False)
    """
    return str(path).startswith("kafka:/")


def logged_stream(path: Path, order_from: str | None = None) -> LoggedStream:
    """Return what a URL names.

    >>> logged_stream(Path("kafka://localhost:9092/events?partition=1&from=20")).begin
    {'e': 20}

    Raises
    ------
    ConfigError
        If it is no such URL.
    """
    match = _URL.fullmatch(str(path))
    if match is None:
        raise ConfigError(f"{path}: write kafka://HOST:PORT/TOPIC?partition=0&from=0&to=100")
    given = {name: values[-1] for name, values in parse_qs(match["query"] or "").items()}
    unknown = sorted(given.keys() - _OPTIONS)
    if unknown:
        raise ConfigError(
            f"{path}: unknown {unknown[0]}; allowed are {', '.join(sorted(_OPTIONS))}"
        )
    numbers = {name: _number(path, name, given[name]) for name in given if name != "order_from"}
    begin = {"e": "from", "l": "labels_from", "c": "control_from"}
    end = {"e": "to", "l": "labels_to"}
    return LoggedStream(
        match["bootstrap"],
        match["topic"],
        numbers.get("partition", 0),
        {kind: numbers[name] for kind, name in begin.items() if name in numbers},
        {kind: numbers[name] for kind, name in end.items() if name in numbers},
        order_from or given.get("order_from"),
    )


class LoggedSource:
    """Gives the records of one partition with its labels and commands.

    With an output topic to take the order from, they come just as the worker took them that wrote
    there, up to what its group has committed; else, if there is more than one input, in the order
    in which the broker got them.

    Parameters
    ----------
    config
        The pipeline; its section ``kafka`` says which inputs there are, and how to reach them.
    stream
        Which partition, and from where to where.

    Raises
    ------
    SourceError
        If the topic or the partition is not there.
    """

    def __init__(self, config: Config, stream: LoggedStream) -> None:
        kafka = config.kafka
        self._stream = stream
        topics = {"e": stream.topic}
        if kafka is not None:
            topics |= {kind: topic for kind, topic in kafka.inputs.items() if kind != "e"}
        self._topics = topics
        settings: KafkaSettings = kafka or KafkaSettings(bootstrap=stream.bootstrap)
        settings = settings.model_copy(update={"bootstrap": stream.bootstrap})
        self._driver = open_driver(settings, f"{config.name}-replay")
        _check_partition(self._driver, stream, list(topics.values()))
        self._input = LiveInput(config)
        self._committed: Mapping[Partition, Committed] = {}
        if stream.order_from is not None:
            with closing(self._driver.admin()) as admin:
                group = (kafka.group if kafka else None) or config.name
                self._committed = admin.committed(group, [self._at(kind) for kind in topics])
        self._begin, self._end = self._range()
        self._position = 0
        self._blocks: deque[Block] = deque()
        self._feed: LogFeed | None = None
        self._next_event = self._begin["e"]

    def poll(self, max_records: int) -> Records | None:
        """Return the next records, labels and commands; None at the end."""
        while not self._blocks:
            pieces = self._opened().take(max_records)
            if pieces is None:
                return None
            for block in self._input.blocks(pieces, self._next_event) if pieces else ():
                self._blocks.append(block)
                if len(block.events):
                    self._next_event = block.events.next_offset
        block = self._blocks.popleft()
        self._position += _taken(block)
        return block.records

    def position(self) -> int:
        """Return how many records of all inputs were taken."""
        return self._position

    def seek(self, position: int) -> None:
        """Go on after so many records: those before are read again, and left out."""
        self.close()
        self._position, self._next_event = position, self._begin["e"]
        while position > 0:
            pieces = self._opened().take(min(position, 10_000))
            if pieces is None:
                raise SourceError(f"{self._stream.topic}: the log is shorter than it was")
            for kind, batch in pieces:
                position -= len(batch)
                if kind == "e":
                    self._next_event = batch.next_offset

    def close(self) -> None:
        """Release sockets and threads."""
        self._blocks.clear()
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def _opened(self) -> LogFeed:
        if self._feed is None:
            readers = {kind: self._reader(kind, self._begin[kind]) for kind in self._topics}
            self._feed = LogFeed(readers, self._end, self._order())
        return self._feed

    def _reader(self, kind: str, offset: int) -> LogReader:
        return self._driver.reader(self._at(kind), offset)

    def _order(self) -> Iterator[Stretch] | None:
        stream = self._stream
        if stream.order_from is None or len(self._topics) == 1:
            return None
        output = Partition(stream.order_from, stream.partition)
        reader = self._driver.reader(output, _bounds(self._driver, output)[0], headers=True)
        prefix = f"{stream.topic}/{stream.partition}/"
        taken = order_taken(_headers(reader), prefix, self._begin, self._end)
        return chain(taken, self._last_order(), self._rest())

    def _rest(self) -> Iterator[Stretch]:
        """Yield what no order is known of."""
        yield from (Stretch(kind, until=self._end[kind]) for kind in self._topics)

    def _last_order(self) -> Iterator[Stretch]:
        """Yield what was taken after the last event, as the commit tells."""
        tag = self._committed.get(self._at("e"), Committed(0)).tag
        if not tag or self._stream.end:
            return
        order = Tag.read(tag).since_first
        last = max((i for i, (kind, _) in enumerate(order) if kind == "e"), default=-1)
        if last >= 0:
            yield from (Stretch(kind, n) for kind, n in order[last + 1 :])

    def _at(self, kind: str) -> Partition:
        return Partition(self._topics[kind], self._stream.partition)

    def _range(self) -> tuple[dict[str, int], dict[str, int]]:
        begin, end = {}, {}
        for kind in self._topics:
            first, last = _bounds(self._driver, self._at(kind))
            begin[kind] = max(self._stream.begin.get(kind, first), first)
            committed = self._committed.get(self._at(kind), Committed(last)).offset
            end[kind] = min(self._stream.end.get(kind, committed), last)
        return begin, end


def order_taken(
    headers: Iterator[Sequence[Header]],
    prefix: str,
    begin: Mapping[str, int],
    end: Mapping[str, int],
) -> Iterator[Stretch]:
    """Yield the order in which a worker took records, from the headers of its predictions.

    Events without a prediction, refused ones say, come right after the event before them.

    Parameters
    ----------
    headers
        Of the output topic's records, in order.
    prefix
        ``topic/partition/`` of the events.
    begin
        {input's letter: first offset}.
    end
        {input's letter: offset of the first record not to be taken}.
    """
    at = dict(begin)
    ours = re.compile(re.escape(prefix.encode()) + rb"([0-9]{1,19})")
    for pairs in headers:
        said = dict(pairs)
        match = ours.fullmatch(said.get("input") or b"")  # another program may write there too
        if match is None:
            continue
        event = int(match[1])
        if not at["e"] <= event < end["e"]:
            continue
        yield from _before(at, event, said)
        at["e"] = event + 1
        yield Stretch("e", until=event + 1)
    yield Stretch("e", until=end["e"])


def _before(at: dict[str, int], event: int, said: Mapping[str, bytes]) -> Iterator[Stretch]:
    """Yield what was taken between the last prediction and that of `event`."""
    if event > at["e"]:
        yield Stretch("e", until=event)
    if "order" in said:
        yield from (Stretch(kind, n) for kind, n in decoded(said["order"].decode()))
    for kind, name in (("c", "control"), ("l", "labels")):
        offset = int(said.get(name, b"-1"))
        if offset > at.get(kind, offset):
            at[kind] = offset
            yield Stretch(kind, until=offset)


def _headers(reader: LogReader) -> Iterator[Sequence[Header]]:
    """Yield the headers of all records that are there now."""
    try:
        end = reader.bounds(_ANSWER_S)[1]
        while reader.position() < end:
            yield from reader.poll(_POLL_S, 5_000).headers
    finally:
        reader.close()


def _bounds(driver: Driver, partition: Partition) -> tuple[int, int]:
    reader = driver.reader(partition, 0)
    try:
        return reader.bounds(_ANSWER_S)
    finally:
        reader.close()


def _check_partition(driver: Driver, stream: LoggedStream, topics: list[str]) -> None:
    admin = driver.admin()
    try:
        counts = admin.partitions([*topics, *filter(None, [stream.order_from])], _ANSWER_S)
    finally:
        admin.close()
    for topic, count in counts.items():
        if stream.partition >= count:
            has = f"has {count} partitions" if count else "is not there"
            raise SourceError(f"{topic} at {stream.bootstrap} {has}: no {stream.partition}")


def _taken(block: Block) -> int:
    return sum(len(piece.batch) for piece in block.pieces)


def _number(path: Path, name: str, text: str) -> int:
    if not text.isdigit():
        raise ConfigError(f"{path}: {name} is no whole number")
    return int(text)
