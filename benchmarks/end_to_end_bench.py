"""How ``end_to_end.py`` measures rates: systems take turns over the same records."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from bench import Row, row
from end_to_end_systems import Job, System
from end_to_end_topics import Progress, Topics, end, records

__all__ = ["LIMIT_S", "Bench", "Rate"]

LIMIT_S = 180.0
WARM = 0.2


class Rate(NamedTuple):
    """Records a second, and microseconds of CPU time of the processes for each."""

    per_s: float
    cpu_us: float


class Bench:
    """A broker with filled topics, a folder to work in, and how often to measure."""

    def __init__(self, topics: Topics, folder: Path, n_records: int, passes: int) -> None:
        self.topics = topics
        self.folder = folder
        self.passes = passes
        self.n_records = n_records
        self._values = records(n_records)
        self._filled: dict[tuple[int, int], str] = {}

    def source(self, n_partitions: int, n_records: int | None = None) -> str:
        """Return a topic of so many records over so many partitions."""
        shape = n_partitions, n_records or self.n_records
        if shape not in self._filled:
            values = islice(cycle(self._values), shape[1])
            self._filled[shape] = self.topics.fill(values, n_partitions)
        return self._filled[shape]

    def job(self, what: str, source: str, n_partitions: int) -> Job:
        """Return a new group with new topics for its output."""
        group = self.topics.name(what)
        out = self.topics.make("output", n_partitions)
        dead = self.topics.make("dead", 1)
        return Job(self.topics.bootstrap, group, source, out, dead, self.folder)

    def rate(
        self, system: System, n_partitions: int = 1, n_workers: int = 1, warm: float = WARM
    ) -> Rate:
        """Run a system once, from the beginning of the topic; `warm` is the share not counted."""
        n_records = max(system.n_records, self.n_records)
        job = self.job("run", self.source(n_partitions, n_records), n_partitions)
        progress = Progress(self.topics, job.group, job.source, n_partitions)
        started = [system.start(job._replace(slot=str(slot))) for slot in range(n_workers)]
        try:
            pids = [each.pid for each in started]
            seen = progress.watch(pids, system.n_records, LIMIT_S)
        finally:
            for process in started:
                end(process)
            progress.close()
            self.topics.drop(job.output, job.dead_letters)
        first = next(each for each in seen if each.n >= warm * seen[-1].n)
        last, n = seen[-1], seen[-1].n - first.n
        return Rate(n / (last.wall_s - first.wall_s), (last.cpu_s - first.cpu_s) / n * 1e6)

    def in_turns(self, case: str, systems: Sequence[System]) -> Iterator[Row]:
        """Measure systems one after the other, again and again; ratios are to the first one."""
        yield from self.compared(case, {each.name: partial(self.rate, each) for each in systems})

    def compared(self, case: str, runs: Mapping[str, Callable[[], Rate]]) -> Iterator[Row]:
        """Measure whatever gives rates, likewise."""
        rates: dict[str, list[Rate]] = {name: [] for name in runs}
        for _ in range(self.passes):
            for name, run in runs.items():
                rates[name].append(run())
        first_name, base = next(iter(rates.items()))
        heads = f"{'events/s':>9} {'CPU us':>7} {'ratio':>6} {'least':>6} {'most':>6} {'of CPU':>6}"
        print(f"{case:34} {heads}")
        for name, own in rates.items():
            ratios = [rate.per_s / first.per_s for rate, first in zip(own, base, strict=True)]
            per_s = statistics.median(rate.per_s for rate in own)
            cpu_us = statistics.median(rate.cpu_us for rate in own)
            ratio = statistics.median(ratios)
            cpu = statistics.median(
                rate.cpu_us / first.cpu_us for rate, first in zip(own, base, strict=True)
            )
            shown = f"{ratio:6.2f} {min(ratios):6.2f} {max(ratios):6.2f} {cpu:6.2f}"
            print(f"  {name:32} {per_s:9,.0f} {cpu_us:7.1f} {shown}", flush=True)
            yield row(case, name, "speed", per_s, "events/s")
            yield row(case, name, "CPU time", cpu_us, "us/event")
            yield row(case, name, "ratio", ratio, f"of {first_name}")
            yield row(case, name, "CPU time, ratio", cpu, f"of {first_name}")
