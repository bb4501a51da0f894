"""The charts of a report, as Vega-Lite specifications over columns of data.

Colours of ink and paper are CSS variables: the page says what they are on screen, at night and in
print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamadapt.ops.report_data import Columns, thinned

__all__ = ["Chart", "Colours", "calibration", "confusion", "curves", "errors", "facts", "resources"]

Spec: TypeAlias = dict[str, Any]

# Okabe and Ito's palette, told apart by the colour-blind; the yellow is left out: too pale.
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#6a51a3")
_GREYS = ("#8a8a8a", "#b0a090", "#90a0b0", "#a08090")
_DASHES = ([4, 3], [1, 2], [8, 3], [6, 2, 1, 2])
_AXIS_WIDTH = 84  # of charts below each other, so that their rows are
_FEW_RULES = 20
_LOSSES = ("accuracy", "kappa_m", "mae", "rmse")  # what is shown first


# One by one, so that 0 is not 0M: by itself an axis gives all its numbers the unit of the largest.
_THOUSANDS = {"labelExpr": "format(datum.value, '~s')", "tickCount": 6}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its data; ``name`` is unique on a page."""

    name: str
    title: str
    text: str
    spec: Spec
    data: Columns


class Colours:
    """One colour for each learner, the same in all charts; baselines are grey and dashed."""

    def __init__(self, lanes: Sequence[str], baselines: Sequence[str]) -> None:
        plain = [lane for lane in lanes if lane not in baselines]
        self.of = {lane: _PALETTE[i % len(_PALETTE)] for i, lane in enumerate(plain)}
        self.of |= {lane: _GREYS[i % len(_GREYS)] for i, lane in enumerate(baselines)}
        self.dashes = {lane: [1, 0] for lane in plain}
        self.dashes |= {lane: list(_DASHES[i % len(_DASHES)]) for i, lane in enumerate(baselines)}

    def colour(self) -> Spec:
        """Return the channel of colours."""
        scale = {"domain": list(self.of), "range": list(self.of.values())}
        return {"field": "learner", "type": "nominal", "scale": scale, "legend": None}

    def dash(self) -> Spec:
        """Return the channel of dashes."""
        scale = {"domain": list(self.dashes), "range": list(self.dashes.values())}
        return {"field": "learner", "type": "nominal", "scale": scale, "legend": None}


def curves(windows: Columns, facts: Columns, colours: Colours) -> Chart:
    """Return metrics over the windows of a run, with a rule at each drift."""
    shown, k = thinned(windows)
    names = [name for name in windows if name not in {"learner", "row", "graded"}]
    first = next((name for name in _LOSSES if name in names), names[0])
    drifts = [i for i, kind in enumerate(facts["kind"]) if kind == "drift"]
    rules = {name: [facts[name][i] for i in drifts[:300]] for name in ("learner", "row")}
    y = {"field": "shown", "type": "quantitative", "title": None, "scale": {"zero": False},
         "axis": {"minExtent": _AXIS_WIDTH}}  # fmt: skip
    line = {
        "transform": [{"calculate": "datum[metric]", "as": "shown"}],
        "mark": {"type": "line", "strokeWidth": 1.5, "clip": True, "invalid": None},
        "encoding": {
            "x": _rows(windows["row"]), "y": y,
            "color": colours.colour(), "strokeDash": colours.dash(),
        },
    }  # fmt: skip
    # Many rules are a curtain: then they only hint at where to look in the chart below.
    opacity = 0.5 if len(drifts) <= _FEW_RULES else 0.2
    rule = {
        "data": {"values": _rows_of(rules)},
        "mark": {"type": "rule", "strokeWidth": 1, "opacity": opacity},
        "encoding": {"x": _rows(windows["row"]), "color": colours.colour()},
    }
    asked = {"input": "select", "options": names, "name": "Metric "}
    spec = {
        "height": 300,
        "params": [{"name": "metric", "value": first, "bind": asked}],
        "layer": [rule, line] if drifts else [line],
    }
    point = "one window of graded rows" if k == 1 else f"the mean of {k} windows of graded rows"
    text = f"Each point is {point}." + (" Vertical lines are drifts." if drifts else "")
    return Chart("curves", "Over time", text, spec, shown)


def facts(facts: Columns, windows: Columns, colours: Colours) -> Chart:
    """Return drifts, warnings and reactions below the curves, on the same axis."""
    spec = {
        "height": 26 * len(set(facts["kind"])),
        "mark": {"type": "tick", "thickness": 2, "size": 17, "opacity": 0.85},
        "encoding": {
            "x": _rows(windows["row"]),
            "y": {"field": "kind", "type": "nominal", "title": None,
                  "axis": {"grid": False, "minExtent": _AXIS_WIDTH}},
            "color": colours.colour(),
            "tooltip": [{"field": name} for name in facts],
        },
    }  # fmt: skip
    text = "What detectors heard, and what was done."
    return Chart("facts", "Drifts and reactions", text, spec, facts)


def calibration(data: Columns, colours: Colours, n_classes: int) -> Chart:
    """Return how often what was said came true."""
    what = "second class" if n_classes == 2 else "most probable class"
    axis = {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]}
    share = {"scale": {"domain": [0, 1]}, "axis": axis, "type": "quantitative"}
    x = {"field": "said", "title": f"probability given to the {what}", **share}
    y = {"field": "came", "title": "how often it came", **share}
    ideal = {
        "data": {"values": [{"said": 0, "came": 0}, {"said": 1, "came": 1}]},
        "mark": {"type": "line", "color": "var(--faint)", "strokeDash": [2, 3]},
        "encoding": {"x": x, "y": y},
    }
    lines = {
        "mark": {"type": "line", "point": {"size": 30}, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "color": colours.colour(), "strokeDash": colours.dash(),
                     "tooltip": [{"field": name} for name in data]},
    }  # fmt: skip
    text = "On the dotted line, what is called 70 % likely happens 70 % of the time."
    return Chart("calibration", "Calibration", text, {"height": 300, "layer": [ideal, lines]}, data)


def errors(data: Columns, colours: Colours) -> Chart:
    """Return the distribution of errors."""
    spec = {
        "height": 300,
        "mark": {"type": "line", "interpolate": "step", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "error", "type": "quantitative", "title": "prediction less truth"},
            "y": {"field": "share", "type": "quantitative", "axis": {"format": "%"},
                  "title": "share of predictions"},
            "color": colours.colour(), "strokeDash": colours.dash(),
        },
    }  # fmt: skip
    text = "Left of 0 too low, right of 0 too high. Errors beyond the axis are left out."
    return Chart("errors", "Errors", text, spec, data)


def confusion(
    tables: Mapping[str, Sequence[Sequence[int]]], classes: Sequence[str], shown: str
) -> Chart:
    """Return which class was taken for which, for one learner at a time."""
    data: Columns = {"learner": [], "truth": [], "said": [], "n": [], "share": []}
    for lane, table in tables.items():
        for truth, row in zip(classes, table, strict=True):
            for said, n in zip(classes, row, strict=True):
                values = (lane, truth, said, n, n / max(1, sum(row)))
                for column, value in zip(data.values(), values, strict=True):
                    column.append(value)
    names = {"type": "nominal", "sort": list(classes), "axis": {"grid": False, "labelAngle": 0}}
    place = {"x": {"field": "said", "title": "said", **names},
             "y": {"field": "truth", "title": "truth", **names}}  # fmt: skip
    share = {"field": "share", "type": "quantitative", "legend": None,
             "scale": {"domain": [0, 1], "range": ["#0072b200", "#0072b2cc"]}}  # fmt: skip
    cells = {"mark": {"type": "rect", "stroke": "var(--faint)", "strokeWidth": 0.5},
             "encoding": {**place, "color": share}}  # fmt: skip
    text_of = {"field": "n", "format": ",", "type": "quantitative"}
    numbers = {"mark": {"type": "text", "color": "var(--ink)", "fontSize": 13},
               "encoding": {**place, "text": text_of}}  # fmt: skip
    asked = {"input": "select", "options": list(tables), "name": "Learner "}
    spec = {
        "height": max(120, min(600, 44 * len(classes))),
        "params": [{"name": "lane", "value": shown, "bind": asked}],
        "transform": [{"filter": "datum.learner == lane"}],
        "layer": [cells, numbers] if len(classes) <= 12 else [cells],
    }
    text = "Rows are the truth, columns what was said; the colour is the share of the row."
    return Chart("confusion", "Confusion", text, spec, data)


def resources(data: Columns) -> list[Chart]:
    """Return speed and memory over the seconds since the first sample: starting is no news."""
    steps = range(1, len(data["seconds"]))
    t, records = [at - data["seconds"][0] for at in data["seconds"]], data["records"]
    speed: Columns = {
        "seconds": [t[i] for i in steps],
        "per_s": [(records[i] - records[i - 1]) / max(1e-9, t[i] - t[i - 1]) for i in steps],
    }
    memory: Columns = {"seconds": t, "mb": [n / 1e6 for n in data["memory_bytes"]]}
    return [
        Chart("speed", "Records per second", "", _over_seconds("per_s", t[-1]), speed),
        Chart("memory", "Memory (MB)", "", _over_seconds("mb", t[-1]), memory),
    ]


def _over_seconds(name: str, end: float) -> Spec:
    y = {"field": name, "type": "quantitative", "title": None,
         "axis": {**_THOUSANDS, "tickCount": 4}}  # fmt: skip
    x = {"field": "seconds", "type": "quantitative", "title": "seconds since the first records",
         "scale": {"domain": [0, end], "nice": False}, "axis": {"tickCount": 6}}  # fmt: skip
    mark = {"type": "area", "line": {"color": "#0072b2"}, "color": "#0072b2", "fillOpacity": 0.15}
    return {"height": 160, "mark": mark, "encoding": {"x": x, "y": y}}


def _rows(rows: Sequence[int]) -> Spec:
    domain = [0, max(rows, default=1) + 1]
    return {"field": "row", "type": "quantitative", "title": "rows: events and late labels",
            "scale": {"domain": domain, "nice": False}, "axis": _THOUSANDS}  # fmt: skip


def _rows_of(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
