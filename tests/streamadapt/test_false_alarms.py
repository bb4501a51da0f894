"""Thresholds by the time between false alarms: on streams whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt import false_alarms
from streamadapt.bootstrap import resampled
from streamadapt.contracts import FloatArray
from streamadapt.detectors import DETECTORS, KSWIN, PageHinkley
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ConfigError
from streamadapt.false_alarms import (
    Stream,
    delay_of_change,
    found_threshold,
    mean_time,
    n_alarms,
)


def errors(n: int = 20_000, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).random(n) < 0.2).astype(np.float64)


def threshold_of(kind: str) -> Threshold:
    found = DETECTORS[kind].alarm_threshold
    assert found is not None
    return found


def maker(kind: str) -> Callable[[float], ArrayDetector]:
    # A warning of RDDM that lasts is an alarm too: of these there are more, the stricter it is.
    more = {"warning_limit": 2**53} if kind == "rddm" else {}
    return lambda value: DETECTORS[kind](**{threshold_of(kind).name: value}, **more)


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_a_stricter_threshold_has_fewer_alarms(kind: str) -> None:
    threshold, stream = threshold_of(kind), Stream(errors(), 1.0, (0,))
    given = getattr(DETECTORS[kind](), threshold.name)
    place, way = threshold.place(given), 1.0 if threshold.fewer == "higher" else -1.0
    if threshold.beside is not None and kind == "rddm":
        place += 0.5  # nothing more nervous than its warnings is allowed
    counts = []
    for step in (0.0, 1.0, 3.0):
        value = threshold.at(place + way * step)
        counts.append(n_alarms(partial(maker(kind), value), stream, 10_000))
    assert counts[0] >= counts[1] >= counts[2]


@pytest.mark.parametrize("kind", ["ddm", "hddm_a", "hddm_w", "page_hinkley"])
def test_the_found_threshold_is_just_calm_enough(kind: str) -> None:
    threshold, stream = threshold_of(kind), Stream(errors(), 1.0, (0,))
    given = getattr(DETECTORS[kind](), threshold.name)
    tried: set[float] = set()

    def make(value: float) -> ArrayDetector:
        tried.add(value)
        return maker(kind)(value)

    value = found_threshold(threshold, make, stream, given, 400)
    way = 1.0 if threshold.fewer == "higher" else -1.0
    at = threshold.place(value)
    steps = {v: way * (at - threshold.place(v)) for v in tried}
    nearest = min((v for v in tried if steps[v] > 0), key=steps.__getitem__)
    assert steps[nearest] < 0.01
    assert n_alarms(partial(maker(kind), value), stream, 40_000) <= 100
    assert n_alarms(partial(maker(kind), nearest), stream, 40_000) > 100


def test_the_interval_holds_the_time_on_the_streams_own_source() -> None:
    """Of 20 records, 95 % intervals hold the truth of at least 15 (P < 0.0003 for fewer)."""
    held = 0
    for seed in range(20):
        stream = Stream(errors(5_000, seed), 1.0, (seed,))
        threshold = threshold_of("page_hinkley")
        value = found_threshold(threshold, maker("page_hinkley"), stream, 20.0, 500)
        time = mean_time(partial(maker("page_hinkley"), value), stream, 500)
        fresh = errors(400_000, 1_000 + seed)
        truth = len(fresh) / PageHinkley(threshold=value).update_many(fresh).sum()
        held += time.low <= truth <= time.high
        assert time.low < time.mean < time.high
    assert held >= 15


def test_more_time_between_alarms_is_a_stricter_threshold_and_a_longer_delay() -> None:
    stream = Stream(errors(), 1.0, (0,))
    found = []
    for between in (300, 3000):
        value = found_threshold(
            threshold_of("page_hinkley"), maker("page_hinkley"), stream, 50.0, between
        )
        delay = delay_of_change(partial(maker("page_hinkley"), value), stream, 0.2, between)
        assert delay is not None
        found.append((value, delay.median))
    assert found[0][0] < found[1][0]
    assert found[0][1] < found[1][1]


def test_a_time_that_no_threshold_has_is_said_with_the_last_one_tried() -> None:
    stream = Stream(errors(), 1.0, (0,))
    with pytest.raises(ConfigError, match=r"even with alpha = .* less than one false alarm in 30 "):
        found_threshold(
            Threshold("alpha", "lower", 1e-9, 1e-3, is_probability=True),
            lambda value: KSWIN(alpha=value),
            stream,
            0.005,
            30,
        )
    with pytest.raises(ConfigError, match="even with threshold = 1 there is more than one"):
        found_threshold(
            Threshold("threshold", "higher", 0.1, 1.0), maker("page_hinkley"), stream, 50.0, 1000
        )


def test_a_rate_cannot_rise_beyond_one_and_numbers_can() -> None:
    stream = Stream(errors(), 1.0, (0,))
    assert delay_of_change(PageHinkley, stream, 0.85, 100) is None
    assert delay_of_change(PageHinkley, stream, -0.25, 100) is None
    moved = Stream(np.random.default_rng(0).normal(size=1000), 1.0, (0,))
    delay = delay_of_change(lambda: PageHinkley(threshold=20.0), moved, 3.0, 1000)
    assert delay is not None
    assert delay.missed == 0.0
    assert 1 <= delay.median <= delay.most <= 40


def test_a_change_that_is_never_found_is_all_misses() -> None:
    delay = delay_of_change(
        lambda: PageHinkley(threshold=1e9), Stream(errors(), 1.0, (0,)), 0.1, 200
    )
    assert delay is not None
    assert delay.missed == 1.0
    assert math.isnan(delay.median)


def test_streams_are_cut_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(np.arange(50.0), 1.0, (3,))
    whole = np.concatenate(list(stream.chunks(1000)))
    assert len(whole) == 1000
    assert whole.tolist() == np.concatenate(list(stream.chunks(1000))).tolist()
    monkeypatch.setattr(false_alarms, "_CHUNK", 64)
    assert sum(map(len, stream.chunks(1000))) == 1000
    assert max(map(len, stream.chunks(1000))) == 64


def test_blocks_are_runs_of_the_record_of_the_asked_mean_length() -> None:
    x = np.arange(1000.0)
    drawn = resampled(x, 20.0, 100_000, np.random.default_rng(0))
    goes_on = np.diff(drawn) % 1000 == 1
    assert 1 / (1 - goes_on.mean()) == pytest.approx(20.0, rel=0.05)
    assert np.unique(drawn).size == 1000


@given(st.sampled_from(sorted(DETECTORS)), st.floats(0.0, 1.0))
def test_places_and_values_of_a_threshold_belong_together(kind: str, share: float) -> None:
    threshold = threshold_of(kind)
    low, high = (threshold.place(value) for value in (threshold.low, threshold.high))
    place = low + share * (high - low)
    value = threshold.at(place)
    assert threshold.low <= value <= threshold.high
    assert threshold.at(threshold.place(value)) == pytest.approx(value, rel=2e-3)
