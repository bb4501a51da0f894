"""A Kafka of lists, for tests of the worker's own logic: one process, faults on demand.

It keeps what the seam promises: transactions are atomic, a stale membership is refused, an earlier
holder of a transactional name is fenced, newly assigned partitions are paused.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamadapt.connectors.partition_log import (
    Batch,
    BrokerError,
    Changes,
    Committed,
    Header,
    Membership,
    Outgoing,
    Partition,
)


@dataclass
class Record:
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


@dataclass
class MemoryLog:
    """Topics, what the group committed, and who holds what."""

    n_partitions: int = 1
    logs: dict[Partition, list[Record]] = field(default_factory=lambda: defaultdict(list))
    starts: dict[Partition, int] = field(default_factory=lambda: defaultdict(int))
    committed: dict[Partition, Committed] = field(default_factory=dict)
    generation: int = 0
    members: list[MemoryConsumer] = field(default_factory=list)
    holder: dict[str, MemoryPublisher] = field(default_factory=dict)
    fail_at: list[str] = field(default_factory=list)
    """Calls of publishers that fail next, one after the other; ``late_commit`` fails after it."""
    gate: threading.Event = field(default_factory=threading.Event)
    """While it is clear no flush comes to an end."""

    def __post_init__(self) -> None:
        self.gate.set()

    def write(self, topic: str, number: int, values: Sequence[bytes | None], time_ms: int) -> None:
        log = self.logs[Partition(topic, number)]
        for value in values:
            log.append(Record(len(log), time_ms, None, value))

    def rebalance(self) -> None:
        """Share all partitions out again, in ranges; every member loses all first."""
        self.generation += 1
        for i, member in enumerate(self.members):
            new = frozenset(
                Partition(topic, n)
                for topic in member.topics
                for n in range(self.n_partitions)
                if n % len(self.members) == i
            )
            member.given(new)

    def values(self, topic: str, number: int = 0) -> list[bytes | None]:
        return [record.value for record in self.logs[Partition(topic, number)]]

    # the driver

    def consumer(self, group: str, topics: Sequence[str]) -> MemoryConsumer:
        member = MemoryConsumer(self, list(topics), f"member-{self.generation}-{len(self.members)}")
        self.members.append(member)
        self.rebalance()
        return member

    def reader(self, partition: Partition, offset: int, headers: bool = False) -> MemoryReader:
        if self.fail_at and self.fail_at[0] == f"reader of {partition.topic}":
            self.fail_at.pop(0)
            raise BrokerError(f"{partition} cannot be read")
        return MemoryReader(self, partition, offset)

    def publisher(self, name: str) -> MemoryPublisher:
        self.holder[name] = MemoryPublisher(self, name)
        return self.holder[name]

    def producer(self) -> MemoryPublisher:
        raise NotImplementedError

    def admin(self) -> None:
        raise NotImplementedError


def _batch(partition: Partition, records: list[Record]) -> Batch:
    return Batch(
        partition,
        np.array([r.offset for r in records], np.int64),
        np.array([r.time_ms for r in records], np.int64),
        [r.key for r in records],
        [r.value for r in records],
        [r.headers for r in records],
    )


class MemoryReader:
    def __init__(self, log: MemoryLog, partition: Partition, offset: int) -> None:
        self.log, self.partition, self.offset = log, partition, offset

    def poll(self, timeout_s: float, max_records: int) -> Batch:
        records = self.log.logs[self.partition][self.offset : self.offset + max_records]
        self.offset += len(records)
        return _batch(self.partition, records)

    def position(self) -> int:
        return self.offset

    def bounds(self, timeout_s: float) -> tuple[int, int]:
        return self.log.starts[self.partition], len(self.log.logs[self.partition])

    def seek(self, offset: int) -> None:
        self.offset = offset

    def close(self) -> None:
        pass


class MemoryConsumer:
    def __init__(self, log: MemoryLog, topics: list[str], name: str) -> None:
        self.log, self.topics, self.name = log, topics, name
        self.most = 1 << 30
        self._held: frozenset[Partition] = frozenset()
        self._paused: set[Partition] = set()
        self._positions: dict[Partition, int] = {}
        self._changes = Changes()
        self._membership = Membership(-1, "", None)

    def given(self, partitions: frozenset[Partition]) -> None:
        self._changes = Changes(self._changes.revoked | self._held, partitions)
        self._held, self._paused = partitions, set(partitions)

    def poll(self, timeout_s: float, max_records: int) -> list[Batch]:
        self._membership = Membership(self.log.generation, self.name, self)
        batches = []
        for partition in sorted(self._held - self._paused):
            at = self._positions[partition]
            records = self.log.logs[partition][at : at + min(max_records, self.most)]
            if records:
                self._positions[partition] = records[-1].offset + 1
                batches.append(_batch(partition, records))
        if not batches:
            time.sleep(0.002)
        return batches

    def membership(self) -> Membership:
        return self._membership

    def changes(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        return changes

    def assigned(self) -> frozenset[Partition]:
        return self._held

    def committed(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, Committed | None]:
        return {partition: self.log.committed.get(partition) for partition in partitions}

    def bounds(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, tuple[int, int]]:
        return {p: (self.log.starts[p], len(self.log.logs[p])) for p in partitions}

    def seek(self, partition: Partition, offset: int) -> None:
        assert partition in self._held
        self._positions[partition] = offset

    def pause(self, partitions: Collection[Partition]) -> None:
        assert self._held.issuperset(partitions)
        self._paused |= set(partitions)

    def resume(self, partitions: Collection[Partition]) -> None:
        assert self._held.issuperset(partitions)
        self._paused -= set(partitions)

    def close(self) -> None:
        self.log.members.remove(self)
        self.log.rebalance()


class MemoryPublisher:
    def __init__(self, log: MemoryLog, name: str) -> None:
        self.log, self.name = log, name
        self.is_spoilt = False
        self._sent: list[Outgoing] = []
        self._offsets: dict[Partition, Committed] = {}

    def _may_fail(self, call: str) -> None:
        if self.log.holder[self.name] is not self:
            self.is_spoilt = True
        if self.log.fail_at and self.log.fail_at[0] == call:
            self.log.fail_at.pop(0)
            self.is_spoilt = True
        if self.is_spoilt:
            raise BrokerError(f"{call} failed")

    def begin(self) -> None:
        self._may_fail("begin")
        self._sent, self._offsets = [], {}

    def send(self, outgoing: Outgoing) -> None:
        self._may_fail("send")
        self._sent.append(outgoing)

    def send_offsets(self, offsets: Mapping[Partition, Committed], membership: Membership) -> None:
        self._may_fail("send_offsets")
        if not membership.is_member or membership.generation != self.log.generation:
            self.is_spoilt = True
            raise BrokerError("fenced")
        self._offsets = dict(offsets)

    def flush(self, timeout_s: float) -> None:
        assert self.log.gate.wait(10)
        self._may_fail("flush")

    def commit(self) -> None:
        self._may_fail("commit")
        for each in self._sent:
            self._append(each)
        self.log.committed |= self._offsets
        self._may_fail("late_commit")

    def _append(self, each: Outgoing) -> None:
        log = self.log.logs[Partition(each.topic, each.partition or 0)]
        headers = each.headers or [()] * len(each)
        for key, value, own in zip(each.keys, each.values, headers, strict=True):
            log.append(Record(len(log), 0, key, value, own))

    def abandon(self) -> None:
        self.is_spoilt = True

    def close(self) -> None:
        pass
