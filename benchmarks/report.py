"""The report of a long run: how large it is, how long it takes to write, and a browser to open.

    python benchmarks/report.py [--rows 1000000] [--passes 7]

Five learners and two baselines over SEA with three drifts, then ``report.html`` of that run and
``compare.html`` of its learners.  A page is opened by a new browser with an empty profile; it is
open when all charts are drawn, fonts are there, and two more frames are shown, counted from the
start of the navigation, and from the start of the browser's process.  Medians and extremes of the
passes.

Prints a table and writes ``benchmarks/results/report.json``.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results
from browser import opening_times

from streamadapt.config_file import parse_config
from streamadapt.ops import write_series, write_summary
from streamadapt.ops.compare import compare_runs
from streamadapt.ops.report import write_report
from streamadapt.replay import Replay, ReplayOptions

PIPELINE = """
name: sea
source:
  generator: {{kind: sea, function: 1, noise_percentage: 10}}
  rows: {rows}
  drifts:
    - {{to: {{kind: sea, function: 3, seed: 2, noise_percentage: 10}}, position: {a}}}
    - {{to: {{kind: sea, function: 2, seed: 3, noise_percentage: 10}}, position: {b}, width: {w}}}
    - {{to: {{kind: sea, function: 4, seed: 4, noise_percentage: 10}}, position: {c}}}
task: {{kind: classification, target: class, classes: [groupA, groupB]}}
record: {{features: {{attrib1: numeric, attrib2: numeric, attrib3: numeric}}}}
learners:
  tree:
    kind: hoeffding_tree
    watch:
      {{warning: {{kind: adwin, delta: 0.05}}, drift: adwin, on_drift: [alert, swap]}}
  slow_tree: {{kind: hoeffding_tree, grace_period: 1000}}
  fast_tree: {{kind: hoeffding_tree, grace_period: 50, delta: 0.001}}
  forgetful:
    kind: logistic
    watch:
      drift: {{kind: page_hinkley, threshold: 50.0}}
      on_drift: [{{kind: forget, factor: 0.2}}]
  logistic: {{kind: logistic}}
"""


def replayed(folder: Path, rows: int) -> None:
    text = PIPELINE.format(rows=rows, a=rows // 4, b=rows // 2, c=3 * rows // 4, w=rows // 50)
    run = Replay(parse_config(text, {}), None, folder, {}, ReplayOptions(fresh=True))
    with closing(run):
        summary = run.run()
        write_series(folder, run)
    write_summary(folder, summary)


def measured(case: str, page: Path, write: Callable[[], object], passes: int) -> Iterator[Row]:
    taken = []
    for _ in range(passes):
        start = time.perf_counter()
        write()
        taken.append(time.perf_counter() - start)
    size = page.stat().st_size / 1e6
    pairs = [opening_times(page) for _ in range(passes)]
    opened, started = zip(*pairs, strict=True)
    yield row(case, "streamadapt", "size", size, "MB")
    print(f"{case:12} {size:6.2f} MB", end="")
    for metric, seconds in (("write", taken), ("open", opened), ("start and open", started)):
        median, least, most = statistics.median(seconds), min(seconds), max(seconds)
        print(f" | {metric} {median:.2f} s ({least:.2f} to {most:.2f})", end="")
        yield row(case, "streamadapt", metric, median, "s")
        yield row(case, "streamadapt", f"{metric}, least", least, "s")
        yield row(case, "streamadapt", f"{metric}, most", most, "s")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of the report.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--passes", type=int, default=7)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamadapt-"))
    try:
        run, compared = folder / "run", folder / "compare.html"
        replayed(run, options.rows)
        rows = list(
            measured("report", run / "report.html", partial(write_report, run), options.passes)
        )
        compare = partial(compare_runs, [run], compared)
        rows += measured("compare", compared, compare, options.passes)
    finally:
        shutil.rmtree(folder)
    write_results("report", versions("vl-convert-python", "pyarrow"), rows)


if __name__ == "__main__":
    main()
