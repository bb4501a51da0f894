"""The extremely fast decision tree against a slow oracle, and where streams are hard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import FloatArray, Forgets
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.extremely_fast_tree import ExtremelyFastDecisionTreeClassifier
from tests.models.naive_extremely_fast_tree import NaiveExtremelyFastTree
from tests.models.test_hoeffding_adaptive_tree import HARD, MIXED, drifting, hard_stream

EAGER: dict[str, Any] = {"delta": 0.5, "tau": 0.1, "max_depth": 4}


def both(
    leaf: Any = "nba", nominal: dict[int, int] | None = None, **chosen: Any
) -> tuple[ExtremelyFastDecisionTreeClassifier, NaiveExtremelyFastTree]:
    settings = {**EAGER, **chosen}
    tree = ExtremelyFastDecisionTreeClassifier(
        5, 3, grace_period=40, min_samples_reevaluate=40, leaf_prediction=leaf,
        nominal_features=nominal or {}, **settings,
    )  # fmt: skip
    if "split_criterion" in settings:
        settings["criterion"] = settings.pop("split_criterion")
    if settings.pop("max_size", None):
        settings |= {"n_slots": len(tree._pools.free_slots), "max_nodes": len(tree._pools.nodes)}
    naive = NaiveExtremelyFastTree(
        5, 3, grace=40, period=40, leaf=leaf, nominal=nominal, **settings
    )
    return tree, naive


def assert_same(
    tree: ExtremelyFastDecisionTreeClassifier,
    naive: NaiveExtremelyFastTree,
    seed: int,
    n: int = 4000,
    missing: float = 0.0,
) -> None:
    X, y = drifting(seed, n, missing=missing)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    P = tree.test_then_train(X, y, w)
    wanted = np.empty_like(P)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    np.testing.assert_allclose(P, wanted, rtol=0, atol=1e-9)
    assert tree.n_revised_splits == naive.n_revised
    assert tree.n_nodes == len(naive.nodes)
    assert tree.n_leaves == len(naive.leaves)
    assert tree.n_frozen_splits == naive.n_frozen
    assert tree.n_splits_refused == naive.n_refused


@pytest.mark.parametrize("leaf", ["mc", "nb", "nba"])
@pytest.mark.parametrize("nominal", [{}, MIXED])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_predictions_and_revisions_equal_the_naive_version(
    leaf: Any, nominal: dict[int, int], missing: float
) -> None:
    tree, naive = both(leaf, nominal)
    assert_same(tree, naive, len(nominal), missing=missing)
    assert tree.n_revised_splits > 0


@pytest.mark.parametrize("criterion", ["info_gain", "gini"])
@pytest.mark.parametrize("binary", [False, True])
def test_every_way_to_choose_a_split_equals_the_naive_version(criterion: Any, binary: bool) -> None:
    tree, naive = both(nominal=MIXED, split_criterion=criterion, binary_split=binary)
    assert_same(tree, naive, 3)
    assert tree.n_revised_splits > 0


@pytest.mark.parametrize("max_size", [0.012, 0.02, 0.03])
def test_scarce_memory_equals_the_naive_version(max_size: float) -> None:
    tree, naive = both(max_size=max_size, max_depth=8, tau=0.5)
    assert_same(tree, naive, 5)
    assert tree.n_frozen_splits > 0
    assert tree.n_active_leaves == sum(leaf.observers is not None for leaf in naive.leaves)


def test_a_split_that_no_longer_is_the_best_is_taken_back() -> None:
    rng = np.random.default_rng(1)
    X = rng.random((20_000, 3))
    y = np.where(np.arange(len(X)) < 1_500, X[:, 0] > 0.5, X[:, 2] > 0.5)
    tree = ExtremelyFastDecisionTreeClassifier(3, 2)
    tree.learn(X[:1_500], y[:1_500])
    assert tree.describe().splits[0].feature == 0
    tree.learn(X[1_500:], y[1_500:])
    assert tree.describe().splits[0].feature == 2


def test_without_looks_at_inner_nodes_no_split_is_taken_back() -> None:
    X, y = drifting(1)
    tree = ExtremelyFastDecisionTreeClassifier(5, 3, 40, 10**12, **EAGER)
    tree.learn(X, y)
    assert tree.n_nodes > 5
    assert tree.n_revised_splits == 0


def test_memory_stays_bounded_while_branches_come_and_go() -> None:
    tree, _ = both(max_size=0.05, max_depth=12, tau=0.5)
    X, y = drifting(5, 20_000)
    for start in range(0, len(y), 1000):
        tree.learn(X[start : start + 1000], y[start : start + 1000])
        assert tree.n_bytes <= tree.max_bytes <= 0.05 * 2**20
        assert tree.n_active_leaves <= tree.max_active_leaves
    assert tree.n_revised_splits > 0


def test_it_follows_moa_on_how_early_it_splits() -> None:
    """One look is enough where the gain of the best column alone is above the bound."""
    rng = np.random.default_rng(2)
    X = rng.random((200, 2))
    tree = ExtremelyFastDecisionTreeClassifier(2, 2)
    tree.learn(X, X[:, 0] > 0.5)
    assert tree.n_leaves == 2


@pytest.mark.parametrize("kind", HARD)
def test_hard_streams_give_sound_probabilities(kind: str) -> None:
    X, y = hard_stream(kind)
    tree, _ = both()
    P = tree.test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    if kind == "one class":
        assert (P[1:].argmax(axis=1) == 1).all()


def test_values_that_are_no_numbers_do_no_harm() -> None:
    X, y = drifting(7)
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.2] = rng.choice([np.nan, np.inf, -np.inf, 1e308])
    tree, _ = both(nominal=MIXED)
    P = tree.test_then_train(X, y)
    assert np.isfinite(P).all()
    assert tree.n_leaves > 2


def test_bad_labels_are_skipped_and_counted() -> None:
    X, y = drifting(7, 100)
    tree, _ = both()
    tree.learn(X, np.where(np.arange(100) < 30, -1, y))
    assert tree.n_skipped == 30


def test_forgetting_reaches_inner_nodes() -> None:
    X, y = drifting(1)
    tree, _ = both()
    assert isinstance(tree, Forgets)
    tree.learn(X, y)
    before = class_weights(tree)
    tree.forget(0.5)
    np.testing.assert_allclose(class_weights(tree), before / 2)
    assert tree.n_nodes > 3


def class_weights(tree: ExtremelyFastDecisionTreeClassifier) -> FloatArray:
    return tree.state().floats("class_weights")


@pytest.mark.parametrize("max_size", [0.02, 32.0])
def test_it_goes_on_from_its_state_as_if_nothing_had_been(max_size: float) -> None:
    X, y = drifting(1, 6000)
    tree, _ = both(max_size=max_size, nominal=MIXED)
    other, _ = both(max_size=max_size, nominal=MIXED)
    for cut in range(0, 6000, 700):
        other.restore(tree.state())
        assert other.state().digest() == tree.state().digest()
        rows = slice(cut, cut + 700)
        assert np.array_equal(
            tree.test_then_train(X[rows], y[rows]), other.test_then_train(X[rows], y[rows])
        )
    assert other.state().digest() == tree.state().digest()


@pytest.mark.parametrize("bad", [[10**6], [-1], [0, 0]])
def test_a_state_whose_slots_lead_nowhere_is_refused(bad: list[int]) -> None:
    X, y = drifting(1)
    tree, _ = both()
    tree.learn(X, y)
    state = tree.state()
    broken = dataclasses.replace(state, values={**state.values, "inner.nodes": np.array(bad)})
    with pytest.raises(IncompatibleStateError):
        tree.restore(broken)
    assert tree.state().digest() == state.digest()


def test_parameters_are_checked() -> None:
    with pytest.raises(ParameterError, match="min_samples_reevaluate"):
        ExtremelyFastDecisionTreeClassifier(5, 3, min_samples_reevaluate=0)
