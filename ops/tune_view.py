"""What a person sees of a search: trials, best first, and what the tail says of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

__all__ = ["tune_view"]

_ROWS = 15

_VERDICTS = {
    "as it is": "No trial did better than the file as it is.",
    "better": "The gain is real on the tail.",
    "worse": "On the tail the best trial is worse than the file as it is: keep the file.",
    "not told": "On the tail the gain cannot be told from chance: do not count on it.",
}


def tune_view(results: Mapping[str, Any], ranking: Sequence[int]) -> Group:
    """Return the tables and the verdict; `ranking` is trials by score, best first."""
    return Group(_trials(results, ranking), _tail(results), Text(_said(results)))


def _trials(results: Mapping[str, Any], ranking: Sequence[int]) -> Table:
    objective, records = results["objective"], results["records"]
    title = f"{results['name']}: {objective['learner']} on the first {records['head']:,} records"
    table = Table(title=escape(title))
    table.add_column("trial", justify="right")
    table.add_column(escape(objective["metric"]), justify="right")
    for path in objective["set"]:
        table.add_column(escape(path), justify="right", overflow="fold")
    for trial in ranking[:_ROWS]:
        line = results["trials"][trial]
        values = (_shown(line["values"].get(path, "as it is")) for path in objective["set"])
        style = "bold" if trial == results["best"]["trial"] else None
        table.add_row(str(trial), _shown(line["score"]), *values, style=style)
    if len(ranking) > _ROWS:
        table.caption = f"and {len(ranking) - _ROWS} more in tune.json"
    return table


def _tail(results: Mapping[str, Any]) -> Table:
    metric, best, as_written = (
        results["objective"]["metric"], results["best"], results["as_written"],
    )  # fmt: skip
    table = Table(title=f"the {results['records']['tail']:,} records that no trial saw")
    for name in ("", "before", metric):
        table.add_column(escape(name), justify="right" if name else "left", overflow="fold")
    for name, scored in (("best trial", best), ("the file as it is", as_written)):
        table.add_row(name, _shown(scored["head"]), _shown(scored["tail"]))
    own = results["config"].get("learners", {})
    for lane, metrics in best["tail_metrics"].items():
        if lane.split("@")[0] not in own:
            shown = _shown(metrics.get(metric))
            table.add_row(f"{escape(lane)} (baseline)", "", shown, style="dim")
    return table


def _said(results: Mapping[str, Any]) -> str:
    failed = [trial for trial in results["trials"] if "error" in trial]
    lines = [f"trial {trial['trial']} failed: {trial['error']}" for trial in failed]
    for lane, d in results["differences"].items():
        lines.append(
            f"{lane}, {results['loss']}, best less as it is: {d['mean']:+.4g}, "
            f"{d['level']:.0%} interval {d['low']:+.4g} to {d['high']:+.4g}"
        )
    return "\n".join([*lines, _VERDICTS[results["verdict"]]])


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else escape(str(value))
