"""Gradient boosting against a slow oracle, and where streams are hard."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.errors import IncompatibleStateError, ParameterError, StateError
from streamadapt.models import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HoeffdingAdaptiveTreeRegressor,
)
from tests.models import test_hoeffding_adaptive_tree as classes
from tests.models.naive_hoeffding_adaptive_tree_regressor import NaiveHoeffdingAdaptiveTreeRegressor
from tests.models.test_hoeffding_adaptive_tree_regressor import drifting
from tests.models.test_hoeffding_tree_regressor import BAD

EAGER: dict[str, Any] = {"grace_period": 40, "delta": 0.01, "n_bins": 16, "drift_threshold": 4.0}


class NaiveBoosting:
    """One tree after the other, row by row; `k` is 0 for regression."""

    def __init__(self, columns: list[list[int]], k: int, rate: float, **chosen: Any) -> None:
        self.columns, self.k, self.rate = columns, k, rate
        self.n_scores = k if k > 2 else 1
        self.trees = [
            [NaiveHoeffdingAdaptiveTreeRegressor(len(own), **chosen) for _ in range(self.n_scores)]
            for own in columns
        ]

    def shares(self, scores: Sequence[float]) -> list[float]:
        if self.k == 2:
            scores = [0.0, scores[0]]
        odds = [math.exp(score - max(scores)) for score in scores]
        return [odd / sum(odds) for odd in odds]

    def step(self, scores: Sequence[float], y: float, s: int) -> tuple[float, float]:
        """Return what tree s is to learn of a row, and with which weight."""
        if self.k == 0:
            return y - scores[0], 1.0
        c = 1 if self.k == 2 else s
        p = self.shares(scores)[c]
        gradient, hessian = (y == c) - p, p * (1 - p)
        step = gradient / hessian if hessian > 0 else math.copysign(4.0, gradient)
        return min(max(step, -4.0), 4.0), max(4 * hessian, 1e-3)

    def test_then_train(self, row: Sequence[float], y: float, w: float) -> list[float]:
        scores = [0.0] * self.n_scores
        for m, (columns, trees) in enumerate(zip(self.columns, self.trees, strict=True)):
            seen = [row[j] for j in columns]
            told = [tree.predict_one(seen) for tree in trees]
            for s, tree in enumerate(trees):
                target, weight = self.step(scores, y, s)
                tree.learn_one(seen, target, w * weight)
            rate = 1.0 if self.k == 0 and m == 0 else self.rate
            scores = [score + rate * value for score, value in zip(scores, told, strict=True)]
        return self.shares(scores) if self.k else scores


def test_regression_equals_the_naive_version() -> None:
    X, y, _ = drifting(3, 2500)
    y, w = np.nan_to_num(np.clip(y, -50, 50)), np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    ours = GradientBoostingRegressor(5, n_models=3, max_features=3, seed=2, **EAGER)
    columns = [own.tolist() for own in ours._boosted.columns]
    assert all(len(own) == 3 for own in columns)
    naive = NaiveBoosting(columns, 0, 0.3, **EAGER)
    P = ours.test_then_train(X, y, w)[:, 0]
    rows = zip(X.tolist(), y.tolist(), w.tolist(), strict=True)
    wanted = [naive.test_then_train(*row)[0] for row in rows]
    np.testing.assert_allclose(P, wanted, rtol=1e-9, atol=1e-9)
    assert ours.n_switched_trees > 0


@pytest.mark.parametrize("k", [2, 3])
def test_classification_equals_the_naive_version(k: int) -> None:
    X, y = classes.drifting(1, 2000, k, missing=0.05)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    ours = GradientBoostingClassifier(5, k, n_models=3, max_features=3, seed=2, **EAGER)
    naive = NaiveBoosting([own.tolist() for own in ours._boosted.columns], k, 0.3, **EAGER)
    P = ours.test_then_train(X, y, w)
    rows = zip(X.tolist(), y.tolist(), w.tolist(), strict=True)
    np.testing.assert_allclose(P, [naive.test_then_train(*row) for row in rows], atol=1e-6)


def test_more_steps_fit_better_than_one_tree() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((20_000, 5))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3]
    models = GradientBoostingRegressor(5), HoeffdingAdaptiveTreeRegressor(5)
    boosted, alone = (
        abs(model.test_then_train(X, y)[-5000:, 0] - y[-5000:]).mean() for model in models
    )
    assert boosted < 0.9 * alone


@pytest.mark.parametrize("kind", ["unseen class", "one class", "class disappears", "constant"])
def test_hard_streams_give_sound_probabilities(kind: str) -> None:
    X, y = classes.drifting(7, 2000)
    if kind == "one class":
        y[:] = 1
    elif kind == "unseen class":
        y = np.minimum(y, 1)
    elif kind == "class disappears":
        y[1000:] = np.minimum(y[1000:], 1)
    else:
        X[:] = 3.0
    P = GradientBoostingClassifier(5, 3, n_models=3, **EAGER).test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    if kind == "one class":
        assert (P[10:].argmax(axis=1) == 1).all()


any_float = st.sampled_from(BAD) | st.floats(-10, 10)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(any_float, any_float, any_float, any_float), min_size=1, max_size=60))
def test_no_row_raises_or_poisons(rows: list[tuple[float, ...]]) -> None:
    data = np.array(rows)
    for model in (
        GradientBoostingRegressor(2, 2, grace_period=5, max_size=2.0),
        GradientBoostingClassifier(2, 3, 2, grace_period=5, max_size=2.0),
    ):
        for _ in range(3):
            out = model.test_then_train(data[:, :2], data[:, 2], data[:, 3])
            assert np.isfinite(out).all()
        assert np.isfinite(model.predict(np.ones((1, 2)))).all()


def test_bad_labels_are_skipped_and_counted() -> None:
    X, y = classes.drifting(7, 100)
    ours = GradientBoostingClassifier(5, 3, 2)
    ours.learn(X, np.where(np.arange(100) < 30, -1, y))
    assert ours.n_skipped == 30
    other = GradientBoostingRegressor(5, 2)
    other.learn(X, np.where(np.arange(100) < 20, np.inf, 1.0))
    assert other.n_skipped == 20


def test_a_state_that_fits_only_some_trees_changes_nothing() -> None:
    X, y = classes.drifting(7, 500)
    ours = GradientBoostingClassifier(5, 2, 3, **EAGER)
    ours.learn(X, np.minimum(y, 1))
    state, fresh = ours.state(), GradientBoostingClassifier(5, 2, 3, **EAGER).state()
    bad = dataclasses.replace(fresh.child("tree_2_0"), values={})
    with pytest.raises(StateError):
        ours.restore(dataclasses.replace(fresh, values={**fresh.values, "tree_2_0": bad}))
    assert ours.state().digest() == state.digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_models", 0), ("learning_rate", 0.0), ("max_features", 0), ("max_size", 1e-6)],
)
def test_a_wrong_parameter_is_named(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        GradientBoostingClassifier(3, 2, **{name: value})
    with pytest.raises(ParameterError, match=name):
        GradientBoostingRegressor(3, **{name: value})


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"seed": 1}, "drawn"),
        ({"max_features": 3}, "drawn"),
        ({"n_models": 2}, "6 trees, not 4|3 trees, not 2"),
        ({"n_models": 4}, "not 8|not 4"),
        ({"learning_rate": 0.1}, "learning_rate"),
    ],
)
@pytest.mark.parametrize("k", [0, 2])
def test_a_state_of_another_configuration_is_refused(
    k: int, other: dict[str, Any], said: str
) -> None:
    def make(**chosen: Any) -> GradientBoostingClassifier | GradientBoostingRegressor:
        chosen = {
            "n_models": 3,
            "max_features": 2,
            "max_size": 0.1 * chosen.get("n_models", 3),
        } | chosen
        if k == 0:
            return GradientBoostingRegressor(5, **chosen)
        return GradientBoostingClassifier(5, k, **chosen)

    ours = make(**other)
    before = ours.state().digest()
    with pytest.raises(IncompatibleStateError, match=said):
        ours.restore(make().state())
    assert ours.state().digest() == before


def test_a_state_of_more_classes_is_refused() -> None:
    with pytest.raises(IncompatibleStateError, match="9 trees, not 3"):
        GradientBoostingClassifier(5, 2, 3).restore(GradientBoostingClassifier(5, 3, 3).state())


def test_a_state_from_before_columns_and_rate_were_kept_is_taken() -> None:
    X, y = classes.drifting(7, 300)
    ours, other = (GradientBoostingClassifier(5, 3, 2, **EAGER) for _ in range(2))
    ours.learn(X, y)
    state = ours.state()
    old = {n: v for n, v in state.values.items() if n not in {"drawn", "learning_rate"}}
    other.restore(dataclasses.replace(state, values=old))
    assert other.state().digest() == state.digest()
