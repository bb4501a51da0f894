"""`tune` on two cores against one, in turns, beside what two cores of this machine give at all.

    python benchmarks/tune.py [--passes 5] [--rows 1000000] [--trials 23]

One search, as the command runs it: processes are started, records counted, kernels loaded, trials
run over 70 % of the rows, the best and the file as it is over all of them.  Rows are those of
``$STREAMADAPT_DATA/electricity/elec.csv.gz``, again and again, or generated ones of that shape.
With the file as it is there is one trial more than asked for; an even sum leaves no core idle.

"One core" is one process kept on one core.  One process that may use both is told too: it reads
and decodes on the second while it learns on the first, so it leaves less to be won.

The floor is two endless loops of plain Python, beside each other and one after the other: what a
second core is worth on this machine at that moment.  Perfect is 2.

Prints a table and writes ``benchmarks/results/tune.json``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results
from replay_streams import CLASSES, FEATURES, TARGET, write_streams

from streamadapt.processes import Processes
from streamadapt.search import Search
from streamadapt.search_space import read_axes
from streamadapt.trial import PipelineText
from streamadapt.tune import Tune

PIPELINE = f"""
name: electricity
task: {{kind: classification, target: {TARGET}, classes: [{", ".join(f'"{c}"' for c in CLASSES)}]}}
record: {{features: {{{", ".join(f"{name}: numeric" for name in FEATURES)}}}}}
learners:
  tree: {{kind: hoeffding_tree, watch: {{drift: adwin, on_drift: [swap]}}}}
  other: {{kind: hoeffding_tree, leaf_prediction: nb, grace_period: 50}}
  logistic: logistic
"""
AXES = ["learners.tree.grace_period=50..400", "learners.tree.delta=log(1e-9,1e-2)"]
BUSY_S = 3.0


def searched(stream: Path, out: Path, n_trials: int, processes: int) -> float:
    """Return the seconds that one whole search takes."""
    search = Search(tuple(read_axes(AXES)), n_trials, 1, "tree")
    start = time.perf_counter()
    tune = Tune(
        PipelineText(PIPELINE, "pipeline.yaml"), stream, out, search, os.environ,
        fresh=True, processes=processes,
    )  # fmt: skip
    with closing(tune):
        tune.run()
    return time.perf_counter() - start


@contextmanager
def kept_on(n_cores: int) -> Iterator[None]:
    """Let this process, and those that it starts, run on so many cores."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:n_cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def on_cores(stream: Path, out: Path, n_trials: int, n_cores: int) -> float:
    """Return the seconds of a search by so many processes on so many cores."""
    with kept_on(n_cores):
        return searched(stream, out, n_trials, n_cores)


def counted(n: int) -> int:
    """Keep a core busy."""
    total = 0
    for i in range(n):
        total += i & 1
    return total


def done(processes: int, tasks: list[int]) -> float:
    """Return the seconds that tasks take, without the start of the processes."""
    pool: Processes[int, int] = Processes(counted, processes)
    with closing(pool):
        list(pool.run([1] * processes))
        start = time.perf_counter()
        list(pool.run(tasks))
        return time.perf_counter() - start


def started(processes: int) -> float:
    """Return the seconds until all processes have answered for the first time."""
    pool: Processes[int, int] = Processes(counted, processes)
    with closing(pool):
        start = time.perf_counter()
        list(pool.run([1] * processes))
        return time.perf_counter() - start


def measured(options: argparse.Namespace, stream: Path, out: Path) -> Iterator[Row]:
    searched(stream, out, 1, 1)  # compiles, and fills the page cache
    busy = int(BUSY_S / done(1, [3_000_000]) * 3_000_000)
    ratios: dict[str, list[float]] = {"search": [], "search, one process": [], "plain loops": []}
    print("one core, s  one process, s  two cores, s  ratio  floor")
    for _ in range(options.passes):
        one, two = (on_cores(stream, out, options.trials, n) for n in (1, 2))
        free = searched(stream, out, options.trials, 1)
        floor = done(1, [busy, busy]) / done(2, [busy, busy])
        for case, ratio in zip(ratios, (one / two, free / two, floor), strict=True):
            ratios[case].append(ratio)
        print(f"{one:11.1f} {free:15.1f} {two:13.1f} {one / two:6.2f} {floor:6.2f}", flush=True)
        yield row("search", "one core", "time", one, "s")
        yield row("search", "one process on two cores", "time", free, "s")
        yield row("search", "two cores", "time", two, "s")
    for case, found in ratios.items():
        told = {"lowest": min(found), "median": statistics.median(found), "highest": max(found)}
        print(f"{case:20}" + "".join(f" {name} {ratio:.2f}" for name, ratio in told.items()))
        for name, ratio in told.items():
            yield row(case, "two cores", f"{name} speed", ratio, "times one core")
    start_s = started(2)
    print(f"start of two processes: {start_s:.2f} s")
    yield row("start", "two processes", "time", start_s, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of tune: two processes against one.")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="at least so many")
    parser.add_argument("--trials", type=int, default=23, help="beside the file as it is")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamadapt-"))
    try:
        streams, n_rows = write_streams(folder, options.rows)
        print(f"{n_rows:,} rows, {options.trials + 1} trials")
        rows = list(measured(options, streams["CSV"], folder / "out"))
    finally:
        shutil.rmtree(folder)
    write_results("tune", versions("pyarrow"), rows)


if __name__ == "__main__":
    main()
