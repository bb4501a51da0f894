"""Derived features, described: lags, rolling windows, calendar parts, functions of your own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ConfigError
from streamadapt.events import MISSING_TIME, Records, RecordSchema
from streamadapt.state import State

__all__ = [
    "MAX_LENGTH",
    "Calendar",
    "Derived",
    "DerivedSpec",
    "FeatureFunction",
    "Lag",
    "PythonFeature",
    "Rolling",
    "calendar_part",
    "check_derived",
]

MAX_LENGTH = 65_536
"""Longest lag or window, in rows of a key."""

Part = Literal[
    "minute_of_hour",
    "hour_of_day",
    "minute_of_day",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "month_of_year",
]
Statistic = Literal["mean", "std", "min", "max", "sum"]

# First value and number of values.
_RANGES: dict[Part, tuple[int, int]] = {
    "minute_of_hour": (0, 60),
    "hour_of_day": (0, 24),
    "minute_of_day": (0, 1440),
    "day_of_week": (0, 7),
    "day_of_month": (1, 31),
    "day_of_year": (1, 366),
    "month_of_year": (1, 12),
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lag(_Model):
    """What a column was 1, 2, ... rows of the same key ago; NaN before the first row."""

    kind: Literal["lag"] = "lag"
    of: str = Field(description="numeric or boolean feature, or the numeric target")
    steps: tuple[Annotated[int, Field(ge=1, le=MAX_LENGTH)], ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return tuple(f"{self.of}_lag_{step}" for step in self.steps)


class Rolling(_Model):
    """Statistics of a column over the last `window` rows of the same key.

    The current row is among them if its value is known when it is predicted: always for a
    feature, for the target only in a forecast.  Missing values are skipped; a statistic of no
    value, or one beyond the range of float64, is NaN.  ``std`` divides by the number of values
    (0.0 for one value).
    """

    kind: Literal["rolling"] = "rolling"
    of: str = Field(description="numeric or boolean feature, or the numeric target")
    window: int = Field(ge=1, le=MAX_LENGTH, description="rows")
    statistics: tuple[Statistic, ...] = Field(("mean", "std"), min_length=1)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return tuple(f"{self.of}_rolling_{self.window}_{name}" for name in self.statistics)


class Calendar(_Model):
    """Parts of the event time in UTC; NaN where a row has no time.

    ``plain`` gives the numbers people use (``day_of_week`` from 0 for Monday, days and months
    from 1); ``cyclic`` gives sine and cosine of the place in the hour, day, week, month or year,
    so that its end is near its start.
    """

    kind: Literal["calendar"] = "calendar"
    parts: tuple[Part, ...] = Field(min_length=1)
    encoding: Literal["plain", "cyclic"] = "plain"

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        if self.encoding == "plain":
            return tuple(self.parts)
        return tuple(f"{part}_{wave}" for part in self.parts for wave in ("sin", "cos"))

    def transform(self, times_us: IntArray) -> FloatArray:
        """Return float64 [n, m] for event times int64 [n] in microseconds.

        Examples
        --------
        >>> Calendar(parts=("hour_of_day", "day_of_week")).transform(np.array([3_600_000_000]))
        array([[1., 3.]])
        """
        known = times_us != MISSING_TIME
        times = np.where(known, times_us, 0)
        out = np.empty((len(times), len(self.names())))
        for j, part in enumerate(self.parts):
            values = calendar_part(times, part)
            if self.encoding == "plain":
                out[:, j] = values
            else:
                out[:, 2 * j : 2 * j + 2] = _waves(part)[values - _RANGES[part][0]]
        out[~known] = np.nan
        return out


class PythonFeature(_Model):
    """A `FeatureFunction` of your own, by the name of what builds it."""

    kind: Literal["python"] = "python"
    factory: str = Field(pattern=r"^[\w.]+:\w+$", description="package.module:factory")


DerivedSpec: TypeAlias = Annotated[
    Lag | Rolling | Calendar | PythonFeature, Field(discriminator="kind")
]
"""A derived feature as it stands in a pipeline file."""


@runtime_checkable
class FeatureFunction(Protocol):
    """Computes columns of your own from decoded rows, in the order they came.

    It must keep the laws: the same rows give the same bits however they are cut into calls, a
    row's columns depend on no later row, memory is bounded, no value raises.  The target's column
    is not among the records it sees, unless the target is known when a row is predicted.
    """

    names: tuple[str, ...]
    """Output columns."""

    def transform(self, records: Records, rows: IntArray) -> FloatArray:
        """Return float64 [n, len(names)] for the rows with indices int64 `rows` [n]."""
        ...

    def state(self) -> State:
        """Return all that is needed to go on, as data."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        ...


Derived: TypeAlias = Lag | Rolling | Calendar | FeatureFunction
"""A derived feature that is ready to be computed."""


def check_derived(schema: RecordSchema, derived: Sequence[Derived], targets_known: bool) -> None:
    """Raise `ConfigError` if a derived feature does not fit the schema, or would peek.

    `targets_known` says whether earlier rows' targets are known when a row is predicted.
    """
    for spec in derived:
        if isinstance(spec, Lag | Rolling):
            _check_source(schema, spec, targets_known)
        elif isinstance(spec, Calendar):
            if schema.time is None:
                raise ConfigError("derived: a calendar needs a time column (`time` of the record)")
        elif not isinstance(spec, FeatureFunction):
            raise ConfigError(f"derived: {spec!r} has no names, transform, state and restore")


def _check_source(schema: RecordSchema, spec: Lag | Rolling, targets_known: bool) -> None:
    allowed = schema.number_columns() + schema.boolean_columns()
    if spec.of not in allowed:
        raise ConfigError(
            f"derived: {spec.kind} of {spec.of!r}, which is no numeric or boolean column "
            f"(there are: {', '.join(allowed) or 'none'})"
        )
    if spec.of == schema.target and not targets_known:
        raise ConfigError(
            f"derived: {spec.kind} of the target {spec.of!r} would peek: labels come late, so the "
            "last rows' targets are not known yet when a row is predicted; derive it from a "
            "feature column instead"
        )


def calendar_part(times_us: IntArray, part: Part) -> IntArray:
    """Return one part of times int64 [n], in whole numbers throughout."""
    # NumPy's own cast from microseconds to days wraps around near the ends of int64.
    minutes = times_us // 60_000_000
    day = (times_us // 86_400_000_000).view("M8[D]")
    match part:
        case "minute_of_hour":
            values = minutes % 60
        case "hour_of_day":
            values = minutes // 60 % 24
        case "minute_of_day":
            values = minutes % 1440
        case "day_of_week":
            values = (day.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        case "day_of_month":
            values = (day - day.astype("M8[M]").astype("M8[D]")).astype(np.int64) + 1
        case "day_of_year":
            values = (day - day.astype("M8[Y]").astype("M8[D]")).astype(np.int64) + 1
        case "month_of_year":
            values = day.astype("M8[M]").astype(np.int64) % 12 + 1
    return values


@cache
def _waves(part: Part) -> FloatArray:
    """Sine and cosine [k, 2] of each value; a table, as vectorised sine differs by array length."""
    turns = [2 * math.pi * k / _RANGES[part][1] for k in range(_RANGES[part][1])]
    return np.array([(math.sin(turn), math.cos(turn)) for turn in turns])
