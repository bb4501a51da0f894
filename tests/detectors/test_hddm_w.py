"""HDDM_W against River, and its alarms against the formulas of the paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from streamadapt.contracts import FloatArray
from streamadapt.detectors import HDDMW
from streamadapt.errors import ParameterError
from tests.detectors.rivers import assert_equal, segments
from tests.detectors.streams import BIT_KINDS, bits

PARAMETERS = st.fixed_dictionaries(
    {
        "drift_confidence": st.sampled_from([1e-10, 0.001, 0.1, 0.5, 1.0]),
        "warning_confidence": st.sampled_from([0.001, 0.005, 0.3, 1.0]),
        "lambda_val": st.sampled_from([0.0, 0.01, 0.05, 0.5, 1.0]),
        "two_sided_test": st.booleans(),
    }
)


@pytest.mark.parametrize("kind", BIT_KINDS)
@pytest.mark.parametrize("two_sided", [False, True])
def test_alarms_and_warnings_are_rivers_to_the_index(kind: str, two_sided: bool) -> None:
    for seed in range(2):
        ours, river = HDDMW(two_sided_test=two_sided), binary.HDDMW(two_sided_test=two_sided)
        assert_equal(ours, river, bits(kind, 4000, seed))


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert assert_equal(HDDMW(), binary.HDDMW(), bits("often", 6000, 0)) > 3
    assert assert_equal(HDDMW(), binary.HDDMW(), bits("none", 6000, 0)) == 0


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BIT_KINDS), st.integers(1, 1500), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    assert_equal(HDDMW(**parameters), binary.HDDMW(**parameters), bits(kind, n, seed))


def weighted(values: FloatArray, weight: float) -> tuple[float, float]:
    """Return the weighted mean and the sum of squares that bounds it."""
    mean, squares = float(values[0]), 1.0
    for x in values[1:].tolist():
        mean = weight * x + (1 - weight) * mean
    for _ in values:
        squares = weight**2 + (1 - weight) ** 2 * squares
    return mean, squares


@pytest.mark.parametrize("kind", ["sudden", "often", "better"])
def test_an_alarm_tells_of_the_weighted_means_on_both_sides_of_the_cut(kind: str) -> None:
    xs, ours = bits(kind, 6000, 3), HDDMW(two_sided_test=True)
    ours.update_many(xs)
    assert ours.alarms
    for alarm, part in zip(ours.alarms, segments(ours, xs), strict=True):
        cut = len(part) - alarm.age
        before, squares_before = weighted(part[:cut], 0.05)
        since, squares_since = weighted(part[cut:], 0.05)
        squares = squares_before + squares_since
        assert alarm.size == pytest.approx(since - before)
        assert alarm.statistic == abs(alarm.size)
        assert alarm.threshold == pytest.approx(math.sqrt(squares * math.log(1000) / 2))
        assert alarm.p_value is not None
        assert math.sqrt(squares * math.log(1 / alarm.p_value) / 2) == pytest.approx(
            alarm.statistic
        )
        assert alarm.p_value < 0.001


def test_a_fall_is_an_alarm_only_if_asked_for() -> None:
    xs = np.r_[np.resize([0.0, 1.0], 500), np.zeros(500)]
    assert not HDDMW().update_many(xs).any()
    both = HDDMW(two_sided_test=True)
    both.update_many(xs)
    assert {alarm.direction for alarm in both.alarms} == {-1}


@pytest.mark.parametrize("name", ["drift_confidence", "warning_confidence", "lambda_val"])
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        HDDMW(**{name: value})  # type: ignore[arg-type]
