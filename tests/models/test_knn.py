"""Nearest of the latest rows against a slow version, and where streams are hard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.models.knn import KNNClassifier
from tests.models.test_hoeffding_adaptive_tree import drifting


def naive(X: FloatArray, y: IntArray, k: int, n_neighbors: int, window: int) -> FloatArray:
    """Return predictions test-then-train; rows are held as they were scaled when they came."""
    held: list[FloatArray] = []
    P = np.full((len(y), k), 1.0 / k)

    def scaled(i: int, n: int) -> FloatArray:
        seen = X[:n]
        spread = seen.std(axis=0) if n else np.zeros(X.shape[1])
        z = (X[i] - seen.mean(axis=0)) / np.where(spread > 0, spread, 1.0) if n else 0.0 * X[i]
        return np.where(spread > 0, z, 0.0)

    for i in range(len(y)):
        recent = np.array(held[-window:])
        if len(recent):
            distances = np.sqrt(np.maximum(((recent - scaled(i, i)) ** 2).sum(axis=1), 1e-6))
            nearest = np.argsort(distances, kind="stable")[:n_neighbors]
            labels = y[max(0, i - window) : i][nearest]
            P[i] = np.bincount(labels, 1.0 / distances[nearest], k)
            P[i] /= P[i].sum()
        held.append(scaled(i, i + 1))
    return P


def test_predictions_equal_the_naive_version() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.uniform(size=(400, 3)), rng.integers(0, 3, 400)
    P = KNNClassifier(3, 3, n_neighbors=4, window_size=50).test_then_train(X, y)
    np.testing.assert_allclose(P, naive(X, y, 3, 4, 50), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["one class", "constant", "missing", "huge"])
def test_hard_streams_give_sound_probabilities(kind: str) -> None:
    X, y = drifting(7, 600)
    if kind == "one class":
        y[:] = 1
    elif kind == "constant":
        X[:] = 3.0
    elif kind == "missing":
        X[::2, :3] = np.nan
    else:
        X[::2] *= 1e99
    P = KNNClassifier(5, 3, window_size=40).test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()


def test_a_row_without_any_value_is_skipped() -> None:
    ours = KNNClassifier(2, 2)
    ours.learn(np.array([[np.nan, np.inf], [1.0, np.nan]]), [0, 1])
    assert ours.n_skipped == 1
    assert len(ours.state().array("labels")) == 1


def test_a_state_with_labels_that_are_no_classes_is_refused() -> None:
    ours = KNNClassifier(2, 2)
    ours.learn(np.ones((3, 2)), [0, 1, 0])
    state = ours.state()
    values = {**state.values, "labels": np.array([0, 7, 0])}
    with pytest.raises(IncompatibleStateError):
        ours.restore(dataclasses.replace(state, values=values))
