"""The peers of ``end_to_end.py``: loops from topic to topic, each as its users write it.

    python benchmarks/end_to_end_loops.py JSON

``bare`` only copies: what it reads it drops, and for each record it writes the bytes of a
prediction with its headers, in transactions that also commit the offsets.  That is what the client
itself can do.  ``river`` does the work: JSON, one River model that predicts and learns, JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

__all__ = ["FEATURES", "TARGET", "Loop", "prediction"]

FEATURES = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
TARGET = "class"
POLL_RECORDS = 5_000
MOST_IN_TRANSACTION = 20_000


class Loop(NamedTuple):
    """What a loop is told; ``client`` are its settings in the client's own names."""

    kind: str
    driver: str
    bootstrap: str
    group: str
    source: str
    output: str
    interval_s: float
    consumer: dict[str, Any]
    producer: dict[str, Any]


Headers = list[tuple[str, bytes]]


def prediction(topic: str, partition: int, offset: int) -> tuple[bytes, Headers]:
    """A record of the size of ours, its headers too."""
    headers = [("input", b"%b/%d/%d" % (topic.encode(), partition, offset))]
    return _VALUE, [*headers, ("model", b"tree/0/0123456789abcdef")]


_VALUE = (
    b'{"id":123456,"key":null,"time_us":null,"learner":"tree","version":0,"drifts":0,'
    b'"answer":"0","outputs":{"tree":[0.6851851851851852,0.3148148148148148]}}'
)


def river_predictor(model: str) -> Callable[[bytes], bytes]:
    from river import forest, tree

    learner = {
        "tree": tree.HoeffdingTreeClassifier,
        "ARF-10": lambda: forest.ARFClassifier(n_models=10, seed=1),
    }[model]()

    def predicted(value: bytes) -> bytes:
        record = json.loads(value)
        x, y = {name: record[name] for name in FEATURES}, record[TARGET]
        said = learner.predict_proba_one(x)
        learner.learn_one(x, y)
        answer = max(said, key=said.get) if said else None
        return json.dumps({"answer": answer, "outputs": said}).encode()

    return predicted


def kafka_python(loop: Loop) -> None:
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.structs import OffsetAndMetadata

    consumer = KafkaConsumer(
        loop.source,
        bootstrap_servers=loop.bootstrap,
        group_id=loop.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_poll_records=POLL_RECORDS if loop.kind == "bare" else 500,  # 500: the client's own
        **loop.consumer,
    )
    producer = KafkaProducer(
        bootstrap_servers=loop.bootstrap, transactional_id=loop.group, acks="all", **loop.producer
    )
    producer.init_transactions()
    predicted = None if loop.kind == "bare" else river_predictor(loop.kind)
    send, output, source = producer.send, loop.output, loop.source
    is_open, began, n, offsets = False, 0.0, 0, {}
    while True:
        found = consumer.poll(10)
        if found and not is_open:
            producer.begin_transaction()
            is_open, began, n = True, time.monotonic(), 0
        for place, records in found.items():
            number = place.partition
            for record in records:
                value, headers = prediction(source, number, record.offset)
                if predicted is not None:
                    value, headers = predicted(record.value), None
                send(output, value, None, headers, number)
            n += len(records)
            offsets[place] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
        due = time.monotonic() - began >= loop.interval_s or n >= MOST_IN_TRANSACTION
        if is_open and due:
            producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
            producer.commit_transaction()
            is_open, offsets = False, {}


def confluent(loop: Loop) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition

    both = {"bootstrap.servers": loop.bootstrap}
    consumer = Consumer(
        {
            **both,
            "group.id": loop.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            **loop.consumer,
        }
    )
    consumer.subscribe([loop.source])
    own = {"transactional.id": loop.group, "acks": "all"}
    producer = Producer({**both, **own, **loop.producer})
    producer.init_transactions()
    produce, output, source = producer.produce, loop.output, loop.source
    is_open, began, n = False, 0.0, 0
    offsets: dict[int, int] = {}
    while True:
        first = consumer.poll(0.01)
        found: Iterable[Any] = ()
        if first is not None:
            found = [first, *consumer.consume(POLL_RECORDS - 1, 0)]
            if not is_open:
                producer.begin_transaction()
                is_open, began, n = True, time.monotonic(), 0
        for record in found:
            number, offset = record.partition(), record.offset()
            value, headers = prediction(source, number, offset)
            produce(output, value, None, number, headers=headers)
            offsets[number] = offset + 1
            n += 1
        producer.poll(0)
        due = time.monotonic() - began >= loop.interval_s or n >= MOST_IN_TRANSACTION
        if is_open and due:
            places = [TopicPartition(source, *each) for each in offsets.items()]
            producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
            producer.commit_transaction()
            is_open, offsets = False, {}


if __name__ == "__main__":
    told = Loop(**json.loads(sys.argv[1]))
    {"kafka-python": kafka_python, "confluent": confluent}[told.driver](told)
