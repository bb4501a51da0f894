"""Slow, obvious versions of what a key remembers: whole lists of the past, summed up anew."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.derived_memory import (
    Count,
    ExponentiallyWeighted,
    Rate,
    Remembered,
    Scale,
    TimeSinceLast,
)
from streamadapt.events import MISSING_TIME


@dataclass
class Past:
    """All rows of a key: values, times (those of late rows raised to the newest), stream rows."""

    values: list[float] = field(default_factory=list)
    clocks_us: list[int | None] = field(default_factory=list)
    timed: list[bool] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class NaiveMemory:
    """The past of each key; the key used least recently goes when there are too many."""

    def __init__(self, spec: Remembered, max_keys: int, holds_current: bool = True) -> None:
        self.spec = spec
        self.max_keys = max_keys
        self.holds_current = holds_current
        self.past: OrderedDict[object, Past] = OrderedDict()
        self.evicted = 0
        self.n = 0

    def row(self, key: object, time_us: int, x: float) -> list[float]:
        """Take a row in and return the derived columns."""
        if key not in self.past and len(self.past) == self.max_keys:
            self.past.popitem(last=False)
            self.evicted += 1
        past = self.past.setdefault(key, Past())
        self.past.move_to_end(key)
        self.n += 1
        last = past.clocks_us[-1] if past.clocks_us else None
        timed = time_us != MISSING_TIME
        known = [last] if last is not None else []
        now = max([time_us] * timed + known, default=None)
        before = Past(list(past.values), list(past.clocks_us), list(past.timed), list(past.rows))
        past.values.append(x if abs(x) <= 1e140 else math.nan)
        past.clocks_us.append(now)
        past.timed.append(timed)
        past.rows.append(self.n)
        return self.told(past, before)

    def told(self, past: Past, before: Past) -> list[float]:
        """Compute the columns from the lists."""
        spec = self.spec
        if isinstance(spec, ExponentiallyWeighted):
            return moments(spec, past if self.holds_current else before)
        if isinstance(spec, Scale):
            return [scaled(spec, past.values)]
        timed = past.timed[-1]
        if isinstance(spec, TimeSinceLast):
            return [span_s(before.clocks_us[-1], past) if timed and any(before.timed) else math.nan]
        if isinstance(spec, Rate):
            events = zip(past.clocks_us, past.timed, strict=True)
            ages = [span_s(clock, past) for clock, is_timed in events if is_timed]
            total = math.fsum(2.0 ** (-age / spec.half_life_s) for age in ages)
            return [total * math.log(2.0) / spec.half_life_s if timed else math.nan]
        return [counted(spec, past)]


def moments(spec: ExponentiallyWeighted, past: Past) -> list[float]:
    """Weigh each value by its age and sum up in two passes."""
    kept = [(i, x) for i, x in enumerate(past.values) if not math.isnan(x)]
    if not kept:
        return [math.nan] * len(spec.statistics)
    ages = [
        len(past.values) - i if spec.unit == "rows" else span_s(past.clocks_us[i], past)
        for i, _ in kept
    ]
    ages = [age - min(ages) for age in ages]  # only ratios of weights matter
    weights = [2.0 ** (-age / spec.half_life) for age in ages]
    total = math.fsum(weights)
    mean = math.fsum(w * x for w, (_, x) in zip(weights, kept, strict=True)) / total
    var = math.fsum(w * (x - mean) ** 2 for w, (_, x) in zip(weights, kept, strict=True)) / total
    return [{"mean": mean, "std": math.sqrt(var), "var": var}[name] for name in spec.statistics]


def span_s(then: int | None, past: Past) -> float:
    """Return the seconds from then to the newest time; none from before any time is known."""
    now = past.clocks_us[-1]
    if now is None:
        return 0.0
    first = next(clock for clock in past.clocks_us if clock is not None)
    return (now - (first if then is None else then)) / 1e6


def scaled(spec: Scale, values: list[float]) -> float:
    """Scale the last value by all so far."""
    x, seen = values[-1], [v for v in values if not math.isnan(v)]
    if math.isnan(x):
        return math.nan
    if spec.method == "min_max":
        away, spread = x - min(seen), max(seen) - min(seen)
    else:
        away, spread = x - float(np.mean(seen)), float(np.std(seen))
    return away / spread if spread > 0 else 0.0


def counted(spec: Count, past: Past) -> float:
    """Count the rows of the key in the window."""
    if spec.unit == "rows":
        ages: list[float] = [past.rows[-1] - row for row in past.rows]
    elif not past.timed[-1]:
        return math.nan
    else:
        events = zip(past.clocks_us, past.timed, strict=True)
        ages = [span_s(clock, past) for clock, timed in events if timed]
    return float(min(spec.most, sum(age < spec.window for age in ages)))


def naive_rows(
    naive: NaiveMemory, keys: Sequence[object], times_us: Sequence[int], xs: FloatArray
) -> FloatArray:
    """Return all rows of a stream, one by one."""
    rows = zip(keys, times_us, xs.tolist(), strict=True)
    return np.array([naive.row(key, time, x) for key, time, x in rows])
