"""Events at a steady rate, their labels later on a second topic, and now and then a command."""

from __future__ import annotations

import contextlib
import heapq
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from kafka import KafkaProducer
from kafka.errors import KafkaError

from tests.faults.chaos.pipeline import FEATURES

N_PARTITIONS = 4
_TICK_S = 0.02
_CONCEPT = 900  # events of a partition after which its classes change places
_COMMANDS = (
    {"command": "pause", "learner": "logistic"},
    {"command": "resume"},
    {"command": "reset", "learner": "logistic"},
    {"command": "promote", "learner": "logistic"},
    {"command": "promote", "learner": "tree"},
    {"command": "no such"},
)
_POISON = (
    b"",
    None,
    b"{not json",
    b"\xff\xfe\x00",
    b'{"id": "?", "x0": "text"}',
    b'{"id": "?", "x0": 1e999}',
    b"[1, 2]",
    b"{}",
)


@dataclass
class Sent:
    """What was sent, as the oracle needs it."""

    ids: list[set[str]] = field(default_factory=lambda: [set() for _ in range(N_PARTITIONS)])
    poison: Counter[int] = field(default_factory=Counter)
    """Events that must become dead letters, by partition."""
    n_labels: int = 0
    n_commands: int = 0


class Feeder:
    """Writes to the inputs in a thread of its own, until told to stop.

    The same seed gives the same records in the same order for each topic and partition; when they
    are written depends on the clock.
    """

    def __init__(self, bootstrap: str, name: str, seed: int, rate: float) -> None:
        self.sent = Sent()
        self._topics = {kind: f"{name}-{kind}" for kind in ("events", "labels", "control")}
        self._chance = random.Random(f"feed {seed}")
        self._rate = rate
        self._n = [0] * N_PARTITIONS
        self._labels: list[tuple[float, int, int, bytes]] = []
        self._stop_commands = self._stop = False
        self._failed: list[BaseException] = []
        # Patient and idempotent: each record is there once, whatever happens to the broker.
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=10,
            request_timeout_ms=10_000,
            delivery_timeout_ms=170_000,
            max_block_ms=170_000,
            reconnect_backoff_max_ms=1000,
        )
        self._futures: list[object] = []
        self._thread = threading.Thread(target=self._run, name="feeder")

    @property
    def n_events(self) -> int:
        return sum(self._n)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the stream: no commands in its last seconds, a good event last, then its labels.

        What comes after the last prediction stands in no record of the output.
        """
        self._stop_commands = True
        time.sleep(2.0)
        self._stop = True
        self._thread.join()
        if self._failed:
            raise self._failed[0]
        self._producer.flush(170)
        for future in self._futures:
            future.get(0)  # type: ignore[attr-defined]
        self._producer.close()

    def abort(self) -> None:
        """End the thread, whatever becomes of the records; harmless after `stop`."""
        self._stop = True
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=0)

    def _run(self) -> None:
        try:
            began_s, done = time.monotonic(), 0
            while not self._stop:
                now_s = time.monotonic()
                due = int((now_s - began_s) * self._rate)
                for _ in range(due - done):
                    self._event(now_s)
                done = due
                self._due_labels(now_s)
                if not self._stop_commands and self._chance.random() < 0.5 * _TICK_S:
                    self._command()
                time.sleep(_TICK_S)
            for partition in range(N_PARTITIONS):
                self._good(partition, time.monotonic())
            self._due_labels(float("inf"))
        except BaseException as error:  # told by `stop`
            self._failed.append(error)

    def _send(self, kind: str, partition: int, value: bytes | None) -> None:
        self._futures.append(
            self._producer.send(self._topics[kind], value, b"k", partition=partition)
        )

    def _event(self, now_s: float) -> None:
        partition = self._chance.randrange(N_PARTITIONS)
        if self._chance.random() < 0.01:
            self._send("events", partition, self._chance.choice(_POISON))
            self.sent.poison[partition] += 1
            return
        self._good(partition, now_s)

    def _good(self, partition: int, now_s: float) -> None:
        chance, i = self._chance, self._n[partition]
        self._n[partition] += 1
        name = f"{partition}-{i}"
        x = [round(chance.gauss(0, 1), 4) for _ in FEATURES]
        is_a = (x[0] + x[1] > 0) ^ (i // _CONCEPT % 2) ^ (chance.random() < 0.05)
        event = json.dumps({"id": name, **dict(zip(FEATURES, x, strict=True))}).encode()
        self._send("events", partition, event)
        self.sent.ids[partition].add(name)
        if chance.random() < 0.002:  # the same event once more
            self._send("events", partition, event)
            self.sent.poison[partition] += 1
        if chance.random() < 0.97:
            label = json.dumps({"id": name, "class": "a" if is_a else "b"}).encode()
            late_s = chance.choice((0.0, 0.05, 0.3, 1.5))
            heapq.heappush(self._labels, (now_s + late_s, i, partition, label))

    def _due_labels(self, now_s: float) -> None:
        while self._labels and self._labels[0][0] <= now_s:
            _, _, partition, label = heapq.heappop(self._labels)
            kinds = [label]
            if self._chance.random() < 0.01:
                kinds.append(label)  # repeated
            if self._chance.random() < 0.01:
                kinds.append(self._chance.choice((b"{", None, b'{"id": "never", "class": "a"}')))
            for value in kinds:
                self._send("labels", partition, value)
                self.sent.n_labels += 1

    def _command(self) -> None:
        value = json.dumps(self._chance.choice(_COMMANDS)).encode()
        for partition in range(N_PARTITIONS):
            if self._chance.random() < 0.7:
                self._send("control", partition, value)
                self.sent.n_commands += 1
