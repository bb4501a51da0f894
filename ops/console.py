"""What a person sees on the terminal: progress of a replay, its results, the laws of a class."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # the laws are loaded only to be checked
    from streamadapt.laws import LawResult

__all__ = ["law_table", "progress_bar", "show", "summary_view", "why_ungraded"]

_REJECTED = "rejected_"

# A table must fit a terminal; the summary file holds all metrics.
_SHOWN = (
    *("accuracy", "kappa", "kappa_m", "kappa_temporal", "log_loss"),
    *("mae", "rmse", "nrmse", "r2"),
    *("graded", "ungraded"),
)


@contextmanager
def progress_bar(start: int, quiet: bool = False) -> Iterator[Callable[[int], None] | None]:
    """Show records and records per second on stderr, if it is a terminal.

    Gives what is to be called with the number of records taken so far (or None); `start` of them
    were taken by an earlier run.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} records"),
        _Rate(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("replay", total=None, start=True, completed=start, first=start)
        yield lambda position: progress.update(bar, completed=position)


class _Rate(TextColumn):
    """Records per second since this run began."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        taken = task.completed - task.fields["first"]
        return Text(f"{taken / task.elapsed:,.0f}/s" if task.elapsed and taken else "")


def summary_view(summary: Mapping[str, Any]) -> Group:
    """Return the results of a replay: learners beside baselines, drifts, counters, speed."""
    parts = [_learners(summary), _counters(summary), _last_line(summary)]
    return Group(*(part for part in parts if part is not None))


def why_ungraded(summary: Mapping[str, Any]) -> str:
    """Return why a replay of a whole stream has graded nothing; empty if it has, or was stopped.

    >>> lanes = {"tree": {"graded": 0}}
    >>> why_ungraded({"complete": True, "counters": {}, "learners": lanes})
    'nothing was graded: the stream holds no records'
    """
    if not summary["complete"] or any(lane["graded"] for lane in summary["learners"].values()):
        return ""
    counters = summary["counters"]
    if not counters.get("records"):
        return "nothing was graded: the stream holds no records"
    refused = ", ".join(f"{n:,} {reason}" for reason, n in _dead_letters(counters))
    told = f" (dead letters: {refused})" if refused else ""
    return f"nothing was graded: no label of {counters['records']:,} records was of use{told}"


def _dead_letters(counters: Mapping[str, int]) -> list[tuple[str, int]]:
    return [
        (name.removeprefix(_REJECTED), n)
        for name, n in counters.items()
        if name.startswith(_REJECTED)
    ]


def _learners(summary: Mapping[str, Any]) -> Table:
    metrics = [name for name in _SHOWN if _is_worth_showing(name, summary["learners"].values())]
    drifts = summary.get("drifts", {})
    table = Table(title=f"{escape(summary['name'])} over {escape(summary['source'])}")
    table.add_column("learner", overflow="fold")
    for name in metrics:
        table.add_column(name, justify="right")
    for name in ("warnings", "drifts") if drifts else ():
        table.add_column(name, justify="right")
    own = summary["config"].get("learners", {})
    for name, values in summary["learners"].items():
        is_baseline = name.split("@")[0] not in own
        heard = drifts.get(name, {})
        table.add_row(
            escape(name) + (" (baseline)" if is_baseline else ""),
            *(_number(values.get(metric)) for metric in metrics),
            *(str(heard.get(kind, "")) for kind in ("warning", "drift") if drifts),
            style="dim" if is_baseline else None,
        )
    return table


def _is_worth_showing(metric: str, lanes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any learner has the metric; labels without a prediction only where there are some."""
    values = [lane[metric] for lane in lanes if metric in lane]
    return any(values) if metric == "ungraded" else bool(values)


def _number(value: float | None) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.5g}"


def _counters(summary: Mapping[str, Any]) -> Table | None:
    """Return all counters, dead letters last; None if there is none."""
    counters = summary["counters"]
    if not counters:
        return None
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, n in counters.items():
        if not name.startswith(_REJECTED):
            table.add_row(escape(name), f"{n:,}")
    for reason, n in _dead_letters(counters):
        table.add_row(f"dead letters: {escape(reason)}", f"{n:,}")
    return table


def _last_line(summary: Mapping[str, Any]) -> Text:
    rate = summary["events_per_s"]
    speed = f", {rate:,.0f} events/s" if rate else ""
    return Text(f"{summary['events']:,} events{speed}, digest {summary['digest'][:16]}")


def law_table(results: Iterable[LawResult], subject: str) -> Table:
    """Return a line for each law: whether it holds, and what differed where if not."""
    table = Table(title=f"Laws of {escape(subject)}")
    table.add_column("law", overflow="fold")
    table.add_column("holds")
    table.add_column("problem", overflow="fold")
    for result in results:
        holds = "[green]yes[/]" if result.ok else "[red]no[/]"
        table.add_row(result.name.replace("_", " "), holds, escape(result.problem))
    return table


def show(view: RenderableType) -> None:
    """Print to stdout, as wide as the terminal; wide enough for all columns where it is none."""
    Console(width=None if sys.stdout.isatty() else 160).print(view)
