"""Topics looked at and made, on kafka-python."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kafka import TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.partition_log import Committed, Partition

__all__ = ["KafkaPythonAdmin"]


class KafkaPythonAdmin:
    """See `streamadapt.connectors.partition_log.TopicAdmin`."""

    def __init__(self, admin: Any, calls: BrokerCalls) -> None:  # noqa: ANN401 - the client has no types
        self._admin = admin
        self._calls = calls

    def partitions(self, topics: Collection[str], timeout_s: float) -> dict[str, int]:
        """Return how many partitions each topic has."""
        with self._calls.asked("look at topics"):
            found = self._admin.describe_topics(sorted(topics))
        counts = {each["name"]: len(each["partitions"]) for each in found}
        return {topic: counts.get(topic, 0) for topic in topics}

    def committed(
        self, group: str, partitions: Collection[Partition]
    ) -> dict[Partition, Committed]:
        """Return what a group has committed by now."""
        places = [TopicPartition(*partition) for partition in sorted(partitions)]
        with self._calls.asked(f"offsets of the group {group}"):
            found = self._admin.list_group_offsets({group: places})[group]
        return {
            Partition(place.topic, place.partition): Committed(each.offset, each.metadata or "")
            for place, each in found.items()
            if each.offset >= 0
        }

    def create(self, topics: Mapping[str, int], settings: Mapping[str, str]) -> None:
        """Make the topics that are not there."""
        there = self.partitions(topics, 0)
        missing = {
            topic: {"num_partitions": n, "replication_factor": -1, "configs": dict(settings)}
            for topic, n in topics.items()
            if not there[topic]
        }
        if missing:
            with self._calls.asked("make topics " + ", ".join(sorted(missing))):
                self._admin.create_topics(missing, wait_for_metadata=True)

    def close(self) -> None:
        """Let go."""
        with self._calls.asked("close"):
            self._admin.close()
