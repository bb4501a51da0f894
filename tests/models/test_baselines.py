from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import dummy, stats

from streamadapt.contracts import Forgets, HasIntervals
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.baselines import (
    MajorityClass,
    NoChangeClassifier,
    Persistence,
    RunningMean,
    SeasonalPersistence,
)

MAKERS: list[Callable[[], Any]] = [
    lambda: MajorityClass(1, 3),
    lambda: NoChangeClassifier(1, 3),
    lambda: Persistence(1),
    lambda: SeasonalPersistence(1, 4),
    lambda: RunningMean(1),
]
every_baseline = pytest.mark.parametrize("make", MAKERS)
labels = st.lists(st.integers(-1, 3), min_size=1, max_size=40)
numbers = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, 1e200])),
    min_size=1,
    max_size=40,
)


def nothing(n: int) -> np.ndarray:
    return np.full((n, 1), np.nan)


def is_number(y: float) -> bool:
    return abs(y) <= 1e100


@settings(deadline=None)  # the first call compiles
@given(y=labels)
def test_the_majority_is_that_of_the_counts(y: list[int]) -> None:
    counts: Counter[int] = Counter()
    for row, label in zip(MajorityClass(1, 3).test_then_train(nothing(len(y)), y), y, strict=True):
        total = counts.total()
        wanted = [counts[c] / total if total else 1 / 3 for c in range(3)]
        np.testing.assert_array_equal(row, wanted)
        if 0 <= label < 3:
            counts[label] += 1


def test_the_majority_is_that_of_rivers_prior_classifier() -> None:
    y = np.random.default_rng(0).choice(3, 300, p=[0.2, 0.5, 0.3])
    model, river = MajorityClass(1, 3), dummy.PriorClassifier()
    for label in y.tolist():
        model.learn_one([0.0], label)
        river.learn_one({}, label)
        shares = river.predict_proba_one({})
        for c, share in shares.items():
            assert model.predict_proba_one([0.0])[c] == pytest.approx(share, abs=1e-12)


@settings(deadline=None)  # the first call compiles
@given(y=labels)
def test_no_change_repeats_the_last_class(y: list[int]) -> None:
    last = None
    P = NoChangeClassifier(1, 3).test_then_train(nothing(len(y)), y)
    for row, label in zip(P, y, strict=True):
        wanted = np.full(3, 1 / 3) if last is None else np.eye(3)[last]
        np.testing.assert_array_equal(row, wanted)
        last = label if 0 <= label < 3 else last


def test_no_change_is_rivers() -> None:
    y = np.random.default_rng(1).choice(3, 100)
    model, river = NoChangeClassifier(1, 3), dummy.NoChangeClassifier()
    for label in y.tolist():
        model.learn_one([0.0], label)
        river.learn_one({}, label)
        assert model.predict_one([0.0]) == river.predict_one({})


@settings(deadline=None)  # the first call compiles
@given(y=numbers)
def test_persistence_repeats_the_last_number(y: list[float]) -> None:
    last = 0.0
    P = Persistence(1).test_then_train(nothing(len(y)), y)[:, 0]
    for guess, target in zip(P.tolist(), y, strict=True):
        assert guess == last
        last = target if is_number(target) else last


@settings(deadline=None)  # the first call compiles
@given(y=numbers, period=st.integers(1, 7))
def test_a_season_ago_is_forecast(y: list[float], period: int) -> None:
    past: deque[float] = deque(maxlen=period)
    last = 0.0
    P = SeasonalPersistence(1, period).test_then_train(nothing(len(y)), y)[:, 0]
    for guess, target in zip(P.tolist(), y, strict=True):
        wanted = past[0] if len(past) == period else last
        assert guess == wanted
        last = target if is_number(target) else last
        past.append(target if is_number(target) else wanted)


def test_a_missing_target_does_not_shift_the_season() -> None:
    y = np.tile([1.0, 2.0, 3.0], 20)
    holes = y.copy()
    holes[[10, 17, 31]] = np.nan
    P = SeasonalPersistence(1, 3).test_then_train(nothing(60), holes)[:, 0]
    np.testing.assert_array_equal(P[3:], y[3:])


@settings(deadline=None)  # the first call compiles
@given(y=numbers)
def test_the_running_mean_is_the_mean(y: list[float]) -> None:
    P = RunningMean(1).test_then_train(nothing(len(y)), y)[:, 0]
    for i, guess in enumerate(P):
        good = [target for target in y[:i] if is_number(target)]
        assert guess == pytest.approx(np.mean(good) if good else 0.0, rel=1e-9, abs=1e-6)


def test_the_running_mean_is_that_of_rivers_statistic_regressor() -> None:
    y = np.random.default_rng(2).normal(5, 2, 300)
    model, river = RunningMean(1), dummy.StatisticRegressor(stats.Mean())
    for target in y.tolist():
        model.learn_one([0.0], target)
        river.learn_one({}, target)
        assert model.predict_one([0.0]) == pytest.approx(river.predict_one({}), rel=1e-12)


def test_the_running_means_interval_is_that_of_the_normal_law() -> None:
    y = np.random.default_rng(3).normal(5, 2, 1000)
    model = RunningMean(1)
    model.learn(nothing(1000), y)
    low, high = model.interval(nothing(1), 0.95)[0]
    assert low == pytest.approx(y.mean() - 1.959963984540054 * y.std())
    assert high == pytest.approx(y.mean() + 1.959963984540054 * y.std())


def test_the_running_means_interval_is_infinite_before_two_targets() -> None:
    assert RunningMean(1).interval([[0.0]], 0.9).tolist() == [[-np.inf, np.inf]]


@pytest.mark.parametrize("coverage", [-0.1, 1.0, np.nan])
def test_a_bad_coverage_is_refused(coverage: float) -> None:
    with pytest.raises(ParameterError, match="coverage"):
        RunningMean(1).interval([[0.0]], coverage)


def test_weights_count_as_rows() -> None:
    twice, weighted = RunningMean(1), RunningMean(1)
    twice.learn(nothing(3), [1.0, 4.0, 4.0])
    weighted.learn(nothing(2), [1.0, 4.0], [1.0, 2.0])
    assert weighted.predict_one([0.0]) == twice.predict_one([0.0]) == 3.0
    majority = MajorityClass(1, 2)
    majority.learn(nothing(2), [0, 1], [1.0, 3.0])
    assert majority.predict(nothing(1)).tolist() == [[0.25, 0.75]]


def test_what_is_forgotten_counts_less() -> None:
    mean, majority = RunningMean(1), MajorityClass(1, 2)
    mean.learn(nothing(4), [0.0] * 4)
    majority.learn(nothing(4), [0] * 4)
    for model in (mean, majority):
        assert isinstance(model, Forgets)
        model.forget(0.25)
        model.learn(nothing(1), [1])
    assert mean.predict_one([0.0]) == 0.5
    assert majority.predict(nothing(1)).tolist() == [[0.5, 0.5]]
    assert isinstance(mean, HasIntervals)


def test_forgetting_everything_leaves_a_model_that_learns() -> None:
    mean, majority = RunningMean(1), MajorityClass(1, 2)
    mean.learn(nothing(2), [1.0, 3.0])
    majority.learn(nothing(2), [0, 1])
    for model in (mean, majority):
        for _ in range(3):
            model.forget(1e-300)
    assert mean.interval(nothing(1), 0.9).tolist() == [[-np.inf, np.inf]]
    assert majority.predict(nothing(1)).tolist() == [[0.5, 0.5]]
    mean.learn(nothing(1), [7.0])
    assert mean.predict_one([0.0]) == 7.0


@every_baseline
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_cutting_the_stream_changes_no_bit(make: Callable[[], Any], data: st.DataObject) -> None:
    y = data.draw(numbers)
    n = len(y)
    ops = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)), np.int8)
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, n), max_size=4))), n]
    if make().n_outputs > 1:
        y = [int(v) % 5 - 1 if is_number(v) else np.nan for v in y]
    whole, cut = make(), make()
    wanted = whole.run(ops, nothing(n), y)
    parts = [cut.run(ops[a:b], nothing(b - a), y[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), wanted)
    assert cut.state().digest() == whole.state().digest()


@every_baseline
@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 11])
def test_a_restored_baseline_goes_on_bit_for_bit(make: Callable[[], Any], n: int) -> None:
    y = np.random.default_rng(4).integers(0, 3, 30)
    model, other = make(), make()
    model.learn(nothing(n), y[:n])
    state = model.state()
    kept = state.digest()
    other.learn(nothing(2), [1, 2])
    other.restore(state)
    assert other.state().digest() == kept
    np.testing.assert_array_equal(
        other.test_then_train(nothing(30 - n), y[n:]), model.test_then_train(nothing(30 - n), y[n:])
    )
    assert other.state().digest() == model.state().digest()
    assert state.digest() == kept


@every_baseline
def test_predicting_changes_nothing(make: Callable[[], Any]) -> None:
    model = make()
    model.learn(nothing(5), [0, 1, 2, 1, 0])
    before = model.state().digest()
    model.predict(nothing(3))
    model.adapt(nothing(3))
    assert model.state().digest() == before


@every_baseline
def test_bad_labels_and_weights_are_skipped_and_counted(make: Callable[[], Any]) -> None:
    model = make()
    model.learn(nothing(5), [0, 1, 2, 1, 1])
    before = model.predict(nothing(1))
    model.learn(nothing(2), [np.nan, np.inf])
    model.learn(nothing(3), [2, 2, 2], [np.nan, -1.0, np.inf])
    model.learn(nothing(1), [0], [0.0])
    assert model.n_skipped == 5
    if not isinstance(model, SeasonalPersistence) or model.period == 1:
        np.testing.assert_array_equal(model.predict(nothing(1)), before)
    other = make()
    other.restore(model.state())
    assert other.n_skipped == 5


@every_baseline
def test_a_state_of_another_baseline_is_refused_and_changes_nothing(
    make: Callable[[], Any],
) -> None:
    model = make()
    model.learn(nothing(3), [0, 1, 2])
    before = model.state().digest()
    foreign = SeasonalPersistence(1, 9)
    foreign.learn(nothing(9), range(9))
    for other in (MajorityClass(1, 4), foreign, RunningMean(1), NoChangeClassifier(1, 9)):
        other.learn(nothing(1), [3])
        if type(other) is type(model) and isinstance(model, RunningMean):
            continue
        with pytest.raises(IncompatibleStateError):
            model.restore(other.state())
    assert model.state().digest() == before


def test_a_bad_period_is_refused() -> None:
    with pytest.raises(ParameterError, match="period"):
        SeasonalPersistence(1, 0)


@pytest.mark.parametrize("period", [3, 8])
def test_a_state_of_another_season_is_refused(period: int) -> None:
    """Four targets are a season of four, and half of one of eight: they mean something else."""
    season = SeasonalPersistence(1, 4)
    season.learn(np.zeros((6, 1)), np.arange(6.0))
    with pytest.raises(IncompatibleStateError, match="period"):
        SeasonalPersistence(1, period).restore(season.state())
