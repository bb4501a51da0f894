"""HDDM_A against River, and its alarms against the formulas of the paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from streamadapt.detectors import HDDMA
from streamadapt.errors import ParameterError
from tests.detectors.rivers import assert_equal, segments
from tests.detectors.streams import BIT_KINDS, bits

PARAMETERS = st.fixed_dictionaries(
    {
        "drift_confidence": st.sampled_from([1e-10, 0.001, 0.1, 0.5, 1.0]),
        "warning_confidence": st.sampled_from([0.001, 0.005, 0.3, 1.0]),
        "two_sided_test": st.booleans(),
    }
)


@pytest.mark.parametrize("kind", BIT_KINDS)
@pytest.mark.parametrize("two_sided", [False, True])
def test_alarms_and_warnings_are_rivers_to_the_index(kind: str, two_sided: bool) -> None:
    for seed in range(2):
        ours, river = HDDMA(two_sided_test=two_sided), binary.HDDMA(two_sided_test=two_sided)
        assert_equal(ours, river, bits(kind, 4000, seed))


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert assert_equal(HDDMA(), binary.HDDMA(), bits("often", 6000, 0)) > 3
    assert assert_equal(HDDMA(), binary.HDDMA(), bits("none", 6000, 0)) == 0


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BIT_KINDS), st.integers(1, 1500), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    assert_equal(HDDMA(**parameters), binary.HDDMA(**parameters), bits(kind, n, seed))


@pytest.mark.parametrize("kind", ["sudden", "often", "better"])
def test_an_alarm_tells_of_the_means_on_both_sides_of_the_cut(kind: str) -> None:
    xs, ours = bits(kind, 6000, 3), HDDMA(two_sided_test=True)
    ours.update_many(xs)
    assert ours.alarms
    for alarm, part in zip(ours.alarms, segments(ours, xs), strict=True):
        n, cut = len(part), len(part) - alarm.age
        before = part[:cut].mean()
        gap = (part.mean() - before) * alarm.direction
        m = (n - cut) / cut / n
        assert alarm.statistic == pytest.approx(gap)
        assert alarm.threshold == pytest.approx(math.sqrt(m / 2 * math.log(2 / 0.001)))
        assert alarm.size == pytest.approx(part[cut:].mean() - before)
        assert alarm.p_value is not None
        at_p = math.sqrt(m / 2 * math.log(2 / alarm.p_value))
        assert at_p == pytest.approx(alarm.statistic)
        assert alarm.p_value <= 0.001
        bound = np.cumsum(part) / np.arange(1, n + 1)
        bound += alarm.direction * np.sqrt(math.log(1000) / 2 / np.arange(1, n + 1))
        assert bound[cut - 1] * alarm.direction == pytest.approx((bound * alarm.direction).min())


def test_a_fall_is_an_alarm_only_if_asked_for() -> None:
    xs = bits("better", 2000, 0)
    assert not HDDMA().update_many(xs).any()
    both = HDDMA(two_sided_test=True)
    both.update_many(xs)
    assert {alarm.direction for alarm in both.alarms} == {-1}


@pytest.mark.parametrize("name", ["drift_confidence", "warning_confidence"])
@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, math.nan])
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        HDDMA(**{name: value})  # type: ignore[arg-type]
