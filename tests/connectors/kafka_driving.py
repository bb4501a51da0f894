"""Drivers with short time-outs on a real broker, topics of one's own, and loops that end."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import pytest

from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import (
    Batch,
    Committed,
    Driver,
    GroupConsumer,
    LogReader,
    Outgoing,
    Partition,
    Publisher,
    TopicAdmin,
)

DRIVERS = ("kafka-python", "confluent")
LIMIT_S = 30.0


def settings_for(bootstrap: str, driver: str, **more: Any) -> KafkaSettings:
    """Return settings that notice a fault within a test's time."""
    short = {
        "session_timeout_s": 3.0,
        "transaction_timeout_s": 5.0,
        "request_timeout_s": 4.0,
        "delivery_timeout_s": 6.0,
    }
    return KafkaSettings.model_validate({"bootstrap": bootstrap, "driver": driver, **short, **more})


def until(condition: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
    """Repeat `step` until `condition` holds; fail after some time."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        step()


class Kafka:
    """One driver on one broker, which closes all that it opened."""

    def __init__(self, bootstrap: str, driver: str, opened: ExitStack) -> None:
        self.bootstrap = bootstrap
        self.name = driver
        self._opened = opened
        self.group = f"group-{uuid.uuid4().hex[:8]}"

    def driver(self, instance: str = "w0", **more: Any) -> Driver:
        return open_driver(settings_for(self.bootstrap, self.name, **more), instance)

    def topic(self, partitions: int = 1) -> str:
        """Make a topic."""
        name = f"topic-{uuid.uuid4().hex[:8]}"
        self.admin.create({name: partitions}, {})
        return name

    @cached_property
    def admin(self) -> TopicAdmin:
        admin = self.driver().admin()
        self._opened.callback(admin.close)
        return admin

    @cached_property
    def filler(self) -> Publisher:
        """A producer without transactions."""
        filler = self.driver().producer()
        self._opened.callback(filler.abandon)
        return filler

    def consumer(
        self, topics: Sequence[str], instance: str = "w0", joined: bool = True, **more: Any
    ) -> GroupConsumer:
        consumer = self.driver(instance, **more).consumer(self.group, topics)
        self._opened.callback(consumer.close)
        if joined:
            until(consumer.assigned, lambda: consumer.poll(0.1, 1))
        return consumer

    def reader(self, partition: Partition, offset: int = 0, headers: bool = False) -> LogReader:
        reader = self.driver().reader(partition, offset, headers)
        self._opened.callback(reader.close)
        return reader

    def publisher(self, name: str, **more: Any) -> Publisher:
        publisher = self.driver(**more).publisher(name)
        self._opened.callback(publisher.abandon)
        return publisher

    def fill(self, topic: str, values: Sequence[bytes | None], partition: int = 0) -> None:
        """Write records without a transaction."""
        keys = [b"k%d" % i for i in range(len(values))]
        self.filler.send(Outgoing(topic, partition, keys, values))
        self.filler.flush(LIMIT_S)

    def read(self, partition: Partition, n: int, headers: bool = False) -> list[Batch]:
        """Read n committed records from the start."""
        reader = self.reader(partition, headers=headers)
        batches: list[Batch] = []
        until(lambda: sum(map(len, batches)) >= n, lambda: batches.append(reader.poll(0.2, 1000)))
        return batches

    def values(self, partition: Partition, n: int) -> list[bytes | None]:
        return [value for batch in self.read(partition, n) for value in batch.values]


@contextmanager
def kafka_of(bootstrap: str, driver: str) -> Iterator[Kafka]:
    if driver == "confluent":
        pytest.importorskip("confluent_kafka")
    with ExitStack() as opened:
        yield Kafka(bootstrap, driver, opened)


@contextmanager
def polled(consumer: GroupConsumer) -> Iterator[None]:
    """Poll a second member meanwhile, in a thread of its own: a rebalance waits for all."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            consumer.poll(0.1, 1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def place(consumer: GroupConsumer, offset: int = 0) -> None:
    """Start all that a consumer holds."""
    consumer.changes()
    for partition in consumer.assigned():
        consumer.seek(partition, offset)
    consumer.resume(consumer.assigned())


def drain(consumer: GroupConsumer, n: int, most: int = 500) -> dict[Partition, list[int]]:
    """Return the offsets of the next n records of each partition."""
    seen: dict[Partition, list[int]] = {}

    def step() -> None:
        found = consumer.poll(0.2, most)
        if consumer.changes().assigned:  # anew, by a broker that forgot its members
            assert not seen
            place(consumer)
        for batch in found:
            assert len(batch) <= most
            seen.setdefault(batch.partition, []).extend(batch.offsets.tolist())

    until(lambda: sum(map(len, seen.values())) >= n, step)
    return seen


def publish(
    publisher: Publisher,
    outgoing: Outgoing,
    offsets: dict[Partition, Committed] | None = None,
    consumer: GroupConsumer | None = None,
) -> None:
    """One whole transaction."""
    publisher.begin()
    publisher.send(outgoing)
    if offsets is not None and consumer is not None:
        publisher.send_offsets(offsets, consumer.membership())
    publisher.flush(LIMIT_S)
    publisher.commit()


def commit_offset(
    publisher: Publisher, consumer: GroupConsumer, partition: Partition, offset: int, tag: str = ""
) -> None:
    """One transaction of an offset alone."""
    publisher.begin()
    publisher.send_offsets({partition: Committed(offset, tag)}, consumer.membership())
    publisher.flush(LIMIT_S)
    publisher.commit()


def one(topic: str, value: bytes, partition: int = 0) -> Outgoing:
    return Outgoing(topic, partition, [b"k"], [value])
