from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import compose, datasets, linear_model, multiclass, optim, preprocessing

from streamadapt.contracts import Adaptable, Forgets, HasFeatures, HasIntervals
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.linear import LinearRegression
from streamadapt.models.logistic import LogisticRegression
from tests.models.naive_linear import NaiveLinear, NaiveLogistic

BAD = [np.nan, np.inf, -np.inf, 1e308, -1e200]


def stream(seed: int, n: int = 200, d: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of very different scales with missing values, class labels, and weights, some bad."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) + rng.choice([0.0, 3.0], d)) * 10.0 ** rng.integers(-9, 10, d)
    labels = (X.argmax(axis=1) + rng.integers(0, 2, n)) % 3
    X[rng.random(X.shape) < 0.1] = np.nan
    X[rng.random(X.shape) < 0.02] = rng.choice(BAD)
    X[rng.integers(n)] = np.nan
    weights = rng.choice([0.0, 0.5, 1.0, 1.0, 2.0], n)
    weights[rng.integers(n)] = -1.0
    return X, np.where(rng.random(n) < 0.1, -1, labels), weights


def targets(labels: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = 1e6 + 1e3 * labels + rng.normal(size=len(labels))
    y[rng.random(len(y)) < 0.05] = rng.choice(BAD)
    return y


seeds = st.integers(0, 10_000)
fadings = st.sampled_from([1.0, 0.99])
MODELS: list[Callable[[], Any]] = [
    lambda: LogisticRegression(3, 3, fading_factor=0.99),
    lambda: LinearRegression(3, fading_factor=0.99),
]


@settings(max_examples=15, deadline=None)
@given(seed=seeds, fading=fadings)
def test_logistic_equals_the_naive_version(seed: int, fading: float) -> None:
    X, y, w = stream(seed)
    model = LogisticRegression(3, 3, 0.05, 0.01, fading, 4.0)
    naive = NaiveLogistic(3, 3, 0.05, 0.01, fading, 4.0)
    scale, shift = np.array([1.0, 0.5, 2.0]), np.array([0.0, 0.1, -0.2])
    model.set_affine(scale, shift)
    naive.scale, naive.shift = scale, shift
    wanted = []
    for x, label, weight in zip(X, y.tolist(), w.tolist(), strict=True):
        wanted.append(naive.predict(x))
        naive.learn(x, label, weight)
    np.testing.assert_allclose(model.test_then_train(X, y, w), wanted, rtol=0, atol=1e-10)
    assert model.n_skipped == naive.n_skipped > 0


@settings(max_examples=15, deadline=None)
@given(seed=seeds, fading=fadings)
def test_linear_equals_the_naive_version(seed: int, fading: float) -> None:
    X, labels, w = stream(seed)
    y = targets(labels, seed)
    model = LinearRegression(3, 0.05, 0.01, fading, 4.0, 3.0)
    naive = NaiveLinear(3, 0.05, 0.01, fading, 4.0, 3.0)
    wanted = []
    for x, target, weight in zip(X, y.tolist(), w.tolist(), strict=True):
        wanted.append(naive.predict(x))
        naive.learn(x, target, weight)
    np.testing.assert_allclose(model.test_then_train(X, y, w)[:, 0], wanted, rtol=1e-10)
    assert model.n_skipped == naive.n_skipped > 0
    low, high = model.interval(X[:1], 0.6826894921370859)[0]
    np.testing.assert_allclose((high - low) / 2, naive.mean_square() ** 0.5, rtol=1e-8)


@pytest.mark.parametrize("make", MODELS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, cuts=st.lists(st.integers(0, 200), max_size=6))
def test_cutting_the_stream_changes_no_bit(
    make: Callable[[], Any], seed: int, cuts: list[int]
) -> None:
    X, y, w = stream(seed)
    ops = np.random.default_rng(seed).integers(1, 4, len(X)).astype(np.int8)
    whole, cut = make(), make()
    wanted = whole.run(ops, X, y, w)
    edges = [0, *sorted(cuts), len(X)]
    parts = [cut.run(ops[a:b], X[a:b], y[a:b], w[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), wanted)
    assert cut.state().digest() == whole.state().digest()


@pytest.mark.parametrize("make", MODELS)
def test_a_restored_model_goes_on_bit_for_bit(make: Callable[[], Any]) -> None:
    X, y, w = stream(1)
    model, other = make(), make()
    model.learn(X[:100], y[:100], w[:100])
    state = model.state()
    kept = state.digest()
    other.restore(state)
    np.testing.assert_array_equal(
        other.test_then_train(X[100:], y[100:]), model.test_then_train(X[100:], y[100:])
    )
    assert other.state().digest() == model.state().digest()
    assert state.digest() == kept


@pytest.mark.parametrize("make", MODELS)
def test_predicting_and_looking_change_nothing(make: Callable[[], Any]) -> None:
    X, y, w = stream(2)
    model = make()
    model.learn(X, y, w)
    before = model.state().digest()
    model.predict(X)
    model.features(X)
    model.adapt(X)
    assert model.state().digest() == before


@pytest.mark.parametrize("make", MODELS)
def test_a_state_of_another_shape_is_refused_and_changes_nothing(make: Callable[[], Any]) -> None:
    model = make()
    before = model.state().digest()
    for other in (LogisticRegression(4, 3), LinearRegression(4)):
        with pytest.raises(IncompatibleStateError):
            model.restore(other.state())
    assert model.state().digest() == before


@pytest.mark.parametrize("make", MODELS)
def test_bad_rows_are_skipped_and_counted_without_a_trace(make: Callable[[], Any]) -> None:
    clean, dirty = make(), make()
    X, y, _ = stream(3)
    X, y = np.nan_to_num(X, posinf=0.0, neginf=0.0), np.abs(y)
    clean.learn(X, y)
    dirty.learn(X[:100], y[:100])
    n_bad = dirty.n_skipped
    dirty.learn(np.full((2, 3), np.nan), [0, 1])
    dirty.learn(np.full((3, 3), 1e200), [0, 1, 0])
    dirty.learn(X[:2], [np.nan, np.inf])
    dirty.learn(X[:3], [1, 1, 1], [np.nan, np.inf, -1.0])
    assert dirty.n_skipped - n_bad == 10
    dirty.learn(X[100:], y[100:])
    np.testing.assert_array_equal(dirty.predict(X), clean.predict(X))


@pytest.mark.parametrize("make", MODELS)
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=30, max_size=30),
    weights=st.lists(st.floats(allow_nan=True), min_size=10, max_size=10),
)
def test_no_floats_whatever_poison_the_state(
    make: Callable[[], Any], values: list[float], weights: list[float]
) -> None:
    model = make()
    X = np.array(values).reshape(10, 3)
    y = X[:, 0] if isinstance(model, LinearRegression) else np.arange(10) - 3
    model.learn(X, y, weights)
    model.forget(1e-300)
    model.forget(1e-300)
    model.learn(X, y)
    for name, value in model.state().values.items():
        assert np.isfinite(value).all(), name
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    "model", [LogisticRegression(2, 2, fading_factor=0.99), LinearRegression(2, fading_factor=0.99)]
)
def test_a_feature_that_is_stuck_becomes_a_constant(model: Any) -> None:
    X = np.random.default_rng(0).normal(size=(80_000, 2))
    X[200:, 1] = 0.0
    for start in range(0, len(X), 5000):  # after 75,000 rows no float is as small as its variance
        model.learn(X[start : start + 5000], X[start : start + 5000, 0] > 0.0)
        if start >= 1000:
            assert abs(model.features([[0.0, 0.0]])[0, 1]) < 1e-6


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("weights", [(1e-322, 1e6), (5e-324, 1.0, 1e15)])
def test_weights_below_the_least_normal_float_poison_nothing(
    make: Callable[[], Any], weights: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(0)
    X, model, restored = rng.integers(-1, 2, (200, 3)).astype(float), make(), make()
    model.learn(X, X[:, 0] > 0.0, np.sort(rng.choice(weights, 200)))
    assert np.isfinite(model.predict(X)).all()
    restored.restore(model.state())
    assert restored.state().digest() == model.state().digest()


def test_a_missing_value_counts_as_the_mean() -> None:
    X, y, _ = stream(4)
    model = LogisticRegression(3, 3)
    model.learn(X, y)
    np.testing.assert_array_equal(model.features([[np.nan, np.inf, 1e300]]), np.zeros((1, 3)))


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    X, y, _ = stream(5)
    model = LogisticRegression(3, 3)
    model.learn(X, y)
    powers = np.exp(model.logits(X))
    np.testing.assert_allclose(model.predict(X), powers / powers.sum(axis=1, keepdims=True))


def test_the_affine_map_lies_between_scaling_and_logits() -> None:
    X, y, _ = stream(6)
    model = LogisticRegression(3, 3)
    model.learn(X, y)
    Z, plain = model.features(X), model.logits(X)
    model.set_affine(np.full(3, 2.0), np.zeros(3))
    at_mean = model.logits(np.full((1, 3), np.nan))
    np.testing.assert_allclose(model.logits(X) - at_mean, 2 * (plain - at_mean), atol=1e-12)
    np.testing.assert_array_equal(model.features(X), Z)


def test_the_affine_map_is_part_of_the_state() -> None:
    model, other = LogisticRegression(2, 2), LogisticRegression(2, 2)
    before = model.state().digest()
    model.set_affine(np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    assert model.state().digest() != before
    other.restore(model.state())
    np.testing.assert_array_equal(other.affine(), model.affine())


def test_what_affine_returns_is_a_copy() -> None:
    model = LogisticRegression(2, 2)
    scale, _ = model.affine()
    scale[:] = 9.0
    np.testing.assert_array_equal(model.affine()[0], np.ones(2))


@pytest.mark.parametrize("scale", [[1.0], [1.0, np.nan], [1.0, np.inf], [1.0, 1e7]])
def test_a_bad_affine_map_is_refused(scale: list[float]) -> None:
    with pytest.raises(ParameterError, match="scale"):
        LogisticRegression(2, 2).set_affine(scale, [0.0, 0.0])


def test_the_optional_contracts_are_kept() -> None:
    logistic, linear = LogisticRegression(1, 2), LinearRegression(1)
    for contract in (Adaptable, HasFeatures, Forgets):
        assert isinstance(logistic, contract)
    for contract in (HasIntervals, HasFeatures, Forgets):
        assert isinstance(linear, contract)


def test_the_scale_of_the_inputs_hardly_matters() -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(500, 4))
    y = (X @ [1.0, -1.0, 2.0, 0.5] > 0).astype(int)
    plain, scaled = LogisticRegression(4, 2), LogisticRegression(4, 2)
    P = plain.test_then_train(X, y)
    np.testing.assert_allclose(scaled.test_then_train(X * [1e9, 1e-9, 1e3, 1], y), P, atol=1e-9)


def test_the_scale_of_the_target_hardly_matters() -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(500, 3))
    y = X @ [1.0, -1.0, 2.0]
    P = LinearRegression(3).test_then_train(X, y)
    Q = LinearRegression(3).test_then_train(X, 1e9 * y)
    np.testing.assert_allclose(Q / 1e9, P, atol=1e-9)


def test_one_outlier_does_not_blind_the_model() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression(2, 2)
    model.learn(X[:200], y[:200])
    model.learn([[1e30, -1e30]], [0])
    assert (model.predict(X[200:]).argmax(axis=1) == y[200:]).mean() > 0.9


def test_forgetting_makes_the_next_steps_larger() -> None:
    rng = np.random.default_rng(10)
    X = rng.normal(size=(4000, 2))
    y = (X[:, 0] > 0).astype(int)
    keeps, forgets = LogisticRegression(2, 2), LogisticRegression(2, 2)
    for model in (keeps, forgets):
        model.learn(X[:3900], y[:3900])
    forgets.forget(0.001)
    flipped = 1 - y[3900:]
    right = [
        (model.test_then_train(X[3900:], flipped).argmax(axis=1) == flipped).mean()
        for model in (keeps, forgets)
    ]
    assert right[1] > right[0] + 0.1


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.5, np.nan])
@pytest.mark.parametrize("make", MODELS)
def test_a_bad_factor_of_forgetting_is_refused(make: Callable[[], Any], factor: float) -> None:
    with pytest.raises(ParameterError, match="factor"):
        make().forget(factor)


def test_intervals_hold_about_as_many_targets_as_they_say() -> None:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(3000, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=3000)
    model = LinearRegression(2)
    model.learn(X[:2000], y[:2000])
    low, high = model.interval(X[2000:], 0.9).T
    assert abs(((low <= y[2000:]) & (y[2000:] <= high)).mean() - 0.9) < 0.03


def test_an_interval_is_infinite_before_there_is_an_error() -> None:
    model = LinearRegression(1)
    model.learn([[1.0]], [5.0])
    assert model.interval([[1.0]], 0.9).tolist() == [[-np.inf, np.inf]]


@pytest.mark.parametrize("coverage", [-0.1, 1.0, np.nan])
def test_a_bad_coverage_is_refused(coverage: float) -> None:
    with pytest.raises(ParameterError, match="coverage"):
        LinearRegression(1).interval([[1.0]], coverage)


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.0), ("l2", -1.0), ("fading_factor", 1.1), ("clip", 0.0), ("clip", np.nan)],
)
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        LogisticRegression(1, 2, **{name: value})
    with pytest.raises(ParameterError, match=name):
        LinearRegression(1, **{name: value})


def columns(rows: Iterable[tuple[dict[str, Any], Any]]) -> tuple[np.ndarray, list[Any]]:
    pairs = list(rows)
    names = list(pairs[0][0])
    return np.array([[float(x[name]) for name in names] for x, _ in pairs]), [y for _, y in pairs]


def hits(data: Iterable[tuple[dict[str, Any], Any]], river: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows that our and River's model got right, test then train."""
    pairs = list(data)
    X, labels = columns(pairs)
    names = sorted(set(labels))
    y = np.array([names.index(label) for label in labels])
    ours = LogisticRegression(X.shape[1], len(names)).test_then_train(X, y).argmax(axis=1) == y
    theirs = []
    for x, label in pairs:
        theirs.append(river.predict_one(x) == label)
        river.learn_one(x, label)
    return ours, np.array(theirs)


def scaled(model: Any) -> compose.Pipeline:
    return preprocessing.StandardScaler() | model


def test_phishing_is_learned_no_worse_than_by_river() -> None:
    ours, theirs = hits(datasets.Phishing(), scaled(linear_model.LogisticRegression()))
    assert ours.mean() >= theirs.mean()


@pytest.mark.parametrize(
    "river",
    [
        linear_model.SoftmaxRegression(),
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    ],
    ids=["softmax", "one_vs_rest"],
)
def test_image_segments_are_learned_no_worse_than_by_river(river: Any) -> None:
    ours, theirs = hits(datasets.ImageSegments(), scaled(river))
    assert ours.mean() >= theirs.mean()


def test_bananas_which_no_line_divides_are_guessed_as_river_guesses_them() -> None:
    ours, theirs = hits(datasets.Bananas(), scaled(linear_model.LogisticRegression()))
    difference = ours.astype(float) - theirs
    assert difference.mean() > -2 * difference.std() / np.sqrt(len(difference))


@pytest.mark.parametrize("intercept_lr", [0.01, 0.1])
@pytest.mark.parametrize("data", [datasets.TrumpApproval(), datasets.ChickWeights()])
def test_targets_are_forecast_no_worse_than_by_river(data: Any, intercept_lr: float) -> None:
    X, targets = columns(data)
    ours = np.abs(LinearRegression(X.shape[1]).test_then_train(X, targets)[:, 0] - targets).mean()
    river = scaled(linear_model.LinearRegression(optim.SGD(0.01), intercept_lr=intercept_lr))
    errors = []
    for x, y in data:
        errors.append(abs(river.predict_one(x) - y))
        river.learn_one(x, y)
    assert ours <= np.mean(errors)
