"""The seam between the worker and a Kafka client: batches in, transactions out, nothing else.

Two drivers stand behind it, `streamadapt.connectors.kafka_python_driver` and
`streamadapt.connectors.confluent_driver`.  It names what exactly-once needs and leaves out all that
it does not: no automatic commits, no callbacks into the worker, no reuse of a producer after an
error.  Every call that can block takes its time-out; a call that its client cannot bound is
guarded by the caller's watchdog.

All errors are `BrokerError`: the class of a client's exception does not tell whether a transaction
was committed (a time-out of the commit itself may hide a commit that happened), so the only answer
to any of them is to throw the publisher and all tasks away and to ask `GroupConsumer.committed`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.errors import RetryableError

__all__ = [
    "Batch",
    "BrokerError",
    "Changes",
    "Committed",
    "Driver",
    "GroupConsumer",
    "Header",
    "LogReader",
    "Membership",
    "MissingTopicError",
    "OffsetsPendingError",
    "Outgoing",
    "Partition",
    "Publisher",
    "TopicAdmin",
]

Header = tuple[str, bytes]


class BrokerError(RetryableError):
    """The broker is away, or refuses; says what was asked, of whom, and what to try."""


class OffsetsPendingError(BrokerError):
    """A transaction that committed offsets of this partition has not ended yet: ask again."""


class MissingTopicError(BrokerError):
    """A topic is not there."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.number}]"


@dataclass(slots=True)
class Batch:
    """n records of one partition, in order.

    ``offsets`` and ``times_ms`` are int64 [n]; offsets ascend, but may have holes.  ``headers`` is
    empty unless the reader was asked for them.
    """

    partition: Partition
    offsets: IntArray
    times_ms: IntArray
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Sequence[Header]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def next_offset(self) -> int:
        """The offset to go on from: one after the last record's."""
        return int(self.offsets[-1]) + 1

    def part(self, start: int, stop: int) -> Batch:
        """Return records start..stop-1."""
        cut = slice(start, stop)
        return Batch(
            self.partition,
            self.offsets[cut],
            self.times_ms[cut],
            self.keys[cut],
            self.values[cut],
            self.headers[cut],
        )

    @staticmethod
    def empty(partition: Partition) -> Batch:
        """Return no records."""
        none = np.zeros(0, np.int64)
        return Batch(partition, none, none, [], [])


class Membership(NamedTuple):
    """Which generation of the group the records of the last poll were read in, and as whom.

    ``token`` is the client's own form of it.  It is valid only as the snapshot taken right after
    that poll: one taken later may be of a member that was thrown out, and then fences nothing.
    """

    generation: int
    member: str
    token: object

    @property
    def is_member(self) -> bool:
        """Whether a transaction under this membership can be fenced at all."""
        return self.generation >= 0 and bool(self.member)


class Committed(NamedTuple):
    """A committed offset: the next to take, and the text committed with it."""

    offset: int
    tag: str = ""


class Changes(NamedTuple):
    """What rebalances did since it was last asked; ``lost`` is a part of ``revoked``."""

    revoked: frozenset[Partition] = frozenset()
    assigned: frozenset[Partition] = frozenset()
    lost: frozenset[Partition] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.revoked or self.assigned)


@dataclass(slots=True)
class Outgoing:
    """n records for one topic; ``partition`` None lets the client choose by key."""

    topic: str
    partition: int | None
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[list[Header]] = ()
    times_ms: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.values)


class GroupConsumer(Protocol):
    """A member of a consumer group; reads only what is committed, and never commits by itself.

    Newly assigned partitions are paused until `resume` is called.  Used by one thread.
    """

    def poll(self, timeout_s: float, max_records: int) -> list[Batch]:
        """Return records of resumed partitions, as many as `max_records`; rebalances happen here.

        Raises `BrokerError`; a broker that is merely away gives no records instead.
        """
        ...

    def membership(self) -> Membership:
        """Return the snapshot that was taken right after the last `poll`."""
        ...

    def changes(self) -> Changes:
        """Return, once, what was revoked and assigned since the last call.

        A partition that was revoked and assigned again is in both.
        """
        ...

    def assigned(self) -> frozenset[Partition]:
        """Return what this member holds now."""
        ...

    def committed(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, Committed | None]:
        """Return what the group has committed, None where nothing; waits for pending transactions.

        Raises
        ------
        OffsetsPendingError
            If a transaction is still open after `timeout_s`.
        BrokerError
            If the broker does not answer.
        """
        ...

    def bounds(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, tuple[int, int]]:
        """Return the first offset that the log still holds, and the one after its last."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from `offset`; call it before `resume`."""
        ...

    def pause(self, partitions: Collection[Partition]) -> None:
        """Give no records of these until `resume`."""
        ...

    def resume(self, partitions: Collection[Partition]) -> None:
        """Give records of these again, from where they stand or were sought to."""
        ...

    def close(self) -> None:
        """Leave the group (a static member stays in it) and release sockets and threads."""
        ...


class LogReader(Protocol):
    """Reads one partition from an offset, without a group; only what is committed."""

    def poll(self, timeout_s: float, max_records: int) -> Batch:
        """Return the next records, maybe none."""
        ...

    def position(self) -> int:
        """Return the offset to be read next: past records, and past markers of transactions."""
        ...

    def bounds(self, timeout_s: float) -> tuple[int, int]:
        """Return the first offset that the log still holds, and the one after the last readable."""
        ...

    def seek(self, offset: int) -> None:
        """Go on from `offset`."""
        ...

    def close(self) -> None:
        """Release sockets and threads."""
        ...


class Publisher(Protocol):
    """A transactional producer under a stable name; after any error only `abandon` may follow.

    One transaction is `begin`, any number of `send`, `send_offsets`, `flush`, `commit`.
    """

    def begin(self) -> None:
        """Open a transaction."""
        ...

    def send(self, outgoing: Outgoing) -> None:
        """Hand records to the client, in order."""
        ...

    def send_offsets(self, offsets: Mapping[Partition, Committed], membership: Membership) -> None:
        """Put offsets into the transaction; fenced if the membership is not the group's own."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until the broker has every record sent; raises unless every single one arrived."""
        ...

    def commit(self) -> None:
        """End the transaction.  An exception does not mean that it was aborted."""
        ...

    def abandon(self) -> None:
        """Let go without waiting; the next publisher of this name aborts what is open."""
        ...

    def close(self) -> None:
        """Release sockets and threads, in order."""
        ...


class TopicAdmin(Protocol):
    """Looks at topics, and makes them for trials and tests."""

    def partitions(self, topics: Collection[str], timeout_s: float) -> dict[str, int]:
        """Return how many partitions each topic has; 0 for one that is not there."""
        ...

    def committed(
        self, group: str, partitions: Collection[Partition]
    ) -> dict[Partition, Committed]:
        """Return what a group has committed by now, without joining it; nothing is waited for."""
        ...

    def create(self, topics: Mapping[str, int], settings: Mapping[str, str]) -> None:
        """Make topics with so many partitions each; those that are there stay as they are."""
        ...

    def close(self) -> None:
        """Release sockets and threads."""
        ...


class Driver(Protocol):
    """A Kafka client, set up: makes consumers, readers and publishers of one cluster."""

    def consumer(self, group: str, topics: Sequence[str]) -> GroupConsumer:
        """Join a group; all topics are co-partitioned."""
        ...

    def reader(self, partition: Partition, offset: int, headers: bool = False) -> LogReader:
        """Read a partition from `offset`."""
        ...

    def publisher(self, name: str) -> Publisher:
        """Become the one holder of the transactional name; an earlier holder is fenced.

        Blocks until an open transaction of that holder has been aborted.
        """
        ...

    def producer(self) -> Publisher:
        """Return an idempotent producer without transactions: `send`, `flush` and `close` only."""
        ...

    def admin(self) -> TopicAdmin:
        """Return what looks at topics."""
        ...
