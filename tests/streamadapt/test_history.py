"""Per-key history against lists: lags, windows, eviction, canonical state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived import Lag, Rolling
from streamadapt.errors import IncompatibleStateError
from streamadapt.history import KeyHistory, plan_lines
from streamadapt.state import State
from tests.streamadapt.naive_features import NaiveHistory, naive_rows

ALL = ("mean", "std", "min", "max", "sum")
seeds = st.integers(0, 2**32 - 1)
windows = st.one_of(st.integers(1, 70), st.integers(71, 400))


def history(spec: Lag | Rolling, max_keys: int = 100, holds_current: bool = True) -> KeyHistory:
    return KeyHistory(np.array(plan_lines(spec, 0, holds_current, 0)), 1, max_keys)


def outputs(memory: KeyHistory, keys: IntArray, xs: FloatArray, width: int) -> FloatArray:
    X = np.full((len(xs), width), 7e77)
    memory.extend(keys, xs.reshape(-1, 1).copy(), X)
    return X


def stream(seed: int, n: int = 600, n_keys: int = 1) -> tuple[IntArray, FloatArray]:
    rng = np.random.default_rng(seed)
    xs = rng.normal(rng.choice([0.0, 1e3, -1e9]), 2.0, n)
    xs[rng.random(n) < rng.choice([0.0, 0.1, 0.9])] = np.nan
    return rng.integers(0, n_keys, n), xs


def assert_close(got: FloatArray, expected: FloatArray, xs: FloatArray) -> None:
    """Equal to rounding: absolute errors are relative to the values that were summed."""
    size = float(np.nanmax(np.abs(xs), initial=1.0))
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15 * size)


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(st.integers(1, 90), min_size=1, max_size=4), st.integers(1, 9))
def test_lags_are_the_values_of_earlier_rows_of_the_same_key(
    seed: int, steps: list[int], n_keys: int
) -> None:
    spec = Lag(of="x", steps=tuple(steps))
    keys, xs = stream(seed, n_keys=n_keys)
    expected = naive_rows(NaiveHistory(spec, 100), keys.tolist(), xs)
    np.testing.assert_array_equal(outputs(history(spec), keys, xs, len(steps)), expected)


@settings(deadline=None, max_examples=60)
@given(seeds, windows, st.integers(1, 4), st.booleans())
def test_windows_agree_with_exact_statistics_of_the_last_rows(
    seed: int, window: int, n_keys: int, holds_current: bool
) -> None:
    spec = Rolling(of="x", window=window, statistics=ALL)
    keys, xs = stream(seed, 500, n_keys)
    expected = naive_rows(NaiveHistory(spec, 100, holds_current), keys.tolist(), xs)
    got = outputs(history(spec, holds_current=holds_current), keys, xs, 5)
    assert_close(got[:, :4], expected[:, :4], xs)
    np.testing.assert_allclose(
        got[:, 4], expected[:, 4], rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(xs))
    )


@pytest.mark.parametrize("window", [48, 500])
def test_the_spread_of_large_numbers_stays_exact_after_half_a_million_rows(window: int) -> None:
    rng = np.random.default_rng(3)
    xs = 1e15 + rng.integers(-3, 4, 500_000)
    spec = Rolling(of="x", window=window, statistics=("std",))
    got = outputs(history(spec), np.zeros(len(xs), np.int64), xs, 1)[-1, 0]
    assert got == pytest.approx(np.std(xs[-window:] - 1e15), rel=1e-13)


@pytest.mark.parametrize("window", [5, 200])
def test_a_monstrous_value_leaves_no_trace_once_it_left_the_window(window: int) -> None:
    spec = Rolling(of="x", window=window, statistics=ALL)
    xs = np.random.default_rng(1).normal(size=1000)
    spoilt = xs.copy()
    spoilt[100:105] = [1e308, -1e308, np.inf, -np.inf, np.nan]
    keys = np.zeros(1000, np.int64)
    clean = outputs(history(spec), keys, xs, 5)
    got = outputs(history(spec), keys, spoilt, 5)
    assert not np.isinf(got).any()
    np.testing.assert_array_equal(got[105 + window :], clean[105 + window :])


def test_a_statistic_of_no_valid_value_is_missing() -> None:
    spec = Rolling(of="x", window=3, statistics=ALL)
    got = outputs(history(spec), np.zeros(4, np.int64), np.array([np.nan, 2.0, np.nan, np.nan]), 5)
    np.testing.assert_array_equal(got[0], np.full(5, np.nan))
    np.testing.assert_array_equal(got[3], [2.0, 0.0, 2.0, 2.0, 2.0])


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 40), st.integers(1, 60), st.sampled_from([1, 64, 1 << 40, -(1 << 33)]))
def test_the_least_recently_used_key_is_forgotten_first(
    seed: int, max_keys: int, n_keys: int, stride: int
) -> None:
    """Strides make all keys probe from the same place of the table, so that erasing is tried."""
    spec = Lag(of="x", steps=(1, 2))
    keys, xs = stream(seed, n_keys=n_keys)
    naive = NaiveHistory(spec, max_keys)
    expected = naive_rows(naive, keys.tolist(), xs)
    memory = history(spec, max_keys)
    np.testing.assert_array_equal(outputs(memory, keys * stride, xs, 2), expected)
    assert (memory.n_evicted, memory.n_keys) == (naive.evicted, len(naive.past))


def test_memory_does_not_grow_with_the_keys_beyond_the_bound() -> None:
    memory = history(Rolling(of="x", window=100), max_keys=20)
    keys = np.arange(5000)
    outputs(memory, keys, np.ones(5000), 2)
    sizes = memory.state().nbytes()
    outputs(memory, keys + 5000, np.ones(5000), 2)
    assert (memory.n_keys, memory.state().nbytes()) == (20, sizes)
    assert len(memory._keys.slots) == len(memory._rings) == 20


@settings(deadline=None, max_examples=60)
@given(seeds, windows, st.integers(1, 30), st.integers(0, 600), st.integers(1, 12))
def test_a_restored_history_goes_on_bit_for_bit(
    seed: int, window: int, n_keys: int, cut: int, max_keys: int
) -> None:
    spec = Rolling(of="x", window=window, statistics=ALL)
    keys, xs = stream(seed, n_keys=n_keys)
    through, copy = history(spec, max_keys), history(spec, max_keys)
    outputs(through, keys[:cut], xs[:cut], 5)
    copy.restore(through.state())
    assert copy.state().digest() == through.state().digest()
    expected = outputs(through, keys[cut:], xs[cut:], 5)
    assert outputs(copy, keys[cut:], xs[cut:], 5).tobytes() == expected.tobytes()
    assert copy.state().digest() == through.state().digest()


@pytest.mark.parametrize("window", [10, 130])
def test_rows_that_no_longer_matter_are_not_in_the_state(window: int) -> None:
    spec = Rolling(of="x", window=window)
    last = np.random.default_rng(0).normal(size=320)
    one, other = history(spec), history(spec)
    outputs(one, np.zeros(320, np.int64), last, 2)
    long = np.concatenate([np.arange(64 * 7.0), last])  # whole blocks more
    outputs(other, np.zeros(len(long), np.int64), long, 2)
    assert one.state().digest() == other.state().digest()


def test_the_state_does_not_change_when_rows_follow() -> None:
    memory = history(Lag(of="x", steps=(3,)))
    outputs(memory, np.array([1, 2]), np.array([1.0, 2.0]), 1)
    before = memory.state()
    digest = before.digest()
    outputs(memory, np.array([1, 2]), np.array([8.0, 9.0]), 1)
    assert before.digest() == digest != memory.state().digest()


@pytest.mark.parametrize(
    "values",
    [
        {"hashes": np.array([1, 1])},
        {"hashes": np.array([1])},
        {"hashes": np.arange(3), "seen": np.ones(3, np.int64), "values": np.ones((3, 1))},
        {"seen": np.array([1, -1])},
        {"seen": np.array([1, 5])},
        {"values": np.ones((3, 1))},
        {"values": np.ones((2, 2))},
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    values: dict[str, FloatArray],
) -> None:
    memory = history(Lag(of="x", steps=(1,)), max_keys=2)
    outputs(memory, np.array([5, 6]), np.array([1.0, 2.0]), 1)
    good = memory.state()
    with pytest.raises(IncompatibleStateError):
        memory.restore(State("history", 1, {**good.values, **values}))
    assert memory.state().digest() == good.digest()
