"""CUSUM, GMA, RDDM, STEPD, ECDD and SEED against MOA's alarms, and against MOA written plainly.

`moa/alarms.json` holds alarms of MOA's own classes, written by `moa/Record.java` with the jar
of MOA 2024.07.2-SNAPSHOT.  The values are those of java.util.Random, repeated here bit for bit.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray
from streamadapt.detectors import (
    CUSUM,
    DETECTORS,
    ECDD,
    RDDM,
    SEED,
    STEPD,
    GeometricMovingAverage,
)
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.errors import ParameterError
from tests.detectors import naive_moa as naive
from tests.detectors.streams import BIT_KINDS, KINDS, bits, stream

RECORDED = json.loads((Path(__file__).parent / "moa" / "alarms.json").read_text())


def java_doubles(seed: int, n: int) -> FloatArray:
    """Return `nextDouble` of java.util.Random, n times."""
    state, found = (seed ^ 0x5DEECE66D) & (2**48 - 1), np.empty(n)
    for i in range(n):
        parts = []
        for n_bits in (26, 27):
            state = (state * 0x5DEECE66D + 0xB) & (2**48 - 1)
            parts.append(state >> (48 - n_bits))
        found[i] = ((parts[0] << 27) + parts[1]) / 2**53
    return found


def recorded_values(case: dict[str, Any]) -> FloatArray:
    u, n = java_doubles(case["seed"], case["n"]), case["n"]
    is_high = np.arange(n) // (n // 6) % 2 == 1
    if case["bits"]:
        return (u < np.where(is_high, 0.45, 0.1)).astype(np.float64)
    return u + is_high


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['kind']}-{case['seed']}")
def test_alarms_and_warnings_are_moas(case: dict[str, Any]) -> None:
    own = {"limits": "paper"} if case["kind"] == "ecdd" else {}
    ours = DETECTORS[case["kind"]](**case["given"], **own)
    flags = ours.update_many(recorded_values(case))
    assert np.flatnonzero(flags).tolist() == case["alarms"] != []
    assert np.flatnonzero(np.diff(ours.warnings, prepend=False)).tolist() == case["warning_flips"]


def assert_same(ours: ArrayDetector, plain: Any, xs: FloatArray) -> None:
    alarms, warnings = [], []
    for x in xs.tolist():
        alarms.append(plain.update(x))
        warnings.append(plain.warning)
    assert ours.update_many(xs).tolist() == alarms
    assert ours.warnings.tolist() == warnings


STREAM = (st.sampled_from(BIT_KINDS), st.integers(1, 900), st.integers(0, 2**32))


@settings(max_examples=40, deadline=None)
@given(*STREAM, st.integers(0, 60), st.floats(0.0, 0.1), st.floats(0.5, 30.0))
def test_cusum_is_the_plain_one(
    kind: str, n: int, seed: int, least: int, delta: float, threshold: float
) -> None:
    given_ = {"min_instances": least, "delta": delta, "threshold": threshold}
    # Noise, so that no sum is a threshold but for rounding.
    xs = bits(kind, n, seed) + 0.01 * np.random.default_rng(seed).normal(size=n)
    assert_same(CUSUM(**given_), naive.NaiveCusum(**given_), xs)


@settings(max_examples=40, deadline=None)
@given(*STREAM, st.integers(0, 60), st.floats(0.05, 0.5), st.floats(0.5, 0.999))
def test_geometric_moving_average_is_the_plain_one(
    kind: str, n: int, seed: int, least: int, threshold: float, alpha: float
) -> None:
    given_ = {"min_instances": least, "threshold": threshold, "alpha": alpha}
    xs = bits(kind, n, seed) + 0.01 * np.random.default_rng(seed).normal(size=n)
    assert_same(GeometricMovingAverage(**given_), naive.NaiveGeometricMovingAverage(**given_), xs)


@settings(max_examples=40, deadline=None)
@given(*STREAM, st.integers(2, 60), st.sampled_from([0.1, 0.2, 0.3]))
def test_ecdd_with_the_papers_limits_is_the_plain_one(
    kind: str, n: int, seed: int, least: int, lambda_: float
) -> None:
    given_: dict[str, Any] = {"min_instances": least, "lambda_": lambda_}
    assert_same(ECDD(**given_, limits="paper"), naive.NaiveECDD(**given_), bits(kind, n, seed))


@settings(max_examples=40, deadline=None)
@given(*STREAM, st.integers(2, 60), st.sampled_from([0.0001, 0.003, 0.04]))
def test_stepd_is_the_plain_one(kind: str, n: int, seed: int, size: int, alpha: float) -> None:
    given_: dict[str, Any] = {"window_size": size, "alpha_drift": alpha}
    assert_same(STEPD(**given_), naive.NaiveSTEPD(**given_), bits(kind, n, seed))


@settings(max_examples=60, deadline=None)
@given(*STREAM, st.integers(0, 60), st.integers(20, 300), st.integers(1, 120), st.integers(1, 90))
def test_rddm_is_the_plain_one(
    kind: str, n: int, seed: int, least: int, longest: int, kept: int, limit: int
) -> None:
    given_ = {
        "warm_start": least,
        "max_concept_size": max(least, longest),
        "min_stable_size": kept,
        "warning_limit": limit,
    }
    xs = bits(kind, n, seed)
    assert_same(RDDM(**given_), naive.NaiveRDDM(**given_), xs)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_warning_with_any_threshold_that_lasts_is_an_alarm(threshold: float) -> None:
    given_: dict[str, Any] = {"warm_start": 30, "warning_limit": 20}
    given_ |= {"warning_threshold": threshold, "drift_threshold": 1e9}
    xs, ours = bits("gradual", 900, 0), RDDM(**given_)
    assert_same(ours, naive.NaiveRDDM(**given_), xs)
    assert ours.alarms


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 900), st.integers(0, 2**32), st.integers(1, 20))
def test_seed_is_the_plain_one(kind: str, n: int, seed: int, term: int) -> None:
    given_: dict[str, Any] = {"block_size": 8, "compress_term": term, "delta": 0.2}
    xs = stream(kind, n, seed)
    if kind != "far_from_zero":  # there the sums round differently
        assert_same(SEED(**given_), naive.NaiveSEED(**given_), xs)


def test_seed_never_has_more_blocks_than_it_may() -> None:
    ours = SEED(max_blocks=10, compress_term=50)
    ours.update_many(1e6 * np.random.default_rng(0).normal(size=20_000))
    assert ours.state().array("blocks").shape == (10, 4)


def test_what_seed_dropped_leaves_nothing_in_its_sums() -> None:
    xs = np.random.default_rng(0).normal(size=4000)
    xs[500] = 1e30
    ours = SEED()
    flags = ours.update_many(xs)
    blocks, first = (
        ours.state().array("blocks"),
        int(4000 - ours.state().array("blocks")[:, 0].sum()),
    )
    assert flags[500:].any()
    assert first > 500
    assert blocks[:, 2].sum() == pytest.approx(xs[first:].sum())
    assert ours.state().array("sums")[0] == pytest.approx(xs[first:].sum())


@pytest.mark.parametrize(
    ("alpha", "span"), [(0.0, 1), (0.5, 2), (0.9, 10), (0.99, 100), (0.95, 20)]
)
def test_an_average_is_as_old_as_its_weights_are_long(alpha: float, span: int) -> None:
    ours = GeometricMovingAverage(threshold=0.2, alpha=alpha, min_instances=300)
    ours.update_many(np.repeat([0.0, 1.0], [290, 60]))
    assert ours.alarms[0].age == span


def test_a_probability_too_small_to_be_halved_is_never_passed() -> None:
    assert not STEPD(alpha_drift=5e-324).update_many(np.repeat([0.0, 1.0], 300)).any()


def test_a_fall_is_a_rise_upside_down() -> None:
    xs = stream("sudden", 2000, 1)
    for make in (CUSUM, GeometricMovingAverage):
        up, down = make(threshold=0.5, mode="up"), make(threshold=0.5, mode="down")
        assert up.update_many(xs).tolist() == down.update_many(-xs).tolist()
        assert [(a.statistic, a.size, a.age) for a in up.alarms] == [
            (a.statistic, -a.size, a.age) for a in down.alarms
        ]
        assert {a.direction for a in down.alarms} == {-1}


def test_cusum_tells_of_the_values_since_its_sum_was_zero() -> None:
    xs, ours = np.repeat([1.0, 3.0], [100, 20]), CUSUM(threshold=5.0)
    ours.update_many(xs)
    alarm = ours.alarms[0]
    assert (alarm.change_point, alarm.size, alarm.direction) == (100, pytest.approx(2.0), 1)
    assert alarm.statistic > alarm.threshold == 5.0


def test_seed_tells_of_the_means_on_both_sides_of_its_edge() -> None:
    xs, ours = stream("sudden", 3000, 0), SEED()
    ours.update_many(xs)
    first = ours.alarms[0]
    old, new = xs[: first.change_point], xs[first.change_point : first.index + 1]
    assert first.size == pytest.approx(new.mean() - old.mean())
    assert first.statistic == abs(first.size) > first.threshold
    assert first.p_value is not None
    assert first.p_value < 0.05


def test_the_p_value_of_seed_is_the_delta_that_just_raises_the_alarm() -> None:
    xs = stream("sudden", 3000, 0)
    ours = SEED()
    ours.update_many(xs)
    first = ours.alarms[0]
    assert first.p_value is not None
    for factor, raises in ((1.01, True), (0.99, False)):
        other = SEED(delta=first.p_value * factor)
        assert bool(other.update_many(xs[: first.index + 1])[-1]) is raises


def test_stepd_tells_of_its_window_and_the_values_before() -> None:
    xs, ours = bits("sudden", 2000, 2), STEPD()
    ours.update_many(xs)
    alarm = ours.alarms[0]
    old, new = xs[: alarm.index - 29], xs[alarm.index - 29 : alarm.index + 1]
    both, p = 1 / len(old) + 1 / 30, xs[: alarm.index + 1].mean()
    gap = new.mean() - old.mean()
    z = (abs(gap) - both / 2) / math.sqrt(p * (1 - p) * both)
    assert (alarm.age, alarm.size) == (30, pytest.approx(gap))
    assert alarm.statistic == pytest.approx(z)
    assert alarm.p_value == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_stepd_is_silent_where_moas_raises_alarms_on_even_rare_errors() -> None:
    assert not STEPD().update_many(np.resize([1.0] + [0.0] * 999, 20_000)).any()
    assert not STEPD().update_many(np.zeros(1000)).any()


def test_rddm_tells_of_the_rate_since_its_warning() -> None:
    xs, ours = np.concatenate([bits("even", 1000, 0), bits("all", 200, 0)]), RDDM()
    ours.update_many(xs)
    alarm = next(alarm for alarm in ours.alarms if alarm.index >= 1000)
    begun = ours.warnings[: alarm.index].tolist()
    start = alarm.index - begun[::-1].index(False)
    assert alarm.age == alarm.index - start + 1
    assert alarm.statistic > alarm.threshold
    assert alarm.size > 0.2


@pytest.mark.parametrize(
    ("make", "given_", "named"),
    [
        (CUSUM, {"min_instances": -1}, "min_instances"),
        (CUSUM, {"delta": np.nan}, "delta"),
        (CUSUM, {"threshold": -1.0}, "threshold"),
        (CUSUM, {"mode": "left"}, "mode = 'left'"),
        (GeometricMovingAverage, {"alpha": 1.5}, "alpha"),
        (GeometricMovingAverage, {"mode": ""}, "mode = ''"),
        (STEPD, {"window_size": 0}, "window_size"),
        (STEPD, {"alpha_warning": 0.001}, "alpha_warning = 0.001 is below"),
        (RDDM, {"drift_threshold": 1.0}, "drift_threshold"),
        (RDDM, {"min_stable_size": 0}, "min_stable_size"),
        (SEED, {"delta": 0.0}, "delta"),
        (SEED, {"block_size": 1}, "block_size"),
        (SEED, {"max_blocks": 1}, "max_blocks"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(
    make: Any, given_: Any, named: str
) -> None:
    with pytest.raises(ParameterError, match=named):
        make(**given_)


def test_rddm_that_was_restored_in_its_warning_zone_starts_anew_from_the_same_values() -> None:
    xs, whole = bits("sudden", 4000, 3), RDDM()
    flags = whole.update_many(xs)
    in_warning = np.flatnonzero(whole.warnings)
    for cut in in_warning[:: max(1, len(in_warning) // 20)].tolist():
        first, second = RDDM(), RDDM()
        first.update_many(xs[: cut + 1])
        second.update_many(xs[100:700])  # what it knew of another warning is gone
        second.restore(first.state())
        assert second.update_many(xs[cut + 1 :]).tolist() == flags[cut + 1 :].tolist()
        assert second.state().digest() == whole.state().digest()
