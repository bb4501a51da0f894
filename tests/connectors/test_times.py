"""Event times, one by one and by columns, against Python's datetime."""

import datetime as dt
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.connectors.decode import CellError
from streamadapt.connectors.time_columns import column_times_us
from streamadapt.connectors.times import UNIT_US, time_us
from streamadapt.events import MISSING_TIME, TimeFormat

ISO = TimeFormat.ISO8601
UNIX = sorted(UNIT_US)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
MOMENTS = st.datetimes(*map(dt.datetime.fromisoformat, ("0002-01-01", "9998-01-01")))


def micros(moment: dt.datetime) -> int:
    return (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)


@given(MOMENTS, st.one_of(st.none(), ZONES), st.sampled_from("T "))
def test_iso_times_are_those_of_datetime(
    moment: dt.datetime, zone: dt.timezone | None, between: str
) -> None:
    zoned = moment.replace(tzinfo=zone)
    assert time_us(zoned.isoformat(between), ISO) == micros(zoned)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 86_400_000_000),
        ("1970-01-01T00:01", 60_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01 01:00:00+0100", 0),
        ("1969-12-31T23:00:00.5-01", 500_000),
        ("1970-01-01T00:00:00.123456789", 123_456),
        (" 1970-01-01\t", 0),
        ("1969-12-31T23:59:59.9999999", -1),
    ],
)
def test_iso_times_may_be_written_in_these_ways(text: str, expected: int) -> None:
    assert time_us(text, ISO) == expected
    assert column_times_us([text, text], ISO).tolist() == [expected] * 2


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "1970", "1970-1-1", "1970-13-01", "1970-02-29", "1900-02-29", "0000-01-01"),
        *("1970-01-00", "1970-01-01T24:00", "1970-01-01T00:60", "1970-01-01T00:00:60"),
        *(
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00+01:60",
            "1970-01-01T00:00:00.",
            "\u0661970-01-01",
        ),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "1970-01-01\n", 0, 0.5, True),
    ],
)
def test_what_is_no_iso_time_is_bad(value: object) -> None:
    with pytest.raises(CellError, match="bad_time"):
        time_us(value, ISO)
    assert column_times_us([value, value], ISO) is None


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=9), st.sampled_from(UNIX))
def test_unix_texts_are_exact_and_finer_digits_dropped(number: object, unit: TimeFormat) -> None:
    exact = Fraction(str(number)) * UNIT_US[unit]
    expected = abs(exact) // 1 * (1 if exact > 0 else -1)
    if abs(expected) < 10**17:
        assert time_us(f"{number:f}", unit) == expected


@given(st.integers(-(10**11), 10**11), st.sampled_from(UNIX))
def test_unix_ints_floats_and_texts_agree(number: int, unit: TimeFormat) -> None:
    expected = number * UNIT_US[unit]
    if abs(expected) < 6 * 10**16:
        values = [number, float(number), str(number), f" {number}.0 ", f"{number}e0"]
        assert [time_us(value, unit) for value in values] == [expected] * 5


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "1_0",
        "0x1F",
        "nan",
        "inf",
        "1e300",
        "1e999999999",
        1e300,
        10**30,
        float("nan"),
        True,
        [],
    ],
)
@pytest.mark.parametrize("unit", UNIX)
def test_what_is_no_unix_time_is_bad(value: object, unit: TimeFormat) -> None:
    with pytest.raises(CellError, match="bad_time"):
        time_us(value, unit)
    assert column_times_us([value, value], unit) is None


def test_a_tiny_exponent_is_no_trap() -> None:
    assert time_us("1e-999999999999999999999", TimeFormat.UNIX_S) == 0


ISO_TEXTS = st.one_of(
    st.builds(lambda m, sep: m.isoformat(sep), MOMENTS, st.sampled_from("T ")),
    st.builds(lambda m: m.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"), MOMENTS),
    st.builds(lambda m: m.date().isoformat(), MOMENTS),
    st.sampled_from(
        ["2023-02-30", "2023-02-30T00:00:00", "é023-02-11", "2023-01-01T25:00:00Z", ""]
    ),
)
UNIX_VALUES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from([True, "0x1F", " 5", "+5", "5.5", "-0"]),
)
COLUMNS = st.one_of(
    st.tuples(st.just(ISO), st.lists(st.none() | ISO_TEXTS)),
    st.tuples(
        st.just(ISO), st.lists(st.none() | MOMENTS.map(lambda m: m.isoformat(" ", "seconds")))
    ),
    st.tuples(st.sampled_from(UNIX), st.lists(st.none() | UNIX_VALUES)),
    st.tuples(st.sampled_from(UNIX), st.lists(st.none() | st.integers(-(10**10), 10**10))),
    st.tuples(st.sampled_from(UNIX), st.lists(st.none() | st.integers(-(10**10), 10**10).map(str))),
)


@given(COLUMNS)
def test_a_column_at_once_is_its_values_one_by_one(column: tuple[TimeFormat, list[object]]) -> None:
    time_format, values = column
    times = column_times_us(values, time_format)
    if times is not None:
        assert times.dtype == np.int64
        singly = [MISSING_TIME if v is None else time_us(v, time_format) for v in values]
        assert times.tolist() == singly


@given(st.lists(MOMENTS.map(lambda m: m.isoformat("T", "microseconds")), min_size=1))
def test_a_column_of_one_layout_is_decoded_at_once(texts: list[str]) -> None:
    assert column_times_us(texts, ISO) is not None


def test_digits_that_are_not_ascii_are_left_to_the_exact_way() -> None:
    assert column_times_us(["1970-01-01", "1970-01-0\u0661"], ISO) is None
    assert column_times_us(["1970-01-01", "1970-01-0\u00e9"], ISO) is None
    assert column_times_us(["1970-01-01", "1970-01-0", "1970-01-011"], ISO) is None
