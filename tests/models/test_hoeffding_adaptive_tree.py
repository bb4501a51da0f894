"""The Hoeffding adaptive tree against a slow oracle, and where streams are hard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.hoeffding_adaptive_tree import HoeffdingAdaptiveTreeClassifier
from tests.models.naive_hoeffding_adaptive_tree import NaiveHoeffdingAdaptiveTree

MIXED = {1: 3, 3: 2}
EAGER: dict[str, Any] = {"delta": 0.05, "tau": 0.3, "max_depth": 4}


def drifting(
    seed: int, n: int = 4000, k: int = 3, missing: float = 0.0
) -> tuple[FloatArray, IntArray]:
    """Rows whose concept turns over each thousand; two of five columns can be read as nominal."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    X[:, 1], X[:, 3] = rng.integers(0, 3, n), rng.integers(0, 2, n)
    turned = np.arange(n) // 1000 % 2 == 1
    y = np.where(turned, X[:, 0] > 0.2, X[:, 2] < -0.2) * (1 + (X[:, 4] > 0) * (k > 2))
    y = np.where(rng.random(n) < 0.05, rng.integers(0, k, n), y)
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


HARD = ["unseen class", "one class", "class disappears", "constant"]


def hard_stream(kind: str) -> tuple[FloatArray, IntArray]:
    """A drifting stream in which something that learners count on is missing."""
    X, y = drifting(7)
    if kind == "one class":
        y[:] = 1
    elif kind == "unseen class":
        y = np.minimum(y, 1)
    elif kind == "class disappears":
        y[2000:] = np.minimum(y[2000:], 1)
    else:
        X[:] = 3.0
    return X, y


def both(
    leaf: Any,
    nominal: dict[int, int],
    seed: int = 3,
    resamples: bool = True,
    max_size: float = 32.0,
) -> tuple[HoeffdingAdaptiveTreeClassifier, NaiveHoeffdingAdaptiveTree]:
    tree = HoeffdingAdaptiveTreeClassifier(
        5, 3, grace_period=40, leaf_prediction=leaf, nominal_features=nominal, seed=seed,
        bootstrap_sampling=resamples, adwin_delta=0.1, drift_window_threshold=60,
        switch_significance=0.3, max_size=max_size, **EAGER,
    )  # fmt: skip
    naive = NaiveHoeffdingAdaptiveTree(
        5, 3, grace=40, leaf=leaf, nominal=nominal, seed=seed, resamples=resamples,
        adwin_delta=0.1, least_window=60, significance=0.3, n_slots=len(tree._pools.free_slots),
        max_nodes=len(tree._pools.nodes), **EAGER,
    )  # fmt: skip
    return tree, naive


def agree(
    tree: HoeffdingAdaptiveTreeClassifier,
    naive: NaiveHoeffdingAdaptiveTree,
    X: FloatArray,
    y: IntArray,
) -> None:
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    P = tree.test_then_train(X, y, w)
    wanted = np.empty_like(P)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    np.testing.assert_allclose(P, wanted, rtol=0, atol=1e-9)
    assert tree.n_planted_trees == naive.n_planted
    assert tree.n_switched_trees == naive.n_switched
    assert tree.n_pruned_trees == naive.n_pruned
    assert tree.n_splits_refused == naive.n_refused
    assert tree.n_leaves == len(naive.leaves)


@pytest.mark.parametrize("leaf", ["mc", "nb", "nba"])
@pytest.mark.parametrize("nominal", [{}, MIXED])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_predictions_and_replacements_equal_the_naive_version(
    leaf: Any, nominal: dict[int, int], missing: float
) -> None:
    tree, naive = both(leaf, nominal)
    agree(tree, naive, *drifting(len(nominal), missing=missing))
    assert naive.n_planted > 5
    assert naive.n_switched > 1


@pytest.mark.parametrize("max_size", [0.015, 0.03])
@pytest.mark.parametrize("nominal", [{}, MIXED])
def test_with_memory_full_it_equals_the_naive_version(
    nominal: dict[int, int], max_size: float
) -> None:
    tree, naive = both("nba", nominal, max_size=max_size)
    agree(tree, naive, *drifting(len(nominal), 8000))
    assert naive.n_refused > 5
    assert naive.n_switched > 1
    assert tree.n_deactivations > 0


def test_without_resampling_the_seed_does_nothing() -> None:
    X, y = drifting(1)
    a, b = both("nba", {}, seed=1, resamples=False)[0], both("nba", {}, seed=2, resamples=False)[0]
    assert np.array_equal(a.test_then_train(X, y), b.test_then_train(X, y))
    c = both("nba", {}, seed=2)[0]
    assert not np.array_equal(a.predict(X), c.test_then_train(X, y))


def test_memory_stays_bounded_while_branches_come_and_go() -> None:
    tree = HoeffdingAdaptiveTreeClassifier(
        5, 3, grace_period=20, delta=0.5, tau=0.5, max_size=0.05, adwin_delta=0.1,
        drift_window_threshold=60,
    )  # fmt: skip
    X, y = drifting(5, 20_000)
    for start in range(0, len(y), 2000):
        tree.learn(X[start : start + 2000], y[start : start + 2000])
        assert tree.n_bytes <= tree.max_bytes <= 0.05 * 2**20
        assert tree.n_active_leaves <= tree.max_active_leaves
    assert tree.n_switched_trees > 0
    assert tree.n_deactivations + tree.n_splits_refused > 0


def test_it_recovers_from_a_drift_that_a_hoeffding_tree_does_not() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((30_000, 3))
    y = ((X[:, 0] > 0.5) ^ (np.arange(len(X)) >= 15_000)).astype(int)
    tree = HoeffdingAdaptiveTreeClassifier(3, 2)
    hit = tree.test_then_train(X, y).argmax(axis=1) == y
    assert hit[-5000:].mean() > 0.99


@pytest.mark.parametrize("kind", HARD)
def test_hard_streams_give_sound_probabilities(kind: str) -> None:
    X, y = hard_stream(kind)
    tree = HoeffdingAdaptiveTreeClassifier(5, 3, grace_period=50, adwin_delta=0.1)
    P = tree.test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    if kind == "one class":
        assert (P[1:].argmax(axis=1) == 1).all()


def test_bad_labels_are_skipped_and_counted() -> None:
    X, y = drifting(7, 100)
    tree = HoeffdingAdaptiveTreeClassifier(5, 3)
    tree.learn(X, np.where(np.arange(100) < 30, -1, y))
    assert tree.n_skipped == 30


def test_a_state_whose_links_lead_nowhere_is_refused() -> None:
    X, y = drifting(1)
    tree, _ = both("nba", {})
    tree.learn(X, y)
    state = tree.state()
    links = state.integers("links")
    links[:, 0] = len(links)
    broken = dataclasses.replace(state, values={**state.values, "links": links})
    with pytest.raises(IncompatibleStateError):
        tree.restore(broken)
    assert tree.state().digest() == state.digest()


def test_parameters_are_checked() -> None:
    with pytest.raises(ParameterError, match="switch_significance"):
        HoeffdingAdaptiveTreeClassifier(5, 3, switch_significance=0.0)
