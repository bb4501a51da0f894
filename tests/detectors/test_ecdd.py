"""ECDD's own limits: false alarms are as rare as asked for at every rate, and it is never deaf."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray
from streamadapt.detectors import ECDD
from streamadapt.detectors.ecdd_limits import RATES, limits_for
from streamadapt.errors import ParameterError
from tests.detectors.naive_moa import NaiveECDD
from tests.detectors.streams import BIT_KINDS, bits


def errors(rate: float, n: int, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).random(n) < rate).astype(np.float64)


def run_length(rate: float, n: int, **given_: Any) -> float:
    return n / max(1, int(ECDD(**given_).update_many(errors(rate, n)).sum()))


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.35, 0.45, 0.5, 0.55, 0.7, 0.9])
@pytest.mark.parametrize("asked", [150, 400, 1000, 3000])
def test_false_alarms_are_as_rare_as_asked_for_at_every_rate(rate: float, asked: int) -> None:
    """Of 2,000 run lengths the mean is known to 2 %."""
    found = run_length(rate, 2_000 * asked, average_run_length=asked)
    assert found == pytest.approx(asked, rel=0.12)


@pytest.mark.parametrize("lambda_", [0.05, 0.07, 0.15, 0.3, 0.4])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_it_holds_for_other_weights_too(lambda_: float, rate: float) -> None:
    found = run_length(rate, 800_000, lambda_=lambda_)
    assert found == pytest.approx(400, rel=0.25)


@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_rare_errors_raise_no_more_false_alarms_than_asked_for(rate: float) -> None:
    assert run_length(rate, 800_000) > 400


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.45, 0.5, 0.6, 0.8, 0.9])
def test_errors_alone_raise_an_alarm_whatever_the_rate_was(rate: float) -> None:
    before = errors(rate, 2_000, seed=1)
    detector = ECDD(average_run_length=3_000)
    detector.update_many(before)
    assert detector.update_many(np.ones(100)).any()


def test_the_papers_limits_are_deaf_at_high_rates_and_ours_are_not() -> None:
    worse = np.r_[errors(0.6, 500), errors(0.95, 500)]
    assert not ECDD(limits="paper").update_many(worse).any()
    assert ECDD(average_run_length=1000).update_many(worse)[500:550].any()


def test_one_error_after_none_for_long_is_no_alarm() -> None:
    xs = np.zeros(5_000)
    xs[500::500] = 1.0
    for asked in (100, 10_000):
        assert not ECDD(average_run_length=asked).update_many(xs).any()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(BIT_KINDS),
    st.integers(1, 900),
    st.integers(0, 2**32),
    st.integers(2, 60),
    st.sampled_from([0.05, 0.2, 0.33]),
    st.sampled_from([100.0, 437.0, 10_000.0]),
)
def test_it_is_the_plain_chart_with_the_tabled_limits(
    kind: str, n: int, seed: int, least: int, lambda_: float, asked: float
) -> None:
    w = limits_for(lambda_, asked)

    def margin(p: float, _: int) -> float:
        if p == 1.0:
            return 0.0
        return (1 - p) * (1 - math.exp(-np.interp(p, np.linspace(0, 1, len(w)), w) / (1 - p)))

    ours = ECDD(least, lambda_, asked)
    plain = NaiveECDD(least, lambda_, margin)
    xs = bits(kind, n, seed)
    said = [(plain.update(x), plain.warning) for x in xs.tolist()]
    assert list(zip(ours.update_many(xs).tolist(), ours.warnings.tolist(), strict=True)) == said


def test_the_table_holds_every_rate_that_it_was_made_for() -> None:
    cells = RATES * 80
    assert np.abs(cells - cells.round()).max() < 1e-9


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"lambda_": 0.0}, "lambda_ = 0.0"),
        ({"lambda_": 0.5}, r"lambda_ = 0.5 is not in \[0.05, 0.4\]"),
        ({"lambda_": 0.0, "limits": "paper"}, "lambda_ = 0.0"),
        ({"average_run_length": 50}, "average_run_length = 50"),
        (
            {"average_run_length": 200, "limits": "paper"},
            "limits are for 100, 400, 1000",
        ),
        ({"limits": "none"}, "limits = 'none'"),
    ],
)
def test_parameters_are_checked(given_: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        ECDD(**given_)
