"""librdkafka's messages as batches: columns taken out in C, split where the partition changes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter, ne

import numpy as np
from confluent_kafka import Message

from streamadapt.connectors.partition_log import Batch, Header, Partition

__all__ = ["batches_of"]


def batches_of(messages: Sequence[Message], headers: bool) -> list[Batch]:
    """Return one batch for each partition, in the order in which they first come."""
    runs: dict[Partition, list[Message]] = {}
    for start, stop in _runs(messages):
        first = messages[start]
        partition = Partition(str(first.topic()), int(first.partition() or 0))
        runs.setdefault(partition, []).extend(messages[start:stop])
    return [_batch(partition, run, headers) for partition, run in runs.items()]


def _runs(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """Return start and stop of each run of messages of one partition."""
    if not messages:
        return []
    n = len(messages)
    numbers = np.fromiter(map(Message.partition, messages), np.int64, n)
    changes = numbers[1:] != numbers[:-1]
    topics = list(map(Message.topic, messages))
    if topics.count(topics[0]) < n:
        changes |= np.fromiter(map(ne, topics[1:], topics), np.bool_, n - 1)
    cuts = (np.flatnonzero(changes) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, n], strict=True))


def _batch(partition: Partition, messages: list[Message], headers: bool) -> Batch:
    n = len(messages)
    times = map(itemgetter(1), map(Message.timestamp, messages))
    return Batch(
        partition,
        np.fromiter(map(Message.offset, messages), np.int64, n),
        np.fromiter(times, np.int64, n),
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
        list(map(_headers, messages)) if headers else [],
    )


def _headers(message: Message) -> list[Header]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value if isinstance(value, bytes) else b"") for name, value in pairs]
