"""The topics of a pipeline: which there should be, with how many partitions, and who makes them."""

from __future__ import annotations

import shlex

from streamadapt.config_live import KafkaConfig
from streamadapt.connectors.kafka import check_topics, count_partitions
from streamadapt.connectors.partition_log import TopicAdmin
from streamadapt.errors import SourceError

__all__ = ["check_all", "check_there", "make_topics", "roles", "wanted_partitions"]

_ANSWER_S = 10.0


def roles(kafka: KafkaConfig) -> dict[str, str]:
    """Return {topic: what it is for}, the events first."""
    named = {
        "events": kafka.events,
        "labels": kafka.labels.topic if kafka.labels else None,
        "commands": kafka.control,
        "predictions": kafka.output,
        "dead letters": kafka.dead_letters,
        "facts": kafka.facts,
    }
    return {topic: role for role, topic in named.items() if topic is not None}


def together(kafka: KafkaConfig) -> list[str]:
    """Return the topics that need the same number of partitions: a task has one of each."""
    return [*kafka.inputs.values(), kafka.output]


def wanted_partitions(
    admin: TopicAdmin, kafka: KafkaConfig, n_partitions: int | None
) -> dict[str, int]:
    """Return {topic: partitions}: as asked for, else as many as the events have, else one."""
    there = admin.partitions(together(kafka), _ANSWER_S)
    n = n_partitions or max(there.values()) or 1
    return {topic: n if topic in there else 1 for topic in roles(kafka)}


def make_topics(admin: TopicAdmin, kafka: KafkaConfig, n_partitions: int | None) -> list[str]:
    """Make the topics that are missing; return which.

    Raises
    ------
    SourceError
        If those that are there do not fit together.
    """
    wanted = wanted_partitions(admin, kafka, n_partitions)
    there = admin.partitions(list(wanted), _ANSWER_S)
    missing = {topic: n for topic, n in wanted.items() if not there[topic]}
    if missing:
        admin.create(missing, {})
    check_topics(admin, kafka, list(kafka.inputs.values()), [kafka.output], _ANSWER_S)
    return list(missing)


def check_all(admin: TopicAdmin, kafka: KafkaConfig, pipeline: str) -> int:
    """Return how many partitions events have, once all topics are there and fit together.

    Raises
    ------
    SourceError
        If they are not; says what makes them.
    """
    check_there(admin, kafka, list(roles(kafka)), pipeline)
    return check_topics(admin, kafka, list(kafka.inputs.values()), [kafka.output], _ANSWER_S)


def check_there(
    admin: TopicAdmin, kafka: KafkaConfig, topics: list[str], pipeline: str
) -> dict[str, int]:
    """Return how many partitions topics have; raise `SourceError` for those that are missing."""
    counts = count_partitions(admin, topics, _ANSWER_S)
    missing = [topic for topic in topics if not counts[topic]]
    if missing:
        raise SourceError(
            f"Kafka at {kafka.bootstrap} has no topic {', '.join(missing)}; make what is missing "
            f"with\n  streamadapt topics {shlex.quote(pipeline)} --create --partitions 4\n"
            "or as many: one worker takes one partition or more, never a part of one"
        )
    return counts
