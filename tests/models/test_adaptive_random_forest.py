"""The adaptive random forest against a slow oracle, on threads, and where streams are hard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import PREDICT
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.adaptive_random_forest import AdaptiveRandomForestClassifier
from tests.models.naive_adaptive_random_forest import NaiveAdaptiveRandomForest
from tests.models.test_hoeffding_adaptive_tree import HARD, MIXED, drifting, hard_stream

EAGER: dict[str, Any] = {"delta": 0.05, "tau": 0.3, "warning_delta": 0.1, "drift_delta": 0.02}


def forest(**parameters: Any) -> AdaptiveRandomForestClassifier:
    return AdaptiveRandomForestClassifier(5, 3, **{"n_models": 3, **EAGER, **parameters})


@pytest.mark.parametrize("leaf", ["mc", "nb", "nba"])
@pytest.mark.parametrize("nominal", [{}, MIXED])
@pytest.mark.parametrize(("n_columns", "missing"), [(2, 0.0), (3, 0.1), (5, 0.0)])
def test_predictions_and_drifts_equal_the_naive_version(
    leaf: Any, nominal: dict[int, int], n_columns: int, missing: float
) -> None:
    ours = forest(
        leaf_prediction=leaf, nominal_features=nominal, max_features=n_columns, max_depth=3, seed=4
    )
    naive = NaiveAdaptiveRandomForest(
        5, 3, 3, n_columns, seed=4, leaf=leaf, nominal=nominal, grace=50, max_depth=3, **EAGER
    )
    X, y = drifting(len(nominal), 2200, missing=missing)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    P = ours.test_then_train(X, y, w)
    wanted = np.empty_like(P)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    np.testing.assert_allclose(P, wanted, rtol=0, atol=1e-9)
    assert ours.n_warnings_detected == naive.n_warnings > 3
    assert ours.n_drifts_detected == naive.n_drifts > 3


def test_threads_change_no_bit() -> None:
    X, y = drifting(1, 5000)
    alone, together = forest(n_models=7), forest(n_models=7, n_jobs=3)
    assert np.array_equal(alone.test_then_train(X, y), together.test_then_train(X, y))
    assert alone.state().digest() == together.state().digest()


def test_seeds_give_other_forests() -> None:
    X, y = drifting(1)
    assert not np.array_equal(
        forest(seed=1).test_then_train(X, y), forest(seed=2).test_then_train(X, y)
    )


@pytest.mark.parametrize("kind", HARD)
def test_hard_streams_give_sound_probabilities(kind: str) -> None:
    X, y = hard_stream(kind)
    P = forest().test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    if kind == "one class":
        assert (P[1:].argmax(axis=1) == 1).all()


def test_memory_stays_bounded_while_trees_come_and_go() -> None:
    ours = forest(max_size=0.1, grace_period=20, max_features=3)
    X, y = drifting(5, 20_000)
    for start in range(0, len(y), 2000):
        ours.learn(X[start : start + 2000], y[start : start + 2000])
        assert ours.n_bytes <= 0.1 * 2**20 + 3 * 2**11  # and its windows of errors
    assert ours.n_drifts_detected > 5


def test_bad_labels_are_skipped_and_counted() -> None:
    X, y = drifting(7, 100)
    ours = forest()
    ours.learn(X, np.where(np.arange(100) < 30, -1, y))
    assert ours.n_skipped == 30


def test_a_tree_never_votes_with_more_than_a_hundred_per_cent() -> None:
    X, y = drifting(7, 1000)
    ours = forest()
    ours.learn(X, y, np.where(np.arange(1000) < 500, 1.0, 100.0))
    votes = ours.votes(np.full(1000, PREDICT, np.int8), X, y, np.ones(1000))
    assert votes.sum(axis=2).max() <= 100.0 + 1e-9


def test_the_weight_of_a_row_that_is_only_predicted_changes_nothing() -> None:
    X, y = drifting(7, 500)
    ours = forest()
    ours.learn(X, y)
    before = ours.state().digest()
    ours.run(np.full(500, PREDICT, np.int8), X, y, np.full(500, np.nan))
    assert ours.state().digest() == before


@pytest.mark.parametrize("name", ["links", "heads"])
def test_a_state_that_would_lead_out_of_the_pools_is_refused(name: str) -> None:
    X, y = drifting(1)
    ours = forest(max_features=3)
    ours.learn(X, y)
    state = ours.state()
    tree = state.child("tree_1")
    bad = np.full_like(tree.array(name), 10**6)
    broken = dataclasses.replace(tree, values={**tree.values, name: bad})
    with pytest.raises(IncompatibleStateError):
        ours.restore(dataclasses.replace(state, values={**state.values, "tree_1": broken}))
    assert ours.state().digest() == state.digest()


@pytest.mark.parametrize("bad", [0, 1.5, -0.1])
def test_columns_that_cannot_be_drawn_are_refused(bad: float) -> None:
    with pytest.raises(ParameterError, match="max_features"):
        forest(max_features=bad)
