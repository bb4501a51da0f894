"""ADWIN against River, against its own plain form, and what only it promises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from streamadapt.detectors import ADWIN
from streamadapt.detectors.adwin import bucket_counts
from streamadapt.errors import CorruptStateError, ParameterError
from streamadapt.state import State
from tests.detectors.naive_adwin import NaiveADWIN
from tests.detectors.streams import KINDS, stream

PARAMETERS = st.fixed_dictionaries(
    {
        "delta": st.sampled_from([1e-6, 0.002, 0.05, 0.3, 0.9, 1.0]),
        "clock": st.integers(1, 64),
        "max_buckets": st.integers(2, 12),
        "min_window_length": st.integers(1, 20),
        "grace_period": st.integers(0, 60),
    }
)


def summary(detector: Any) -> tuple[float, ...]:
    return detector.width, detector.total, detector.variance, detector.estimation


def equal_to_river(xs: np.ndarray, **parameters: Any) -> int:
    """Assert equality after every single value, to the bit; return the number of alarms."""
    ours, many, river = ADWIN(**parameters), ADWIN(**parameters), drift.ADWIN(**parameters)
    alarms = []
    for i, x in enumerate(xs.tolist()):
        ours.update(x)
        river.update(x)
        assert ours.drift_detected == river.drift_detected, f"value {i}"
        assert summary(ours) == summary(river), f"value {i}"
        alarms.append(river.drift_detected)
    assert many.update_many(xs).tolist() == alarms
    assert summary(many) == summary(river)
    return sum(alarms)


@pytest.mark.parametrize("kind", KINDS)
def test_alarms_width_total_variance_and_mean_are_rivers_to_the_bit(kind: str) -> None:
    for seed in range(3):
        equal_to_river(stream(kind, 6000, seed))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 2500), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    equal_to_river(stream(kind, n, seed), **parameters)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e100, 1e100), max_size=300), PARAMETERS)
def test_any_finite_values_up_to_the_limit_are_taken_as_by_river(
    values: list[float], parameters: dict[str, Any]
) -> None:
    equal_to_river(np.array(values), **parameters)


def test_a_long_stream_with_several_changes_is_rivers_too() -> None:
    assert equal_to_river(stream("sudden", 60_000, seed=3)) >= 4


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 700), st.integers(0, 2**32), PARAMETERS)
def test_the_kernel_is_the_plain_form(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    xs = stream(kind, n, seed)
    naive, ours = NaiveADWIN(**parameters), ADWIN(**parameters)
    alarms = []
    for x in xs.tolist():
        naive.update(x)
        alarms.append(naive.drift_detected)
    assert ours.update_many(xs).tolist() == alarms
    assert (ours.width, ours.total, ours.variance) == (naive.width, naive.total, naive.variance)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(150, 1200),
    st.integers(0, 2**32),
    st.sampled_from([32, 64, 50, 1000]),
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.01]),
)
def test_many_values_at_a_time_are_the_same_as_one_at_a_time(
    kind: str, n: int, seed: int, clock: int, blocks: list[int], missing: float
) -> None:
    """Of values from the 160th on 32 are taken together, where they can be."""
    xs = stream(kind, n, seed)
    xs[np.random.default_rng(seed).random(n) < missing] = np.nan
    one, many = ADWIN(clock=clock), ADWIN(clock=clock)
    alarms = []
    for x in xs.tolist():
        one.update(x)
        alarms.append(one.drift_detected)
    flags, start = [], 0
    while start < n:
        size = blocks[len(flags) % len(blocks)]
        flags.append(many.update_many(xs[start : start + size]))
        start += size
    assert np.concatenate(flags).tolist() == alarms
    assert many.state().digest() == one.state().digest()


def least_delta(naive: NaiveADWIN, old: int, young: int, distance: float) -> float:
    """Return by bisection the delta whose threshold is `distance`."""
    low, high = -700.0, math.log(2 * math.log(naive.width))
    for _ in range(200):
        naive.delta = math.exp((low + high) / 2)
        if naive.epsilon(old, young) < distance:
            high = (low + high) / 2
        else:
            low = (low + high) / 2
    return math.exp(high)


@pytest.mark.parametrize("kind", ["sudden", "gradual", "binary", "outliers"])
def test_an_alarm_tells_of_the_cut_that_is_least_by_chance(kind: str) -> None:
    xs, naive, ours = stream(kind, 4000, 2), NaiveADWIN(), ADWIN(delta=0.1)
    ours.update_many(xs)
    start = 0
    for alarm in ours.alarms:
        naive.start()
        part = xs[start : alarm.index + 1]
        for x in part.tolist():
            naive.insert(x)
        ends = np.cumsum([bucket.n for bucket in naive.buckets])[:-1]
        deltas = {
            len(part) - old: least_delta(
                naive, old, len(part) - old, abs(part[old:].mean() - part[:old].mean())
            )
            for old in ends.tolist()
            if min(old, len(part) - old) >= 5
        }
        assert alarm.p_value is not None
        assert alarm.p_value == pytest.approx(min(deltas.values()), rel=1e-6)
        assert deltas[alarm.age] == pytest.approx(alarm.p_value, rel=1e-6)
        old = len(part) - alarm.age
        assert alarm.size == pytest.approx(part[old:].mean() - part[:old].mean())
        assert alarm.statistic == abs(alarm.size)
        naive.delta = 0.1
        assert alarm.threshold == pytest.approx(naive.epsilon(old, alarm.age))
        start = alarm.index + 1
    assert ours.alarms


def test_the_p_value_is_the_delta_at_which_the_alarm_is_just_raised() -> None:
    xs = np.repeat([0.0, 1.0], [500, 12])
    only_cut = {"clock": 512}
    asked = ADWIN(delta=1.0, **only_cut)
    asked.update_many(xs)
    p = asked.alarms[0].p_value
    assert p is not None
    assert 0 < p < 1
    assert ADWIN(delta=p * 1.0001, **only_cut).update_many(xs)[-1]
    assert not ADWIN(delta=p * 0.9999, **only_cut).update_many(xs)[-1]


def test_an_alarm_leaves_the_young_part_of_the_window_to_be_read() -> None:
    detector = ADWIN()
    flags = detector.update_many(np.repeat([0.0, 10.0], [1000, 24]))
    assert flags[-1]
    assert detector.width <= 32
    assert detector.estimation > 5.0
    detector.update(7.0)
    assert summary(detector) == (1, 7.0, 0.0, 7.0)


def test_the_window_can_still_be_read_when_bad_values_follow_an_alarm() -> None:
    detector = ADWIN()
    detector.update_many(np.repeat([0.0, 10.0], [1000, 24]))
    before = summary(detector)
    detector.update_many(np.array([np.nan, np.inf]))
    assert not detector.drift_detected
    assert summary(detector) == before
    detector.update(7.0)
    assert summary(detector) == (1, 7.0, 0.0, 7.0)


def test_a_fresh_detector_has_an_empty_window_with_mean_zero() -> None:
    assert summary(ADWIN()) == (0, 0.0, 0.0, 0.0)


def test_delta_zero_never_raises_an_alarm() -> None:
    assert not ADWIN(delta=0.0).update_many(stream("sudden", 5000, 1)).any()


@given(st.integers(0, 5000), st.integers(2, 12))
def test_the_shape_of_the_histogram_follows_from_its_width(width: int, max_buckets: int) -> None:
    counts = bucket_counts(width, max_buckets)
    assert sum(int(n) << row for row, n in enumerate(counts)) == width
    assert counts.max() <= max_buckets
    detector = ADWIN(clock=2**31 - 1, max_buckets=max_buckets)
    detector.update_many(np.zeros(width))
    pool = detector.state().values["buckets"]
    assert isinstance(pool, np.ndarray)
    assert len(pool) == counts.sum()


def test_the_state_of_a_million_values_is_small() -> None:
    detector = ADWIN()
    detector.update_many(stream("still", 1_000_000, seed=5))
    assert detector.width > 100_000
    assert detector.state().nbytes() < 4096


def test_a_state_whose_buckets_do_not_fit_its_width_is_refused() -> None:
    detector = ADWIN()
    detector.update_many(np.ones(100))
    state, digest = detector.state(), detector.state().digest()
    for spoilt in ({"buckets": np.zeros((3, 2))}, {"counts": np.array([0, 1, 1, -5])}):
        with pytest.raises(CorruptStateError):
            detector.restore(State(state.kind, state.version, {**state.values, **spoilt}))
    assert detector.state().digest() == digest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delta", -0.1),
        ("delta", 1.1),
        ("delta", math.nan),
        ("clock", 0),
        ("max_buckets", 1),
        ("min_window_length", 0),
        ("grace_period", -1),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        ADWIN(**{name: value})  # type: ignore[arg-type]
