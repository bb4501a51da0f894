"""librdkafka's errors: their names, and which of them only say that a broker is away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException, Message

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import BrokerError
from streamadapt.errors import ParameterError

__all__ = ["calls_of", "code_of", "opened", "records_of"]

# The client goes on by itself after these, or says so in a rebalance.
_PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the client's public names begin like this
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
        KafkaError._PARTITION_EOF,  # noqa: SLF001
    }
)


def calls_of(settings: KafkaSettings) -> BrokerCalls:
    """Return what turns librdkafka's errors into ours."""
    errors = (KafkaException, BufferError, RuntimeError, ValueError, OSError)
    return BrokerCalls.of(settings, errors, _name)


def _error(raised: Exception) -> KafkaError | None:
    inner = raised.args[0] if raised.args else None
    return inner if isinstance(inner, KafkaError) else None


def _name(raised: Exception) -> str:
    error = _error(raised)
    return type(raised).__name__ if error is None else error.name()


def code_of(raised: Exception) -> int | None:
    """Return librdkafka's number of an error."""
    error = _error(raised)
    return None if error is None else error.code()


@contextmanager
def opened(calls: BrokerCalls, what: str) -> Iterator[None]:
    """Raise `ParameterError` for a setting that the client refuses; it does not connect yet."""
    try:
        with calls.asked(f"open {what}"):
            yield
    except BrokerError as error:
        raise ParameterError(f"kafka: a client refuses its settings: {error}") from None


def records_of(messages: Sequence[Message]) -> list[Message]:
    """Return the messages that are records.

    Raises
    ------
    KafkaException
        If one is an error that the client does not get over by itself.
    """
    if not any(map(Message.error, messages)):
        return list(messages)
    for message in messages:
        error = message.error()
        if error is not None and error.code() not in _PASSING:
            raise KafkaException(error)
    return [message for message in messages if message.error() is None]
