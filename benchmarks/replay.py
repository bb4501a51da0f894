"""Replay end to end, from a file to metrics: events/s, where the time goes, and the cold start.

    python benchmarks/replay.py [--passes 5] [--rows 1000000] [--river-rows 20000]

Reads, decodes, makes features, predicts and learns with a Hoeffding tree and two baselines, grades
all three (accuracy, Cohen's kappa, log loss) and makes checkpoints.  The rows are those of
``$STREAMADAPT_DATA/electricity/elec.csv.gz``, again and again, or generated ones of that shape.
``watched`` means ADWIN on the tree's losses and a swap at each drift, so rows go in blocks of 64;
``labels late`` means that each label comes 100 events after its event.

The peer is the usual loop over River's objects, see ``replay_river.py``; both read the same first
rows, ours warm.  A cold start is the time of a whole process over 1,000 rows.  Times are by the
clock and, because machines are seldom idle, of CPU time; medians of the passes.

What predictions, the report and reading ahead cost or save is measured with five learners, see
``replay_outputs.py``; ``--outputs`` measures nothing else, and writes no results.

Prints tables and writes ``benchmarks/results/replay.json``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import replay_river
from bench import Row, cost, row, versions, write_results
from replay_outputs import output_costs
from replay_stages import floors, stage_times
from replay_streams import CLASSES, FEATURES, TARGET, write_streams

from streamadapt.config import Config
from streamadapt.config_file import parse_config
from streamadapt.replay import Replay, ReplayOptions

PLAIN = f"""
name: electricity
task: {{kind: classification, target: {TARGET}, classes: [{", ".join(f'"{c}"' for c in CLASSES)}]}}
record: {{features: {{{", ".join(f"{name}: numeric" for name in FEATURES)}}}}}
learners: {{tree: hoeffding_tree}}
"""
WATCHED = PLAIN.replace(
    "{tree: hoeffding_tree}",
    "{tree: {kind: hoeffding_tree, watch: {drift: adwin, on_drift: [swap]}}}",
)
LATE = "labels: {delay: {events: 100}}\n"
PIPELINES = {
    "": PLAIN,
    ", watched": WATCHED,
    ", labels late": PLAIN + LATE,
    ", watched, labels late": WATCHED + LATE,
}
COLD_ROWS = 1000


def replayed(config: Config, stream: Path, out: Path) -> dict[str, Any]:
    run = Replay(config, stream, out, {}, ReplayOptions(fresh=True))
    with closing(run):
        return run.run()


@dataclass(frozen=True)
class Bench:
    """Streams by format, a folder to work in, and how often to measure."""

    streams: dict[str, Path]
    folder: Path
    n_rows: int
    passes: int

    def replay(self, case: str, stream: Path) -> dict[str, Any]:
        return replayed(parse_config(PIPELINES[case], {}), stream, self.folder / "out")

    def speeds(self) -> Iterator[Row]:
        """All formats, with and without watching; late labels from CSV alone."""
        for format_, stream in self.streams.items():
            for case in PIPELINES if format_ == "CSV" else list(PIPELINES)[:2]:
                summary = self.replay(case, stream)  # compiles, and fills the page cache
                took = cost(partial(self.replay, case, stream), self.n_rows, self.passes)
                name, own = f"{format_}{case}", summary["learners"]["tree"]
                drifts = summary["drifts"].get("tree", {}).get("drift", 0)
                yield from _told(name, "streamadapt", took, own["accuracy"])
                yield row(name, "streamadapt", "drifts", drifts, "alarms")

    def peer(self, n: int) -> Iterator[Row]:
        """River's loop and ours over the first `n` rows, in one process."""
        short, case = self.folder / "short.csv", f"CSV, first {n:,} rows"
        _write_head(self.streams["CSV"], short, n)
        own = self.replay("", short)["learners"]["tree"]["accuracy"]
        ours = cost(partial(self.replay, "", short), n, self.passes)
        yield from _told(case, "streamadapt", ours, own)
        theirs = replay_river.loop(short)["tree"].accuracy.get()
        river = cost(partial(replay_river.loop, short), n, max(1, self.passes // 2))
        yield from _told(case, "River", river, theirs)
        print(f"River takes {river[1] / ours[1]:.1f} times as much CPU time")
        yield row(case, "River", "CPU time", river[1] / ours[1], "of ours")

    def stages(self) -> Iterator[Row]:
        """Where the time of CSV goes, and what it cannot be less than."""
        tables = {
            f"CSV{case}": stage_times(partial(self.replay, case, self.streams["CSV"]), self.passes)
            for case in PIPELINES
        }
        stages = dict.fromkeys(stage for table in tables.values() for stage in list(table)[:-2])
        print(f"{'ns/event':28}" + "".join(f"{case:>29}" for case in tables))
        for stage in (*stages, "rest", "whole"):
            shown = (table.get(stage, 0.0) / self.n_rows * 1e9 for table in tables.values())
            print(f"{stage:28}" + "".join(f"{ns:29.1f}" for ns in shown))
        for case, table in tables.items():
            for stage, seconds in table.items():
                yield row(case, "streamadapt", stage, seconds / self.n_rows * 1e9, "ns/event")
        for floor, ns in floors(self.streams["CSV"], self.n_rows, self.passes).items():
            print(f"{floor:37} {ns:20.1f}")
            yield row("CSV", "floor", floor, ns, "ns/event")

    def cold_starts(self) -> Iterator[Row]:
        """Whole processes over a few rows: with an empty cache of kernels, with a full one."""
        short, pipeline = self.folder / "cold.csv", self.folder / "pipeline.yaml"
        _write_head(self.streams["CSV"], short, COLD_ROWS)
        pipeline.write_text(PLAIN)
        environ = {**os.environ, "STREAMADAPT_CACHE_DIR": str(self.folder / "cache")}
        out = self.folder / "cold"
        ours = [sys.executable, "-m", "streamadapt", "replay", str(pipeline), "--source"]
        ours += [str(short), "--out", str(out), "--fresh", "--quiet"]
        river = [sys.executable, replay_river.__file__, str(short)]

        def run(command: list[str]) -> None:
            subprocess.run(command, check=True, env=environ, capture_output=True)

        for system, command, cache, passes in (
            ("streamadapt", ours, "empty cache", 1),
            ("streamadapt", ours, "full cache", self.passes),
            ("River", river, "no cache", self.passes),
        ):
            wall, cpu = (ns / 1e9 for ns in cost(partial(run, command), 1, passes))
            print(f"{system:12} {cache:12} {wall:6.2f} s, {cpu:6.2f} s of CPU time")
            yield row("cold start", system, cache, wall, "s")
            yield row("cold start", system, cache, cpu, "s of CPU time")


def _told(case: str, system: str, took: tuple[float, float], accuracy: float) -> Iterator[Row]:
    wall, cpu = took
    print(f"{case:26} {system:12} {1e9 / wall:11,.0f} {wall:8.0f} {cpu:8.0f} {accuracy:9.4f}")
    yield row(case, system, "speed", 1e9 / wall, "events/s")
    yield row(case, system, "CPU time", cpu, "ns/event")
    yield row(case, system, "accuracy", accuracy, "share of rows")


def _write_head(stream: Path, out: Path, n: int) -> None:
    with stream.open() as lines, out.open("w") as head:
        head.writelines(line for _, line in zip(range(n + 1), lines, strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of replay, end to end.")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="at least so many")
    parser.add_argument("--river-rows", type=int, default=20_000)
    parser.add_argument("--outputs", action="store_true", help="only what outputs cost")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamadapt-"))
    try:
        streams, n_rows = write_streams(folder, options.rows)
        if options.outputs:
            for _ in output_costs(streams, folder, n_rows, max(7, options.passes)):
                pass
            return
        bench = Bench(streams, folder, n_rows, options.passes)
        print(f"{n_rows:,} rows, {streams['CSV'].stat().st_size / n_rows:.1f} bytes each in CSV")
        header = ("events/s", "ns/event", "CPU ns", "accuracy")
        print("{:39} {:>11} {:>8} {:>8} {:>9}".format("case", *header))
        rows = [*bench.speeds(), *bench.peer(options.river_rows)]
        rows += [*bench.stages(), *bench.cold_starts()]
        rows += output_costs(streams, folder, n_rows, max(7, options.passes))
    finally:
        shutil.rmtree(folder)
    write_results("replay", versions("pyarrow"), rows)


if __name__ == "__main__":
    main()
