"""A first pipeline file for a topic: commented, valid, and ready to run once topics are made."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from streamadapt.build import build_task
from streamadapt.config_file import parse_config
from streamadapt.config_yaml import scalar_text
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.errors import ConfigError, SourceError
from streamadapt.inspection import columns_of
from streamadapt.scaffold import pipeline_text
from streamadapt.topic_sample import read_topic_sample

__all__ = ["kafka_lines", "scaffold_live"]

_MANY = 10_000
_DEFAULT_PORT = 9092
_ANSWER_S = 10.0


def scaffold_live(bootstrap: str, topic: str, target: str) -> tuple[str, int]:
    """Look at a topic; return a pipeline file for it, which has been tried, and its partitions.

    Raises
    ------
    SourceError
        If the topic is not there, is empty, or holds no JSON objects.
    ConfigError
        If its records have no such field, or it cannot be predicted, or no other is of use.
    BrokerError
        If Kafka does not answer.
    """
    settings = _settings(bootstrap)
    try:
        sample, n_partitions = read_topic_sample(open_driver(settings, "init"), topic, _MANY)
    except SourceError as error:
        raise SourceError(f"Kafka at {settings.bootstrap}: {error}") from None
    place = f"topic {topic}"
    lines = list(kafka_lines(settings.bootstrap, topic))
    text = pipeline_text(place, columns_of(sample), target, live=lines)
    build_task(parse_config(text, {}, "the proposed pipeline"), {})
    return text, n_partitions


def _settings(bootstrap: str) -> KafkaSettings:
    addresses = [
        address if ":" in address else f"{address}:{_DEFAULT_PORT}"
        for address in bootstrap.split(",")
    ]
    try:
        return KafkaSettings(bootstrap=",".join(addresses), request_timeout_s=_ANSWER_S)
    except ValidationError:
        raise ConfigError(
            f"--kafka {bootstrap}: is not host:port, or several separated by commas"
        ) from None


def kafka_lines(bootstrap: str, topic: str) -> Iterator[str]:
    """Return the sections of topics and store.

    >>> next(kafka_lines("localhost:9092", "clicks"))
    'kafka:  # `streamadapt topics FILE --create` makes the topics that are missing'
    """
    yield "kafka:  # `streamadapt topics FILE --create` makes the topics that are missing"
    yield f"  bootstrap: {scalar_text(bootstrap)}"
    yield f"  events: {scalar_text(topic)}"
    yield f"  output: {scalar_text(topic + '.predictions')}  # as many partitions as the events"
    yield f"  dead_letters: {scalar_text(topic + '.dead-letters')}  # what cannot be used, and why"
    yield f"  facts: {scalar_text(topic + '.facts')}  # drifts and reactions"
    yield f"  control: {scalar_text(topic + '.control')}  # what `streamadapt control` writes"
    yield f"  # labels: {{topic: {scalar_text(topic + '.labels')}}}  # if labels come later, by"
    yield "  #   themselves: needs record.id; else they stand in the events"
    yield "  # start: latest  # a new group begins with the oldest event; or with the next one"
    yield "  # client:  # TLS and SASL, in the client's own names"
    yield "  #   security_protocol: SASL_SSL"
    yield "  #   sasl_mechanism: SCRAM-SHA-512"
    yield "  #   sasl_plain_username: ${KAFKA_USER}"
    yield "  #   sasl_plain_password: ${KAFKA_PASSWORD}"
    yield ""
    yield "# store:  # by default a file beside the worker; several machines need a Redis"
    yield "#   url: redis://localhost:6379/0"
    yield ""
