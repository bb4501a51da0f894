"""Derived features of the event time: its calendar parts, and waves over day, week and year."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from streamadapt.calendar_kernels import write_waves
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.events import MISSING_TIME

__all__ = ["Calendar", "Fourier", "Part", "calendar_part"]

Part = Literal[
    "minute_of_hour",
    "hour_of_day",
    "minute_of_day",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "month_of_year",
]

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

# Length and start of the first one, in microseconds since 1970-01-01, a Thursday.
_PERIODS = {
    "day": (86_400_000_000, 0),
    "week": (604_800_000_000, -259_200_000_000),
    "year": (31_556_952_000_000, 0),
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calendar(_Model):
    """Parts of the event time in UTC; NaN where a row has no time.

    ``plain`` gives the numbers people use (``day_of_week`` from 0 for Monday, days and months
    from 1); ``cyclic`` gives sine and cosine of the place in the hour, day, week, month or year,
    so that its end is near its start.

    Parameters
    ----------
    parts
        Parts of the time.
    encoding
        ``plain`` or ``cyclic``.
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


class Fourier(_Model):
    """Sines and cosines of the event time: smooth curves over the day, the week or the year, UTC.

    The year is the Gregorian calendar's mean one, 365.2425 days.  NaN where a row has no time.

    Parameters
    ----------
    period
        What comes again: ``day``, ``week`` (from Monday) or ``year``.
    harmonics
        So many waves in a period, from 1 on: more of them make finer curves.
    """

    kind: Literal["fourier"] = "fourier"
    period: Literal["day", "week", "year"]
    harmonics: int = Field(1, ge=1, le=100)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        waves = range(1, self.harmonics + 1)
        return tuple(f"{self.period}_{wave}_{k}" for k in waves for wave in ("sin", "cos"))

    def transform(self, times_us: IntArray) -> FloatArray:
        """Return float64 [n, 2 * harmonics] for event times int64 [n] in microseconds.

        Examples
        --------
        >>> Fourier(period="day").transform(np.array([6 * 3_600_000_000])).round(12)
        array([[1., 0.]])
        """
        out = np.empty((len(times_us), 2 * self.harmonics))
        length, start = _PERIODS[self.period]
        write_waves(np.require(times_us, np.int64, ["C", "W"]), length, start, out)
        return out


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
