"""Kafka opened by its settings, and its topics looked at before anything is read from them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import Driver, TopicAdmin
from streamadapt.errors import ConfigError, SourceError

__all__ = ["check_topics", "count_partitions", "open_driver"]

_HEARSAY_S = 1.0  # a broker under load hears of a topic that late from the controller


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


def count_partitions(
    admin: TopicAdmin, topics: Collection[str], timeout_s: float, patience_s: float = _HEARSAY_S
) -> dict[str, int]:
    """Return how many partitions each topic has, 0 for those that are missing.

    Brokers hear of a topic one after the other, and each look may ask another: what seems to be
    missing is looked for again, for `patience_s`.
    """
    end_s = time.monotonic() + patience_s
    counts = admin.partitions(topics, timeout_s)
    while not all(counts.values()) and time.monotonic() < end_s:
        time.sleep(0.05)
        counts = admin.partitions(topics, timeout_s)
    return counts


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
    counts = count_partitions(admin, names, timeout_s)
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
