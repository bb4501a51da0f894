"""Several runs side by side, with what can be told of their differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamadapt.comparison import Difference, RunningDifference
from streamadapt.errors import ConfigError, SourceError
from streamadapt.ops import report_charts as charts
from streamadapt.ops.losses import LossBlock, loss_blocks, side_by_side
from streamadapt.ops.report import metric_table, page
from streamadapt.ops.report_data import Columns, RunData, horizon_of, read_run
from streamadapt.predictions import PREDICTIONS_FILE

__all__ = ["Pair", "asked_block_length", "compare_runs"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A learner against the best one of its horizon, on the events that both predicted.

    ``difference`` is that of mean losses; None if they share fewer than two events.  Of ``n_parts``
    parts of the stream the learner was worse in ``n_worse``, better in ``n_better``.
    """

    learner: str
    best: str
    is_class: bool
    difference: Difference | None
    n_parts: int
    n_worse: int
    n_better: int

    @property
    def verdict(self) -> str:
        """What can be told of the learner, in plain words."""
        d = self.difference
        if d is None:
            return "no graded events in common"
        if d.mean == d.low == d.high == 0.0:
            return "as good, to the last event"
        if not d.is_real:
            return "cannot be told apart"
        return "really worse" if d.mean > 0 else "really better on the events they share"

    @property
    def mean(self) -> str:
        """By how much the mean loss is higher."""
        return self._text(self.difference.mean) if self.difference else "-"

    @property
    def interval(self) -> str:
        """What that difference may be."""
        d = self.difference
        return f"{self._text(d.low)} to {self._text(d.high)}" if d else "-"

    def _text(self, value: float) -> str:
        """Percentage points of wrong classes, or the target's units: as exact as is known."""
        d = self.difference
        if self.is_class or d is None:
            return f"{100 * value:+.2f}"
        width = d.high - d.low
        return (
            f"{value:+,.{max(0, 2 - math.floor(math.log10(width)))}f}" if width else f"{value:+.4g}"
        )


def asked_block_length(text: str) -> float | None:
    """Return the block length that an option asks for; None for ``auto``.

    Raises
    ------
    ConfigError
        If it is neither ``auto`` nor a number from 1 on.

    Examples
    --------
    >>> asked_block_length("auto"), asked_block_length("250")
    (None, 250.0)
    """
    if text == "auto":
        return None
    try:
        length = float(text)
    except ValueError:
        length = math.nan
    if not 1.0 <= length < math.inf:
        raise ConfigError(f"--block-length {text}: give auto, or a number of events from 1 on")
    return length


def compare_runs(
    folders: Sequence[Path], output: Path, block_length: float | None = None
) -> list[Pair]:
    """Write a page that compares runs; return each learner against the best of its horizon.

    Learners are called ``run/learner``.  Losses are paired by position in the source: 1 for a
    wrong class, or the absolute error.  They are read block by block: memory does not grow with
    the length of the runs.

    Parameters
    ----------
    folders
        That replays have written.
    output
        The page.
    block_length
        Of the bootstrap, in events; by default as long as the differences ask for.

    Raises
    ------
    ConfigError
        If the runs are not of one kind of task, or have the same name.
    SourceError
        If a folder holds no run, or none with predictions.
    ParameterError
        If `block_length` is below 1 or longer than the stream.
    """
    runs = [read_run(folder) for folder in folders]
    if len({run.name for run in runs}) < len(runs):
        raise ConfigError("compare: the folders have the same name; rename one")
    if len({(run.summary["source"], tuple(run.classes)) for run in runs}) > 1:
        raise ConfigError("compare: these runs are of different sources or classes")
    own = [f"{run.name}/{lane}" for run in runs for lane in run.lanes if not run.is_baseline(lane)]
    base = [f"{runs[0].name}/{lane}" for lane in runs[0].lanes if runs[0].is_baseline(lane)]
    lanes = sorted(own + base, key=horizon_of)
    losses = [_Losses(run, folder) for run, folder in zip(runs, folders, strict=True)]
    pairs = list(_pairs(losses, lanes, block_length))
    learners = {
        f"{run.name}/{lane}": run.summary["learners"][lane] for run in runs for lane in run.lanes
    }
    colours = charts.Colours(lanes, base)
    nothing: Columns = {"learner": [], "kind": [], "row": []}
    curves = charts.curves(_joined(runs, lanes), nothing, colours)
    html = page(
        "compare.html.j2", runs=runs, metrics=metric_table(learners, lanes), pairs=pairs,
        charts=[curves], legend=[(lane, colours.of[lane], lane in base) for lane in lanes],
        baselines=base,
    )  # fmt: skip
    output.write_text(html, encoding="utf-8")
    return pairs


@dataclass(frozen=True, slots=True)
class _Losses:
    """A run, and where its predictions are."""

    run: RunData
    folder: Path

    def blocks(self, lanes: Sequence[str]) -> Iterator[LossBlock]:
        """Return the losses of learners, named with their run."""
        path = self.folder / PREDICTIONS_FILE
        if not path.exists():
            raise SourceError(
                f"{self.folder} has no {PREDICTIONS_FILE}: replay it with --predictions"
            )
        own = [lane.removeprefix(f"{self.run.name}/") for lane in lanes]
        return loss_blocks(path, own, self.run.classes)

    def among(self, lanes: Sequence[str]) -> list[str]:
        """Return those learners that are of this run."""
        own = {f"{self.run.name}/{lane}" for lane in self.run.lanes}
        return [lane for lane in lanes if lane in own]

    def means(self, lanes: Sequence[str]) -> dict[str, float]:
        """Return the mean loss of each learner; infinite without graded events."""
        sums = np.zeros((2, len(lanes)))
        for block in self.blocks(lanes):
            sums += np.nansum(block.losses, axis=0), np.isfinite(block.losses).sum(axis=0)
        return {
            lane: total / n if n and math.isfinite(total) else math.inf
            for lane, (total, n) in zip(lanes, sums.T.tolist(), strict=True)
        }


def _pairs(
    runs: Sequence[_Losses], lanes: Sequence[str], block_length: float | None
) -> Iterator[Pair]:
    means = {lane: mean for run in runs for lane, mean in run.means(run.among(lanes)).items()}
    for horizon in dict.fromkeys(map(horizon_of, lanes)):
        group = [lane for lane in lanes if horizon_of(lane) == horizon]
        best = min(group, key=means.__getitem__)
        home = next(run for run in runs if run.among([best]))
        found = {
            pair.learner: pair
            for run in runs
            if (others := [lane for lane in run.among(group) if lane != best])
            for pair in _against(best, home, others, run, block_length)
        }
        yield from (found[lane] for lane in group if lane != best)


def _against(
    best: str, home: _Losses, lanes: Sequence[str], run: _Losses, block_length: float | None
) -> Iterator[Pair]:
    """Compare learners of one run with the best of all, in one pass over both files."""
    running = {lane: RunningDifference() for lane in lanes}
    for losses, of_best in side_by_side(run.blocks(lanes), home.blocks([best])):
        for i, differences in enumerate(running.values()):
            differences.add(losses[:, i], of_best[:, 0])
    for lane, differences in running.items():
        found = differences.difference(block=block_length) if differences.n > 1 else None
        parts = differences.by_parts() if differences.n else np.zeros(0)
        worse, better = int((parts > 0).sum()), int((parts < 0).sum())
        yield Pair(lane, best, bool(run.run.classes), found, len(parts), worse, better)


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
