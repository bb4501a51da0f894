from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import naive_bayes

from streamadapt.contracts import Forgets, HasLogits
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models import NaiveBayesClassifier
from streamadapt.state import State


def stream(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4)) * [1.0, 5.0, 0.2, 1.0] + y[:, None] * [1.0, 0.0, 0.3, -1.0]
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_numeric_features_are_taken_as_by_river(seed: int) -> None:
    X, y = stream(seed)
    X[np.isnan(X).all(axis=1)] = 0.5
    theirs = naive_bayes.GaussianNB()
    wanted = []
    for x, label in zip(X, y.tolist(), strict=True):
        given_values = {j: v for j, v in enumerate(x.tolist()) if v == v}
        shares = theirs.predict_proba_one(given_values)
        wanted.append([shares.get(c, 0.0 if shares else 1 / 3) for c in range(3)])
        theirs.learn_one(given_values, label)
    P = NaiveBayesClassifier(4, 3, min_density=1e-9).test_then_train(X, y)
    np.testing.assert_allclose(P, wanted, atol=1e-9)


def naive_shares(X: np.ndarray, y: np.ndarray, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Shares of the classes for nominal x by MOA's formulas, from all rows learned so far."""
    joint = np.zeros(3)
    for c in range(3):
        mine = y == c
        joint[c] = w[mine].sum() / w.sum()
        for j, value in enumerate(x):
            known = mine & ~np.isnan(X[:, j])
            if np.isnan(value) or not known.any():
                continue
            same = w[known & (X[:, j] == value)].sum()
            joint[c] *= (same + 1.0) / (w[known].sum() + X[known, j].max() + 1.0)
    return joint / joint.sum()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_nominal_features_are_taken_as_by_the_naive_version(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 80)
    X = np.column_stack([(y + rng.integers(0, 2, 80)) % 4, rng.integers(0, 3, 80)]).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[np.isnan(X).all(axis=1)] = 1.0
    w = rng.choice([0.5, 1.0, 3.0], 80)
    model = NaiveBayesClassifier(2, 3, nominal_features={0: 4, 1: 3})
    P = model.test_then_train(X, y, w)
    for i in range(1, 80):
        np.testing.assert_allclose(P[i], naive_shares(X[:i], y[:i], w[:i], X[i]), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), scale=st.sampled_from([1e-60, 1e-20, 1.0, 1e30, 1e60]))
def test_logs_taken_together_are_those_taken_one_by_one(seed: int, scale: float) -> None:
    """Above 1e-290 a least density has each log taken by itself, and is too small to be seen."""
    rng = np.random.default_rng(seed)
    X, y = stream(seed)
    X *= [scale, 1.0, 1.0, 0.0]  # the last one is a point
    X[:, 3] += rng.random(len(X)) < 0.02
    X[200:] += np.where(rng.random((100, 4)) < 0.05, 1e3, 0.0)  # far out
    nominal = rng.integers(0, 5, (len(X), 60)) // 2 * (y[:, None] + 1)  # more than a float holds
    rows = np.column_stack([X, nominal])
    values = dict.fromkeys(range(4, 64), 7)
    together, singly = (
        NaiveBayesClassifier(64, 3, values, min_density=m) for m in (1e-300, 1e-289)
    )
    for model in (together, singly):
        model.learn(rows[:200], y[:200], np.full(200, 1e6))
    wanted = singly.logits(rows)
    near = wanted > -400.0  # farther out, it is seen
    assert near.mean() > 0.3
    np.testing.assert_allclose(together.logits(rows)[near], wanted[near], rtol=1e-9, atol=1e-9)


def test_before_the_first_label_all_classes_are_alike() -> None:
    assert NaiveBayesClassifier(1, 4).predict([[0.0]]).tolist() == [[0.25] * 4]


def test_a_class_that_never_came_is_never_predicted() -> None:
    X, y = stream(1)
    model = NaiveBayesClassifier(4, 5)
    model.learn(X, y)
    assert model.predict(X)[:, 3:].max() == 0.0


def test_one_class_alone_is_then_certain() -> None:
    X, y = stream(2)
    model = NaiveBayesClassifier(4, 3)
    model.learn(X, np.full(len(y), 2))
    assert (model.predict(X)[:, 2] == 1.0).all()


def test_a_class_that_disappears_fades() -> None:
    X, y = stream(3, 2000)
    model = NaiveBayesClassifier(4, 3, fading_factor=0.95)
    model.learn(X[:1000], y[:1000])
    model.learn(X[1000:], y[1000:] % 2)
    assert model.predict(X)[:, 2].max() < 1e-6


def test_a_constant_feature_changes_no_decision() -> None:
    X, y = stream(4)
    plain, more = NaiveBayesClassifier(4, 3), NaiveBayesClassifier(5, 3)
    plain.learn(X, y)
    more.learn(np.column_stack([X, np.full(len(X), 7.0)]), y)
    np.testing.assert_allclose(
        more.predict(np.column_stack([X, np.full(len(X), 7.0)])), plain.predict(X), atol=1e-12
    )


def test_the_scale_of_the_features_hardly_matters() -> None:
    X, y = stream(5)
    P = NaiveBayesClassifier(4, 3).test_then_train(X, y)
    Q = NaiveBayesClassifier(4, 3).test_then_train(X * [1e12, 1e-9, 1e3, 1.0], y)
    np.testing.assert_allclose(Q, P, atol=1e-9)


def test_bad_rows_are_counted_and_leave_no_trace() -> None:
    X, y = stream(6)
    clean, dirty = (NaiveBayesClassifier(4, 3, {3: 2}) for _ in range(2))
    X[:, 3] = np.abs(np.nan_to_num(X[:, 3])) > 1.0
    for model in (clean, dirty):
        model.learn(X, y)
    bad = np.full((4, 4), np.nan)
    bad[1:, 3] = [-1.0, 2.0, 0.5]
    dirty.learn(bad, [0, 1, 2, 0])
    dirty.learn(X[:3], [-1, 3, 10**12])
    dirty.learn(X[:3], [1, 1, 1], [np.nan, np.inf, -1.0])
    assert dirty.n_skipped == 10
    np.testing.assert_array_equal(dirty.predict(X), clean.predict(X))


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(), min_size=40, max_size=40))
def test_no_floats_whatever_poison_the_state(values: list[float]) -> None:
    X = np.array(values).reshape(10, 4)
    model = NaiveBayesClassifier(4, 2, {1: 3})
    model.learn(X, np.arange(10) % 2)
    model.forget(1e-300)
    model.forget(1e-300)
    model.learn(X, np.arange(10) % 2)
    assert np.isfinite(model.predict(X)).all()
    for name in ("classes", "stats", "counts"):
        assert np.isfinite(model.state().values[name]).all(), name  # type: ignore[arg-type]


def test_the_optional_contracts_are_kept() -> None:
    for contract in (Forgets, HasLogits):
        assert isinstance(NaiveBayesClassifier(1, 2), contract)


def test_a_state_of_another_shape_is_refused() -> None:
    model = NaiveBayesClassifier(2, 2)
    for other in (NaiveBayesClassifier(2, 3), NaiveBayesClassifier(2, 2, {0: 2})):
        with pytest.raises(IncompatibleStateError):
            model.restore(other.state())


def test_a_state_of_version_1_is_taken_over() -> None:
    X, y = stream(7)
    X[:, 3] = np.clip(np.nan_to_num(X[:, 3]), 0.0, 5.0).round()
    model, other = (NaiveBayesClassifier(4, 3, {3: 6}, fading_factor=0.99) for _ in range(2))
    model.learn(X, y)
    values = dict(model.state().values)
    stats, counts = np.array(values["stats"]), np.array(values["counts"])
    stats[2] *= stats[0]  # sums of squared deviations
    stats[:, 3] = 0.0  # nothing of nominal features
    values |= {"stats": stats.transpose(0, 2, 1).copy(), "counts": counts.T.copy()}
    other.restore(State("naive_bayes", 1, values))
    for rows in (X, X[::-1].copy()):  # as it is, and as it goes on
        np.testing.assert_allclose(other.test_then_train(rows, y), model.test_then_train(rows, y),
                                   atol=1e-12)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("nominal_features", {2: 3}), ("nominal_features", {0: 0}), ("fading_factor", 0.1),
     ("min_density", 0.0)],
)  # fmt: skip
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        NaiveBayesClassifier(2, 2, **{name: value})  # type: ignore[arg-type]
