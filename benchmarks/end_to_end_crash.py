"""Crashes of ``end_to_end.py``: SIGKILL of a worker, until its partition is predicted again.

All that a worker says has the time, so the log tells what the time went to: until the group gave
the partition to somebody (the session time-out, unless the worker is a static member that is back
before it), until the state was restored, until the next commit.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from bench import Row, row
from end_to_end_bench import Bench
from end_to_end_systems import System, keeping, ours
from end_to_end_topics import Progress, end

__all__ = ["crash"]

SESSION_S = 6.0
# a state keeps about a hundred bytes for each remembered event
STATES = {"1 MB": 10_000, "100 MB": 1_000_000}
LIMIT_S = 120.0
EVERY_S = 2.0
"""Between checkpoints: at the usual ten seconds the worker would be through with the records."""


class Outage(NamedTuple):
    """Seconds from the kill until the partition was given out, was ready, was predicted again."""

    given_s: float
    ready_s: float
    predicted_s: float


def crash(bench: Bench) -> Iterator[Row]:
    """librdkafka: the same instance comes back, a static member or not; or another takes over."""
    print(f"{'seconds from SIGKILL until':34} {'given':>7} {'ready':>7} {'predicted':>9}")
    for size, n_events in STATES.items():
        for case, static, survivor in (
            ("restarted, static member", True, False),
            ("restarted", False, False),
            ("survivor", False, True),
        ):
            kafka = {"static_membership": static, "session_timeout_s": SESSION_S}
            more = {"kafka": kafka, "checkpoint": {"every_s": EVERY_S}}
            system = ours(case, "confluent", 0, **keeping(n_events), **more)
            found = []
            for _ in range(bench.passes):
                with closing(_Trial(bench, system, n_events, survivor)) as trial:
                    found.append(trial.run())
            median = [statistics.median(each) for each in zip(*found, strict=True)]
            name = f"{case}, {size}"
            print(f"  {name:32} {median[0]:7.2f} {median[1]:7.2f} {median[2]:9.2f}", flush=True)
            for what, seconds in zip(Outage._fields, median, strict=True):
                yield row("SIGKILL", name, what, seconds, "s")


class _Trial:
    """One group whose worker 0 is killed; 1 takes over where there is one."""

    def __init__(self, bench: Bench, system: System, n_events: int, survivor: bool) -> None:
        self._n_partitions = 2 if survivor else 1
        self._needed = n_events * self._n_partitions
        self._survivor = survivor
        self._system = system
        self._topics = bench.topics
        n_records = self._needed * 3 // 2 + 1_600_000 * self._n_partitions
        source = bench.source(self._n_partitions, n_records)
        self._job = bench.job("crash", source, self._n_partitions)
        self._progress = Progress(bench.topics, self._job.group, source, self._n_partitions)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> Outage:
        """Let it work, kill it, and see when its partition is worked on again."""
        self._start("0")
        _wait(lambda: sum(self._progress.by_partition()) >= self._needed)
        written = len(self._said("0", "checkpoint"))  # the full state is in those that come
        _wait(lambda: len(self._said("0", "checkpoint")) > written)
        if self._survivor:
            self._start("1")
            _wait(lambda: self._said("1", "ready"))
        lost = self._said("0", "assigned")[-1]["partitions"][0]
        time.sleep(0.5)
        killed_s = time.time()
        end(self._running["0"])
        before = self._progress.by_partition()[lost]
        heir = "1" if self._survivor else "0"
        if not self._survivor:
            self._start("0")
        _wait(lambda: self._progress.by_partition()[lost] > before)
        predicted_s = time.time()
        told = [("assigned", "partitions"), ("ready", "working")]
        given_s, ready_s = (self._first(heir, *each, lost, killed_s) for each in told)
        return Outage(given_s - killed_s, ready_s - killed_s, predicted_s - killed_s)

    def close(self) -> None:
        for process in self._running.values():
            end(process)
        self._progress.close()
        self._topics.drop(self._job.output, self._job.dead_letters)

    def _start(self, slot: str) -> None:
        self._running[slot] = self._system.start(self._job._replace(slot=slot))

    def _first(self, slot: str, fact: str, field: str, lost: int, since_s: float) -> float:
        """Return when the worker first said so of the lost partition."""
        times = [_time_s(line) for line in self._said(slot, fact) if lost in line[field]]
        return next(time_s for time_s in times if time_s > since_s)

    def _said(self, slot: str, fact: str) -> list[dict[str, Any]]:
        lines = self._job.log(slot).read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in told if line["event"] == fact]


def _time_s(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _wait(holds: Callable[[], object]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError("the worker does not go on: see its log")
        time.sleep(0.02)
