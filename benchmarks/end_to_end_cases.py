"""The cases of ``end_to_end.py`` that are rates."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

from bench import Row
from end_to_end_bench import Bench
from end_to_end_systems import INTERVAL_S, keeping, ours, peer

__all__ = ["checkpoints", "confluent", "partitions", "speed", "workers"]


def speed(bench: Bench) -> Iterator[Row]:
    """kafka-python: ours, the bare loop, River's, Quix Streams."""
    n = bench.n_records
    systems = [
        peer("bare", "bare", "kafka-python", n, INTERVAL_S),
        ours("streamadapt", "kafka-python", n),
        peer("River tree", "tree", "kafka-python", n // 3, INTERVAL_S),
        peer("River ARF-10", "ARF-10", "kafka-python", 3_000, INTERVAL_S),
    ]
    if find_spec("quixstreams") or os.environ.get("QUIXSTREAMS_PATH"):
        systems.append(peer("Quix, River tree", "quix", "confluent", n // 3, INTERVAL_S))
    yield from bench.in_turns("kafka-python", systems)


def confluent(bench: Bench) -> Iterator[Row]:
    """librdkafka: ours, its bare loop, and ours with kafka-python."""
    n = bench.n_records
    systems = [
        peer("bare", "bare", "confluent", n, INTERVAL_S),
        ours("streamadapt", "confluent", n),
        ours("streamadapt, kafka-python", "kafka-python", n),
    ]
    yield from bench.in_turns("confluent", systems)


def checkpoints(bench: Bench) -> Iterator[Row]:
    """librdkafka, a state of 10 MB: checkpoints at the default interval, and none at all."""
    n, state = bench.n_records, keeping(100_000)
    none = {"checkpoint": {"every_s": 1e6, "every_events": 1_000_000_000}}
    systems = [
        ours("no checkpoints", "confluent", n, **state, **none),
        ours("every 10 s or 500,000 events", "confluent", n, **state),
    ]
    yield from bench.in_turns("checkpoints of 10 MB", systems)


def workers(bench: Bench) -> Iterator[Row]:
    """Two workers on two partitions against one, both clients; the second half of the records."""
    for driver, n_records in _enough(bench):
        system = ours("streamadapt", driver, n_records)
        runs = {
            f"{n} workers": partial(bench.rate, system, n_partitions=2, n_workers=n, warm=0.5)
            for n in (1, 2)
        }
        yield from bench.compared(f"two partitions, {driver}", runs)


def partitions(bench: Bench) -> Iterator[Row]:
    """One worker on 32 partitions against one on one, and the bare loops likewise."""
    for driver, n in _enough(bench):
        systems = (ours("one worker", driver, n), peer("bare", "bare", driver, n, INTERVAL_S))
        for system in systems:
            runs = {f"{k} partitions": partial(bench.rate, system, n_partitions=k) for k in (1, 32)}
            yield from bench.compared(f"{system.name}, {driver}", runs)


def _enough(bench: Bench) -> tuple[tuple[str, int], ...]:
    """Return how many records make both clients work for seconds after they have shared out."""
    return ("kafka-python", bench.n_records), ("confluent", 8 * bench.n_records)
