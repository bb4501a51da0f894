"""A live pipeline in memory: its topics, its store, and workers that are stepped by hand."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from typing import Any

import numpy as np

from streamadapt.config import Config
from streamadapt.connectors.memory import MemoryStore
from streamadapt.connectors.partition_log import Partition
from streamadapt.contracts import Store
from streamadapt.worker import Worker, WorkerOptions
from tests.streamadapt.memory_log import MemoryConsumer, MemoryLog
from tests.streams import config

IDLE_S = 0.005
"""For `streamadapt.arrival_order.IDLE_S`: tests have no time to wait for events."""

LIVE = """
name: demo
task: {kind: classification, target: label, classes: ["no", "yes"]}
record: {id: id, features: {a: numeric, b: numeric}}
learners:
  tree:
    kind: hoeffding_tree
    grace_period: 50
    max_size: 1.0
    watch: {drift: {kind: adwin, delta: 0.01}, on_drift: [reset]}
  logistic: {kind: logistic}
checkpoint: {every_s: 0.001}
kafka:
  bootstrap: "memory:1"
  events: events
  output: output
  dead_letters: dead
  labels: {topic: labels}
  control: control
  facts: facts
  transaction_interval_s: 0
"""


class Notes:
    """A reporter that keeps all it is told."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, Mapping[str, object]]] = []
        self.counts: dict[str, int] = defaultdict(int)
        self.gauges: dict[str, float] = {}

    def count(self, name: str, n: int = 1) -> None:
        self.counts[name] += n

    def gauge(self, name: str, value: float) -> None:
        self.gauges[name] = value

    def note(self, fact: str, fields: Mapping[str, object]) -> None:
        self.facts.append((fact, fields))

    def named(self, fact: str) -> list[Mapping[str, object]]:
        return [fields for name, fields in self.facts if name == fact]


def events(first: int, n: int, seed: int = 0) -> list[bytes]:
    rows = np.random.default_rng([seed, first]).normal(size=(n, 2)).tolist()
    return [
        json.dumps({"id": f"{seed}-{first + i}", "a": a, "b": b}).encode()
        for i, (a, b) in enumerate(rows)
    ]


def labels(first: int, n: int, seed: int = 0) -> list[bytes]:
    rows = np.random.default_rng([seed, first]).normal(size=(n, 2)).tolist()
    flip = first >= 600  # the concept changes there
    return [
        json.dumps({"id": f"{seed}-{first + i}", "label": "yes" if (a > b) != flip else "no"})
        .encode()
        for i, (a, b) in enumerate(rows)
    ]  # fmt: skip


class Live:
    """Topics and a store, and workers of one pipeline."""

    def __init__(self, text: str = LIVE, n_partitions: int = 1, **changes: str) -> None:
        self.config: Config = config(text, **changes)
        self.log = MemoryLog(n_partitions)
        self.blobs: dict[str, bytes] = {}
        self.notes = Notes()
        self.connect: Callable[[], Store] = lambda: MemoryStore(self.blobs)

    def write(self, first: int, n: int, number: int = 0, labels_too: bool = True) -> None:
        """Put events, and their labels after them, into the topics."""
        self.log.write("events", number, events(first, n, number), 10 * first)
        if labels_too:
            self.log.write("labels", number, labels(first, n, number), 10 * first + 5)

    def worker(self, name: str = "0", **options: Any) -> Worker:
        return Worker(
            self.config, {}, self.log, self.connect, self.notes, WorkerOptions(name, **options)  # type: ignore[arg-type]
        )  # fmt: skip

    def settle(self, worker: Worker, most: int | None = None, turns: int = 400) -> None:
        """Let a worker work until nothing is left to do; `most` records at a poll."""
        consumer = worker._consumer
        assert isinstance(consumer, MemoryConsumer)
        consumer.most = most or consumer.most
        quiet = 0
        for _ in range(turns):
            before = self.taken()
            self.turn(worker)
            is_idle = self.taken() == before and not worker.holdings.waiting
            quiet = quiet + 1 if is_idle else 0
            if quiet > 3:
                time.sleep(2 * IDLE_S)  # labels wait for events that do not come
            if quiet > 8:
                return
        raise AssertionError("the worker does not come to rest")

    def turn(self, worker: Worker, is_slow: bool = False) -> None:
        """Let a worker take one turn; a transaction is over after it, unless the broker is slow."""
        self.log.gate.clear() if is_slow else self.log.gate.set()
        worker._turn()
        if not is_slow and worker._transactions._ending is not None:
            wait([worker._transactions._ending])

    def taken(self) -> int:
        return sum(committed.offset for committed in self.log.committed.values())

    def kill(self, worker: Worker) -> None:
        """Let a worker disappear without a word; a transaction under way is aborted."""
        self.log.publisher(worker._transactions._name)
        self.log.gate.set()
        worker._transactions._wait()
        worker._transactions._thread.shutdown()
        self.log.members.remove(worker._consumer)  # type: ignore[arg-type]
        worker._stores._thread.shutdown()
        worker._watchdog.close()
        self.log.rebalance()

    def predictions(self, number: int = 0) -> list[dict[str, Any]]:
        return [json.loads(value or b"") for value in self.log.values("output", number)]

    def headers(self, number: int = 0) -> list[dict[str, bytes]]:
        return [dict(r.headers) for r in self.log.logs[Partition("output", number)]]

    def dead_letters(self) -> list[dict[str, Any]]:
        return [json.loads(value or b"") for value in self.log.values("dead")]
