from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import Forgets
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models import SAMKNNClassifier
from tests.models.naive_sam_knn import NaiveSAMKNN


def stream(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Two features, three classes whose names change round at half time."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) * [1.0, 100.0]
    y = np.digitize(X[:, 0] + X[:, 1] / 100.0, [-0.7, 0.7])
    y[n // 2 :] = (y[n // 2 :] + 1) % 3
    X[rng.random(X.shape) < 0.02] = np.nan
    X[np.isnan(X).all(axis=1)] = 1.0
    return X, y


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 999))
def test_it_equals_the_naive_version(seed: int) -> None:
    X, y = stream(seed)
    model = SAMKNNClassifier(2, 3, 3, 120, 10, 0.5, delta=0.05)
    naive = NaiveSAMKNN(3, 3, 120, 10, 60, 0.05)
    wanted = []
    for x, label in zip(X, y.tolist(), strict=True):
        wanted.append(naive.predict(x))
        naive.learn(x, label)
    np.testing.assert_allclose(model.test_then_train(X, y), wanted, atol=1e-6)
    assert (model.n_short, model.n_long) == (len(naive.short), len(naive.long))
    assert model.n_cuts > 0


def test_a_drift_cuts_the_short_memory_and_is_overcome() -> None:
    X, y = stream(1, 4000)
    model = SAMKNNClassifier(2, 3)
    hits = model.test_then_train(X, y).argmax(axis=1) == y
    assert model.n_cuts > 0
    assert hits[2500:].mean() > hits[500:2000].mean() - 0.03


def test_a_concept_that_returns_is_remembered() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 2))
    side = np.where((np.arange(3000) // 500) % 2 == 0, -4.0, 4.0)
    X[:, 0] += side
    y = (X[:, 1] * np.sign(side) > 0).astype(int)  # each place has its own rule
    with_past = SAMKNNClassifier(2, 2, max_window_size=200, long_term_share=1.0)
    without = SAMKNNClassifier(2, 2, max_window_size=200, long_term_share=0.0)
    right = [
        (m.test_then_train(X, y).argmax(axis=1) == y)[1000:].mean() for m in (with_past, without)
    ]
    assert right[0] > right[1]


def test_memory_is_bounded() -> None:
    X, y = stream(3, 2000)
    model = SAMKNNClassifier(2, 3, max_window_size=100, long_term_share=0.3)
    model.learn(X, y)
    assert model.n_short <= 100
    assert model.n_long <= 30


def test_before_the_first_label_all_classes_are_alike() -> None:
    assert SAMKNNClassifier(1, 4).predict([[0.0]]).tolist() == [[0.25] * 4]


def test_one_class_alone_is_then_certain_and_others_never_come() -> None:
    X, _ = stream(4)
    model = SAMKNNClassifier(2, 3)
    model.learn(X, np.full(len(X), 2))
    np.testing.assert_allclose(model.predict(X)[:, 2], 1.0)


def test_a_class_that_disappears_is_forgotten_with_the_window() -> None:
    X, y = stream(5, 3000)
    model = SAMKNNClassifier(2, 3, max_window_size=100)
    model.learn(X[:1000], y[:1000])
    model.learn(X[1000:], np.zeros(2000, np.int64))
    assert (model.predict(X).argmax(axis=1) == 0).all()


def test_a_constant_feature_changes_nothing() -> None:
    X, y = stream(6)
    P = SAMKNNClassifier(2, 3).test_then_train(X, y)
    more = np.column_stack([X, np.full(len(X), 3.0)])
    np.testing.assert_array_equal(SAMKNNClassifier(3, 3).test_then_train(more, y), P)


def test_the_scale_of_the_features_hardly_matters() -> None:
    X, y = stream(7)
    P = SAMKNNClassifier(2, 3).test_then_train(X, y)
    Q = SAMKNNClassifier(2, 3).test_then_train(X * [2.0**30, 2.0**-30], y)
    np.testing.assert_allclose(Q, P, atol=1e-9)


def test_bad_rows_are_counted_and_leave_no_trace() -> None:
    X, y = stream(8)
    clean, dirty = SAMKNNClassifier(2, 3), SAMKNNClassifier(2, 3)
    for model in (clean, dirty):
        model.learn(X, y)
    dirty.learn(np.full((2, 2), np.nan), [0, 1])
    dirty.learn(X[:3], [-1, 3, 10**12])
    dirty.learn(X[:3], [1, 1, 1], [np.nan, np.inf, -1.0])
    assert dirty.n_skipped == 8
    np.testing.assert_array_equal(dirty.predict(X), clean.predict(X))


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(), min_size=40, max_size=40))
def test_no_floats_whatever_poison_the_state(values: list[float]) -> None:
    X = np.array(values).reshape(20, 2)
    model = SAMKNNClassifier(2, 2, max_window_size=5, min_window_size=2)
    model.learn(X, np.arange(20) % 2)
    assert np.isfinite(model.predict(X)).all()
    other = SAMKNNClassifier(2, 2, max_window_size=5, min_window_size=2)
    other.restore(model.state())
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_forgetting_keeps_the_newest_rows() -> None:
    X, y = stream(9)
    model = SAMKNNClassifier(2, 3, max_window_size=300, delta=0.0)
    model.learn(X[:200], y[:200])
    model.forget(0.25)
    assert model.n_short == 50
    fresh = SAMKNNClassifier(2, 3, max_window_size=300, delta=0.0)
    fresh.learn(X[150:200], y[150:200])
    assert (model.predict(X).argmax(axis=1) == fresh.predict(X).argmax(axis=1)).mean() > 0.95
    assert isinstance(model, Forgets)


def test_a_state_of_larger_memories_is_refused_and_changes_nothing() -> None:
    X, y = stream(10)
    large, small = SAMKNNClassifier(2, 3), SAMKNNClassifier(2, 3, max_window_size=50)
    large.learn(X, y)
    before = small.state().digest()
    with pytest.raises(IncompatibleStateError):
        small.restore(large.state())
    assert small.state().digest() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_neighbors", 0),
        ("max_window_size", 1),
        ("min_window_size", 2000),
        ("long_term_share", 1.5),
        ("delta", -0.1),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        SAMKNNClassifier(2, 2, **{name: value})  # type: ignore[arg-type]
