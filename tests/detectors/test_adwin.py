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


def cuts_of(naive: NaiveADWIN) -> list[tuple[float, float]]:
    """Return the distance of the means and the threshold of every cut, oldest first."""
    found = []
    for i in range(1, len(naive.buckets)):
        old, young = naive.buckets[:i], naive.buckets[i:]
        n_old, n_young = sum(b.n for b in old), sum(b.n for b in young)
        if min(n_old, n_young) >= naive.min_window_length:
            means = [sum(b.total for b in part) / n for part, n in ((old, n_old), (young, n_young))]
            found.append((abs(means[0] - means[1]), naive.epsilon(n_old, n_young)))
    return found


@pytest.mark.parametrize("kind", ["sudden", "gradual", "binary", "outliers"])
def test_an_alarm_tells_of_the_oldest_cut_and_of_what_was_kept_and_dropped(kind: str) -> None:
    xs, naive, ours = stream(kind, 4000, 2), NaiveADWIN(delta=0.1), ADWIN(delta=0.1)
    ours.update_many(xs)
    start = 0
    for alarm in ours.alarms:
        naive.start()
        for x in xs[start : alarm.index + 1].tolist():
            naive.insert(x)
        distance, epsilon = next(cut for cut in cuts_of(naive) if cut[0] > cut[1])
        assert alarm.statistic == pytest.approx(distance, rel=1e-6)
        assert alarm.threshold == pytest.approx(epsilon, rel=1e-6)
        kept, dropped = xs[alarm.change_point : alarm.index + 1], xs[start : alarm.change_point]
        assert alarm.size == pytest.approx(kept.mean() - dropped.mean(), rel=1e-6, abs=1e-6)
        assert alarm.direction == np.sign(kept.mean() - dropped.mean())
        start = alarm.index + 1
    assert ours.alarms


def test_the_p_value_is_the_delta_at_which_that_alarm_is_just_raised() -> None:
    xs = np.repeat([0.0, 1.0], [500, 12])
    only_cut = dict(clock=512, min_window_length=10, grace_period=1)
    asked = ADWIN(delta=1.0, **only_cut)
    asked.update_many(xs)
    p = asked.alarms[0].p_value
    assert p is not None
    assert 0 < p < 1
    just_above, just_below = ADWIN(delta=p * 1.0001, **only_cut), ADWIN(delta=p * 0.99, **only_cut)
    assert just_above.update_many(xs)[-1]
    assert [a.p_value for a in just_above.alarms] == [p]
    if just_below.update_many(xs)[-1]:  # at another, later cut
        assert just_below.alarms[0].p_value < p  # type: ignore[operator]


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
