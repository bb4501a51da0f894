"""The report of a run: one HTML file that holds all it needs, for screen and paper."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
import yaml

from streamadapt.jit import cache_folder
from streamadapt.ops import report_charts as charts
from streamadapt.ops.report_data import RunData, read_run

__all__ = ["REPORT_FILE", "chart_json", "chart_library", "page", "write_report"]

REPORT_FILE = "report.html"

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HIGHER_IS_WORSE = frozenset({"log_loss", "brier", "mae", "rmse", "nrmse", "mape", "pinball"})
_COUNTS = ("graded", "ungraded")
_FIRST = ("accuracy", "kappa", "kappa_m", "kappa_temporal", "log_loss", "mae", "rmse", "r2")


def write_report(folder: Path) -> Path:
    """Write ``report.html`` of the run in `folder`; return its path.

    Raises
    ------
    SourceError
        If the folder holds no run.
    """
    run = read_run(folder)
    html = page("report.html.j2", run=run, summary=run.summary, charts=_charts(run), **_tables(run))
    path = folder / REPORT_FILE
    new = path.with_suffix(".html.new")
    new.write_text(html, encoding="utf-8")
    new.replace(path)
    return path


def page(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Fill a template; all that it shows is escaped."""
    shared = {"library": chart_library(), "chart_json": chart_json}
    return _TEMPLATES.get_template(template).render(**shared, **values)


def chart_json(chart: charts.Chart) -> str:
    """Return a chart as JSON that can stand in a script element: no ``<`` may end it."""
    data = {name: [_short(value) for value in values] for name, values in chart.data.items()}
    text = json.dumps({"spec": chart.spec, "data": data}, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def chart_library() -> str:
    """Return Vega-Embed, Vega and Vega-Lite as one script; kept, for bundling takes a second."""
    kept = cache_folder().parent / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        script = vl_convert.javascript_bundle()  # type: ignore[call-arg] # its stub is wrong
    script = script.replace("</script", "<\\/script")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_text(script, encoding="utf-8")
        new.replace(kept)
    except OSError:
        pass  # it is bundled again the next time
    return script


def _charts(run: RunData) -> list[charts.Chart]:
    baselines = [lane for lane in run.lanes if run.is_baseline(lane)]
    colours = charts.Colours(run.lanes, baselines)
    shown: list[charts.Chart] = []
    if run.windows["row"]:
        unit = "row: an event or a late label"
        shown.append(charts.curves(run.windows, run.facts, colours, unit))
        if run.facts["row"]:
            shown.append(charts.facts(run.facts, run.windows, colours, unit))
    if run.calibration.get("learner"):
        shown.append(charts.calibration(run.calibration, colours, len(run.classes)))
    if run.errors.get("learner"):
        shown.append(charts.errors(run.errors, colours))
    if tables := run.summary.get("confusion"):
        shown.append(charts.confusion(tables, run.classes, run.lanes[0]))
    if len(run.resources["seconds"]) > 2:
        shown += charts.resources(run.resources)
    return shown


def _tables(run: RunData) -> dict[str, Any]:
    counters = run.summary["counters"]
    rejected = {
        name.removeprefix("rejected_"): n
        for name, n in counters.items()
        if name.startswith("rejected_")
    }
    others = {name: n for name, n in counters.items() if not name.startswith("rejected_")}
    baselines = [lane for lane in run.lanes if run.is_baseline(lane)]
    colours = charts.Colours(run.lanes, baselines)
    return {
        "metrics": metric_table(run.summary["learners"], run.lanes),
        "legend": [(lane, colours.of[lane], lane in baselines) for lane in run.lanes],
        "rejected": rejected,
        "counters": others,
        "config": yaml.safe_dump(run.summary["config"], sort_keys=False, allow_unicode=True),
    }


def metric_table(
    learners: Mapping[str, Mapping[str, float | None]], lanes: Sequence[str]
) -> dict[str, Any]:
    """Return names of metrics, and of each lane its values as texts, and whether each is best."""
    names = list(dict.fromkeys(name for lane in lanes for name in learners[lane]))
    names.sort(key=lambda name: (name in _COUNTS, name not in _FIRST))
    best: dict[str, float] = {}
    for name in names:
        values = [v for lane in lanes if (v := learners[lane].get(name)) is not None]
        if values and name not in _COUNTS:
            best[name] = min(values) if name in _HIGHER_IS_WORSE else max(values)
    rows = [
        (lane, [_cell(learners[lane].get(name), best.get(name)) for name in names])
        for lane in lanes
    ]
    return {"names": names, "rows": rows}


def _cell(value: float | None, best: float | None) -> tuple[str, bool]:
    return _text(value), value is not None and value == best


def _text(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _short(value: Any) -> Any:  # noqa: ANN401 - a value of a chart
    """Return a number as a chart needs it: five digits, none that JSON has not."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
