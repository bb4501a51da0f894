"""Event times of a whole column at once, where all are written alike.

The rules are those of `streamadapt.connectors.times.time_us`; what is not of the common kind is
left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from streamadapt.connectors.times import ISO_TEXT, UNIT_US, in_range
from streamadapt.contracts import IntArray
from streamadapt.events import MISSING_TIME, TimeFormat

__all__ = ["column_times_us", "scaled_times_us"]

Digits: TypeAlias = NDArray[np.uint8]

# Whole numbers that int64 surely holds; Arrow alone would also take 0x1F.
_WHOLE_NUMBER = "^-?[0-9]{1,18}$"


def column_times_us(values: Sequence[object], time_format: TimeFormat) -> IntArray | None:
    """Decode a column (None: missing), or return None if it is not all alike and all right.

    ISO texts are alike if they differ in nothing but digits; Unix times, if they are whole
    numbers or texts of such.

    Returns
    -------
    int64 [n] microseconds, `MISSING_TIME` where a value is None.

    Examples
    --------
    >>> column_times_us(["1970-01-01T00:00:01Z", None], TimeFormat.ISO8601).tolist()[0]
    1000000
    >>> column_times_us(["1970-01-01", "1970-01-02T00:00Z"], TimeFormat.ISO8601) is None
    True
    """
    is_text = any(isinstance(value, str) for value in values)
    if not is_text and any(type(value) is not int for value in values if value is not None):
        return None
    try:
        column = pa.array(values, pa.string() if is_text else pa.int64())
    except (pa.ArrowException, TypeError, OverflowError):  # mixed types, or no int64
        return None
    found = _decoder(is_text, time_format)(column.drop_null())
    if found is None or not column.null_count:
        return found
    times = np.full(len(column), MISSING_TIME, np.int64)
    times[column.is_valid().to_numpy(zero_copy_only=False)] = found
    return times


def _decoder(is_text: bool, time_format: TimeFormat) -> Callable[[pa.Array], IntArray | None]:
    if time_format is not TimeFormat.ISO8601:
        read = _whole_numbers if is_text else _integers
        return lambda column: _checked(read(column), UNIT_US[time_format])
    return _iso_us if is_text else lambda column: None if len(column) else _integers(column)


def _integers(column: pa.Array) -> IntArray:
    return np.array(column, np.int64)


def _whole_numbers(column: pa.Array) -> IntArray | None:
    if not pc.all(pc.match_substring_regex(column, _WHOLE_NUMBER), min_count=0).as_py():
        return None
    return _integers(column.cast(pa.int64()))


def _checked(units: IntArray | None, unit_us: int) -> IntArray | None:
    times = None if units is None else scaled_times_us(units, unit_us)
    return times if times is not None and in_range(times).all() else None


def scaled_times_us(units: IntArray, unit_us: int) -> IntArray:
    """Return ``units * unit_us``, and the largest int64, which is no time, where that is too large.

    >>> scaled_times_us(np.array([2, 2**62]), 1000).tolist() == [2000, 2**63 - 1]
    True
    """
    limit = np.iinfo(np.int64).max // unit_us
    fits = (units >= -limit) & (units <= limit)
    return np.where(fits, np.where(fits, units, 0) * unit_us, np.iinfo(np.int64).max)


def _iso_us(column: pa.Array) -> IntArray | None:
    if not len(column):
        return np.zeros(0, np.int64)
    layout = ISO_TEXT.fullmatch(column[0].as_py())
    texts = None if layout is None else _alike(column)
    if layout is None or texts is None:
        return None

    def part(group: int) -> IntArray:
        a, b = layout.span(group)
        return _number(texts[:, a : min(b, a + 6)])

    def zero_or(group: int) -> IntArray:
        return part(group) if layout.group(group) is not None else np.zeros(len(column), np.int64)

    year, month, day = part(1), part(2), part(3)
    hour, minute, second, fraction = (zero_or(group) for group in (4, 5, 6, 7))
    zone_h, zone_min = zero_or(9), zero_or(10)
    is_right = (month >= 1) & (month <= 12) & (year >= 1) & (day >= 1) & (hour < 24) & (minute < 60)
    is_right &= (second < 60) & (zone_h < 24) & (zone_min < 60)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    is_right &= day <= (months + 1).astype("datetime64[D]").astype(np.int64) - first
    offset_min = (-1 if layout.group(8) == "-" else 1) * (zone_h * 60 + zone_min)
    minutes = ((first + day - 1) * 24 + hour) * 60 + minute - offset_min
    fraction_us = fraction * 10 ** max(0, 6 - len(layout.group(7) or ""))
    times = (minutes * 60 + second) * 1_000_000 + fraction_us
    return times if is_right.all() and in_range(times).all() else None


def _number(digits: Digits) -> IntArray:
    value = np.zeros(len(digits), np.int64)
    for column in digits.T:
        value = value * 10 + (column - ord("0"))
    return value


def _alike(column: pa.Array) -> Digits | None:
    """Return texts as bytes uint8 [n, width] if they differ in nothing but digits."""
    width = len(column[0].as_py())
    joined = np.frombuffer("".join(column.to_pylist()).encode(), np.uint8)
    if len(joined) != width * len(column) or not _all_have(column, width):
        return None
    texts = joined.reshape(len(column), width)
    is_digit = (texts[0] >= ord("0")) & (texts[0] <= ord("9"))
    same = (texts[:, ~is_digit] == texts[0, ~is_digit]).all()
    digits = texts[:, is_digit]
    return texts if same and ((digits >= ord("0")) & (digits <= ord("9"))).all() else None


def _all_have(column: pa.Array, width: int) -> bool:
    return bool(pc.all(pc.equal(pc.binary_length(column), width), min_count=0).as_py())
