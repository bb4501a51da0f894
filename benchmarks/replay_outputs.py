"""What predictions, the report and reading ahead cost a replay of five learners, or save it.

All variants run in turn, round by round, so each ratio is of two runs that stood side by side;
medians of the rounds.  By the clock a thread costs or saves only what the other core leaves: the
CPU time of the main thread, on which everything waits, says what is left of it with a free core.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
from bench import Row, row
from replay_streams import CLASSES, FEATURES, TARGET

from streamadapt import recorded
from streamadapt.config_file import parse_config
from streamadapt.connectors.parquet_sink import GROUP_ROWS, parquet_writer
from streamadapt.events import Source
from streamadapt.ops import write_summary
from streamadapt.ops.report import write_report
from streamadapt.ops.results import write_series
from streamadapt.predictions import PREDICTIONS_FILE
from streamadapt.replay import Replay, ReplayOptions

__all__ = ["output_costs"]

FIVE = f"""
name: five
task: {{kind: classification, target: {TARGET}, classes: [{", ".join(f'"{c}"' for c in CLASSES)}]}}
record: {{features: {{{", ".join(f"{name}: numeric" for name in FEATURES)}}}}}
learners:
  tree: hoeffding_tree
  watched: {{kind: hoeffding_tree, watch: {{drift: adwin, on_drift: [swap]}}}}
  quick: {{kind: hoeffding_tree, grace_period: 100}}
  logistic: logistic
  fast: {{kind: logistic, learning_rate: 0.05}}
"""


@dataclass(frozen=True)
class Variant:
    """What a run does beside its learning."""

    predictions: bool = False
    report: bool = False
    reads_ahead: bool = True


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: by the clock, of CPU time, of the main thread's CPU time."""

    wall: float
    cpu: float
    main: float


VARIANTS = {
    "neither": Variant(),
    "predictions": Variant(predictions=True),
    "report": Variant(report=True),
    "both": Variant(predictions=True, report=True),
    "neither, not read ahead": Variant(reads_ahead=False),
}


def output_costs(streams: dict[str, Path], folder: Path, n_rows: int, rounds: int) -> Iterator[Row]:
    """Measure all variants on CSV and Parquet, in turn; then the floors of both outputs."""
    out = folder / "five"
    for format_ in ("CSV", "Parquet"):
        once(streams[format_], out, VARIANTS["both"])  # compiles, and fills the page cache
        taken: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
        for _ in range(rounds):
            for name, variant in VARIANTS.items():
                taken[name].append(once(streams[format_], out, variant))
        for name, costs in taken.items():
            yield from told(f"{format_}, five learners, {name}", costs, taken["neither"], n_rows)
    once(streams["CSV"], out, VARIANTS["predictions"])
    for name, seconds in floors(out / PREDICTIONS_FILE, rounds).items():
        print(f"{name:58} {seconds / n_rows * 1e9:8.0f} ns/event of CPU time")
        yield row("five learners", "floor", name, seconds / n_rows * 1e9, "ns/event")


def once(stream: Path, out: Path, variant: Variant) -> Cost:
    """Replay, with the files that the command writes after it."""
    options = ReplayOptions(fresh=True, predictions=variant.predictions)
    started = time.perf_counter(), time.process_time(), time.thread_time()
    with (
        mock.patch.object(
            recorded, "ReadAhead", recorded.ReadAhead if variant.reads_ahead else same
        ),
        closing(Replay(parse_config(FIVE, {}), stream, out, {}, options)) as run,
    ):
        summary = run.run()
        write_series(out, run)
        write_summary(out, summary)
    if variant.report:
        write_report(out)
    ended = time.perf_counter(), time.process_time(), time.thread_time()
    return Cost(*(b - a for a, b in zip(started, ended, strict=True)))


def same(source: Source) -> Source:
    """Return the source itself: it is read when it is asked."""
    return source


def told(name: str, costs: list[Cost], base: list[Cost], n: int) -> Iterator[Row]:
    shown = []
    for kind in ("wall", "cpu", "main"):
        mine, other = ([getattr(cost, kind) for cost in some] for some in (costs, base))
        ns = statistics.median(mine) / n * 1e9
        ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
        shown.append(f"{kind} {ns:6.0f} (least {min(mine) / n * 1e9:6.0f}) x {ratio:5.3f}")
        yield row(name, "streamadapt", kind, ns, "ns/event")
        yield row(name, "streamadapt", f"{kind}, least", min(mine) / n * 1e9, "ns/event")
        yield row(name, "streamadapt", f"{kind} / without outputs", ratio, "ratio")
    print(f"{name:48} {'  '.join(shown)}")


def floors(path: Path, rounds: int) -> dict[str, float]:
    """Seconds of CPU time that encoding the table, and reading what the report shows, must take."""
    table = pq.read_table(path)

    def write() -> None:
        writer = parquet_writer(path.with_name("floor.parquet"), table.schema)
        for start in range(0, len(table), GROUP_ROWS):
            writer.write_table(table.slice(start, GROUP_ROWS), row_group_size=GROUP_ROWS)
        writer.close()

    shown = ["label", *(name for name in table.schema.names if name.endswith(f":{CLASSES[1]}"))]
    return {
        "the finished table to Parquet, one pass": least(write, rounds),
        "reading the columns that the report shows": least(
            lambda: pq.read_table(path, columns=shown, use_threads=False), rounds
        ),
    }


def least(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)
