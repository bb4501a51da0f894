"""KSWIN against River, and its test against SciPy's."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift
from scipy import stats

from streamadapt.detectors import KSWIN
from streamadapt.detectors.kswin_kernels import ks_probability
from streamadapt.errors import CorruptStateError, ParameterError
from streamadapt.state import State
from tests.detectors.rivers import flags
from tests.detectors.streams import KINDS, stream

PARAMETERS = st.sampled_from([(100, 30), (60, 30), (40, 5), (200, 5), (300, 20), (9, 4), (2, 1)])
ALPHAS = st.sampled_from([0.0, 1e-4, 0.005, 0.1, 0.6, 1.0])


def equal_to_river(xs: np.ndarray, **parameters: Any) -> int:
    """Assert equal alarms, and the same probability at the end; return their number."""
    ours, river = KSWIN(**parameters), drift.KSWIN(**parameters)
    alarms, _ = flags(river, xs)
    assert ours.update_many(xs).tolist() == alarms
    if len(river.window) == river.window_size:
        assert ours.p_value == pytest.approx(river.p_value, rel=1e-12)
    return sum(alarms)


@pytest.mark.parametrize("kind", KINDS)
def test_alarms_and_p_values_are_rivers_with_the_same_seed(kind: str) -> None:
    equal_to_river(stream(kind, 900, 1), seed=1)


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert equal_to_river(stream("sudden", 1200, 3), seed=42) >= 3
    assert equal_to_river(stream("constant", 1200, 3), seed=42) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 300),
    st.sampled_from([0, 1, 2**32, 2**63 - 1]),
    PARAMETERS,
    ALPHAS,
)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, sizes: tuple[int, int], alpha: float
) -> None:
    window_size, stat_size = sizes
    parameters = {"window_size": window_size, "stat_size": stat_size}
    equal_to_river(stream(kind, n, 5), seed=seed, alpha=alpha, **parameters)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e100, 1e100) | st.sampled_from([0.0, -0.0, 1.0]), max_size=120))
def test_any_finite_values_up_to_the_limit_are_taken_as_by_river(values: list[float]) -> None:
    equal_to_river(np.array(values), window_size=20, stat_size=6, alpha=0.2, seed=3)


@pytest.mark.parametrize("k", [1, 2, 7, 30, 101, 500])
def test_the_probability_is_the_exact_one(k: int) -> None:
    for h in range(1, k + 1, max(1, k // 12)):
        signed = (-((-1) ** i) * math.comb(2 * k, k - i * h) for i in range(1, k // h + 1))
        exact = Fraction(2 * sum(signed), math.comb(2 * k, k))
        assert ks_probability(k, h) == pytest.approx(float(exact), rel=1e-12)
    assert ks_probability(k, 0) == 1.0


@pytest.mark.parametrize(("k", "h"), [(7, 3), (30, 8), (30, 30), (500, 40)])
def test_the_probability_is_scipys(k: int, h: int) -> None:
    found = stats.ks_2samp(np.arange(k), np.arange(k) + h - 0.5, method="exact")
    assert found.statistic == pytest.approx(h / k)
    assert ks_probability(k, h) == found.pvalue


def test_an_alarm_tells_of_the_newest_values_and_those_before() -> None:
    xs, ours = stream("sudden", 2000, 4), KSWIN()
    ours.update_many(xs)
    assert ours.alarms
    for alarm in ours.alarms:
        window = xs[alarm.index - 99 : alarm.index + 1]
        assert alarm.size == pytest.approx(window[70:].mean() - window[:70].mean())
        assert alarm.direction == np.sign(alarm.size)
        assert alarm.p_value == ks_probability(30, round(alarm.statistic * 30))
        assert ks_probability(30, round(alarm.threshold * 30)) <= 0.005
        assert ks_probability(30, round(alarm.threshold * 30) - 1) > 0.005
        assert alarm.statistic >= alarm.threshold
        assert alarm.age == 30


def test_a_change_of_spread_alone_is_an_alarm_whose_size_is_small() -> None:
    xs = stream("still", 1000, 1) * np.repeat([1.0, 20.0], 500)
    detector = KSWIN()
    detector.update_many(xs)
    assert any(500 <= alarm.index < 560 for alarm in detector.alarms)


def test_a_full_window_from_the_start_is_tested_at_the_first_value() -> None:
    known = stream("still", 130, 2).tolist()
    xs = stream("still", 300, 3) + 3.0
    river = drift.KSWIN(seed=5, window=known)
    ours = KSWIN(seed=5, window=known)
    assert ours.update_many(xs).tolist() == flags(river, xs)[0]
    assert int(np.argmax(KSWIN(seed=5, window=known).update_many(xs))) < 30


def test_the_same_seed_gives_the_same_alarms_and_another_seed_others() -> None:
    xs = stream("gradual", 4000, 2)
    one, two, other = (KSWIN(seed=seed, alpha=0.02).update_many(xs) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_damaged_state_is_refused() -> None:
    detector = KSWIN()
    detector.update_many(stream("still", 150, 0))
    state, digest = detector.state(), detector.state().digest()
    spoilt: list[dict[str, Any]] = [
        {"window": np.zeros(3)},
        {"window": np.full(100, np.nan)},
        {"words": np.zeros(3, np.int64)},
        {"words": np.full(625, -1)},
    ]
    for values in spoilt:
        with pytest.raises(CorruptStateError):
            detector.restore(State(state.kind, state.version, {**state.values, **values}))
    assert detector.state().digest() == digest


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"alpha": 1.5}, "alpha"),
        ({"window_size": 59}, "window_size"),
        ({"stat_size": 0}, "stat_size"),
        ({"stat_size": 10_001, "window_size": 30_000}, "stat_size"),
        ({"seed": -1}, "seed"),
        ({"window": [1.0, np.nan]}, "window"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        KSWIN(**given_)
