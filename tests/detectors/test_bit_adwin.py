"""ADWIN over bits against a list of buckets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.detectors.bit_adwin_kernels import (
    FELL,
    HELD,
    MAX_ROWS,
    N_WORDS,
    ROSE,
    STAYED,
    TOTAL,
    UNCUT,
    WIDTH,
    checked_windows,
    clear_window,
    take_bit,
    window_mean,
)
from streamadapt.errors import IncompatibleStateError
from tests.detectors.naive_bit_adwin import NaiveWindow

CHANGES = {UNCUT: "uncut", FELL: "fell", STAYED: "stayed", ROSE: "rose"}


def assert_same(bits: list[int], delta: float) -> set[str]:
    windows, naive, seen = np.zeros((2, N_WORDS), np.int32), NaiveWindow(delta), set()
    for bit in bits:
        change = CHANGES[take_bit(windows, 1, bit, delta)]
        assert change == naive.take(bit)
        assert windows[1, WIDTH] == naive.width
        assert window_mean(windows, 1) == naive.mean
        seen.add(change)
    assert not windows[0].any()
    return seen


@pytest.mark.parametrize("delta", [0.002, 0.3])
def test_changes_widths_and_means_are_those_of_the_naive_version(delta: float) -> None:
    rng = np.random.default_rng(1)
    rates = np.repeat([0.1, 0.5, 0.05, 0.05, 0.9], 400)
    seen = assert_same((rng.random(len(rates)) < rates).astype(int).tolist(), delta)
    assert {"uncut", "rose", "fell"} <= seen


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 90)), max_size=8))
def test_runs_of_equal_bits_do_as_in_the_naive_version(runs: list[tuple[int, int]]) -> None:
    assert_same([bit for bit, n in runs for _ in range(n)], 0.1)


def test_a_cleared_window_is_a_new_one() -> None:
    windows = np.zeros((1, N_WORDS), np.int32)
    for i in range(1000):
        take_bit(windows, 0, i % 3 == 0, 0.002)
    clear_window(windows, 0)
    assert not windows.any()


def test_a_window_that_is_full_drops_its_oldest_bits() -> None:
    windows = np.zeros((1, N_WORDS), np.int32)
    take_bit(windows, 0, 0, 0.002)
    held = windows[0, HELD : HELD + MAX_ROWS]
    buckets = windows[0, HELD + MAX_ROWS :].reshape(MAX_ROWS, 6)
    held[:], windows[0, HELD - 1] = 5, MAX_ROWS
    sizes = 1 << np.arange(MAX_ROWS)
    buckets[:, :5] = sizes[:, None] // 2
    windows[0, WIDTH], windows[0, TOTAL] = 5 * sizes.sum(), buckets.sum()
    for _ in range(3):
        take_bit(windows, 0, 0, 0.002)
        assert windows[0, WIDTH] == (held * sizes).sum()
        assert windows[0, TOTAL] == buckets.sum()
        checked_windows(windows)


@pytest.mark.parametrize("place", [WIDTH, HELD - 1, HELD, HELD + 3])
def test_a_window_that_none_can_be_is_refused(place: int) -> None:
    windows = np.zeros((1, N_WORDS), np.int32)
    windows[0, place] = -1 if place == WIDTH else 99
    with pytest.raises(IncompatibleStateError):
        checked_windows(windows)
