"""Topics looked at and made, on librdkafka."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka import count_partitions
from streamadapt.connectors.partition_log import Committed, Partition

__all__ = ["ConfluentAdmin"]

_TIMEOUT_S = 30.0


class ConfluentAdmin:
    """See `streamadapt.connectors.partition_log.TopicAdmin`."""

    def __init__(self, admin: AdminClient, calls: BrokerCalls) -> None:
        self._admin = admin
        self._calls = calls

    def partitions(self, topics: Collection[str], timeout_s: float) -> dict[str, int]:
        """Return how many partitions each topic has."""
        with self._calls.asked("look at topics"):
            found = self._admin.list_topics(timeout=timeout_s).topics
        return {topic: len(found[topic].partitions) if topic in found else 0 for topic in topics}

    def committed(
        self, group: str, partitions: Collection[Partition]
    ) -> dict[Partition, Committed]:
        """Return what a group has committed by now."""
        places = [TopicPartition(*partition) for partition in sorted(partitions)]
        asked = ConsumerGroupTopicPartitions(group, places)
        with self._calls.asked(f"offsets of the group {group}"):
            found = self._admin.list_consumer_group_offsets([asked])[group].result(_TIMEOUT_S)
        return {
            Partition(each.topic, each.partition): Committed(each.offset, each.metadata or "")
            for each in found.topic_partitions
            if each.offset >= 0
        }

    def create(self, topics: Mapping[str, int], settings: Mapping[str, str]) -> None:
        """Make the topics that are not there."""
        there = self.partitions(topics, _TIMEOUT_S)
        missing = [
            NewTopic(topic, num_partitions=n, replication_factor=-1, config=dict(settings))
            for topic, n in topics.items()
            if not there[topic]
        ]
        if missing:
            with self._calls.asked("make topics " + ", ".join(sorted(t.topic for t in missing))):
                for future in self._admin.create_topics(missing).values():
                    future.result(_TIMEOUT_S)
            # Until the broker that is asked knows what the controller has made.
            count_partitions(self, [each.topic for each in missing], _TIMEOUT_S, _TIMEOUT_S)

    def close(self) -> None:
        """Let go; the client has nothing to close."""
