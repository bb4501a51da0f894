"""kafka-python's producer, without what it makes anew for each record."""

from __future__ import annotations

from typing import Any

from kafka import KafkaProducer

__all__ = ["DirectProducer"]


class DirectProducer(KafkaProducer):  # type: ignore[misc]  # the client has no types
    """Finds out by one look whether a partition is there.

    The client makes a set of all topics and one of all partitions of the topic for each record: of
    32 partitions that takes as long as to read and decode it.
    """

    def _partition(self, topic: str, partition: int | None, *record: Any) -> Any:  # noqa: ANN401 - the client has no types
        known = getattr(self._metadata, "_partitions", {}).get(topic, ())
        if partition in known:
            return partition
        return super()._partition(topic, partition, *record)
