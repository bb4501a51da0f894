"""One partition read from an offset without a group, on librdkafka."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.confluent_batches import batches_of
from streamadapt.connectors.confluent_errors import records_of
from streamadapt.connectors.partition_log import Batch, Partition

__all__ = ["ConfluentReader"]


class ConfluentReader:
    """See `streamadapt.connectors.partition_log.LogReader`.

    The client knows how far it got only by records; the event "end of partition" says how far it
    is past markers of transactions and records that were aborted.
    """

    def __init__(
        self,
        consumer: Consumer,
        partition: Partition,
        offset: int,
        headers: bool,
        calls: BrokerCalls,
    ) -> None:
        self._consumer = consumer
        self._partition = partition
        self._headers = headers
        self._calls = calls
        self._position = offset
        with calls.asked(f"read {partition}"):
            consumer.assign([TopicPartition(*partition, offset)])

    def poll(self, timeout_s: float, max_records: int) -> Batch:
        """Return the next records, maybe none."""
        with self._calls.asked(f"read {self._partition}"):
            first = self._consumer.poll(timeout_s)
            messages = [] if first is None else [first]
            if messages and max_records > 1:
                messages += self._consumer.consume(max_records - 1, 0)
            batches = batches_of(records_of(messages), self._headers)
        for message in messages[-1:]:
            self._position = max(self._position, _after(message))
        return batches[0] if batches else Batch.empty(self._partition)

    def position(self) -> int:
        """Return the offset to be read next."""
        return self._position

    def bounds(self, timeout_s: float) -> tuple[int, int]:
        """Return first offset and end of what can be read."""
        with self._calls.asked(f"bounds of {self._partition}"):
            place = TopicPartition(*self._partition)
            return self._consumer.get_watermark_offsets(place, timeout_s)

    def seek(self, offset: int) -> None:
        """Go on from `offset`."""
        with self._calls.asked(f"seek {self._partition}"):
            self._consumer.assign([TopicPartition(*self._partition, offset)])
        self._position = offset

    def close(self) -> None:
        """Let go."""
        with self._calls.asked("close"):
            self._consumer.close()


def _after(message: Message) -> int:
    """Return the offset to be read after a message."""
    error, offset = message.error(), message.offset()
    if offset is None or offset < 0:
        return 0
    if error is None:
        return offset + 1
    return offset if error.code() == KafkaError._PARTITION_EOF else 0  # noqa: SLF001
