"""The way of a row through the node pool."""

import numpy as np
import pytest

from streamadapt.models.tree_kernels import (
    BELOW,
    EQUAL,
    MULTIWAY,
    NODE,
    grow,
    leaf_of,
    new_nodes,
    route,
    route_learning,
)


def planted(test, threshold, n_children, weights=()):
    nodes = new_nodes(8)
    assert grow(nodes, 1, 0, 0, test, threshold, n_children) == 1 + n_children
    for child, weight in enumerate(weights, start=1):
        nodes[child]["weight"] = weight
    return nodes


def branch(nodes, x):
    return route(np.array([x]), nodes) - 1


def test_two_sibling_nodes_share_a_cache_line():
    assert NODE.itemsize == 32


def test_a_new_pool_is_one_leaf():
    assert route(np.array([np.nan]), new_nodes(1)) == 0


@pytest.mark.parametrize(
    ("x", "expected"), [(-1.0, 0), (0.5, 0), (0.6, 1), (np.nan, 1), (np.inf, 1), (-np.inf, 1)]
)
def test_a_numeric_value_goes_below_or_above_and_a_missing_one_to_the_heavier_child(x, expected):
    assert branch(planted(BELOW, 0.5, 2, (1.0, 2.0)), x) == expected


@pytest.mark.parametrize(("x", "expected"), [(3.0, 0), (2.0, 1), (99.0, 1), (np.nan, 0)])
def test_a_nominal_value_is_the_one_asked_for_or_not(x, expected):
    assert branch(planted(EQUAL, 3.0, 2, (2.0, 1.0)), x) == expected


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, 0), (2.0, 2), (3.0, 1), (-1.0, 1), (1.5, 1), (1e300, 1), (np.nan, 1)],
)
def test_a_multiway_test_has_a_branch_per_value_and_the_heaviest_for_all_else(x, expected):
    assert branch(planted(MULTIWAY, 0.0, 3, (1.0, 3.0, 3.0)), x) == expected


def test_learning_adds_the_weight_to_every_node_on_the_way_and_finds_the_same_leaf():
    nodes = planted(BELOW, 0.5, 2, (1.0, 2.0))
    grow(nodes, 3, 2, 0, BELOW, 0.7, 2)
    row = np.array([0.6])
    assert route_learning(row, nodes, 4.0) == route(row, nodes) == 3
    assert nodes["weight"][:5].tolist() == [4.0, 1.0, 6.0, 4.0, 0.0]
    assert nodes["depth"][:5].tolist() == [0, 1, 1, 2, 2]


def test_predicting_writes_nothing():
    nodes = planted(BELOW, 0.5, 2)
    before = nodes.tobytes()
    assert leaf_of(np.array([[0.4], [0.6]]), 1, nodes, 0, 0.0) == 2
    assert nodes.tobytes() == before
