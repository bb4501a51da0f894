"""Tables of what `drift_streams` has measured, in Markdown, beside DriftMoE's published numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator

from bench import Row

__all__ = ["PUBLISHED", "STREAMS", "tables"]

STREAMS = ("LED_a", "LED_g", "SEA_a", "SEA_g", "RBF_m", "RBF_f", "Electricity")

PUBLISHED: dict[str, tuple[float, ...]] = {
    "DriftMoE MoE-Data": (73.77, 73.11, 89.09, 88.74, 79.89, 61.90, 83.76),
    "DriftMoE MoE-Task": (71.11, 70.82, 88.04, 87.76, 88.65, 75.45, 68.73),
    "ARF-100": (73.96, 73.04, 89.68, 89.33, 92.04, 86.37, 90.08),
    "SRP-100": (73.98, 73.18, 87.39, 86.98, 90.55, 82.66, 89.64),
    "LevBag-100": (73.82, 73.15, 88.17, 88.77, 90.99, 84.47, 89.16),
    "OzaBag-100": (69.22, 69.21, 86.70, 86.69, 82.73, 66.46, 82.63),
    "OzaBoost-10": (69.35, 69.45, 87.81, 87.86, 84.29, 67.94, 86.30),
    "SmoothBoost-100": (72.88, 72.44, 88.95, 88.79, 88.31, 74.84, 87.51),
}
"""Accuracy in percent by stream.

The first two are from the project's page (sebasmos/Drift-Mixture-Of-Experts), over 10 seeds; the
others are read from its figure, +- 0.02.  Its Electricity has 8 features, ours 6.
"""

MEASURES: dict[str, tuple[str, float, str]] = {
    "accuracy": ("Prequential accuracy, %", 100.0, ".2f"),
    "kappa_m": ("Kappa M, %", 100.0, ".1f"),
    "kappa_temporal": ("Kappa temporal, %", 100.0, ".1f"),
    "events_per_s": ("Events per second of CPU time", 1.0, ",.0f"),
    "n_bytes": ("Learner at the end, kB", 1e-3, ",.0f"),
    "after_return": ("Accuracy over 5,000 rows after the first concept is back, %", 100.0, ".2f"),
}
SLOW = "River"


def tables(rows: Iterable[Row], differences: Iterable[Row]) -> Iterator[str]:
    """Yield lines: a table for each measure, then differences from MOA and from River."""
    rows = [row for row in rows if row["system"] != SLOW]
    most: dict[object, int] = {}
    for row in rows:
        most[row["stream"]] = max(most.get(row["stream"], 0), int(str(row["rows"])))
    rows = [row for row in rows if row["rows"] == most[row["stream"]]]
    for measure, (title, scale, form) in MEASURES.items():
        had = [row for row in rows if measure in row]
        yield from _head(title, STREAMS)
        for system, learner in dict.fromkeys((row["system"], row["learner"]) for row in had):
            own = [r for r in had if (r["system"], r["learner"]) == (system, learner)]
            values = [[r[measure] for r in own if r["stream"] == name] for name in STREAMS]
            yield _line(f"{system} {learner}", [_spread(v, scale, form) for v in values])
        if measure == "accuracy":
            for name, published in PUBLISHED.items():
                yield _line(f"published: {name}", [f"{v:.2f}" for v in published])
    yield from _differences(differences)


def _differences(differences: Iterable[Row]) -> Iterator[str]:
    names = ("rows", "seed", "ours, %", "theirs, %", "ours - theirs, points", "95 % bounds")
    yield from _head("The same rows", ("stream", *names))
    for row in differences:
        mean, low, high = (100.0 * float(str(row[name])) for name in ("difference", "low", "high"))
        accuracies = [f"{100.0 * float(str(row[n])):.2f}" for n in ("accuracy", "other_accuracy")]
        facts = [str(row["stream"]), f"{row['rows']:,}", str(row["seed"]), *accuracies]
        bounds = f"{low:+.2f} to {high:+.2f}"
        pair = f"{row['learner']} less {row['other']}'s {row['other_learner']}"
        yield _line(pair, [*facts, f"{mean:+.2f}", bounds])


def _spread(values: list[object], scale: float, form: str) -> str:
    """Return the mean over seeds, with the deviation and their number if there are several."""
    if not values:
        return "-"
    numbers = [scale * float(str(value)) for value in values]
    mean = format(statistics.fmean(numbers), form)
    if len(numbers) == 1:
        return mean
    return f"{mean} ± {format(statistics.stdev(numbers), form)} ({len(numbers)})"


def _head(title: str, columns: Iterable[str]) -> Iterator[str]:
    columns = list(columns)
    yield from ("", _line(title, columns), "|" + "---|" * (len(columns) + 1))


def _line(first: str, cells: Iterable[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"
