"""Page-Hinkley against River and against its own plain form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from streamadapt.detectors import PageHinkley
from streamadapt.errors import ParameterError
from tests.detectors.naive_page_hinkley import NaivePageHinkley
from tests.detectors.streams import KINDS, stream

PARAMETERS = st.fixed_dictionaries(
    {
        "min_instances": st.integers(1, 100),
        "delta": st.sampled_from([-5.0, -0.1, 0.0, 0.005, 0.5]),
        "threshold": st.sampled_from([0.0, 0.5, 5.0, 50.0, 1e9]),
        "alpha": st.sampled_from([0.0, 0.9, 0.9999, 1.0]),
        "mode": st.sampled_from(["up", "down", "both"]),
    }
)


def rivers_alarms(xs: np.ndarray, **parameters: Any) -> list[bool]:
    detector = drift.PageHinkley(**parameters)
    alarms = []
    for x in xs.tolist():
        detector.update(x)
        alarms.append(detector.drift_detected)
    return alarms


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["up", "down", "both"])
def test_alarms_are_rivers_to_the_index(kind: str, mode: Any) -> None:
    for seed in range(3):
        xs = stream(kind, 8000, seed)
        assert PageHinkley(mode=mode).update_many(xs).tolist() == rivers_alarms(xs, mode=mode)


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert sum(rivers_alarms(stream("sudden", 8000, 0))) >= 3
    assert not any(rivers_alarms(stream("constant", 8000, 0)))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 2500), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    xs = stream(kind, n, seed)
    assert PageHinkley(**parameters).update_many(xs).tolist() == rivers_alarms(xs, **parameters)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e100, 1e100), max_size=300), PARAMETERS)
def test_any_finite_values_up_to_the_limit_are_taken_as_by_river(
    values: list[float], parameters: dict[str, Any]
) -> None:
    xs = np.array(values)
    assert PageHinkley(**parameters).update_many(xs).tolist() == rivers_alarms(xs, **parameters)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 1500), st.integers(0, 2**32), PARAMETERS)
def test_the_kernel_is_the_plain_form(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    xs, naive = stream(kind, n, seed), NaivePageHinkley(**parameters)
    flags = PageHinkley(**parameters).update_many(xs)
    assert flags.tolist() == [naive.update(x) for x in xs.tolist()]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["still", "sudden", "gradual", "binary", "alternating"]),
    st.integers(1, 3000),
    st.integers(0, 2**32),
    PARAMETERS,
)
def test_an_alarm_tells_of_the_extreme_and_of_the_means_on_both_sides(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    xs, naive, ours = (
        stream(kind, n, seed),
        NaivePageHinkley(**parameters),
        PageHinkley(**parameters),
    )
    ours.update_many(xs)
    alarms = iter(ours.alarms)
    for x in xs.tolist():
        if naive.update(x):
            alarm = next(alarms)
            assert (alarm.direction, alarm.age) == (naive.alarm_direction, naive.alarm_age)
            assert alarm.statistic == naive.alarm_statistic
            assert alarm.size == pytest.approx(naive.alarm_size, rel=1e-6, abs=1e-9)
            assert (alarm.threshold, alarm.p_value) == (ours.threshold, None)


def test_the_change_point_is_where_the_level_changed() -> None:
    detector = PageHinkley(threshold=20.0)
    detector.update_many(stream("still", 2000, 1) / 1000 + np.repeat([3.0, 1.0], 1000))
    (alarm,) = detector.alarms
    assert alarm.change_point == 1000
    assert alarm.size == pytest.approx(-2.0, abs=0.01)


def test_up_ignores_a_fall_and_down_ignores_a_rise() -> None:
    rise = np.repeat([0.0, 5.0], [500, 100])
    for sign, heeds, ignores in ((1.0, "up", "down"), (-1.0, "down", "up")):
        heeding, ignoring = PageHinkley(mode=heeds), PageHinkley(mode=ignores)  # type: ignore[arg-type]
        assert heeding.update_many(sign * rise).any()
        assert not ignoring.update_many(sign * rise).any()


def test_after_an_alarm_it_is_as_good_as_new() -> None:
    detector = PageHinkley()
    flags = detector.update_many(np.repeat([0.0, 5.0], [500, 100]))
    used, fresh = PageHinkley(), PageHinkley()
    used.update_many(np.repeat([0.0, 5.0], [500, 100])[: int(flags.argmax()) + 1])
    xs = stream("sudden", 3000, seed=4)
    assert used.update_many(xs).tolist() == fresh.update_many(xs).tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_instances", 0),
        ("delta", math.inf),
        ("threshold", -1.0),
        ("threshold", math.nan),
        ("alpha", 1.5),
        ("mode", "sideways"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        PageHinkley(**{name: value})
