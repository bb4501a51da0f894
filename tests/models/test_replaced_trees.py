"""Trees that take over from others: none of their slots is lost, and they go on growing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    AdaptiveRandomForestRegressor,
    DriftMoEClassifier,
    ExtremelyFastDecisionTreeClassifier,
    GradientBoostingClassifier,
    HoeffdingAdaptiveTreeClassifier,
    HoeffdingAdaptiveTreeRegressor,
    HoeffdingTreeClassifier,
    HoeffdingTreeRegressor,
    LeveragingBaggingClassifier,
    StreamingRandomPatchesClassifier,
)

CLASSIFIERS: list[Any] = [
    AdaptiveRandomForestClassifier,
    DriftMoEClassifier,
    ExtremelyFastDecisionTreeClassifier,
    GradientBoostingClassifier,
    HoeffdingAdaptiveTreeClassifier,
    HoeffdingTreeClassifier,
    LeveragingBaggingClassifier,
    StreamingRandomPatchesClassifier,
]
REGRESSORS: list[Any] = [
    AdaptiveRandomForestRegressor,
    HoeffdingAdaptiveTreeRegressor,
    HoeffdingTreeRegressor,
]


def turning(n: int = 3000) -> tuple[FloatArray, IntArray]:
    """Rows that are all alike, whose label changes each 500: trees go before they can split."""
    return np.ones((n, 4)), np.arange(n) // 500 % 2


def goes_on_alike(make: Any, model: Any) -> None:
    restored, (X, y) = make(), turning(1500)
    restored.restore(model.state())
    assert np.array_equal(restored.test_then_train(X, y), model.test_then_train(X, y))
    assert restored.state().digest() == model.state().digest()


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_classifier_whose_trees_never_split_is_restored_to_the_bit(kind: Any) -> None:
    model = kind(4, 2)
    model.learn(*turning())
    goes_on_alike(lambda: kind(4, 2), model)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_a_regressor_whose_trees_never_split_is_restored_to_the_bit(kind: Any) -> None:
    model = kind(4)
    model.learn(*turning())
    goes_on_alike(lambda: kind(4), model)


@pytest.mark.parametrize("kind", [AdaptiveRandomForestClassifier, StreamingRandomPatchesClassifier])
def test_slots_are_held_by_leaves_or_free(kind: Any) -> None:
    model = kind(4, 2, n_models=3)
    model.learn(*turning())
    state, n_slots = model.state(), model._grove.free_slots.shape[1]
    assert model.n_taken_over > 0
    for m in range(3):
        tree = state.child(f"tree_{m}")
        assert len(tree.floats("heads")) + tree.integer("n_free") == n_slots


def test_a_state_that_was_saved_when_slots_could_be_lost_is_restored() -> None:
    model, restored = (AdaptiveRandomForestClassifier(4, 2, n_models=1) for _ in range(2))
    model.learn(*turning())
    sound = model.state()
    tree = sound.child("tree_0")
    lost = {**tree.values, "n_free": tree.integer("n_free") - model.n_taken_over}
    values = {**sound.values, "tree_0": dataclasses.replace(tree, values=lost)}
    restored.restore(dataclasses.replace(sound, values=values))
    assert restored.state().digest() == sound.digest()


CRAMPED: dict[str, Any] = {"grace_period": 50, "delta": 0.01}


@pytest.mark.parametrize(
    "model",
    [
        AdaptiveRandomForestClassifier(5, 4, n_models=1, max_features=None, max_size=0.02),
        StreamingRandomPatchesClassifier(5, 4, n_models=1, max_features=None, max_size=0.02),
        HoeffdingAdaptiveTreeClassifier(5, 4, max_size=0.015, **CRAMPED),
    ],
)
def test_a_tree_that_began_without_a_slot_grows_once_slots_are_free(model: Any) -> None:
    X = np.random.default_rng(3).random((12_000, 5))
    board = (X[:, 0] > 0.5).astype(int) + 2 * (X[:, 1] > 0.5) + (X[:, 2] > 0.5)
    y = (board + np.arange(len(X)) // 6000) % 4  # the old tree holds all slots when it turns
    right = model.test_then_train(X, y).argmax(axis=1) == y
    assert right[4000:6000].mean() > 0.8
    assert right[10_000:].mean() > 0.8


@pytest.mark.parametrize("max_size", [0.03, 0.05, 0.1])
def test_an_adaptive_tree_whose_memory_is_full_still_follows_a_drift(max_size: float) -> None:
    rng = np.random.default_rng(1)
    X = rng.random((60_000, 5))
    is_new = np.arange(len(X)) >= 40_000
    y = np.where(is_new, X[:, 0] > X[:, 1], X[:, 2] + X[:, 3] > 1).astype(int)
    y = np.where(rng.random(len(y)) < 0.1, 1 - y, y)
    model = HoeffdingAdaptiveTreeClassifier(5, 2, max_size=max_size, **CRAMPED)
    right = model.test_then_train(X, y).argmax(axis=1) == y
    assert model.n_splits_refused > 0
    assert right[30_000:40_000].mean() > 0.85
    assert right[-10_000:].mean() > 0.85


def test_an_adaptive_model_tree_whose_memory_is_full_still_follows_a_drift() -> None:
    rng = np.random.default_rng(1)
    X = rng.random((40_000, 5))
    X[:, 4] = rng.integers(0, 3, len(X))  # a split in three may take the last node
    is_new = np.arange(len(X)) >= 30_000
    old = 10 * (X[:, 2] > 0.5) + 5 * (X[:, 3] > 0.5) * X[:, 2]
    y = np.where(is_new, 10 * (X[:, 0] < 0.5) + 5 * (X[:, 1] > 0.5), old) + 3 * X[:, 4] * X[:, 3]
    y += rng.normal(size=len(y))
    model = HoeffdingAdaptiveTreeRegressor(
        5, leaf_prediction="mean", nominal_features={4: 3}, max_size=0.05, **CRAMPED
    )
    missed = np.abs(model.test_then_train(X, y)[:, 0] - y)
    assert model.n_splits_refused > 0
    assert missed[20_000:30_000].mean() < 1.5
    assert missed[-5_000:].mean() < 1.5
