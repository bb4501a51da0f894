"""What trees and forests say of themselves, against what they were taught."""

from __future__ import annotations

import numpy as np
import pytest

from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    AdaptiveRandomForestRegressor,
    HoeffdingAdaptiveTreeClassifier,
    HoeffdingAdaptiveTreeRegressor,
    HoeffdingTreeClassifier,
    HoeffdingTreeRegressor,
    LeveragingBaggingClassifier,
)
from streamadapt.models.tree_description import class_spread
from streamadapt.models.tree_kernels import MULTIWAY


def taught(tree: HoeffdingTreeClassifier) -> HoeffdingTreeClassifier:
    rng = np.random.default_rng(0)
    X = rng.random((20_000, 3))
    X[:, 2] = rng.integers(0, 3, len(X))
    tree.learn(X, (X[:, 0] > 0.5) & (X[:, 2] == 1))
    return tree


@pytest.mark.parametrize("kind", [HoeffdingTreeClassifier, HoeffdingAdaptiveTreeClassifier])
def test_gains_add_up_to_what_all_splits_take_away(kind: type[HoeffdingTreeClassifier]) -> None:
    tree = taught(kind(3, 2, nominal_features={2: 3}))
    told = tree.describe()
    nodes, weights = tree._pools.nodes, tree._pools.class_weights
    held = [weights[i] for i in reached(tree) if nodes["feature"][i] < 0]
    taken = class_spread(np.sum(held, axis=0)) - sum(map(class_spread, held))
    assert len(held) == told.n_leaves > 2
    assert sum(split.gain for split in told.splits) == pytest.approx(taken)
    assert sum(told.importance) == pytest.approx(1.0)
    assert told.importance[1] < 0.05 < min(told.importance[0], told.importance[2])


def reached(tree: HoeffdingTreeClassifier) -> list[int]:
    nodes, found = tree._pools.nodes, [0]
    for i in found:
        if nodes["feature"][i] >= 0:
            first = nodes["first_child"][i]
            found.extend(range(first, first + nodes["n_children"][i]))
    return found


def test_splits_are_those_of_the_nodes_from_the_top() -> None:
    tree = taught(HoeffdingTreeClassifier(3, 2, nominal_features={2: 3}))
    root, top = tree._pools.nodes[0], tree.describe().splits[0]
    assert (top.depth, top.feature) == (0, root["feature"])
    assert (top.test == "each") == (root["test"] == MULTIWAY)
    assert top.weight == root["weight"] == 20_000


def test_an_untaught_tree_has_nothing_to_tell() -> None:
    told = HoeffdingTreeClassifier(3, 2).describe()
    assert (told.n_leaves, told.depth, told.splits) == (1, 0, ())
    assert told.importance == (0.0, 0.0, 0.0)


def test_text_names_columns() -> None:
    text = taught(HoeffdingTreeClassifier(3, 2)).describe().text(("load", "noise", "mode"))
    assert "load <= 0.5" in text or "mode <= " in text
    assert "leaves, depth" in text


@pytest.mark.parametrize("kind", [AdaptiveRandomForestClassifier, LeveragingBaggingClassifier])
def test_a_forest_tells_of_each_of_its_trees(
    kind: type[AdaptiveRandomForestClassifier] | type[LeveragingBaggingClassifier],
) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((4000, 3))
    forest = kind(3, 2, n_models=4)
    forest.learn(X, X[:, 1] > 0.5)
    told = forest.describe()
    assert len(told) == 4
    assert np.mean([tree.importance[1] for tree in told]) > 0.8


@pytest.mark.parametrize("kind", [HoeffdingTreeRegressor, HoeffdingAdaptiveTreeRegressor])
def test_gains_of_a_regression_tree_add_up_too(kind: type[HoeffdingTreeRegressor]) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((20_000, 3))
    X[:, 2] = rng.integers(0, 3, len(X))
    y = 1e6 + 4.0 * (X[:, 0] > 0.5) + 2.0 * (X[:, 2] == 1) + 0.1 * rng.normal(size=len(X))
    tree = kind(3, nominal_features={2: 3})
    tree.learn(X, y)
    told = tree.describe()
    nodes = tree._tree.nodes[: tree.n_nodes]
    leaf = nodes["feature"] < 0
    weight, mean = nodes["weight"][leaf], tree._tree.leaves["mean"][: tree.n_nodes][leaf]
    common = (weight * mean).sum() / weight.sum()
    between = (weight * (mean - common) ** 2).sum()
    assert len(told.splits) == tree.n_nodes - tree.n_leaves > 2
    assert sum(split.gain for split in told.splits) == pytest.approx(between, rel=1e-6)
    assert sum(told.importance) == pytest.approx(1.0)
    assert told.importance[0] > told.importance[2] > 0.1 > told.importance[1]


def test_an_untaught_regression_tree_has_nothing_to_tell() -> None:
    told = HoeffdingTreeRegressor(3).describe()
    assert (told.n_leaves, told.depth, told.splits) == (1, 0, ())
    assert told.importance == (0.0, 0.0, 0.0)


def test_a_regression_forest_tells_of_each_of_its_trees() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((4000, 3))
    forest = AdaptiveRandomForestRegressor(3, n_models=4)
    forest.learn(X, np.floor(3 * X[:, 1]))
    told = forest.describe()
    assert len(told) == 4
    assert np.mean([tree.importance[1] for tree in told]) > 0.8
