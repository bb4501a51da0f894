"""A member of a consumer group, on kafka-python."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from kafka.errors import KafkaTimeoutError, RetriableError
from kafka.structs import TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka_python_batches import batch_of
from streamadapt.connectors.kafka_python_guard import IdentityGuard, take_up_join
from streamadapt.connectors.kafka_python_listener import RebalanceListener
from streamadapt.connectors.kafka_python_pending import PENDING
from streamadapt.connectors.partition_log import (
    Batch,
    Changes,
    Committed,
    Membership,
    OffsetsPendingError,
    Partition,
)
from streamadapt.connectors.rebalances import Rebalances

__all__ = ["KafkaPythonConsumer"]


class KafkaPythonConsumer:
    """See `streamadapt.connectors.partition_log.GroupConsumer`."""

    def __init__(self, consumer: Any, topics: Sequence[str], calls: BrokerCalls) -> None:  # noqa: ANN401 - the client has no types
        self._consumer = consumer
        self._calls = calls
        self._rebalances = Rebalances()
        listener = RebalanceListener(consumer, self._rebalances)
        self._guard = IdentityGuard(consumer, self._rebalances, listener)
        with calls.asked("subscribe to " + ", ".join(topics)):
            consumer.subscribe(list(topics), listener=listener)
        self._membership = Membership(-1, "", None)

    def poll(self, timeout_s: float, max_records: int) -> list[Batch]:
        """Return records; an outage gives none."""
        with self._calls.asked("poll"):
            try:
                found = self._consumer.poll(int(timeout_s * 1000), max_records)
            except RetriableError:  # a broker is away: the client looks for it by itself
                found = {}
            group = self._consumer.group_metadata()
            self._membership = Membership(group.generation_id, group.member_id, group)
            lost = self._guard.check(self._membership, group.state)
            take_up_join(self._consumer, group.state)
        batches = [batch_of(Partition(*each), records, False) for each, records in found.items()]
        return [batch for batch in batches if batch.partition not in lost]

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
        deadline = time.monotonic() + timeout_s
        return {each: self._committed(each, deadline) for each in sorted(partitions)}

    def _committed(self, partition: Partition, deadline: float) -> Committed | None:
        place = TopicPartition(*partition)
        PENDING.forget(place)
        left_ms = max(1, int(1000 * (deadline - time.monotonic())))
        with self._calls.asked(f"committed offset of {partition}"):
            try:
                found = self._consumer.committed(place, metadata=True, timeout_ms=left_ms)
            except KafkaTimeoutError:
                if not PENDING.holds(place):
                    raise
                raise OffsetsPendingError(
                    f"Kafka at {self._calls.address}: a transaction with an offset of {partition} "
                    "is still open; it ends by itself within its time-out"
                ) from None
        if found is None:
            return None
        # librdkafka commits the zero byte at the end of its string as well, and takes it off again.
        return Committed(found.offset, (found.metadata or "").rstrip("\0"))

    def bounds(
        self, partitions: Collection[Partition], timeout_s: float
    ) -> dict[Partition, tuple[int, int]]:
        """Return first offset and end of each log."""
        places = [TopicPartition(*each) for each in sorted(partitions)]
        with self._calls.asked("bounds of " + ", ".join(map(str, sorted(partitions)))):
            first = self._consumer.beginning_offsets(places, int(timeout_s * 1000))
            end = self._consumer.end_offsets(places, int(timeout_s * 1000))
        return {Partition(*each): (first[each], end[each]) for each in places}

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from `offset`."""
        with self._calls.asked(f"seek {partition}"):
            self._consumer.seek(TopicPartition(*partition), offset)
        self._rebalances.place(partition)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Give no records of these."""
        with self._calls.asked("pause"):
            self._consumer.pause(*(TopicPartition(*each) for each in partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Give records of these again."""
        self._rebalances.refuse_unplaced(partitions)
        places = [TopicPartition(*each) for each in partitions]
        with self._calls.asked("resume"):
            for place in places:
                # Records left over from a poll are set aside for a paused partition, and as long
                # as they are, no more are fetched; but the client forgets to take them up again
                # if another partition was polled since.  Without them it fetches from where it
                # stands.
                self._consumer._fetcher._paused_partition_records.pop(place, None)  # noqa: SLF001
            self._consumer.resume(*places)

    def close(self) -> None:
        """Leave the group and let go."""
        with self._calls.asked("close"):
            self._consumer.close(autocommit=False, timeout_ms=5000)
