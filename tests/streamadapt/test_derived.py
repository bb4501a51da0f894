"""Specifications of derived features, and the calendar against the standard library's."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from streamadapt.config_file import parse_config
from streamadapt.config_schema import json_schema
from streamadapt.derived import (
    Calendar,
    Derived,
    DerivedSpec,
    Difference,
    Lag,
    PythonFeature,
    Rolling,
    TargetMean,
)
from streamadapt.derived_calendar import Fourier, Part
from streamadapt.derived_checks import check_derived
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Scale, TimeSinceLast
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.errors import ConfigError
from streamadapt.events import (
    MISSING_TIME,
    BooleanField,
    CategoricalField,
    NumericField,
    RecordSchema,
)
from streamadapt.scaffold import scaffold

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
    assert ExponentiallyWeighted(of="x", half_life=2.5, unit="seconds").names() == (
        "x_ewm_2.5s_mean",
        "x_ewm_2.5s_std",
    )
    assert Count(window=60).names() + Count(window=9, unit="rows").names() == (
        "count_60s",
        "count_9",
    )
    assert TargetMean(of="c").names(("no", "yes")) == ("c_target_yes",)
    assert TargetMean(of="c").names(("a", "b", "d")) == ("c_target_a", "c_target_b", "c_target_d")
    cyclic = Calendar(parts=("hour_of_day",), encoding="cyclic")
    assert cyclic.names() == ("hour_of_day_sin", "hour_of_day_cos")


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        ({"kind": "lag", "of": "x", "steps": [1, 2]}, Lag(of="x", steps=(1, 2))),
        ({"kind": "rolling", "of": "x", "window": 3}, Rolling(of="x", window=3)),
        ({"kind": "calendar", "parts": ["hour_of_day"]}, Calendar(parts=("hour_of_day",))),
        ({"kind": "difference", "of": "x"}, Difference(of="x")),
        ({"kind": "ewm", "of": "x", "half_life": 5}, ExponentiallyWeighted(of="x", half_life=5)),
        ({"kind": "rate", "half_life_s": 60}, Rate(half_life_s=60)),
        ({"kind": "time_since_last"}, TimeSinceLast()),
        ({"kind": "count", "window": 60}, Count(window=60)),
        ({"kind": "scale", "of": "x", "method": "robust"}, Scale(of="x", method="robust")),
        ({"kind": "fourier", "period": "day"}, Fourier(period="day")),
        ({"kind": "polynomial", "of": ["x", "b"]}, Polynomial(of=("x", "b"))),
        ({"kind": "hash", "of": ["c"], "width": 8}, Hashed(of=("c",), width=8)),
        ({"kind": "target_mean", "of": "c"}, TargetMean(of="c")),
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
        {"kind": "difference", "of": "x", "step": 0},
        {"kind": "ewm", "of": "x", "half_life": 0},
        {"kind": "ewm", "of": "x", "half_life": math.nan},
        {"kind": "ewm", "of": "x", "half_life": 1, "unit": "days"},
        {"kind": "rate", "half_life_s": -1},
        {"kind": "count", "window": 1, "most": 0},
        {"kind": "scale", "of": "x", "method": "log"},
        {"kind": "fourier", "period": "month"},
        {"kind": "polynomial", "of": []},
        {"kind": "hash", "of": ["c"], "width": 0},
        {"kind": "target_mean", "of": "c", "smoothing": 0},
    ],
)
def test_a_specification_that_means_nothing_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SPEC.validate_python(raw)


@pytest.mark.parametrize("of", ["c", "z"])
def test_only_numeric_and_boolean_columns_have_a_history(of: str) -> None:
    with pytest.raises(ConfigError, match=r"no numeric or boolean column \(there are: x, y, b\)"):
        check_derived(SCHEMA, [Lag(of=of, steps=(1,))], targets_known=True)


@pytest.mark.parametrize(
    "spec",
    [
        Lag(of="y", steps=(1,)),
        Rolling(of="y", window=2),
        ExponentiallyWeighted(of="y", half_life=2),
        Difference(of="y"),
        Scale(of="y"),
    ],
)
def test_the_past_of_a_target_whose_labels_come_late_is_refused(spec: Derived) -> None:
    with pytest.raises(ConfigError, match="would peek: labels come late"):
        check_derived(SCHEMA, [spec], targets_known=False)


@pytest.mark.parametrize("spec", [Difference(of="y"), Scale(of="y")])
def test_what_needs_the_rows_own_target_is_for_forecasts_only(spec: Derived) -> None:
    check_derived(SCHEMA, [spec], targets_known=True, own_known=True)
    with pytest.raises(ConfigError, match="would peek"):
        check_derived(SCHEMA, [spec], targets_known=True)


def test_a_forecast_has_no_target_means() -> None:
    check_derived(SCHEMA, [TargetMean(of="c")], targets_known=False)
    with pytest.raises(ConfigError, match="not forecasts"):
        check_derived(SCHEMA, [TargetMean(of="c")], targets_known=True, own_known=True)


@pytest.mark.parametrize("spec", [TargetMean(of="x"), Hashed(of=("c", "x"))])
def test_only_texts_have_categories_and_tokens(spec: Derived) -> None:
    with pytest.raises(ConfigError, match=r"of 'x', which is no text column .*there are: c"):
        check_derived(SCHEMA, [spec], targets_known=False)


def test_a_class_target_has_no_history() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", classes=("a", "b"))
    with pytest.raises(ConfigError, match="'y', which is no numeric"):
        check_derived(schema, [Lag(of="y", steps=(1,))], targets_known=True)


@pytest.mark.parametrize(
    "spec",
    [
        Calendar(parts=("hour_of_day",)),
        Fourier(period="day"),
        Rate(half_life_s=1),
        TimeSinceLast(),
        Count(window=5),
        ExponentiallyWeighted(of="x", half_life=5, unit="seconds"),
    ],
)
def test_what_is_told_by_the_clock_needs_a_time_column(spec: Derived) -> None:
    with pytest.raises(ConfigError, match="needs a time column"):
        check_derived(SCHEMA, [spec], targets_known=False)


def test_rows_are_counted_without_a_clock() -> None:
    specs = [Count(window=5, unit="rows"), ExponentiallyWeighted(of="x", half_life=5)]
    check_derived(SCHEMA, specs, targets_known=False)
    with pytest.raises(ConfigError, match="'z'"):
        check_derived(SCHEMA, [*specs, Scale(of="z")], targets_known=False)


def test_what_init_proposes_is_valid_and_fits_the_columns(tmp_path: Path) -> None:
    lines = [f"{i % 7}.5,{'ab'[i % 2]} c,2026-01-{1 + i:02d}T00:00:00Z,{i * i}" for i in range(28)]
    (tmp_path / "a.csv").write_text("\n".join(["x,note,at,y", *lines]) + "\n")
    text = scaffold(tmp_path / "a.csv", "y")
    proposed = [
        line[4:].replace("COLUMN", "x") for line in text.splitlines() if "- {kind: " in line
    ]
    specs = [SPEC.validate_python(spec) for spec in yaml.safe_load("\n".join(proposed))]
    schema = parse_config(text, {}, "proposed").schema_of_records()
    check_derived(schema, specs, targets_known=False)
    assert [spec.kind for spec in specs] == [
        "lag", "rolling", "calendar", "difference", "ewm", "scale",
        "rate", "time_since_last", "count", "fourier", "hash",
    ]  # fmt: skip


def test_every_parameter_is_described_in_the_schema_of_pipeline_files() -> None:
    definitions = json_schema()["$defs"]
    kinds = [name for name in definitions if "kind" in definitions[name].get("properties", {})]
    ours = {part.__name__ for part in get_args(get_args(DerivedSpec)[0])}
    assert ours <= set(kinds)
    for name in ours:
        fields = definitions[name]["properties"]
        assert [f for f in fields if f != "kind" and not fields[f].get("description")] == []


def test_a_python_feature_that_is_not_built_yet_is_refused() -> None:
    unbuilt: Any = PythonFeature(factory="a:b")
    with pytest.raises(ConfigError, match="has no names, transform, state and restore"):
        check_derived(SCHEMA, [unbuilt], targets_known=False)
