from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model

from streamadapt.contracts import HasLogits
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models import PassiveAggressiveClassifier, PassiveAggressiveRegressor

modes = st.sampled_from([0, 1, 2])


def stream(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 5.0, 0.2] + [0.0, 2.0, 0.0]
    X[rng.random(n) < 0.05] = 0.0
    return X, X @ [1.0, -0.5, 2.0] + 0.3 * rng.normal(size=n)


def as_dict(x: np.ndarray) -> dict[int, float]:
    return dict(enumerate(x.tolist()))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999), mode=modes, C=st.sampled_from([0.01, 1.0]), intercept=st.booleans()
)
def test_two_classes_are_told_apart_as_by_river(
    seed: int, mode: Any, C: float, intercept: bool
) -> None:
    X, score = stream(seed)
    ours = PassiveAggressiveClassifier(3, 2, C, mode, intercept)
    theirs = linear_model.PAClassifier(C, mode, intercept)
    wanted = []
    for x, y in zip(X, score > 0, strict=True):
        wanted.append(theirs.predict_proba_one(as_dict(x))[True])
        theirs.learn_one(as_dict(x), bool(y))
    P = ours.test_then_train(X, score > 0)
    np.testing.assert_allclose(P[:, 1], wanted, rtol=1e-9, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999), mode=modes, C=st.sampled_from([0.01, 1.0]), intercept=st.booleans()
)
def test_numbers_are_forecast_as_by_river(seed: int, mode: Any, C: float, intercept: bool) -> None:
    X, y = stream(seed)
    ours = PassiveAggressiveRegressor(3, C, mode, 0.2, intercept)
    theirs = linear_model.PARegressor(C, mode, 0.2, intercept)
    # River 0.26.1 measures how far the forecast is from 2 y - 1, as if y were a class.
    theirs.loss = lambda target, forecast: max(abs(forecast - target) - 0.2, 0.0)
    wanted = []
    for x, target in zip(X, y.tolist(), strict=True):
        wanted.append(theirs.predict_one(as_dict(x)))
        theirs.learn_one(as_dict(x), target)
    np.testing.assert_allclose(ours.test_then_train(X, y)[:, 0], wanted, rtol=1e-9, atol=1e-9)


def naive_multiclass(X: np.ndarray, y: np.ndarray, k: int, C: float) -> np.ndarray:
    """PA-I of Crammer et al. 2006, section 8, with an intercept per class, by the book."""
    W, b = np.zeros((k, X.shape[1])), np.zeros(k)
    logits = []
    for x, label in zip(X, y.tolist(), strict=True):
        scores = W @ x + b
        logits.append(scores)
        rivals = [c for c in range(k) if c != label]
        rival = max(rivals, key=lambda c: scores[c])
        loss = max(0.0, 1.0 - (scores[label] - scores[rival]))
        tau = min(C, loss / (2.0 * x @ x)) if x @ x > 0 else 0.0
        W[label], b[label] = W[label] + tau * x, b[label] + tau
        W[rival], b[rival] = W[rival] - tau * x, b[rival] - tau
    return np.array(logits)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_many_classes_are_told_apart_as_by_the_naive_version(seed: int) -> None:
    X, score = stream(seed, 200)
    y = np.digitize(score, [-1.0, 1.0, 2.0])
    powers = np.exp(naive_multiclass(X, y, 4, 0.1))
    P = PassiveAggressiveClassifier(3, 4, 0.1).test_then_train(X, y)
    np.testing.assert_allclose(P, powers / powers.sum(axis=1, keepdims=True), atol=1e-9)


def test_weights_of_rows_multiply_the_aggressiveness() -> None:
    X, y = stream(1)
    plain, weighted = PassiveAggressiveRegressor(3, 0.02), PassiveAggressiveRegressor(3, 0.01)
    np.testing.assert_allclose(
        weighted.test_then_train(X, y, np.full(len(X), 2.0)), plain.test_then_train(X, y)
    )


@pytest.mark.parametrize(
    "make", [PassiveAggressiveRegressor, lambda d: PassiveAggressiveClassifier(d, 3)]
)
def test_bad_rows_are_counted_and_leave_no_trace(make: Any) -> None:
    X, _ = stream(2)
    y = np.arange(len(X)) % 3
    clean, dirty = make(3), make(3)
    for model in (clean, dirty):
        model.learn(X[:100], y[:100])
    dirty.learn(np.full((2, 3), np.nan), [0, 1])
    dirty.learn(X[:2], [np.nan, np.inf])
    dirty.learn(X[:3], [1, 1, 1], [np.nan, np.inf, -1.0])
    assert dirty.n_skipped == 7
    np.testing.assert_array_equal(dirty.predict(X), clean.predict(X))


@pytest.mark.parametrize("mode", [0, 1, 2])
@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(), min_size=40, max_size=40))
def test_no_floats_whatever_poison_the_state(mode: Any, values: list[float]) -> None:
    X = np.array(values).reshape(10, 4)
    for model, y in (
        (PassiveAggressiveRegressor(4, mode=mode), X[:, 0]),
        (PassiveAggressiveClassifier(4, 3, mode=mode), np.arange(10) % 3),
        (PassiveAggressiveClassifier(4, 2, mode=mode), np.arange(10) % 2),
    ):
        model.learn(X, y)
        model.learn(X, y)
        assert np.isfinite(model.predict(X)).all()
        assert np.isfinite(model.state().values["weights"]).all()  # type: ignore[arg-type]


def test_a_constant_row_and_one_class_alone_are_no_trouble() -> None:
    model = PassiveAggressiveClassifier(2, 3)
    model.learn(np.zeros((50, 2)), np.ones(50, np.int64))
    model.learn(np.ones((50, 2)), np.ones(50, np.int64))
    assert model.predict([[1.0, 1.0]]).argmax() == 1


def test_it_has_logits() -> None:
    assert isinstance(PassiveAggressiveClassifier(1, 2), HasLogits)


def test_a_state_of_another_shape_is_refused() -> None:
    model = PassiveAggressiveClassifier(2, 3)
    for other in (PassiveAggressiveClassifier(2, 2), PassiveAggressiveRegressor(2)):
        with pytest.raises(IncompatibleStateError):
            model.restore(other.state())


@pytest.mark.parametrize(("name", "value"), [("C", 0.0), ("mode", 3), ("eps", -1.0)])
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        PassiveAggressiveRegressor(2, **{name: value})


@pytest.mark.parametrize("mode", [1.5, 3, "PA"])
def test_a_mode_that_there_is_not_is_refused(mode: Any) -> None:
    for make in (lambda: PassiveAggressiveClassifier(2, 2, mode=mode),
                 lambda: PassiveAggressiveRegressor(2, mode=mode)):  # fmt: skip
        with pytest.raises(ParameterError, match="mode"):
            make()
