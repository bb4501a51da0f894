"""EDDM against River, and its alarms against the formulas of the paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from streamadapt.detectors import EDDM
from streamadapt.errors import ParameterError
from tests.detectors.rivers import assert_equal, segments
from tests.detectors.streams import BIT_KINDS, bits

SHARES = st.lists(st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 1.0]), min_size=2, max_size=2)


@pytest.mark.parametrize("kind", BIT_KINDS)
def test_alarms_and_warnings_are_rivers_to_the_index(kind: str) -> None:
    for seed in range(5):
        assert_equal(EDDM(), binary.EDDM(), bits(kind, 8000, seed))


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert assert_equal(EDDM(), binary.EDDM(), bits("gradual", 8000, 0)) > 3
    assert assert_equal(EDDM(), binary.EDDM(), bits("all", 8000, 0)) == 0


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(BIT_KINDS),
    st.integers(1, 2500),
    st.integers(0, 2**32),
    st.integers(0, 60),
    SHARES,
)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, warm_start: int, shares: list[float]
) -> None:
    given_: dict[str, Any] = {"warm_start": warm_start, "alpha": max(shares), "beta": min(shares)}
    assert_equal(EDDM(**given_), binary.EDDM(**given_), bits(kind, n, seed))


def test_an_alarm_tells_of_the_best_distance_and_of_the_errors_since() -> None:
    xs, ours = bits("gradual", 8000, 3), EDDM(alpha=0.9, beta=0.8)
    ours.update_many(xs)
    assert ours.alarms
    for alarm, part in zip(ours.alarms, segments(ours, xs), strict=True):
        places = np.flatnonzero(part) + 1
        gaps = np.diff(places, prepend=0)
        spread = [0.0, *(np.std(gaps[:k], ddof=1) for k in range(2, len(gaps) + 1))]
        wide = np.cumsum(gaps) / np.arange(1, len(gaps) + 1) + 2 * np.array(spread)
        wide[places <= 30] = -1.0
        best = int(np.argmax(wide))
        n_best = int(places[best])
        assert alarm.statistic == pytest.approx(wide[-1] / wide[best])
        assert alarm.statistic < alarm.threshold == 0.8
        assert alarm.age == len(part) - n_best
        change = part[n_best:].mean() - part[:n_best].mean()
        assert alarm.size == pytest.approx(max(0.0, change))
        assert (alarm.direction, alarm.p_value) == (1, None)


def test_fewer_errors_are_no_alarm() -> None:
    assert (
        not EDDM().update_many(np.r_[np.resize([0, 1], 600), np.resize([0] * 9 + [1], 600)]).any()
    )


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"warm_start": -1}, "warm_start"),
        ({"alpha": 1.1}, "alpha"),
        ({"beta": np.nan}, "beta"),
        ({"alpha": 0.5, "beta": 0.6}, "alpha = 0.5 is below beta = 0.6"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        EDDM(**given_)
