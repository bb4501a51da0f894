"""Slow, obvious versions of what features and admission compute, and blocks of records to try."""

from __future__ import annotations

import math
import statistics
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.derived import Lag, Rolling
from streamadapt.events import Records


def block(
    numbers: dict[str, Sequence[float]] | None = None,
    texts: dict[str, list[str | None]] | None = None,
    times_us: Sequence[int] | None = None,
) -> Records:
    """Build records from columns; the i-th original says ``row i``."""
    columns = {name: np.array(values, np.float64) for name, values in (numbers or {}).items()}
    n = max([len(v) for v in columns.values()] + [len(v) for v in (texts or {}).values()] + [0])
    return Records(
        positions=np.arange(100, 100 + n),
        numbers=columns,
        texts=texts or {},
        times_us=None if times_us is None else np.array(times_us, np.int64),
        original=lambda i: b"row %d" % i,
    )


def part(records: Records, start: int, stop: int) -> Records:
    """Rows start..stop-1 as a block of their own."""
    return Records(
        positions=records.positions[start:stop],
        numbers={name: values[start:stop] for name, values in records.numbers.items()},
        texts={name: values[start:stop] for name, values in records.texts.items()},
        times_us=None if records.times_us is None else records.times_us[start:stop],
        original=lambda i: records.original(start + i),
    )


class NaiveHistory:
    """A list of past values per key; the key used least recently goes when there are too many."""

    def __init__(self, spec: Lag | Rolling, max_keys: int, holds_current: bool = True) -> None:
        self.spec = spec
        self.max_keys = max_keys
        self.holds_current = holds_current
        self.past: OrderedDict[object, list[float]] = OrderedDict()
        self.evicted = 0

    def row(self, key: object, x: float) -> list[float]:
        """Append x and return the derived columns."""
        if key not in self.past and len(self.past) == self.max_keys:
            self.past.popitem(last=False)
            self.evicted += 1
        values = self.past.setdefault(key, [])
        self.past.move_to_end(key)
        before = list(values)
        values.append(x if math.isfinite(x) else math.nan)
        if isinstance(self.spec, Lag):
            steps = self.spec.steps
            return [before[-step] if len(before) >= step else math.nan for step in steps]
        window = (values if self.holds_current else before)[-self.spec.window :]
        return [exact_statistic(name, window) for name in self.spec.statistics]


def exact_statistic(name: str, window: list[float]) -> float:
    """Compute one statistic of the valid values with exact sums."""
    valid = [x for x in window if not math.isnan(x)]
    if not valid:
        return math.nan
    return {
        "mean": lambda: statistics.fmean(valid),
        "std": lambda: statistics.pstdev(valid),
        "min": lambda: min(valid),
        "max": lambda: max(valid),
        "sum": lambda: math.fsum(valid),
    }[name]()


def naive_rows(naive: NaiveHistory, keys: Sequence[object], xs: FloatArray) -> FloatArray:
    """Return all rows of a stream, one by one."""
    return np.array([naive.row(key, x) for key, x in zip(keys, xs.tolist(), strict=True)])
