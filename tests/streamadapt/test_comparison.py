"""Comparison of learners: intervals that cover, tests as SciPy's, and no false wins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from streamadapt.bootstrap import automatic_block_length
from streamadapt.comparison import Difference, RunningDifference, paired_difference
from streamadapt.contracts import FloatArray
from streamadapt.errors import ParameterError
from streamadapt.mcnemar import McNemarWindows, mcnemar, mcnemar_windows


def autoregressive(rng: np.random.Generator, n: int, rho: float) -> FloatArray:
    """Return a series of mean 0 whose neighbours correlate by `rho`, from its steady state."""
    noise = rng.normal(size=n)
    x = np.empty(n)
    x[0] = noise[0] / math.sqrt(1 - rho**2)
    for i in range(1, n):
        x[i] = rho * x[i - 1] + noise[i]
    return x


def naive_resampled(d: FloatArray, block: float, n_resamples: int, seed: int) -> list[float]:
    """Return the means of whole resamples, block by block and row by row, from the same draws."""
    rng, n, means = np.random.default_rng(seed), len(d), []
    for _ in range(n_resamples):
        n_blocks = math.ceil(n / block)
        lengths = rng.geometric(1 / block, n_blocks + math.ceil(3 * math.sqrt(n_blocks))).tolist()
        while sum(lengths) < n:
            lengths += rng.geometric(1 / block, n_blocks).tolist()
        kept = 0
        while sum(lengths[:kept]) < n:
            kept += 1
        rows: list[float] = []
        for start, length in zip(rng.integers(n, size=kept).tolist(), lengths, strict=False):
            rows += [d[(start + j) % n] for j in range(length)]
        means.append(sum(rows[:n]) / n)
    return means


@given(st.integers(2, 80), st.integers(0, 2**16), st.floats(1.0, 10.0))
def test_the_interval_is_that_of_whole_resamples(n: int, seed: int, block: float) -> None:
    rng = np.random.default_rng(seed)
    a, b, block = rng.normal(size=n), rng.normal(size=n), min(block, n)
    found = paired_difference(a, b, block=block, n_resamples=20, level=0.8, seed=seed)
    low, high = np.quantile(naive_resampled(a - b, block, 20, seed), [0.1, 0.9])
    assert found.mean == pytest.approx((a - b).mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(("rho", "block"), [(0.0, None), (0.5, None), (0.9, None), (0.9, 100.0)])
def test_intervals_cover_the_true_difference_about_as_often_as_they_say(
    rho: float, block: float | None
) -> None:
    rng = np.random.default_rng(1)
    n_trials, covered = 400, 0
    for seed in range(n_trials):
        d = 0.3 + autoregressive(rng, 2_000, rho)
        found = paired_difference(d, np.zeros(2_000), block=block, n_resamples=300, seed=seed)
        covered += found.low <= 0.3 <= found.high
    assert 0.90 <= covered / n_trials <= 0.98


def test_intervals_that_take_rows_for_independent_cover_far_too_seldom() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for seed in range(100):
        d = autoregressive(rng, 2_000, 0.9)
        found = paired_difference(d, np.zeros(2_000), block=1, n_resamples=200, seed=seed)
        covered += found.low <= 0.0 <= found.high
    assert covered < 60


def test_a_small_but_steady_difference_is_found_and_its_sign_is_that_of_the_worse() -> None:
    rng = np.random.default_rng(3)
    common = np.abs(autoregressive(rng, 10_000, 0.8))  # both find the same rows hard
    found = paired_difference(common + 0.02 + 0.1 * rng.normal(size=10_000), common)
    assert found.is_real
    assert 0.0 < found.low < 0.02 < found.high
    back = paired_difference(common, common + 0.02)
    assert back.high < 0.0


def test_a_learner_does_not_differ_from_itself() -> None:
    losses = np.random.default_rng(4).random(5_000)
    found = paired_difference(losses, losses)
    assert (found.mean, found.low, found.high, found.is_real) == (0.0, 0.0, 0.0, False)
    assert mcnemar(losses > 0.5, losses > 0.5).p_value == 1.0
    assert mcnemar_windows(losses > 0.5, losses > 0.5).wins() == (0, 0, 5)


def test_equal_learners_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(5)
    real = windows = 0
    for seed in range(200):
        a, b = (rng.random((2, 4_000)) < 0.3).astype(float)
        real += paired_difference(a, b, n_resamples=200, seed=seed).is_real
        windows += mcnemar_windows(a, b, 200).wins() != (0, 0, 20)
    assert real <= 20  # 10 expected
    assert windows <= 20  # at most 10: any false win among 20 windows


def test_equal_seeds_give_equal_intervals() -> None:
    a, b = np.random.default_rng(6).random((2, 1_000))
    assert paired_difference(a, b, seed=1) == paired_difference(a, b, seed=1)
    assert paired_difference(a, b, seed=1) != paired_difference(a, b, seed=2)


def test_blocks_are_the_cube_root_of_the_rows_long_or_as_long_as_rows_are_alike() -> None:
    assert paired_difference(np.zeros(8_000), np.zeros(8_000)).block == pytest.approx(20.0)
    d = autoregressive(np.random.default_rng(13), 8_000, 0.95)
    found = paired_difference(d, np.zeros(8_000), n_resamples=20)
    assert found.block == automatic_block_length(d - d.mean()) > 20.0


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_blocks_are_about_as_long_as_theory_has_them_for_an_autoregression(rho: float) -> None:
    # For it G / g(0) is 2 rho / (1 - rho^2), in the notation of Politis and White.
    rng, n = np.random.default_rng(9), 20_000
    best = max(1.0, ((2 * rho / (1 - rho**2)) ** 2 * n) ** (1 / 3))
    found = [automatic_block_length(autoregressive(rng, n, rho)) for _ in range(20)]
    assert best / 1.3 < np.median(found) < best * 1.3 + 2.0


def test_blocks_of_a_long_series_that_drifts_are_as_long_as_is_allowed() -> None:
    n = 100_000
    drifting = np.linspace(0, 1, n) + np.random.default_rng(10).normal(size=n)
    assert automatic_block_length(drifting) == math.ceil(3 * math.sqrt(n))


@pytest.mark.parametrize("x", [np.zeros(50), np.full(2, 0.1), np.arange(2.0), np.zeros(1)])
def test_blocks_of_a_series_that_tells_nothing_are_single_rows(x: FloatArray) -> None:
    assert automatic_block_length(x) == 1.0


@given(st.integers(2, 400), st.integers(0, 2**16), st.sampled_from([2, 8, 64, 1024]))
def test_differences_are_the_same_however_rows_are_cut_into_calls(
    n: int, seed: int, most: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n)) * 10.0 ** rng.integers(-5, 5, size=n)
    whole, cut = RunningDifference(most), RunningDifference(most)
    whole.add(a, b)
    ends = np.sort(rng.integers(0, n, size=rng.integers(0, 9)))
    for part in np.split(np.stack([a, b]), ends, axis=1):
        cut.add(part[0], part[1])
    found = whole.difference(n_resamples=20)
    assert cut.difference(n_resamples=20) == found
    assert cut.by_parts(7).tolist() == whole.by_parts(7).tolist()
    assert found.mean == pytest.approx((a - b).mean(), rel=1e-9, abs=1e-9)
    assert cut.n == n


def test_sums_of_rows_give_about_the_interval_that_rows_give() -> None:
    d = autoregressive(np.random.default_rng(11), 60_000, 0.9)
    rows, sums = (RunningDifference(most) for most in (1 << 17, 1 << 13))
    for running in (rows, sums):
        running.add(d, np.zeros(len(d)))
    fine, coarse = rows.difference(), sums.difference()
    assert coarse.mean == pytest.approx(fine.mean, abs=1e-12)
    assert coarse.high - coarse.low == pytest.approx(fine.high - fine.low, rel=0.1)


def test_memory_of_a_running_difference_does_not_grow_with_the_stream() -> None:
    running, rng = RunningDifference(1 << 10), np.random.default_rng(12)
    held = []
    for _ in range(200):
        a, b = (rng.random((2, 20_000)) < 0.3).astype(float)
        running.add(a, b)
        held.append(sum(v.nbytes for v in vars(running).values() if isinstance(v, np.ndarray)))
    assert running.n == 4_000_000
    assert max(held) <= 8 * (1 << 10) + 8 * 4_000_000 / (1 << 9)  # the sums, and rows of one sum
    assert not running.difference().is_real


def test_parts_tell_where_along_the_stream_a_learner_was_better() -> None:
    running = RunningDifference()
    running.add(np.r_[np.ones(500), np.zeros(1_500)], np.r_[np.zeros(1_000), np.ones(1_000)])
    assert running.by_parts(4).tolist() == [1.0, 0.0, -1.0, -1.0]
    few = RunningDifference()
    few.add(np.ones(3), np.zeros(3))
    assert few.by_parts(20).tolist() == [1.0, 1.0, 1.0]


def test_rows_that_one_of_the_two_did_not_grade_are_left_out() -> None:
    a, b = np.random.default_rng(7).random((2, 500))
    holes_a, holes_b = a.copy(), b.copy()
    holes_a[10:20], holes_b[15:40] = np.nan, np.inf
    keep = np.r_[0:10, 40:500]
    assert paired_difference(holes_a, holes_b) == paired_difference(a[keep], b[keep])
    wrong_a, wrong_b = np.where(np.isnan(holes_a), np.nan, a > 0.4), (b > 0.6).astype(float)
    whole = mcnemar(wrong_a, wrong_b)
    parts = mcnemar_windows(wrong_a, wrong_b, 100)
    assert int(parts.only_first_wrong.sum()) == whole.only_first_wrong
    assert int(parts.only_second_wrong.sum()) == whole.only_second_wrong


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_scipy(first: int, second: int) -> None:
    both = 5
    a = np.array([1.0] * first + [0.0] * second + [1.0] * both + [0.0] * both)
    b = np.array([0.0] * first + [1.0] * second + [1.0] * both + [0.0] * both)
    found = mcnemar(a, b)
    n = first + second
    if n == 0:
        expected = 1.0
    elif n < 25:
        expected = stats.binomtest(first, n).pvalue
    else:
        expected = stats.chi2.sf(max(abs(first - second) - 1, 0) ** 2 / n, 1)
    assert (found.only_first_wrong, found.only_second_wrong) == (first, second)
    assert found.p_value == pytest.approx(expected, rel=1e-9)


def test_windows_tell_where_a_learner_was_better() -> None:
    rng = np.random.default_rng(8)
    share = np.where(np.arange(10_000) < 4_000, 0.1, 0.4)
    first, second = (rng.random(10_000) < p for p in (share, share[::-1]))
    found = mcnemar_windows(first, second, 1_000)
    assert found.end.tolist() == list(range(999, 10_000, 1_000))
    assert found.wins() == (4, 4, 2)


def test_p_values_of_windows_are_corrected_as_by_holm() -> None:
    # Windows of 6 rows, all lost by the first: 2 / 64 each; and one of no difference.
    first = np.r_[np.ones(18), np.zeros(6)]
    found = mcnemar_windows(first, np.zeros(24), 6)
    assert found.p_value == pytest.approx([4 / 32, 4 / 32, 4 / 32, 1.0])


def test_the_last_window_is_as_long_as_what_is_left() -> None:
    found = mcnemar_windows(np.ones(25), np.zeros(25), 10)
    assert isinstance(found, McNemarWindows)
    assert found.end.tolist() == [9, 19, 24]
    assert found.only_first_wrong.tolist() == [10, 10, 5]


def test_a_difference_says_itself_in_one_line() -> None:
    assert str(Difference(0.05, 0.01, 0.09, 0.95, 100, 5.0)) == "+0.05 [+0.01, +0.09], real"
    assert str(Difference(0.0, -0.01, 0.01, 0.95, 100, 5.0)).endswith("not told from 0")


@pytest.mark.parametrize(
    ("losses", "others", "options"),
    [
        (np.zeros(3), np.zeros(4), {}),
        (np.zeros((3, 1)), np.zeros((3, 1)), {}),
        (np.zeros(1), np.zeros(1), {}),
        (np.full(9, np.nan), np.zeros(9), {}),
        (np.zeros(9), np.zeros(9), {"level": 1.0}),
        (np.zeros(9), np.zeros(9), {"block": 10.0}),
        (np.zeros(9), np.zeros(9), {"n_resamples": 0}),
    ],
)
def test_what_cannot_be_compared_is_refused(
    losses: FloatArray, others: FloatArray, options: dict[str, float]
) -> None:
    with pytest.raises(ParameterError):
        paired_difference(losses, others, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [0, 3])
def test_an_odd_number_of_sums_is_refused(most: int) -> None:
    with pytest.raises(ParameterError, match="even"):
        RunningDifference(most)


def test_windows_of_nothing_are_refused() -> None:
    with pytest.raises(ParameterError):
        mcnemar_windows(np.zeros(0), np.zeros(0))
    with pytest.raises(ParameterError):
        mcnemar_windows(np.zeros(5), np.zeros(5), 0)
