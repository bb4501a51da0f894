"""What a key remembers against lists of its whole past, and running scales against River's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import preprocessing, stats

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived_memory import (
    Count,
    ExponentiallyWeighted,
    Rate,
    Remembered,
    Scale,
    TimeSinceLast,
)
from streamadapt.errors import IncompatibleStateError
from streamadapt.events import MISSING_TIME
from streamadapt.memory_features import KeyMemory
from streamadapt.state import State
from tests.streamadapt.naive_memory import NaiveMemory, naive_rows

seeds = st.integers(0, 2**32 - 1)
units = st.sampled_from(["rows", "seconds"])
ALL = ("mean", "std", "var")
EVERY: list[Remembered] = [
    ExponentiallyWeighted(of="x", half_life=3, statistics=ALL),
    ExponentiallyWeighted(of="x", half_life=0.5, unit="seconds"),
    Rate(half_life_s=2),
    TimeSinceLast(),
    Count(window=5, most=3),
    Count(window=20, unit="rows", most=7),
    Scale(of="x"),
    Scale(of="x", method="min_max"),
    Scale(of="x", method="robust"),
]


def memory_of(
    specs: list[Remembered], max_keys: int = 100, current: bool = True
) -> tuple[KeyMemory, int]:
    lines, width = [], 0
    for spec in specs:
        lines.append((spec, 0 if hasattr(spec, "of") else -1, current, width))
        width += len(spec.names())
    return KeyMemory(lines, max_keys), width


def outputs(
    memory: KeyMemory, width: int, keys: IntArray, times_us: IntArray, xs: FloatArray
) -> FloatArray:
    X = np.full((len(xs), width), 7e77)
    memory.extend(keys, times_us, xs.reshape(-1, 1).copy(), X)
    return X


def stream(seed: int, n: int = 300, n_keys: int = 5) -> tuple[IntArray, IntArray, FloatArray]:
    """Keys, times mostly in order, and values; some missing, some values infinite or huge."""
    rng = np.random.default_rng(seed)
    xs = rng.normal(rng.choice([0.0, 100.0]), 2.0, n)
    xs[rng.random(n) < rng.choice([0.0, 0.1, 0.9])] = np.nan
    xs[rng.random(n) < 0.02] = rng.choice([np.inf, -np.inf, 1e300])
    times = 1_700_000_000_000_000 + np.cumsum(rng.integers(0, 500_000, n))
    times[rng.random(n) < 0.1] -= 1_000_000
    times[rng.random(n) < 0.1] = MISSING_TIME
    return rng.integers(0, n_keys, n), times, xs


def assert_as_naive(
    spec: Remembered, seed: int, max_keys: int = 4, current: bool = True, rtol: float = 1e-9
) -> None:
    keys, times, xs = stream(seed)
    memory, width = memory_of([spec], max_keys, current)
    naive = NaiveMemory(spec, max_keys, current)
    expected = naive_rows(naive, keys.tolist(), times.tolist(), xs)
    got = outputs(memory, width, keys, times, xs)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-9)
    assert memory.n_evicted == naive.evicted


@settings(deadline=None, max_examples=60)
@given(seeds, st.floats(0.1, 50), units, st.booleans())
def test_weighted_moments_are_sums_over_the_whole_past(
    seed: int, half_life: float, unit: Any, current: bool
) -> None:
    spec = ExponentiallyWeighted(of="x", half_life=half_life, unit=unit, statistics=ALL)
    assert_as_naive(spec, seed, current=current)


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(0.01, 100))
def test_a_rate_is_the_weighted_number_of_events_per_second(seed: int, half_life_s: float) -> None:
    assert_as_naive(Rate(half_life_s=half_life_s), seed)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 6))
def test_the_time_since_the_last_event_is_that_of_the_key(seed: int, max_keys: int) -> None:
    assert_as_naive(TimeSinceLast(), seed, max_keys)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 40), units, st.integers(1, 12), st.integers(1, 6))
def test_counts_are_of_the_rows_in_the_window(
    seed: int, window: int, unit: Any, most: int, max_keys: int
) -> None:
    assert_as_naive(Count(window=window, unit=unit, most=most), seed, max_keys)


@settings(deadline=None, max_examples=40)
@given(seeds, st.sampled_from(["standard", "min_max"]), st.integers(1, 6))
def test_scales_are_of_all_values_so_far(seed: int, method: Any, max_keys: int) -> None:
    assert_as_naive(Scale(of="x", method=method), seed, max_keys)


@pytest.mark.parametrize(
    ("method", "river"),
    [
        ("standard", preprocessing.StandardScaler),
        ("min_max", preprocessing.MinMaxScaler),
        ("robust", preprocessing.RobustScaler),
    ],
)
@settings(deadline=None, max_examples=15)
@given(seeds, st.integers(1, 400))
def test_scales_are_those_of_river(method: Any, river: Any, seed: int, n: int) -> None:
    xs = np.random.default_rng(seed).choice([1.0, 5.0, 0.25], n) * np.random.default_rng(
        seed + 1
    ).normal(size=n)
    scaler = river()
    expected = []
    for x in xs.tolist():
        scaler.learn_one({"x": x})
        expected.append(scaler.transform_one({"x": x})["x"])
    memory, _ = memory_of([Scale(of="x", method=method)])
    zeros = np.zeros(n, np.int64)
    got = outputs(memory, 1, zeros, zeros, xs)[:, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_a_robust_scale_finds_the_quartiles() -> None:
    xs = np.random.default_rng(0).normal(10.0, 3.0, 50_000)
    memory, _ = memory_of([Scale(of="x", method="robust")])
    zeros = np.zeros(len(xs), np.int64)
    got = outputs(memory, 1, zeros, zeros, xs)[-1, 0]
    low, mid, high = np.quantile(xs, [0.25, 0.5, 0.75])
    assert got == pytest.approx((xs[-1] - mid) / (high - low), abs=0.01)


def test_a_slow_half_life_weighs_all_alike_as_river_does() -> None:
    xs = np.random.default_rng(0).normal(1e6, 1.0, 1000)
    mean, var = stats.Mean(), stats.Var(ddof=0)
    for x in xs.tolist():
        mean.update(x)
        var.update(x)
    spec = ExponentiallyWeighted(of="x", half_life=1e12, statistics=("mean", "var"))
    memory, _ = memory_of([spec])
    zeros = np.zeros(len(xs), np.int64)
    got = outputs(memory, 2, zeros, zeros, xs)[-1]
    np.testing.assert_allclose(got, [mean.get(), var.get()], rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(0, 300), st.integers(1, 6))
def test_a_restored_memory_goes_on_bit_for_bit(seed: int, cut: int, max_keys: int) -> None:
    keys, times, xs = stream(seed)
    through, width = memory_of(EVERY, max_keys)
    copy, _ = memory_of(EVERY, max_keys)
    outputs(through, width, keys[:cut], times[:cut], xs[:cut])
    copy.restore(through.state())
    assert copy.state().digest() == through.state().digest()
    expected = outputs(through, width, keys[cut:], times[cut:], xs[cut:])
    got = outputs(copy, width, keys[cut:], times[cut:], xs[cut:])
    assert got.tobytes() == expected.tobytes()
    assert copy.state().digest() == through.state().digest()


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_no_value_leaves_a_number_that_is_not_finite_in_later_rows(seed: int) -> None:
    keys, times, xs = stream(seed)
    memory, width = memory_of(EVERY)
    outputs(memory, width, keys, times, xs)
    late = np.full(20, 1_800_000_000_000_000) + np.arange(20)
    X = outputs(memory, width, np.zeros(20, np.int64), late, np.arange(20.0))
    assert np.isfinite(X[1:]).all()


@pytest.mark.parametrize("far", [2**63 - 1, MISSING_TIME + 1])
def test_far_times_do_not_wrap_around(far: int) -> None:
    memory, width = memory_of([TimeSinceLast(), Rate(half_life_s=1)])
    X = outputs(memory, width, np.zeros(3, np.int64), np.array([0, far, 0]), np.zeros(3))
    assert (X[1:, 0] >= 0).all()
    assert np.isfinite(X[:, 1]).all()


def test_memory_does_not_grow_with_the_keys_beyond_the_bound() -> None:
    memory, width = memory_of(EVERY, max_keys=20)
    keys = np.arange(5000)
    zeros = np.zeros(5000, np.int64)
    outputs(memory, width, keys, zeros, np.ones(5000))
    size = memory.state().nbytes()
    outputs(memory, width, keys + 5000, zeros, np.ones(5000))
    assert (memory.state().nbytes(), memory.n_evicted) == (size, 9980)
    assert len(memory._memory) == 20


def test_a_key_that_comes_back_starts_anew() -> None:
    memory, width = memory_of([Count(window=100, unit="rows")], max_keys=1)
    keys = np.array([1, 1, 2, 1])
    got = outputs(memory, width, keys, np.zeros(4, np.int64), np.zeros(4))
    assert got[:, 0].tolist() == [1.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "values",
    [
        {"hashes": np.array([1, 1])},
        {"hashes": np.array([1])},
        {"hashes": np.arange(3), "memory": np.zeros((3, 5))},
        {"memory": np.zeros((2, 4))},
        {"memory": np.full((2, 5), np.nan)},
        {"memory": np.array([[0.0, 0.0, 3.0, 0.0, 0.0]] * 2)},
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    values: dict[str, FloatArray],
) -> None:
    memory, width = memory_of([Count(window=3, most=2)], max_keys=2)
    outputs(memory, width, np.array([5, 6]), np.array([1, 2]), np.zeros(2))
    good = memory.state()
    with pytest.raises(IncompatibleStateError):
        memory.restore(State("key_memory", 1, {**good.values, **values}))
    assert memory.state().digest() == good.digest()


def test_the_state_does_not_change_when_rows_follow() -> None:
    memory, width = memory_of(EVERY)
    outputs(memory, width, *stream(1))
    state = memory.state()
    digest = state.digest()
    outputs(memory, width, *stream(2))
    assert state.digest() == digest != memory.state().digest()
