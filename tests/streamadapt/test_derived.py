"""Specifications of derived features, and the calendar against the standard library's."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from streamadapt.derived import (
    Calendar,
    Derived,
    DerivedSpec,
    Lag,
    Part,
    PythonFeature,
    Rolling,
    check_derived,
)
from streamadapt.errors import ConfigError
from streamadapt.events import (
    MISSING_TIME,
    BooleanField,
    CategoricalField,
    NumericField,
    RecordSchema,
)

PARTS: tuple[Part, ...] = get_args(Part)
SPEC: TypeAdapter[Any] = TypeAdapter(DerivedSpec)
SCHEMA = RecordSchema(
    features={"x": NumericField(), "b": BooleanField(), "c": CategoricalField()}, target="y"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parts_of(when: datetime) -> dict[str, int]:
    return {
        "minute_of_hour": when.minute,
        "hour_of_day": when.hour,
        "minute_of_day": 60 * when.hour + when.minute,
        "day_of_week": when.weekday(),
        "day_of_month": when.day,
        "day_of_year": when.timetuple().tm_yday,
        "month_of_year": when.month,
    }


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=20))
def test_calendar_parts_are_those_of_the_standard_library(times: list[datetime]) -> None:
    times_us = np.array([(when - EPOCH) // timedelta(microseconds=1) for when in times])
    got = Calendar(parts=PARTS).transform(times_us)
    assert got.tolist() == [[parts_of(when)[part] for part in PARTS] for when in times]


@given(st.datetimes(timezones=st.just(UTC)))
def test_cyclic_parts_are_sine_and_cosine_of_the_place_in_the_cycle(when: datetime) -> None:
    times_us = np.array([(when - EPOCH) // timedelta(microseconds=1)])
    spec = Calendar(parts=("hour_of_day", "day_of_month", "month_of_year"), encoding="cyclic")
    turns = [when.hour / 24, (when.day - 1) / 31, (when.month - 1) / 12]
    expected = [wave(2 * math.pi * turn) for turn in turns for wave in (math.sin, math.cos)]
    np.testing.assert_allclose(spec.transform(times_us)[0], expected, atol=1e-14)


@given(st.lists(st.integers(MISSING_TIME, 2**63 - 1), max_size=40), st.integers(0, 40))
def test_calendar_rows_do_not_depend_on_the_rows_beside_them(times: list[int], cut: int) -> None:
    times_us = np.array(times, np.int64)
    for spec in (Calendar(parts=PARTS), Calendar(parts=PARTS, encoding="cyclic")):
        halves = [spec.transform(times_us[:cut]), spec.transform(times_us[cut:])]
        assert np.concatenate(halves).tobytes() == spec.transform(times_us).tobytes()


@pytest.mark.parametrize("encoding", ["plain", "cyclic"])
def test_only_a_missing_time_gives_missing_parts(encoding: Any) -> None:
    times_us = np.array([MISSING_TIME, MISSING_TIME + 1, 0, 2**63 - 1])
    got = Calendar(parts=PARTS, encoding=encoding).transform(times_us)
    assert np.isnan(got).all(axis=1).tolist() == [True, False, False, False]
    assert np.isfinite(got[1:]).all()


def test_columns_are_named_after_what_they_hold() -> None:
    assert Lag(of="x", steps=(1, 48)).names() == ("x_lag_1", "x_lag_48")
    assert Rolling(of="x", window=5, statistics=("max",)).names() == ("x_rolling_5_max",)
    assert Calendar(parts=("hour_of_day",)).names() == ("hour_of_day",)
    cyclic = Calendar(parts=("hour_of_day",), encoding="cyclic")
    assert cyclic.names() == ("hour_of_day_sin", "hour_of_day_cos")


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        ({"kind": "lag", "of": "x", "steps": [1, 2]}, Lag(of="x", steps=(1, 2))),
        ({"kind": "rolling", "of": "x", "window": 3}, Rolling(of="x", window=3)),
        ({"kind": "calendar", "parts": ["hour_of_day"]}, Calendar(parts=("hour_of_day",))),
        ({"kind": "python", "factory": "my.module:make"}, PythonFeature(factory="my.module:make")),
    ],
)
def test_kind_says_which_specification_is_meant(raw: dict[str, object], spec: Derived) -> None:
    assert SPEC.validate_python(raw) == spec


@pytest.mark.parametrize(
    "raw",
    [
        {"kind": "lag", "of": "x", "steps": [0]},
        {"kind": "lag", "of": "x", "steps": []},
        {"kind": "lag", "of": "x", "steps": [1], "window": 3},
        {"kind": "rolling", "of": "x", "window": 0},
        {"kind": "rolling", "of": "x", "window": 3, "statistics": ["median"]},
        {"kind": "calendar", "parts": ["century"]},
        {"kind": "python", "factory": "no_colon"},
        {"kind": "sum"},
    ],
)
def test_a_specification_that_means_nothing_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SPEC.validate_python(raw)


@pytest.mark.parametrize("of", ["c", "z"])
def test_only_numeric_and_boolean_columns_have_a_history(of: str) -> None:
    with pytest.raises(ConfigError, match=r"no numeric or boolean column \(there are: x, y, b\)"):
        check_derived(SCHEMA, [Lag(of=of, steps=(1,))], targets_known=True)


@pytest.mark.parametrize("spec", [Lag(of="y", steps=(1,)), Rolling(of="y", window=2)])
def test_the_past_of_a_target_whose_labels_come_late_is_refused(spec: Lag | Rolling) -> None:
    with pytest.raises(ConfigError, match="would peek: labels come late"):
        check_derived(SCHEMA, [spec], targets_known=False)


def test_a_class_target_has_no_history() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", classes=("a", "b"))
    with pytest.raises(ConfigError, match="'y', which is no numeric"):
        check_derived(schema, [Lag(of="y", steps=(1,))], targets_known=True)


def test_a_calendar_without_a_time_column_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a time column"):
        check_derived(SCHEMA, [Calendar(parts=("hour_of_day",))], targets_known=False)


def test_a_python_feature_that_is_not_built_yet_is_refused() -> None:
    unbuilt: Any = PythonFeature(factory="a:b")
    with pytest.raises(ConfigError, match="has no names, transform, state and restore"):
        check_derived(SCHEMA, [unbuilt], targets_known=False)
