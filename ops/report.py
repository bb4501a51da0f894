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
from streamadapt.ops.report_data import RunData, horizon_of, read_run

__all__ = ["REPORT_FILE", "chart_json", "chart_library", "metric_table", "page", "write_report"]

REPORT_FILE = "report.html"

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HIGHER_IS_WORSE = frozenset({"log_loss", "brier", "mae", "rmse", "nrmse", "mape", "pinball"})
_FEW_SAMPLES = 5  # of speed: fewer make no curve
_MOST_DECIMALS = 7
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
        shown.append(charts.curves(run.windows, run.facts, colours))
        if run.facts["row"]:
            shown.append(charts.facts(run.facts, run.windows, colours))
    if run.calibration.get("learner"):
        shown.append(charts.calibration(run.calibration, colours, len(run.classes)))
    if run.errors.get("learner"):
        shown.append(charts.errors(run.errors, colours))
    if tables := run.summary.get("confusion"):
        shown.append(charts.confusion(tables, run.classes, _best(run)[0]))
    if len(run.resources["seconds"]) >= _FEW_SAMPLES:
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
        "verdicts": [
            _verdict(run, horizon) for horizon in dict.fromkeys(map(horizon_of, run.lanes))
        ],
        "rejected": rejected,
        "n_rejected": sum(rejected.values()),
        "counters": others,
        "config": yaml.safe_dump(run.summary["config"], sort_keys=False, allow_unicode=True),
    }


def _best(run: RunData, horizon: int | None = None) -> tuple[str, str]:
    """Return the best learner by the first metric there is, and that metric."""
    learners = run.summary["learners"]
    lanes = [lane for lane in run.lanes if horizon in {None, horizon_of(lane)}]
    for name in ("accuracy", "mae"):
        known = [lane for lane in lanes if learners[lane].get(name) is not None]
        if known:
            sign = 1.0 if name in _HIGHER_IS_WORSE else -1.0
            return min(known, key=lambda lane: sign * learners[lane][name]), name
    return lanes[0], ""


def _verdict(run: RunData, horizon: int) -> tuple[str, bool]:
    """Return which learner is best, in plain words, and whether that is bad news."""
    lane, name = _best(run, horizon)
    if not name:
        return "Nothing was graded: no label came.", True
    value = f"{name} {_text(run.summary['learners'][lane][name])}"
    if run.is_baseline(lane):
        return f"No learner beats the baseline {lane} ({value}).", True
    return f"Best: {lane} ({value}).", False


def metric_table(
    learners: Mapping[str, Mapping[str, float | None]], lanes: Sequence[str]
) -> dict[str, Any]:
    """Return names of metrics, and of each lane its values as texts, and whether each is best.

    Forecasts are compared with those of their own horizon.
    """
    names = list(dict.fromkeys(name for lane in lanes for name in learners[lane]))
    names.sort(key=lambda name: (name in _COUNTS, name not in _FIRST))
    best: dict[tuple[str, int], float] = {}
    texts: dict[str, list[str]] = {}
    for name in names:
        texts[name] = column_texts([learners[lane].get(name) for lane in lanes])
        for lane in lanes:
            value, place = learners[lane].get(name), (name, horizon_of(lane))
            if value is not None and name not in _COUNTS:
                better = min if name in _HIGHER_IS_WORSE else max
                best[place] = better(best.get(place, value), value)
    rows = [
        (lane, [
            (texts[name][i], learners[lane].get(name) == best.get((name, horizon_of(lane)), ""))
            for name in names
        ])
        for i, lane in enumerate(lanes)
    ]  # fmt: skip
    return {"names": names, "rows": rows}


def column_texts(values: Sequence[float | None]) -> list[str]:
    """Return numbers of one column as texts with one number of decimals, so that points align.

    >>> column_texts([0.86, 0.8892, -2.6e-6, None])
    ['0.8600', '0.8892', '0.0000', '-']
    >>> column_texts([1_000, 20]), column_texts([12.3, 3.0, 1234.5])
    (['1,000', '20'], ['12.30', '3.00', '1,234.50'])
    """
    known = sorted(abs(v) for v in values if v and math.isfinite(v))
    if not known or all(isinstance(v, int) for v in values if v is not None):
        return [_text(value) for value in values]
    typical = known[(len(known) - 1) // 2]
    decimals = max(0, 3 - math.floor(math.log10(typical)))
    return [_text(v) if decimals > _MOST_DECIMALS else _fixed(v, decimals) for v in values]


def _fixed(value: float | None, decimals: int) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # 0.0 makes 0 of -0


def _text(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _short(value: Any) -> Any:  # noqa: ANN401 - a value of a chart
    """Return a number as a chart needs it: five digits, none that JSON has not."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
