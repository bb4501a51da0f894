"""What ``end_to_end.py`` runs on: a broker, topics full of records, progress as the group says it.

Progress is what the group has committed, which no loop can feign: offsets stand only once the
transaction with the predictions does.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from replay_streams import FEATURES, TARGET, stream_lines

__all__ = ["Progress", "Sample", "Topics", "cpu_s", "end", "records"]

RECORD_BYTES = 186
LOOK_S = 0.02
NOT_COORDINATOR = KafkaError.NOT_COORDINATOR


class Sample(NamedTuple):
    """So many records were committed at this time, after so much CPU time of the processes."""

    wall_s: float
    n: int
    cpu_s: float


def records(n: int) -> list[bytes]:
    """JSON records of Electricity's rows, again and again, as long as they are on average there."""
    made = []
    for number, line in zip(range(n), cycle(stream_lines()), strict=False):
        *cells, label = line.strip().split(",")
        row: dict[str, object] = dict(zip(FEATURES, map(float, cells), strict=True))
        made.append(_padded(row | {TARGET: label}, number))
    return made


def _padded(row: dict[str, object], number: int) -> bytes:
    text = json.dumps({"row": number, **row, "meter": ""})
    return text.replace(
        '"meter": ""', '"meter": "%s"' % ("m" * (RECORD_BYTES - len(text)))
    ).encode()


class Topics:
    """Topics of one broker: filled ones are made once, those for output for each run.

    Parameters
    ----------
    bootstrap
        The broker.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._run = f"{os.getpid()}-{int(time.time())}"
        self._count = 0

    def name(self, what: str) -> str:
        """Return a name that nothing had before."""
        self._count += 1
        return f"{what}-{self._run}-{self._count}"

    def make(self, what: str, n_partitions: int, **settings: str) -> str:
        """Make an empty topic."""
        topic = self.name(what)
        new = NewTopic(topic, num_partitions=n_partitions, replication_factor=1, config=settings)
        for future in self._admin.create_topics([new]).values():
            future.result(30)
        return topic

    def drop(self, *topics: str) -> None:
        """Remove topics, so that the disk does not fill."""
        for future in self._admin.delete_topics(list(topics)).values():
            future.result(30)

    def fill(self, values: Iterable[bytes], n_partitions: int) -> str:
        """Make a topic with these records, in turns over the partitions."""
        topic = self.make("events", n_partitions)
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "linger.ms": 50,
                "batch.size": 131_072,
                "compression.type": "lz4",
            }
        )
        for place, value in enumerate(values):
            while len(producer) > 50_000:
                producer.poll(0.05)
            producer.produce(topic, value, partition=place % n_partitions)
        producer.flush()
        return topic


class Progress:
    """What a group has committed of a topic.

    Parameters
    ----------
    topics
        Where it is.
    group, topic, n_partitions
        Whose progress.
    """

    def __init__(self, topics: Topics, group: str, topic: str, n_partitions: int) -> None:
        # Without read_committed it is told what stands, and does not wait for what is pending.
        self._consumer = Consumer(
            {
                "bootstrap.servers": topics.bootstrap,
                "group.id": group,
                "isolation.level": "read_uncommitted",
                "enable.auto.commit": False,
            }
        )
        self._places = [(topic, number) for number in range(n_partitions)]

    def by_partition(self) -> list[int]:
        """Return the committed offset of each partition."""
        asked = [TopicPartition(*place) for place in self._places]
        try:
            return [max(each.offset, 0) for each in self._consumer.committed(asked, timeout=30)]
        except KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() != NOT_COORDINATOR:
                raise
            return [0]  # the very first group of a broker

    def watch(self, pids: Sequence[int], until: int, limit_s: float) -> list[Sample]:
        """Look until so many are committed; keep each step."""
        seen: list[Sample] = []
        end_s = time.perf_counter() + limit_s
        while not seen or seen[-1].n < until:
            n, now = sum(self.by_partition()), time.perf_counter()
            if n and (not seen or n > seen[-1].n):
                seen.append(Sample(now, n, sum(map(cpu_s, pids))))
            if now > end_s:
                raise TimeoutError(f"{n:,} of {until:,} records after {limit_s:.0f} s")
            time.sleep(LOOK_S)
        return seen

    def close(self) -> None:
        self._consumer.close()


def cpu_s(pid: int) -> float:
    """Seconds of CPU time of a process, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process at once."""
    process.kill()
    process.wait()
