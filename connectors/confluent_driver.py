"""The driver over confluent-kafka, which is librdkafka: which settings its clients get."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from streamadapt.connectors.confluent_admin import ConfluentAdmin
from streamadapt.connectors.confluent_consumer import ConfluentConsumer
from streamadapt.connectors.confluent_errors import calls_of, opened
from streamadapt.connectors.confluent_publisher import QUEUED, ConfluentPublisher
from streamadapt.connectors.confluent_reader import ConfluentReader
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import Partition

__all__ = ["ConfluentDriver"]


class ConfluentDriver:
    """See `streamadapt.connectors.partition_log.Driver`.

    Parameters
    ----------
    settings
        The cluster and its clients.
    instance
        The worker's stable name.
    """

    def __init__(self, settings: KafkaSettings, instance: str) -> None:
        self.settings = settings
        self.instance = instance
        self._calls = calls_of(settings)

    def consumer(self, group: str, topics: Sequence[str]) -> ConfluentConsumer:
        """Join a group."""
        settings = self.settings
        member = {"group.instance.id": self.instance} if settings.static_membership else {}
        consumer = self._reading(
            "consumer",
            {
                **member,
                "group.id": group,
                "partition.assignment.strategy": settings.assignor,
                "session.timeout.ms": int(settings.session_timeout_s * 1000),
                "heartbeat.interval.ms": int(settings.heartbeat_s * 1000),
                "max.poll.interval.ms": int(settings.max_poll_interval_s * 1000),
            },
        )
        return ConfluentConsumer(consumer, topics, settings.assignor == "range", self._calls)

    def reader(self, partition: Partition, offset: int, headers: bool = False) -> ConfluentReader:
        """Read a partition from `offset`."""
        # The client wants the name of a group, but does not join it.
        own = {"group.id": f"{self.instance}-reader", "enable.partition.eof": True}
        consumer = self._reading("reader", own)
        return ConfluentReader(consumer, partition, offset, headers, self._calls)

    def publisher(self, name: str) -> ConfluentPublisher:
        """Become the holder of a transactional name."""
        settings = self.settings
        own = {
            "transactional.id": name,
            "transaction.timeout.ms": int(settings.transaction_timeout_s * 1000),
        }
        answer_s = settings.transaction_timeout_s + settings.request_timeout_s
        publisher = ConfluentPublisher(self._writing("publisher", own), self._calls, answer_s)
        try:
            publisher.become(name, answer_s)
        except BaseException:
            publisher.abandon()
            raise
        return publisher

    def producer(self) -> ConfluentPublisher:
        """Return a producer without transactions."""
        writing = self._writing("producer", {})
        return ConfluentPublisher(writing, self._calls, self.settings.delivery_timeout_s)

    def admin(self) -> ConfluentAdmin:
        """Return what looks at topics."""
        with opened(self._calls, "an admin"):
            return ConfluentAdmin(AdminClient(self._basic("admin")), self._calls)

    def _basic(self, role: str) -> dict[str, Any]:
        return {
            "reconnect.backoff.max.ms": 1000,
            **self.settings.client,
            "bootstrap.servers": self.settings.bootstrap,
            "client.id": f"{self.instance}-{role}",
            "socket.timeout.ms": int(self.settings.request_timeout_s * 1000),
            "logger": logging.getLogger(f"confluent_kafka.{role}"),
        }

    def _reading(self, role: str, own: dict[str, Any]) -> Consumer:
        """Open a consumer with what exactly-once needs of every one."""
        with opened(self._calls, f"a {role}"):
            return Consumer(
                {
                    **self._basic(role),
                    "fetch.queue.backoff.ms": 10,  # by default a full queue is left alone for 1 s
                    "check.crcs": True,
                    "allow.auto.create.topics": False,
                    **self.settings.consumer,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "error",
                    # Also on the input: it makes `committed` wait for open transactions.
                    "isolation.level": "read_committed",
                    **own,
                }
            )

    def _writing(self, role: str, own: dict[str, Any]) -> dict[str, Any]:
        """Return what exactly-once needs of every producer."""
        settings = self.settings
        return {
            **self._basic(role),
            "allow.auto.create.topics": False,
            "partitioner": "murmur2_random",  # as Java's client and kafka-python spread keys
            **settings.producer,
            "enable.idempotence": True,
            "acks": "all",
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": QUEUED,
            **self._patience("transactional.id" in own),
            "compression.type": settings.compression,
            "linger.ms": settings.linger_ms,
            "batch.size": settings.batch_bytes,
            **own,
        }

    def _patience(self, transactional: bool) -> dict[str, int]:
        """Return how long a producer waits: in a transaction, no longer than that may last."""
        settings = self.settings
        most_s = settings.transaction_timeout_s if transactional else settings.delivery_timeout_s
        answer_ms = int(min(settings.request_timeout_s, most_s) * 1000)
        return {
            "socket.timeout.ms": answer_ms,
            "request.timeout.ms": answer_ms,
            "delivery.timeout.ms": int(min(settings.delivery_timeout_s, most_s) * 1000),
        }
