"""Event times become microseconds since 1970, UTC; one by one (columns: `time_columns`)."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_DOWN, Context, Decimal

from streamadapt.connectors.decode import BLANKS, CellError
from streamadapt.contracts import BoolArray, IntArray
from streamadapt.events import MISSING_TIME, TimeFormat

__all__ = ["ISO_TEXT", "UNIT_US", "in_range", "time_us"]

UNIT_US = {TimeFormat.UNIX_S: 1_000_000, TimeFormat.UNIX_MS: 1_000, TimeFormat.UNIX_US: 1}
"""Microseconds per unit."""

_DAY_US = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MIN_US = (dt.date.min.toordinal() - _EPOCH) * _DAY_US
_MAX_US = (dt.date.max.toordinal() - _EPOCH + 1) * _DAY_US - 1

ISO_TEXT = re.compile(
    r"[ \t]*([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)? ?"
    r"(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?[ \t]*"
)
_UNIX = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

# Enough digits for every time in range; more are dropped, not rounded.
_DECIMALS = Context(prec=60, rounding=ROUND_DOWN)


def in_range(times_us: IntArray) -> BoolArray:
    """Whether times lie in the years 1 to 9999; true for `MISSING_TIME`."""
    is_ours: BoolArray = (times_us >= _MIN_US) & (times_us <= _MAX_US)
    is_missing: BoolArray = times_us == MISSING_TIME
    return is_ours | is_missing


def time_us(value: object, time_format: TimeFormat) -> int:
    """Return a time in the years 1 to 9999 as microseconds; finer digits are dropped.

    ISO 8601: a date, or date and time with a ``T`` or a blank between, to minutes, seconds or
    fractions, with ``Z``, an offset or nothing (UTC).  Unix times: numbers, or texts of them.

    Raises
    ------
    CellError
        With reason ``bad_time``.

    Examples
    --------
    >>> time_us("1970-01-02 00:00:00.0000019+00:00", TimeFormat.ISO8601) - 86_400_000_000
    1
    >>> time_us("1.5", TimeFormat.UNIX_S), time_us(2, TimeFormat.UNIX_MS)
    (1500000, 2000)
    """
    if time_format is TimeFormat.ISO8601:
        micros = _iso_us(value)
    else:
        micros = _unix_us(value, UNIT_US[time_format])
    if not _MIN_US <= micros <= _MAX_US:
        raise CellError("bad_time")
    return micros


def _iso_us(value: object) -> int:
    match = ISO_TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise CellError("bad_time")
    year, month, day, hour, minute, second = (int(g or 0) for g in match.groups()[:6])
    fraction, sign, zone_h, zone_min = match.groups()[6:]
    offset_min = (-1 if sign == "-" else 1) * _clock_min(int(zone_h or 0), int(zone_min or 0))
    try:
        days = dt.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise CellError("bad_time") from None
    minutes = _clock_min(hour, minute) - offset_min
    if second > 59:
        raise CellError("bad_time")
    return (
        days * _DAY_US
        + (minutes * 60 + second) * 1_000_000
        + int((fraction or "0")[:6].ljust(6, "0"))
    )


def _clock_min(hour: int, minute: int) -> int:
    if hour > 23 or minute > 59:
        raise CellError("bad_time")
    return hour * 60 + minute


def _unix_us(value: object, unit_us: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value * unit_us
    text = repr(value) if isinstance(value, float) else value
    bare = text.strip(BLANKS) if isinstance(text, str) else ""
    if _UNIX.fullmatch(bare) is None:
        raise CellError("bad_time")
    rough = abs(float(bare) * unit_us)
    if rough < 0.5:
        return 0
    if rough > 2.0**62:  # before Decimal writes out a huge power of ten
        raise CellError("bad_time")
    return int(_DECIMALS.multiply(_DECIMALS.create_decimal(bare), Decimal(unit_us)))
