"""Latency of ``end_to_end.py``: from an event's append to its prediction's being readable."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Iterator

import numpy as np
from bench import Row, row
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from end_to_end_bench import Bench
from end_to_end_systems import INTERVAL_S, System, ours, peer
from end_to_end_topics import Topics, end, records

__all__ = ["latency"]

SECONDS = 12.0
SETTLED_S = 4.0
TICK_S = 0.005
LIMIT_S = 60.0


def latency(bench: Bench) -> Iterator[Row]:
    """At half of the rate that ours has in the same run; the bare loop at the same rate."""
    n = bench.n_records
    print(f"{'ms from append to readable':34} {'events/s':>9} {'p50':>7} {'p99':>7} {'most':>7}")
    for driver in ("kafka-python", "confluent"):
        per_s = bench.rate(ours("streamadapt", driver, n)).per_s / 2
        systems = [
            peer(f"bare, {driver}", "bare", driver, n, INTERVAL_S),
            ours(f"streamadapt, {driver}", driver, n),
            ours(
                f"streamadapt, {driver}, 20 ms", driver, n, kafka={"transaction_interval_s": 0.02}
            ),
        ]
        found: dict[str, list[list[float]]] = {system.name: [] for system in systems}
        for _, system in itertools.product(range(bench.passes), systems):
            took_ms = _took_ms(bench, system, per_s)
            found[system.name].append([*np.percentile(took_ms, (50, 99, 100)).tolist()])
        for name, passes in found.items():
            median = [statistics.median(each) for each in zip(*passes, strict=True)]
            shown = " ".join(f"{ms:7.1f}" for ms in median)
            print(f"  {name:32} {per_s:9,.0f} {shown}", flush=True)
            for what, ms in zip(("p50", "p99", "most"), median, strict=True):
                yield row("latency at half rate", name, what, ms, "ms")


def _took_ms(bench: Bench, system: System, per_s: float) -> np.ndarray:
    """Feed at an even rate; return the milliseconds that each event took once all has settled."""
    topics = bench.topics
    source = topics.make("paced", 1, **{"message.timestamp.type": "LogAppendTime"})
    job = bench.job("paced", source, 1)
    process = system.start(job)
    stop = threading.Event()
    feeder = threading.Thread(target=_feed, args=(topics, source, per_s, stop))
    feeder.start()
    try:
        read_ms = _times_ms(topics, job.output, is_read=True)
        stop.set()
        feeder.join()
        appended_ms = _times_ms(topics, source, is_read=False)[: len(read_ms)]
    finally:
        stop.set()
        feeder.join()
        end(process)
        topics.drop(source, job.output, job.dead_letters)
    settled = appended_ms >= appended_ms[-1] - 1000 * (SECONDS - SETTLED_S)
    return (read_ms[: len(appended_ms)] - appended_ms)[settled]


def _feed(topics: Topics, source: str, per_s: float, stop: threading.Event) -> None:
    producer = Producer({"bootstrap.servers": topics.bootstrap, "linger.ms": 0})
    values = itertools.cycle(records(50_000))
    began, sent = time.perf_counter(), 0
    while not stop.is_set():
        due = int((time.perf_counter() - began) * per_s)
        for value in itertools.islice(values, due - sent):
            producer.produce(source, value, partition=0)
        sent = due
        producer.poll(0)
        time.sleep(TICK_S)
    producer.flush()


def _times_ms(topics: Topics, topic: str, *, is_read: bool) -> np.ndarray:
    """Return when each record could be read, for so many seconds; or when each was appended."""
    consumer = Consumer(
        {
            "bootstrap.servers": topics.bootstrap,
            "group.id": topics.name("observer"),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.queue.backoff.ms": 10,
        }
    )
    end_offset = -1 if is_read else consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)[1]
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    times: list[float] = []
    until_s = time.time() + LIMIT_S
    while time.time() < until_s:
        found = [each for each in consumer.consume(5_000, 0.002) if each.error() is None]
        if found and not times:
            until_s = min(until_s, time.time() + SECONDS)
        now_ms = time.time() * 1000
        times += [now_ms] * len(found) if is_read else [each.timestamp()[1] for each in found]
        if not is_read and found and found[-1].offset() + 1 >= end_offset:
            break
    consumer.close()
    return np.array(times)
