"""Kafka opened by its settings, and its topics looked at before anything is read from them."""

from __future__ import annotations

from collections.abc import Sequence

from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import Driver, TopicAdmin
from streamadapt.errors import ConfigError, SourceError

__all__ = ["check_topics", "open_driver"]


def open_driver(settings: KafkaSettings, instance: str) -> Driver:
    """Return the client that the settings name; nothing is connected yet.

    Parameters
    ----------
    settings
        The cluster and its clients.
    instance
        The worker's stable name: of its clients, and of its place in the group where
        `settings.static_membership`.

    Raises
    ------
    ConfigError
        If the client is not installed, or does not know a setting.
    """
    if settings.driver == "kafka-python":
        from streamadapt.connectors.kafka_python_driver import KafkaPythonDriver

        return KafkaPythonDriver(settings, instance)
    try:
        from streamadapt.connectors.confluent_driver import ConfluentDriver
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        raise ConfigError(
            "kafka.driver: confluent is not installed: pip install 'streamadapt[confluent]'"
        ) from None
    return ConfluentDriver(settings, instance)


def check_topics(
    admin: TopicAdmin,
    settings: KafkaSettings,
    inputs: Sequence[str],
    outputs: Sequence[str],
    timeout_s: float = 10.0,
) -> int:
    """Return how many partitions the topics have, all the same number.

    A task reads partition k of every input and writes partition k of every output, so events and
    their labels must be spread alike.

    Raises
    ------
    SourceError
        If topics are missing or their partitions differ in number; says how to make them.
    ConfigError
        If the settings cannot keep partitions of several inputs together.
    """
    if settings.assignor != "range" and len(inputs) > 1:
        raise ConfigError(
            f"kafka.assignor: {settings.assignor} may give partition k of {inputs[0]} and "
            f"partition k of {inputs[1]} to two workers; several input topics need range"
        )
    names = list(dict.fromkeys([*inputs, *outputs]))
    counts = admin.partitions(names, timeout_s)
    most = max(counts.values()) or 1
    missing = [name for name in names if not counts[name]]
    if missing:
        raise SourceError(
            f"Kafka at {settings.bootstrap} has no topic {', '.join(missing)}; make it with\n"
            + "\n".join(_command(settings, "--create", name, most) for name in missing)
        )
    if min(counts.values()) < most:
        fewer = [name for name in names if counts[name] < most]
        raise SourceError(
            "all topics of a pipeline need the same number of partitions, but "
            + ", ".join(f"{name} has {counts[name]}" for name in names)
            + "; keys that are already written stay where they are, so make new topics, or, while "
            "they are empty, widen them with\n"
            + "\n".join(_command(settings, "--alter", name, most) for name in fewer)
        )
    return most


def _command(settings: KafkaSettings, action: str, topic: str, partitions: int) -> str:
    return (
        f"  kafka-topics.sh --bootstrap-server {settings.bootstrap} {action} "
        f"--topic {topic} --partitions {partitions}"
    )
