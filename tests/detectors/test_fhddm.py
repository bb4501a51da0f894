"""FHDDM against River turned right side up, and its alarms against the formulas of the paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from streamadapt.detectors import FHDDM
from streamadapt.errors import CorruptStateError, ParameterError
from streamadapt.state import State
from tests.detectors.rivers import flags, segments
from tests.detectors.streams import BIT_KINDS, bits

PARAMETERS = st.fixed_dictionaries(
    {
        "sliding_window_size": st.integers(10, 120),
        "confidence_level": st.sampled_from([1e-10, 1e-6, 0.01, 0.5, 1.0]),
        "short_window_size": st.none() | st.integers(1, 10),
    }
)


def equal_to_river(xs: np.ndarray, **parameters: Any) -> int:
    """Assert that alarms for errors are River's for right answers; return their number."""
    river, _ = flags(binary.FHDDM(**parameters), 1.0 - xs)
    assert FHDDM(**parameters).update_many(xs).tolist() == river
    return sum(river)


@pytest.mark.parametrize("kind", BIT_KINDS)
@pytest.mark.parametrize("short", [None, 20])
def test_alarms_are_rivers_for_the_complement_to_the_index(kind: str, short: int | None) -> None:
    for seed in range(3):
        equal_to_river(bits(kind, 6000, seed), short_window_size=short)


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert equal_to_river(bits("often", 6000, 0)) > 3
    assert equal_to_river(bits("none", 6000, 0)) == 0


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BIT_KINDS), st.integers(1, 2000), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    equal_to_river(bits(kind, n, seed), **parameters)


def test_unlike_river_it_hears_errors_that_become_more_and_not_those_that_become_fewer() -> None:
    worse = np.repeat([0.0, 1.0], 300)
    river = {what: any(flags(binary.FHDDM(), xs)[0]) for what, xs in
             (("worse", worse), ("better", 1.0 - worse))}  # fmt: skip
    assert river == {"worse": False, "better": True}
    assert FHDDM().update_many(worse).any()
    assert not FHDDM().update_many(1.0 - worse).any()


@pytest.mark.parametrize("short", [None, 10])
def test_an_alarm_tells_of_the_best_window_and_of_this_one(short: int | None) -> None:
    xs, ours = bits("sudden", 8000, 3), FHDDM(short_window_size=short)
    ours.update_many(xs)
    assert ours.alarms
    for alarm, part in zip(ours.alarms, segments(ours, xs), strict=True):
        shares = {
            size: np.convolve(1 - part, np.ones(size), "valid") / size
            for size in (100, short)
            if size
        }
        shares = {size: share[100 - size :] for size, share in shares.items()}
        size = next(
            size
            for size, share in shares.items()
            if share.max() - share[-1] > math.sqrt(math.log(1e6) / 2 / size)
        )
        share = shares[size]
        assert alarm.statistic == alarm.size == pytest.approx(share.max() - share[-1])
        assert alarm.threshold == pytest.approx(math.sqrt(math.log(1e6) / 2 / size))
        assert alarm.age == int(np.argmax(share[::-1] > share.max() - 1e-9))
        assert alarm.p_value == pytest.approx(math.exp(-2 * size * alarm.statistic**2))
        assert alarm.direction == 1


def test_a_window_of_any_kind_of_integer_is_the_same() -> None:
    digests = {FHDDM(short_window_size=size).state().digest() for size in (20, 20.0, np.int64(20))}  # type: ignore[arg-type]
    assert len(digests) == 1


def test_a_state_whose_window_does_not_fit_is_refused() -> None:
    detector = FHDDM()
    detector.update_many(bits("even", 250, 0))
    state, digest = detector.state(), detector.state().digest()
    for window in (np.zeros(3, np.int8), np.ones(100, np.int8)):
        with pytest.raises(CorruptStateError):
            detector.restore(State(state.kind, state.version, {**state.values, "window": window}))
    assert detector.state().digest() == digest


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"sliding_window_size": 0}, "sliding_window_size"),
        ({"confidence_level": 0.0}, "confidence_level"),
        ({"short_window_size": 0}, "short_window_size"),
        ({"short_window_size": 101}, "short_window_size"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        FHDDM(**given_)
