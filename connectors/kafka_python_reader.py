"""One partition read from an offset without a group, on kafka-python."""

from __future__ import annotations

from typing import Any

from kafka.errors import RetriableError
from kafka.structs import TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka_python_batches import batch_of
from streamadapt.connectors.partition_log import Batch, Partition

__all__ = ["KafkaPythonReader"]


class KafkaPythonReader:
    """See `streamadapt.connectors.partition_log.LogReader`."""

    def __init__(
        self,
        consumer: Any,  # noqa: ANN401 - the client has no types
        partition: Partition,
        headers: bool,
        calls: BrokerCalls,
    ) -> None:
        self._consumer = consumer
        self._partition = partition
        self._place = TopicPartition(*partition)
        self._headers = headers
        self._calls = calls

    def poll(self, timeout_s: float, max_records: int) -> Batch:
        """Return the next records, maybe none."""
        with self._calls.asked(f"read {self._partition}"):
            try:
                found = self._consumer.poll(int(timeout_s * 1000), max_records)
            except RetriableError:  # a broker is away: the client looks for it by itself
                found = {}
        records = found.get(self._place, ())
        return batch_of(self._partition, records, self._headers)

    def position(self) -> int:
        """Return the offset to be read next."""
        with self._calls.asked(f"position in {self._partition}"):
            return int(self._consumer.position(self._place, timeout_ms=1000))

    def bounds(self, timeout_s: float) -> tuple[int, int]:
        """Return first offset and end of what can be read."""
        places, timeout_ms = [self._place], int(timeout_s * 1000)
        with self._calls.asked(f"bounds of {self._partition}"):
            first = self._consumer.beginning_offsets(places, timeout_ms)
            end = self._consumer.end_offsets(places, timeout_ms)
        return first[self._place], end[self._place]

    def seek(self, offset: int) -> None:
        """Go on from `offset`."""
        with self._calls.asked(f"seek {self._partition}"):
            self._consumer.seek(self._place, offset)

    def close(self) -> None:
        """Let go."""
        with self._calls.asked("close"):
            self._consumer.close(autocommit=False, timeout_ms=5000)
