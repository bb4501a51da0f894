"""Several runs side by side, with what can be told of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from streamadapt.comparison import Difference, paired_difference
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ConfigError, SourceError
from streamadapt.ops import report_charts as charts
from streamadapt.ops.report import metric_table, page
from streamadapt.ops.report_data import Columns, RunData, read_run
from streamadapt.predictions import PREDICTIONS_FILE

__all__ = ["Pair", "compare_runs"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A learner against the best one, on the events that both predicted."""

    learner: str
    best: str
    difference: Difference


def compare_runs(folders: Sequence[Path], output: Path) -> list[Pair]:
    """Write a page that compares runs; return each learner against the best of all.

    Learners are called ``run/learner``.  Losses are paired by position in the source: 1 for a
    wrong class, or the absolute error.

    Raises
    ------
    ConfigError
        If the runs are not of one kind of task, or have the same name.
    SourceError
        If a folder holds no run, or none with predictions.
    """
    runs = [read_run(folder) for folder in folders]
    if len({run.name for run in runs}) < len(runs):
        raise ConfigError("compare: the folders have the same name; rename one")
    if len({(run.summary["source"], tuple(run.classes)) for run in runs}) > 1:
        raise ConfigError("compare: these runs are of different sources or classes")
    own = [f"{run.name}/{lane}" for run in runs for lane in run.lanes if not run.is_baseline(lane)]
    base = [f"{runs[0].name}/{lane}" for lane in runs[0].lanes if runs[0].is_baseline(lane)]
    lanes = own + base
    pairs = _pairs(dict(zip(folders, runs, strict=True)), lanes)
    learners = {
        f"{run.name}/{lane}": run.summary["learners"][lane] for run in runs for lane in run.lanes
    }
    colours = charts.Colours(lanes, base)
    nothing: Columns = {"learner": [], "kind": [], "row": []}
    curves = charts.curves(_joined(runs, lanes), nothing, colours, "row: an event or a late label")
    html = page(
        "compare.html.j2", runs=runs, metrics=metric_table(learners, lanes), pairs=pairs,
        charts=[curves], legend=[(lane, colours.of[lane], lane in base) for lane in lanes],
    )  # fmt: skip
    output.write_text(html, encoding="utf-8")
    return pairs


def _joined(runs: Sequence[RunData], lanes: Sequence[str]) -> Columns:
    """Return the windows of all runs, of the metrics that each has."""
    names = [name for name in runs[0].windows if all(name in run.windows for run in runs)]
    found: Columns = {name: [] for name in names}
    for run in runs:
        named = [f"{run.name}/{lane}" for lane in run.windows["learner"]]
        keep = [i for i, lane in enumerate(named) if lane in lanes]
        for name in names:
            values = named if name == "learner" else run.windows[name]
            found[name] += [values[i] for i in keep]
    return found


def _pairs(runs: dict[Path, RunData], lanes: Sequence[str]) -> list[Pair]:
    losses: dict[str, tuple[IntArray, FloatArray]] = {}
    for folder, run in runs.items():
        path = folder / PREDICTIONS_FILE
        if not path.exists():
            raise SourceError(f"{folder} has no {PREDICTIONS_FILE}: replay it with --predictions")
        for lane in run.lanes:
            if f"{run.name}/{lane}" in lanes:
                losses[f"{run.name}/{lane}"] = _losses(path, lane, bool(run.classes))
    best = min(losses, key=lambda lane: float(np.nanmean(losses[lane][1])))
    return [
        Pair(lane, best, _difference(losses[lane], losses[best])) for lane in lanes if lane != best
    ]


def _difference(one: tuple[IntArray, FloatArray], other: tuple[IntArray, FloatArray]) -> Difference:
    _, i, j = np.intersect1d(one[0], other[0], assume_unique=True, return_indices=True)
    return paired_difference(one[1][i], other[1][j])


def _losses(path: Path, lane: str, is_class: bool) -> tuple[IntArray, FloatArray]:
    """Return positions, and losses that are NaN where no label came."""
    _, at, horizon = lane.partition("@")
    label = f"label{at}{horizon}"
    table = pq.read_table(path, columns=["position", lane, label])
    position = table["position"].to_numpy()
    if not is_class:
        said, truth = (table[name].to_numpy() for name in (lane, label))
        return position, np.abs(said - truth)
    said, truth = (table[name].combine_chunks() for name in (lane, label))
    known = truth.is_valid().to_numpy(zero_copy_only=False)
    same = np.asarray(said.indices.fill_null(-1)) == np.asarray(truth.indices.fill_null(-2))
    return position, np.where(known, 1.0 - same, np.nan)
