"""The driver over kafka-python: which settings its clients get, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.structs import TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka_python_admin import KafkaPythonAdmin
from streamadapt.connectors.kafka_python_consumer import KafkaPythonConsumer
from streamadapt.connectors.kafka_python_producer import DirectProducer
from streamadapt.connectors.kafka_python_publisher import KafkaPythonPublisher
from streamadapt.connectors.kafka_python_reader import KafkaPythonReader
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import Partition
from streamadapt.errors import ParameterError

__all__ = ["KafkaPythonDriver"]

_ASSIGNORS = {"range": RangePartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor}
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


class KafkaPythonDriver:
    """See `streamadapt.connectors.partition_log.Driver`.

    Parameters
    ----------
    settings
        The cluster and its clients.
    instance
        The worker's stable name.

    Raises
    ------
    ParameterError
        If a client setting is not one of kafka-python's.
    """

    def __init__(self, settings: KafkaSettings, instance: str) -> None:
        self.settings = settings
        self.instance = instance
        if settings.client.get("security_protocol", "PLAINTEXT") not in _PROTOCOLS:
            # the client would take it for PLAINTEXT
            raise ParameterError(f"kafka.client.security_protocol is none of {_PROTOCOLS}")
        _refuse_unknown("client", settings.client, KafkaAdminClient)
        _refuse_unknown("consumer", settings.consumer, KafkaConsumer)
        _refuse_unknown("producer", settings.producer, KafkaProducer)
        self._calls = BrokerCalls.of(
            settings, (KafkaError, OSError, ValueError, RuntimeError), lambda e: type(e).__name__
        )

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaPythonConsumer:
        """Join a group."""
        settings = self.settings
        consumer = self._open(
            KafkaConsumer,
            "consumer",
            **self._reading(),
            group_id=group,
            group_instance_id=self.instance if settings.static_membership else None,
            partition_assignment_strategy=[_ASSIGNORS[settings.assignor]],
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
        )
        return KafkaPythonConsumer(consumer, topics, self._calls)

    def reader(self, partition: Partition, offset: int, headers: bool = False) -> KafkaPythonReader:
        """Read a partition from `offset`."""
        consumer = self._open(KafkaConsumer, "reader", **self._reading())
        with self._calls.asked(f"read {partition}"):
            consumer.assign([TopicPartition(*partition)])
            consumer.seek(TopicPartition(*partition), offset)
        return KafkaPythonReader(consumer, partition, headers, self._calls)

    def publisher(self, name: str) -> KafkaPythonPublisher:
        """Become the holder of a transactional name."""
        settings = self.settings
        producer = self._open(
            DirectProducer,
            "publisher",
            **self._writing(),
            transactional_id=name,
            transaction_timeout_ms=int(settings.transaction_timeout_s * 1000),
            # A holder that is gone keeps its transaction open until the broker ends it.
            max_block_ms=int((settings.transaction_timeout_s + settings.request_timeout_s) * 1000),
        )
        publisher = KafkaPythonPublisher(producer, self._calls, settings.delivery_timeout_s)
        try:
            with self._calls.asked(f"become the holder of {name!r}"):
                producer.init_transactions()
        except BaseException:
            publisher.abandon()
            raise
        return publisher

    def producer(self) -> KafkaPythonPublisher:
        """Return a producer without transactions."""
        producer = self._open(DirectProducer, "producer", **self._writing())
        return KafkaPythonPublisher(producer, self._calls, self.settings.delivery_timeout_s)

    def admin(self) -> KafkaPythonAdmin:
        """Return what looks at topics."""
        return KafkaPythonAdmin(self._open(KafkaAdminClient, "admin"), self._calls)

    def _open(self, client: Callable[..., Any], role: str, **more: object) -> Any:  # noqa: ANN401 - the client has no types
        settings = self.settings
        wait_ms = int(settings.request_timeout_s * 1000)
        basic = {
            "bootstrap_servers": settings.brokers,
            "client_id": f"{self.instance}-{role}",
            "request_timeout_ms": wait_ms,
            "bootstrap_timeout_ms": wait_ms,
            # By default a client that saw a broker down stays away from it for up to 30 s.
            "reconnect_backoff_max_ms": 1000,
        }
        with self._connecting(role) as network:
            return client(**{**basic, **settings.client, **more, "kafka_client": network})

    @contextmanager
    def _connecting(self, role: str) -> Iterator[Callable[..., Any]]:
        """Give what makes the client's network, and close that if the client gives up.

        A consumer or admin whose broker is away raises, and leaves its thread and sockets behind.
        """
        made: list[Any] = []

        def network(**settings: object) -> Any:  # noqa: ANN401 - the client has no types
            made.append(KafkaNetClient(**settings))
            return made[-1]

        try:
            yield network
        except (KafkaConfigurationError, ValueError, TypeError, RuntimeError) as error:
            text = self._calls.masked(f"a client refuses its settings: {error}")
            raise ParameterError(f"kafka: {text}") from None
        except (KafkaError, OSError) as error:
            for each in made:
                each.close()
            raise self._calls.error(f"open a {role}", error) from None

    def _reading(self) -> dict[str, Any]:
        """Return what exactly-once needs of every consumer."""
        return {
            "metrics_enabled": False,
            "allow_auto_create_topics": False,
            **self.settings.consumer,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            # Also on the input: it is what makes `committed` wait for open transactions.
            "isolation_level": "read_committed",
        }

    def _writing(self) -> dict[str, Any]:
        """Return what exactly-once needs of every producer."""
        settings = self.settings
        kind = settings.compression
        return {
            "metrics_enabled": False,
            "allow_auto_create_topics": False,
            **settings.producer,
            "enable_idempotence": True,
            "acks": "all",
            "delivery_timeout_ms": int(settings.delivery_timeout_s * 1000),
            "compression_type": None if kind == "none" else kind,
            "linger_ms": settings.linger_ms,
            "batch_size": settings.batch_bytes,
        }


def _refuse_unknown(section: str, given: dict[str, Any], client: Any) -> None:  # noqa: ANN401 - the client has no types
    """Raise for a name that the client does not know; its own error would show the values."""
    for name in given:
        if name not in client.DEFAULT_CONFIG:
            raise ParameterError(f"kafka.{section}.{name} is no setting of kafka-python")
