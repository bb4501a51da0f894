"""What a client raises becomes a `BrokerError` that says what was asked, of whom, what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import BrokerError

__all__ = ["BrokerCalls", "advice_for"]

_ADVICE = (
    (
        ("Corrupt", "BAD_MSG", "BAD_COMPRESSION"),
        "the log is damaged at this place: look into the broker's own log",
    ),
    (
        ("OffsetOutOfRange", "OFFSET_OUT_OF_RANGE", "AUTO_OFFSET_RESET"),
        "the log no longer holds this position: its retention is too short",
    ),
    (
        ("Authentication", "SASL", "SSL"),
        "check the settings of TLS and SASL in kafka.client",
    ),
    (
        ("Authorization", "AUTHORIZATION"),
        "grant this user the topic, the group and the transactional id",
    ),
    (
        ("MessageSizeTooLarge", "RecordTooLarge", "RecordListTooLarge", "MSG_SIZE_TOO_LARGE"),
        "raise the producer's largest request and the topic's max.message.bytes",
    ),
    (
        ("Fenced", "FENCED", "InvalidProducerEpoch", "INVALID_PRODUCER_EPOCH"),
        "another worker runs under this name",
    ),
    (
        ("CommitFailed", "UnknownMember", "UNKNOWN_MEMBER", "Generation", "GENERATION"),
        "the group gave the partitions to another worker: restore from what is committed",
    ),
    (
        ("UnknownTopic", "UNKNOWN_TOPIC", "UNKNOWN_PARTITION"),
        "make the topic first",
    ),
    (
        ("Timeout", "TimedOut", "TIMED_OUT", "Connection", "TRANSPORT", "ALL_BROKERS_DOWN"),
        "check that a broker runs at this address, and that its advertised address can be reached",
    ),
)


def advice_for(name: str) -> str:
    """Return what to try about the error of this name.

    >>> advice_for("ProducerFencedError")
    'another worker runs under this name'
    """
    found = (text for words, text in _ADVICE if any(word in name for word in words))
    return next(found, "look into the broker's log; a worker starts again by itself")


@dataclass(frozen=True, slots=True)
class BrokerCalls:
    """Turns one client's errors into `BrokerError`, without showing secrets.

    Parameters
    ----------
    address
        Of the brokers, for messages.
    errors
        What this client raises.
    name_of
        Gives the name of an error.
    secrets
        Texts to hide.
    """

    address: str
    errors: tuple[type[Exception], ...]
    name_of: Callable[[Exception], str]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @staticmethod
    def of(
        settings: KafkaSettings,
        errors: tuple[type[Exception], ...],
        name_of: Callable[[Exception], str],
    ) -> BrokerCalls:
        """Return the calls of one cluster."""
        return BrokerCalls(settings.bootstrap, errors, name_of, settings.secrets())

    @contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Raise `BrokerError` for what the client raises inside."""
        try:
            yield
        except self.errors as error:
            raise self.error(what, error) from None

    def error(self, what: str, cause: Exception | str) -> BrokerError:
        """Return the error of one failed call."""
        name = cause if isinstance(cause, str) else self.name_of(cause)
        text = f"Kafka at {self.address}: {what}: {name}"
        more = "" if isinstance(cause, str) else str(cause).removeprefix(name).removeprefix(": ")
        text += f": {more}" if more else ""
        return BrokerError(f"{self.masked(text)}; {advice_for(name)}")

    def masked(self, text: str) -> str:
        """Return `text` with stars for secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text
