"""`tune` on two cores against one, in turns, beside what two cores of this machine give at all.

    python benchmarks/tune.py [--passes 5] [--rows 1000000] [--trials 11]

One search, as the command runs it: processes are started, records counted, kernels loaded, trials
run over 70 % of the rows, the best and the file as it is over all of them.  Rows are those of
``$STREAMADAPT_DATA/electricity/elec.csv.gz``, again and again, or generated ones of that shape.
With the file as it is there is one trial more than asked for; an even sum leaves no core idle.

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
from contextlib import closing
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
    ratios, floors = [], []
    print(f"{'one process, s':>16} {'two, s':>8} {'ratio':>6} {'floor':>6}")
    for _ in range(options.passes):
        one, two = (searched(stream, out, options.trials, n) for n in (1, 2))
        floors.append(done(1, [busy, busy]) / done(2, [busy, busy]))
        ratios.append(one / two)
        print(f"{one:16.1f} {two:8.1f} {ratios[-1]:6.2f} {floors[-1]:6.2f}", flush=True)
        yield row("search", "one process", "time", one, "s")
        yield row("search", "two processes", "time", two, "s")
        yield row("search", "two processes", "speed", ratios[-1], "times one process")
        yield row("plain loops", "two processes", "speed", floors[-1], "times one process")
    for case, found in (("search", ratios), ("plain loops", floors)):
        told = {"lowest": min(found), "median": statistics.median(found), "highest": max(found)}
        print(f"{case:12}" + "".join(f" {name} {ratio:.2f}" for name, ratio in told.items()))
        for name, ratio in told.items():
            yield row(case, "two processes", f"{name} speed", ratio, "times one process")
    start_s = started(2)
    print(f"start of two processes: {start_s:.2f} s")
    yield row("start", "two processes", "time", start_s, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of tune: two processes against one.")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="at least so many")
    parser.add_argument("--trials", type=int, default=11, help="beside the file as it is")
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
