"""What must be true once the workers are gone: each event answered once, and every state exact.

1. Each event that was sent has one prediction, or one dead letter, under ``read_committed``.
2. The state that the committed offsets and their tag name (cold: checkpoint, then silent replay)
   is that of a task that took the partition's records from the beginning, without interruption, in
   the order that the predictions' headers tell; and every prediction equals what that task says.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise

import msgspec

from streamadapt.config import Config
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.partition_log import (
    BrokerError,
    Committed,
    Driver,
    Header,
    Outgoing,
    Partition,
)
from streamadapt.errors import MissingStateError
from streamadapt.live_task import LiveTask
from streamadapt.log_feed import LogFeed, Stretch
from streamadapt.logged_source import LoggedSource, LoggedStream, order_taken
from streamadapt.lost_state import LostStateError
from streamadapt.open_store import open_store
from streamadapt.restoring import RestoreSettings, Restoring
from streamadapt.saving import Saving
from streamadapt.store_thread import StoreThread
from tests.faults.chaos.feed import N_PARTITIONS, Sent

_ANSWER_S = 10.0
_RESTORE_LIMIT_S = 90.0


@dataclass(frozen=True)
class Said:
    """A record of the output, of the dead letters or of the facts."""

    value: bytes
    headers: dict[str, bytes]
    key: bytes | None = None

    def comparable(self) -> tuple[object, ...]:
        """All of it that does not depend on how the stream was cut into polls."""
        headers = {name: text for name, text in self.headers.items() if name != "order"}
        return self.value, tuple(sorted(headers.items())), self.key


@dataclass
class Verdict:
    """What was found."""

    n_events: int = 0
    lost: int = 0
    duplicated: int = 0
    inverted: int = 0
    digests: int = 0
    digests_equal: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        equal = f"{self.digests_equal}/{self.digests}"
        return f"lost={self.lost} duplicated={self.duplicated} digests_equal={equal}"

    @property
    def is_clean(self) -> bool:
        return not (self.problems or self.lost or self.duplicated or self.inverted) and (
            self.digests_equal == self.digests
        )

    def add(self, other: Verdict) -> None:
        for name in ("n_events", "lost", "duplicated", "inverted", "digests", "digests_equal"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems

    def count(self, place: str, times: int) -> None:
        """Take in how often an event was answered."""
        if times == 0:
            self.lost += 1
        elif times > 1:
            self.duplicated += times - 1
        if times != 1 and len(self.problems) < 40:
            self.problems.append(f"{place}: answered {times} times")


class Silent:
    """A reporter that tells nothing."""

    def count(self, name: str, n: int = 1) -> None:
        pass

    def gauge(self, name: str, value: float) -> None:
        pass

    def note(self, fact: str, fields: object) -> None:
        pass


class Log:
    """Reads topics whole."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def bounds(self, partition: Partition) -> tuple[int, int]:
        with closing(self.driver.reader(partition, 0)) as reader:
            return reader.bounds(_ANSWER_S)

    def records(self, partition: Partition) -> list[tuple[int, Said]]:
        """Return offset and record of all that can be read now."""
        found: list[tuple[int, Said]] = []
        with closing(self.driver.reader(partition, 0, headers=True)) as reader:
            end = reader.bounds(_ANSWER_S)[1]
            deadline = time.monotonic() + 60
            while reader.position() < end:
                assert time.monotonic() < deadline, f"{partition}: cannot be read to its end"
                batch = reader.poll(0.5, 5_000)
                records = map(Said, map(bytes, [v or b"" for v in batch.values]),
                              map(dict, batch.headers), batch.keys)  # fmt: skip
                found += zip(batch.offsets.tolist(), records, strict=True)
        return found


class Oracle:
    """Judges one pipeline after its workers have ended."""

    def __init__(self, config: Config) -> None:
        assert config.kafka is not None
        self.config = config
        self.kafka = config.kafka
        self.driver = open_driver(self.kafka, f"{config.name}-oracle")
        self.log = Log(self.driver)
        self._group = self.kafka.group or config.name
        self._outputs: dict[int, list[Said]] = {}

    def committed(self) -> dict[int, dict[str, Committed | None]]:
        """Return what the group has committed of each partition's inputs."""
        topics = self.kafka.inputs
        with closing(self.driver.consumer(f"{self._group}", list(topics.values()))) as consumer:
            found = consumer.committed(
                [Partition(t, n) for t in topics.values() for n in range(N_PARTITIONS)], _ANSWER_S
            )
        return {
            n: {kind: found[Partition(topic, n)] for kind, topic in topics.items()}
            for n in range(N_PARTITIONS)
        }

    def left(self) -> dict[str, int]:
        """Return {partition: records of inputs that are not committed yet}, without those at 0."""
        behind = {}
        for n, own in self.committed().items():
            for kind, committed in own.items():
                partition = Partition(self.kafka.inputs[kind], n)
                end = self.log.bounds(partition)[1]
                rest = end - (committed.offset if committed else 0)
                if rest:
                    behind[str(partition)] = rest
        return behind

    def drained(self, limit_s: float) -> dict[str, int]:
        """Wait until all that was sent is committed; return what is left at the limit."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                left = self.left()
            except BrokerError as error:
                left = {str(error): 1}
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.5)

    def output(self, n: int) -> list[Said]:
        """Return all predictions of a partition, in order."""
        if n not in self._outputs:
            records = self.log.records(Partition(self.kafka.output, n))
            self._outputs[n] = [said for _, said in records]
        return self._outputs[n]

    def judge(self, sent: Sent) -> Verdict:
        verdict = Verdict()
        letters = [
            said
            for n in range(N_PARTITIONS)
            for _, said in self.log.records(Partition(self.kafka.dead_letters, n))
        ]
        facts = [
            said
            for n in range(N_PARTITIONS)
            for _, said in self.log.records(Partition(self.kafka.facts or "", n))
        ]
        stores = StoreThread(lambda: open_store(self.config), Silent())
        try:
            expected: list[Outgoing] = []
            for n, committed in self.committed().items():
                self._answers(verdict, n, sent, letters)
                expected += self._states(verdict, n, committed, stores)
        finally:
            stores.close()
        for topic, found in ((self.kafka.dead_letters, letters), (self.kafka.facts, facts)):
            _compare_bags(verdict, str(topic), found, [o for o in expected if o.topic == topic])
        return verdict

    def _answers(self, verdict: Verdict, n: int, sent: Sent, letters: list[Said]) -> None:
        """Count predictions and dead letters of each event of a partition."""
        prefix = f"{self.kafka.events}/{n}/"
        said = self.output(n)
        places = [record.headers["input"].decode() for record in said]
        offsets = [int(place.removeprefix(prefix)) for place in places]
        verdict.inverted += sum(b <= a for a, b in pairwise(offsets))
        ids = Counter(str(msgspec.json.decode(record.value)["id"]) for record in said)
        for name in sorted(sent.ids[n] | ids.keys()):
            if name in sent.ids[n]:
                verdict.count(f"id {name}", ids[name])
            else:
                verdict.problems.append(f"id {name}: predicted, but never sent")
        refused = Counter(
            place
            for place in (letter.headers["input"].decode() for letter in letters)
            if place.startswith(prefix)
        )
        answered = Counter(places) + refused
        start, end = self.log.bounds(Partition(self.kafka.events, n))
        for offset in range(start, end):
            if refused[f"{prefix}{offset}"]:
                verdict.count(f"{prefix}{offset}", answered[f"{prefix}{offset}"])
        if len(said) + len(refused) != end - start:
            verdict.problems.append(
                f"{prefix}: {end - start} records, {len(said)} predictions, {len(refused)} letters"
            )
        if len(refused) != sent.poison[n]:
            verdict.problems.append(f"{prefix}: {sent.poison[n]} bad, {len(refused)} letters")
        verdict.n_events += end - start

    def _states(
        self, verdict: Verdict, n: int, committed: dict[str, Committed | None], stores: StoreThread
    ) -> list[Outgoing]:
        """Compare predictions and states with an uninterrupted replay; return what that says."""
        until = {kind: each.offset if each else 0 for kind, each in committed.items()}
        verdict.digests += 1
        try:
            straight = self._straight(n, until)
        except MissingStateError as error:  # more was taken than there is: something came twice
            verdict.problems.append(f"partition {n}: in the order that predictions tell, {error}")
            return []
        predicted = self.output(n)
        expected = list(_records(straight.said.outgoing, self.kafka.output))
        wrong = [
            i
            for i, (a, b) in enumerate(zip(predicted, expected, strict=False))
            if a.comparable() != b.comparable()
        ]
        if wrong or len(predicted) != len(expected):
            first = wrong[0] if wrong else min(len(predicted), len(expected))
            verdict.problems.append(
                f"partition {n}: of {len(predicted)} predictions ({len(expected)} expected) "
                f"{len(wrong)} differ from the replay, first number {first}:"
                f"\n    live   {predicted[first] if first < len(predicted) else None}"
                f"\n    replay {expected[first] if first < len(expected) else None}"
            )
        try:
            cold = self._cold(n, committed, stores)
        except (LostStateError, TimeoutError) as error:
            verdict.problems.append(f"partition {n}: {error}")
            return straight.said.outgoing
        of_source = self._through_source(n, until)
        digests = [cold.state().digest(), straight.state().digest(), cold.task.state().digest()]
        if digests[0] == digests[1] and digests[2] == of_source:
            verdict.digests_equal += 1
        else:
            verdict.problems.append(
                f"partition {n}: digests: cold {digests[0][:12]}, straight {digests[1][:12]}; task "
                f"cold {digests[2][:12]}, by LoggedSource {of_source[:12]}: "
                f"{_difference(cold, straight)}"
            )
        return straight.said.outgoing

    def _straight(self, n: int, until: dict[str, int]) -> LiveTask:
        """Take all records of a partition in the order that its predictions tell."""
        begin = dict.fromkeys(until, 0)
        headers = (list(said.headers.items()) for said in self.output(n))
        order = chain(
            order_taken(headers, f"{self.kafka.events}/{n}/", begin, until),
            # after the last prediction: the feeder sends no command then
            (Stretch(kind, until=until[kind]) for kind in ("c", "l")),
        )
        readers = {
            kind: self.driver.reader(Partition(self.kafka.inputs[kind], n), 0) for kind in begin
        }
        task = LiveTask(self.config, os.environ, n, begin)
        with closing(LogFeed(readers, until, order)) as feed:
            while (pieces := feed.take(977)) is not None:
                if pieces:
                    task.take(pieces)
        return task

    def _through_source(self, n: int, until: dict[str, int]) -> str:
        """Return the digest after `replay` of the same records, by its own source."""
        stream = LoggedStream(
            self.kafka.bootstrap, self.kafka.events, n, {}, until, self.kafka.output
        )
        task = LiveTask(self.config, os.environ, n, dict.fromkeys(until, 0)).task
        with closing(LoggedSource(self.config, stream)) as source:
            while (records := source.poll(1313)) is not None:
                task.run(records)
        return task.state().digest()

    def _cold(
        self, n: int, committed: dict[str, Committed | None], stores: StoreThread
    ) -> LiveTask:
        """Restore a task as a worker would that was given the partition now."""
        saving = Saving(self.config, stores, Silent())
        settings = RestoreSettings(
            self.config, self.driver, stores, Silent(),
            partial(LiveTask, self.config, os.environ), saving.checkpoints,
        )  # fmt: skip
        topics = self.kafka.inputs
        bounds = {kind: self.log.bounds(Partition(topic, n)) for kind, topic in topics.items()}
        restoring = Restoring(n, settings, committed, bounds)
        deadline = time.monotonic() + _RESTORE_LIMIT_S
        with closing(restoring):
            while time.monotonic() < deadline:
                task = restoring.step()
                if task is not None:
                    return task
                time.sleep(0.002)
        raise TimeoutError("was not restored in time")


def _records(outgoing: Sequence[Outgoing], topic: str) -> Iterator[Said]:
    for each in outgoing:
        if each.topic == topic:
            headers: Sequence[Sequence[Header]] = each.headers or [()] * len(each)
            for value, own, key in zip(each.values, headers, each.keys, strict=True):
                yield Said(bytes(value or b""), dict(own), key)


def _compare_bags(
    verdict: Verdict, topic: str, found: list[Said], expected: list[Outgoing]
) -> None:
    """Compare what goes to partitions chosen by the client: as often, in whatever order."""
    live = Counter(said.comparable() for said in found)
    replayed = Counter(said.comparable() for said in _records(expected, topic))
    for which, more in (("too often", live - replayed), ("too seldom", replayed - live)):
        if more:
            first = next(iter(more))
            verdict.problems.append(f"{topic}: {more.total()} records {which}, as {first!r:.300}")


def _difference(cold: LiveTask, straight: LiveTask) -> str:
    """Name the parts whose digests differ."""
    a, b = cold.state().values, straight.state().values
    parts = [name for name in a if _digest(a[name]) != _digest(b[name])]
    told = {name: (a[name], b[name]) for name in parts if isinstance(a[name], str)}
    return f"{', '.join(parts)} {told or ''}"


def _digest(value: object) -> object:
    return value.digest() if hasattr(value, "digest") else value
