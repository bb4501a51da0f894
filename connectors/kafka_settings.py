"""How to reach a Kafka cluster, and what may be set about its clients."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["KafkaSettings"]

# What exactly-once rests on, and what has a setting of its own here.  Names as kafka-python writes
# them; librdkafka's are the same with dots.
_FIXED = {
    "enable_auto_commit": "offsets are committed inside transactions",
    "enable_auto_offset_store": "offsets are committed inside transactions",
    "auto_commit_interval_ms": "offsets are committed inside transactions",
    "auto_offset_reset": "a position is always given, never guessed",
    "isolation_level": "only committed records and offsets may be seen",
    "enable_idempotence": "transactions need it",
    "acks": "a transaction waits for all replicas",
    "request_required_acks": "a transaction waits for all replicas",
    "retries": "a transaction never loses a record in silence",
    "message_send_max_retries": "a transaction never loses a record in silence",
    "transactional_id": "it is the worker's name",
    "group_id": "it is the pipeline's group",
    "client_id": "it is the worker's name",
    "api_version": "it is asked of the broker",
    "max_in_flight_requests_per_connection": "it is the client's own, for order",
    "max_in_flight": "it is the client's own, for order",
    "key_serializer": "records are bytes",
    "value_serializer": "records are bytes",
    "key_deserializer": "records are bytes",
    "value_deserializer": "records are bytes",
    "group_protocol": "generations are of the classic protocol",
}
_OWN = {
    "bootstrap_servers": "bootstrap",
    "metadata_broker_list": "bootstrap",
    "partition_assignment_strategy": "assignor",
    "group_instance_id": "static_membership",
    "session_timeout_ms": "session_timeout_s",
    "heartbeat_interval_ms": "session_timeout_s",
    "max_poll_interval_ms": "max_poll_interval_s",
    "transaction_timeout_ms": "transaction_timeout_s",
    "request_timeout_ms": "request_timeout_s",
    "delivery_timeout_ms": "delivery_timeout_s",
    "message_timeout_ms": "delivery_timeout_s",
    "compression_type": "compression",
    "compression_codec": "compression",
    "linger_ms": "linger_ms",
    "queue_buffering_max_ms": "linger_ms",
    "batch_size": "batch_bytes",
}
_SECRET = ("password", "secret", "token", "key_pem", "ssl.key", "sasl.oauthbearer.config", "jaas")

Settings = dict[str, Any]


class KafkaSettings(BaseModel):
    """A Kafka cluster and its clients.

    Parameters
    ----------
    bootstrap
        ``host:port`` of one or more brokers, separated by commas.
    driver
        The client: ``kafka-python`` (pure Python, always there) or ``confluent`` (librdkafka, many
        times faster, ``pip install 'streamadapt[confluent]'``).
    assignor
        How partitions are shared out: ``range`` stops all for each rebalance;
        ``cooperative-sticky`` moves only what must move, for one input topic.
    static_membership
        Whether a worker that restarts in time keeps its partitions without a rebalance; those of
        one that does not wait for ``session_timeout_s``.
    session_timeout_s
        A worker that has been silent for so long loses its partitions.
    max_poll_interval_s
        A worker that has not asked for records for so long loses its partitions.
    transaction_timeout_s
        The broker aborts a transaction that is open for so long, so this is how long the output
        of a dead worker holds up its readers.
    request_timeout_s
        Longest wait for the answer to a request.
    delivery_timeout_s
        Longest outage of a broker that a record on its way survives.
    compression
        Of the records written.  kafka-python needs packages of their own for snappy and zstd.
    linger_ms
        A record waits so long for company.
    batch_bytes
        Most bytes of records that are written together.
    client
        Settings of every client, in the driver's own names: TLS, SASL and so on.
    consumer
        Settings of consumers, likewise.
    producer
        Settings of producers, likewise.

    Examples
    --------
    >>> "hidden" in repr(KafkaSettings(bootstrap="a:1,b:1", client={"ssl_password": "hidden"}))
    False
    >>> try:
    ...     KafkaSettings(bootstrap="localhost:9092", producer={"acks": 1})
    ... except ValueError as error:
    ...     print("cannot be set: a transaction waits for all replicas" in str(error))
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bootstrap: str
    driver: Literal["kafka-python", "confluent"] = "kafka-python"
    assignor: Literal["range", "cooperative-sticky"] = "range"
    static_membership: bool = False
    session_timeout_s: float = Field(45.0, ge=0.5, le=1800)
    max_poll_interval_s: float = Field(300.0, ge=1, le=86_400)
    transaction_timeout_s: float = Field(10.0, ge=1, le=900)
    request_timeout_s: float = Field(30.0, ge=1, le=300)
    delivery_timeout_s: float = Field(120.0, ge=2, le=86_400)
    compression: Literal["lz4", "zstd", "gzip", "snappy", "none"] = "lz4"
    linger_ms: int = Field(5, ge=0, le=10_000)
    batch_bytes: int = Field(131_072, ge=1024, le=16 << 20)
    client: Settings = Field(default_factory=dict, repr=False)
    consumer: Settings = Field(default_factory=dict, repr=False)
    producer: Settings = Field(default_factory=dict, repr=False)

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, colon, port = address.strip().rpartition(":")
            if not host or not colon or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("is not host:port, or several separated by commas")
        return value.replace(" ", "")

    @model_validator(mode="after")
    def _consistent(self) -> KafkaSettings:
        for section in ("client", "consumer", "producer"):
            for name in getattr(self, section):
                _refuse_fixed(section, name)
        if self.delivery_timeout_s * 1000 < self.request_timeout_s * 1000 + self.linger_ms:
            raise ValueError("delivery_timeout_s must not be below request_timeout_s and linger_ms")
        if self.max_poll_interval_s < self.session_timeout_s:
            raise ValueError("max_poll_interval_s must not be below session_timeout_s")
        return self

    @property
    def brokers(self) -> list[str]:
        """The addresses of `bootstrap`."""
        return self.bootstrap.split(",")

    @property
    def heartbeat_s(self) -> float:
        """Seconds between signs of life: a third of the session, three at most."""
        return min(3.0, self.session_timeout_s / 3)

    def secrets(self) -> tuple[str, ...]:
        """Return the values that no text may show, longest first."""
        sections = (self.client, self.consumer, self.producer)
        values = {str(v) for s in sections for name, v in s.items() if _is_secret(name) and v}
        return tuple(sorted(values, key=lambda value: (-len(value), value)))


def _refuse_fixed(section: str, name: str) -> None:
    plain = name.lower().replace(".", "_")
    if plain in _FIXED:
        raise ValueError(f"{section}.{name} cannot be set: {_FIXED[plain]}")
    if plain in _OWN:
        raise ValueError(f"{section}.{name} has its own name here: kafka.{_OWN[plain]}")


def _is_secret(name: str) -> bool:
    return any(part in name.lower() for part in _SECRET)
