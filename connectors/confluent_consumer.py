"""A member of a consumer group, on librdkafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.confluent_batches import batches_of
from streamadapt.connectors.confluent_errors import code_of, records_of
from streamadapt.connectors.partition_log import (
    Batch,
    BrokerError,
    Changes,
    Committed,
    Membership,
    OffsetsPendingError,
    Partition,
)
from streamadapt.connectors.rebalances import Rebalances

__all__ = ["ConfluentConsumer"]

_TOKEN_MAGIC = b"CGMDv2:"


class ConfluentConsumer:
    """See `streamadapt.connectors.partition_log.GroupConsumer`.

    librdkafka calls back in the middle of a poll, on the worker's own thread.
    """

    def __init__(
        self, consumer: Consumer, topics: Sequence[str], eager: bool, calls: BrokerCalls
    ) -> None:
        self._consumer = consumer
        self._calls = calls
        self._eager = eager
        self._rebalances = Rebalances()
        self._moved: set[Partition] = set()
        self._membership = Membership(-1, "", None)
        with calls.asked("subscribe to " + ", ".join(topics)):
            consumer.subscribe(
                list(topics),
                on_assign=self._on_assign,
                on_revoke=self._on_gone(self._rebalances.revoke),
                on_lost=self._on_gone(self._rebalances.lose),
            )

    def _on_assign(self, consumer: Consumer, fresh: list[TopicPartition]) -> None:
        for each in fresh:
            each.offset = 0  # else the client would look for a committed offset by itself
        if self._eager:
            consumer.assign(fresh)
        else:
            consumer.incremental_assign(fresh)
        consumer.pause(fresh)
        self._rebalances.assign(_names(fresh))
        self._moved.update(_names(fresh))

    def _on_gone(
        self, note: Callable[[Collection[Partition]], None]
    ) -> Callable[[Consumer, list[TopicPartition]], None]:
        def gone(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            if self._eager:
                consumer.unassign()
            else:
                consumer.incremental_unassign(partitions)
            note(_names(partitions))
            self._moved.update(_names(partitions))

        return gone

    def poll(self, timeout_s: float, max_records: int) -> list[Batch]:
        """Return records; an outage gives none."""
        self._moved.clear()
        with self._calls.asked("poll"):
            # `consume` alone would wait for the full number; so: wait for one, take what is there.
            first = self._consumer.poll(timeout_s)
            messages = [] if first is None else [first]
            if messages and max_records > 1:
                messages += self._consumer.consume(max_records - 1, 0)
            found = batches_of(records_of(messages), headers=False)
            token = self._consumer.consumer_group_metadata()
        self._membership = _membership(token)
        return [batch for batch in found if batch.partition not in self._moved]

    def membership(self) -> Membership:
        """Return the snapshot taken right after the last `poll`."""
        return self._membership

    def changes(self) -> Changes:
        """Return what rebalances did since the last call."""
        return self._rebalances.taken()

    def assigned(self) -> frozenset[Partition]:
        """Return what this member holds now."""
        return self._rebalances.held()

    def committed(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, Committed | None]:
        """Return what the group has committed, once no transaction is pending."""
        names = ", ".join(map(str, sorted(partitions)))
        with self._calls.asked(f"committed offsets of {names}"):
            try:
                found = self._consumer.committed(_places(partitions), timeout_s)
            except KafkaException as error:
                if code_of(error) != KafkaError._TIMED_OUT or not self._answers():  # noqa: SLF001
                    raise
                raise self._pending(names) from None
            for each in found:
                if each.error is not None:
                    raise KafkaException(each.error)
        return {_name(each): _committed(each) for each in found}

    def _answers(self) -> bool:
        """Whether the broker answers at all: the client times out alike in both cases."""
        try:
            self._consumer.list_topics(timeout=1.0)
        except KafkaException:
            return False
        return True

    def _pending(self, names: str) -> BrokerError:
        return OffsetsPendingError(
            f"Kafka at {self._calls.address}: a transaction with an offset of {names} is still "
            "open; it ends by itself within its time-out"
        )

    def bounds(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, tuple[int, int]]:
        """Return first offset and end of each log."""
        deadline = time.monotonic() + timeout_s
        found = {}
        for partition in sorted(partitions):
            left_s = max(0.001, deadline - time.monotonic())
            with self._calls.asked(f"bounds of {partition}"):
                place = TopicPartition(*partition)
                found[partition] = self._consumer.get_watermark_offsets(place, left_s)
        return found

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from `offset`."""
        with self._calls.asked(f"seek {partition}"):
            self._consumer.seek(TopicPartition(*partition, offset))
        self._rebalances.place(partition)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Give no records of these."""
        with self._calls.asked("pause"):
            self._consumer.pause(_places(partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Give records of these again."""
        self._rebalances.refuse_unplaced(partitions)
        with self._calls.asked("resume"):
            self._consumer.resume(_places(partitions))

    def close(self) -> None:
        """Leave the group and let go."""
        with self._calls.asked("close"):
            self._consumer.close()


def _membership(token: object) -> Membership:
    """Read generation and member out of librdkafka's form of them.

    It is ``CGMDv2:``, the generation as int32, then group and member, each ended by a zero byte.
    """
    if not isinstance(token, bytes) or not token.startswith(_TOKEN_MAGIC):
        return Membership(-1, "", token)
    start = len(_TOKEN_MAGIC)
    generation = int.from_bytes(token[start : start + 4], "little", signed=True)
    member = token[start + 4 :].split(b"\0")[1].decode()
    return Membership(generation, member, token)


def _name(place: TopicPartition) -> Partition:
    return Partition(place.topic, place.partition)


def _names(places: Iterable[TopicPartition]) -> list[Partition]:
    return [_name(place) for place in places]


def _places(partitions: Collection[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*each) for each in sorted(partitions)]


def _committed(place: TopicPartition) -> Committed | None:
    return None if place.offset < 0 else Committed(place.offset, place.metadata or "")
