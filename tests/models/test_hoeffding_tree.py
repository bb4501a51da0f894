"""The Hoeffding tree classifier against a slow oracle, River and the laws."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from river.tree import HoeffdingTreeClassifier as RiverTree

from streamadapt.contracts import LEARN, PREDICT, FloatArray, Forgets, IntArray
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.extremely_fast_tree import ExtremelyFastDecisionTreeClassifier
from streamadapt.models.gaussian_kernels import M2
from streamadapt.models.hoeffding_adaptive_tree import HoeffdingAdaptiveTreeClassifier
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.tree_kernels import BELOW, EQUAL, MULTIWAY
from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree, Node

EAGER: dict[str, Any] = {"grace_period": 25, "delta": 0.05, "tau": 0.3}
MIXED = {1: 3, 3: 2, 4: 5}
HUGE = [math.nan, math.inf, -math.inf, 1e308, -1e200, 1e99, 5e-324, -0.0]
SLOT_MIB = 0.0026  # room for a few slots of a tree of 2 columns and 2 classes

Rows = tuple[FloatArray, IntArray, FloatArray]


def stream(seed: int, n: int = 3000, k: int = 3, missing: float = 0.0) -> Rows:
    """Six columns, of which `MIXED` can be read as nominal; a concept to be found; weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    for column, n_values in MIXED.items():
        X[:, column] = rng.integers(0, n_values, n)
    y = (X[:, 0] > 0.3) * 1 + (X[:, 4] > 2) * (X[:, 2] > 0) * (k - 2)
    y = np.where(rng.random(n) < 0.1, rng.integers(0, k, n), y)
    X[rng.random(X.shape) < missing] = math.nan
    return X, y, rng.uniform(0.5, 3.0, n)


def boxes(seed: int, n: int, d: int = 2, noise: float = 0.05) -> tuple[FloatArray, IntArray]:
    """Rows of a chequered unit cube, which no shallow tree can learn."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    y = (np.floor(X * 4).sum(axis=1) % 2).astype(np.int64)
    return X, np.where(rng.random(n) < noise, 1 - y, y)


def assert_same_tree(tree: HoeffdingTreeClassifier, naive: NaiveHoeffdingTree) -> None:
    nodes = tree._pools.nodes[: tree.n_nodes]
    assert len(nodes) == len(naive.nodes)
    tests = {BELOW: "below", EQUAL: "equal", MULTIWAY: "multiway"}

    def compare(i: int, node: Node) -> None:
        assert nodes["weight"][i] == pytest.approx(node.weight, rel=1e-9, abs=1e-9)
        if node.test is None:
            assert nodes["feature"][i] == -1
            assert (nodes["first_child"][i] >= 0) == (node.observers is not None)
            assert tree._pools.class_weights[i] == pytest.approx(node.dist, rel=1e-9, abs=1e-9)
            return
        column, (kind, value) = node.test
        assert (nodes["feature"][i], tests[nodes["test"][i]]) == (column, kind)
        if kind != "multiway":
            assert nodes["threshold"][i] == pytest.approx(value, rel=1e-12)
        assert nodes["n_children"][i] == len(node.children)
        for b, child in enumerate(node.children):
            compare(nodes["first_child"][i] + b, child)

    compare(0, naive.nodes[0])


def learn_both(
    tree: HoeffdingTreeClassifier, naive: NaiveHoeffdingTree, rows: Rows, weighted: bool
) -> None:
    X, y, w = rows
    w = w if weighted else np.ones(len(y))
    given_by_tree = tree.test_then_train(X, y, w)
    wanted = np.empty_like(given_by_tree)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    assert_same_tree(tree, naive)
    np.testing.assert_allclose(given_by_tree, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("leaf", ["mc", "nb", "nba"])
@pytest.mark.parametrize(
    ("nominal", "weighted"),
    # Whole counts of nominal values alone make classes exactly alike, and rounding decides.
    [({}, False), ({}, True), (MIXED, False), (MIXED, True), ({j: 5 for j in range(6)}, True)],
)
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_splits_and_predictions_equal_the_naive_version(
    leaf: Any, nominal: dict[int, int], missing: float, weighted: bool
) -> None:
    tree = HoeffdingTreeClassifier(
        6, 3, leaf_prediction=leaf, nominal_features=nominal, max_depth=6, **EAGER
    )
    naive = NaiveHoeffdingTree(
        6, 3, leaf=leaf, nominal=nominal, grace=25, delta=0.05, tau=0.3, max_depth=6
    )
    learn_both(tree, naive, stream(len(nominal), missing=missing), weighted)
    assert tree.n_leaves > 4


@pytest.mark.parametrize("criterion", ["info_gain", "gini"])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("n_points", [1, 3])
def test_every_way_to_choose_a_split_equals_the_naive_version(
    criterion: Any, binary: bool, n_points: int
) -> None:
    tree = HoeffdingTreeClassifier(
        6,
        4,
        nominal_features=MIXED,
        split_criterion=criterion,
        binary_split=binary,
        n_split_points=n_points,
        **EAGER,
    )
    naive = NaiveHoeffdingTree(
        6,
        4,
        nominal=MIXED,
        criterion=criterion,
        binary_split=binary,
        n_split_points=n_points,
        grace=25,
        delta=0.05,
        tau=0.3,
    )
    learn_both(tree, naive, stream(5, k=4, missing=0.02), True)
    tests = set(
        tree._pools.nodes["test"][: tree.n_nodes][tree._pools.nodes["feature"][: tree.n_nodes] >= 0]
    )
    assert tree.n_leaves > 4
    assert (MULTIWAY in tests) <= (not binary)


def test_under_a_memory_bound_the_same_leaves_are_active_as_in_the_naive_version() -> None:
    tree = HoeffdingTreeClassifier(2, 2, max_size=SLOT_MIB, memory_estimate_period=100, **EAGER)
    n_slots = tree.max_active_leaves
    naive = NaiveHoeffdingTree(
        2, 2, n_slots, grace=25, delta=0.05, tau=0.3, max_nodes=8 * n_slots, period=100
    )
    X, y = boxes(3, 6000)
    learn_both(tree, naive, (X, y, np.ones(len(y))), False)
    assert tree.n_active_leaves == n_slots < tree.n_leaves
    assert tree.n_activations > 0
    assert tree.n_splits_refused == naive.n_refused


def test_forgetting_equals_the_naive_version() -> None:
    tree = HoeffdingTreeClassifier(6, 3, nominal_features=MIXED, **EAGER)
    naive = NaiveHoeffdingTree(6, 3, nominal=MIXED, grace=25, delta=0.05, tau=0.3)
    for seed in range(4):
        learn_both(tree, naive, stream(seed, n=600, missing=0.05), True)
        tree.forget(0.4)
        naive.forget(0.4)
        assert_same_tree(tree, naive)


def test_forgetting_with_factor_one_changes_nothing() -> None:
    tree = HoeffdingTreeClassifier(6, 3, nominal_features=MIXED, **EAGER)
    assert isinstance(tree, Forgets)
    X, y, w = stream(1)
    tree.learn(X, y, w)
    before = tree.state().digest()
    tree.forget(1.0)
    assert tree.state().digest() == before


def test_after_forgetting_new_labels_count_for_more() -> None:
    X = boxes(1, 2000)[0]
    keeps, forgets = HoeffdingTreeClassifier(2, 2), HoeffdingTreeClassifier(2, 2)
    for tree in (keeps, forgets):
        tree.learn(X, np.zeros(2000))
    forgets.forget(0.01)
    for tree in (keeps, forgets):
        tree.learn(X[:100], np.ones(100))
    assert keeps.predict(X[:1])[0, 0] > 0.5 > forgets.predict(X[:1])[0, 0]


def test_it_agrees_with_river() -> None:
    """Both follow MOA, but observers, ties and underflow differ a little."""
    rng = np.random.default_rng(11)
    centres, labels = rng.random((30, 6)), rng.integers(0, 2, 30)
    of = rng.integers(0, 30, 12_000)
    X, y = centres[of] + rng.normal(scale=0.1, size=(12_000, 6)), labels[of]
    ours = HoeffdingTreeClassifier(6, 2).test_then_train(X, y).argmax(axis=1)
    river = RiverTree()
    theirs = np.zeros(len(y), np.int64)
    for i, row in enumerate(X.tolist()):
        x = dict(enumerate(row))
        theirs[i] = river.predict_one(x) or 0
        river.learn_one(x, int(y[i]))
    assert (ours == theirs).mean() > 0.97
    assert abs((ours == y).mean() - (theirs == y).mean()) < 0.01


@pytest.mark.parametrize("cut", [1, 7, 64, 1000])
def test_cuts_of_the_stream_change_no_bit(cut: int) -> None:
    X, y, w = stream(2, missing=0.05)
    whole, parts = (
        HoeffdingTreeClassifier(6, 3, nominal_features=MIXED, **EAGER) for _ in range(2)
    )
    wanted = whole.test_then_train(X, y, w)
    n = 1000 if cut == 1 else len(y)
    got = [
        parts.test_then_train(X[i : i + cut], y[i : i + cut], w[i : i + cut])
        for i in range(0, n, cut)
    ]
    assert np.concatenate(got).tobytes() == wanted[:n].tobytes()
    parts.learn(X[n:], y[n:], w[n:])
    assert parts.state().digest() == whole.state().digest()


def test_predicting_apart_from_learning_gives_the_same_bits_and_changes_nothing() -> None:
    X, y, w = stream(4, n=1500, missing=0.05)
    at_once, apart = (
        HoeffdingTreeClassifier(6, 3, nominal_features=MIXED, **EAGER) for _ in range(2)
    )
    wanted = at_once.test_then_train(X, y, w)
    ops = np.tile(np.array([PREDICT, PREDICT, LEARN], np.int8), len(y))
    got = apart.run(ops, X.repeat(3, axis=0), y.repeat(3), w.repeat(3))
    assert got[0::3].tobytes() == got[1::3].tobytes() == wanted.tobytes()
    assert np.isnan(got[2::3]).all()
    assert apart.state().digest() == at_once.state().digest()


@pytest.mark.parametrize("max_size", [SLOT_MIB, 32.0])
def test_a_restored_tree_goes_on_bit_for_bit(max_size: float) -> None:
    X, y = boxes(6, 12_000)
    first, second = (
        HoeffdingTreeClassifier(2, 2, max_size=max_size, memory_estimate_period=500, **EAGER)
        for _ in range(2)
    )
    first.learn(X[:7000], y[:7000])
    state = first.state()
    digest = state.digest()
    second.restore(state)
    assert second.state().digest() == digest
    assert (
        first.test_then_train(X[7000:], y[7000:]).tobytes()
        == second.test_then_train(X[7000:], y[7000:]).tobytes()
    )
    assert second.state().digest() == first.state().digest() != digest
    assert state.digest() == digest


@pytest.mark.parametrize(
    "other",
    [
        HoeffdingTreeClassifier(3, 2),
        HoeffdingTreeClassifier(2, 3),
        HoeffdingTreeClassifier(2, 2, nominal_features={0: 3}),
        HoeffdingTreeClassifier(2, 2, max_size=SLOT_MIB),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    other: HoeffdingTreeClassifier,
) -> None:
    tree = HoeffdingTreeClassifier(2, 2, **EAGER)
    tree.learn(*boxes(8, 4000))
    before = other.state().digest()
    with pytest.raises(IncompatibleStateError):
        other.restore(tree.state())
    assert other.state().digest() == before


@pytest.mark.parametrize(
    "damage",
    [
        {"first_child": 10**6},
        {"feature": 2},
        {"feature": -7},
        {"n_children": 10**6},
        {"n_nodes": -1},
        {"n_nodes": 10**9},
        {"n_free": -1},
    ],
    ids=str,
)
def test_a_state_whose_links_lead_nowhere_is_refused(damage: dict[str, int]) -> None:
    tree = HoeffdingTreeClassifier(2, 2, **EAGER)
    tree.learn(*boxes(8, 4000))
    state = tree.state()
    values = dict(state.values)
    for name, value in damage.items():
        given_value = values[name]
        if isinstance(given_value, np.ndarray):
            given_value[0] = value
        else:
            values[name] = value
    with pytest.raises(IncompatibleStateError):
        tree.restore(dataclasses.replace(state, values=values))


def test_memory_stays_under_its_bound_while_leaves_come_and_go() -> None:
    X, y = boxes(9, 120_000, d=3, noise=0.1)
    tree = HoeffdingTreeClassifier(3, 2, max_size=0.02, memory_estimate_period=1000, **EAGER)
    slots = tree.max_active_leaves
    for start in range(0, len(y), 10_000):
        tree.learn(X[start : start + 10_000], y[start : start + 10_000])
        assert tree.n_active_leaves <= slots
        assert tree.n_bytes <= tree.max_bytes <= 0.02 * 2**20
    assert tree.n_leaves > slots == tree.n_active_leaves
    assert tree.n_deactivations > 0
    assert tree.n_activations > 0
    assert tree.n_splits_refused > 0
    assert tree.state().nbytes() < 1.2 * tree.max_bytes


def test_the_slots_belong_to_the_most_promising_leaves() -> None:
    X, y = boxes(10, 20_000)
    tree = HoeffdingTreeClassifier(2, 2, max_size=SLOT_MIB, memory_estimate_period=20_000, **EAGER)
    tree.learn(X, y)
    nodes = tree._pools.nodes[: tree.n_nodes]
    weights = tree._pools.class_weights[: tree.n_nodes]
    promise = weights.sum(axis=1) - weights.max(axis=1)
    leaf, active = nodes["feature"] < 0, nodes["first_child"] >= 0
    assert (leaf & ~active).any()
    assert promise[leaf & active].min() >= promise[leaf & ~active].max()


def test_no_leaf_is_split_at_the_maximal_depth() -> None:
    tree = HoeffdingTreeClassifier(2, 2, max_depth=2, **EAGER)
    tree.learn(*boxes(12, 5000))
    assert (tree.depth, tree.n_leaves) == (2, 4)


def test_one_class_or_constant_features_never_split() -> None:
    X, y = boxes(13, 5000)
    one_class, constant = (HoeffdingTreeClassifier(2, 2, **EAGER) for _ in range(2))
    one_class.learn(X, np.ones(5000))
    constant.learn(np.full((5000, 2), 0.1), y)
    assert one_class.n_nodes == constant.n_nodes == 1
    assert one_class.predict(X[:1])[0].tolist() == [0.0, 1.0]
    assert constant.predict([[0.1, 0.1]])[0] == pytest.approx(np.bincount(y) / 5000)


def test_before_the_first_label_all_classes_are_alike() -> None:
    assert HoeffdingTreeClassifier(2, 4).predict([[0.0, math.nan]]).tolist() == [[0.25] * 4]


def test_no_rows_are_no_work() -> None:
    tree = HoeffdingTreeClassifier(2, 3)
    before = tree.state().digest()
    assert tree.test_then_train(np.empty((0, 2)), []).shape == (0, 3)
    assert tree.state().digest() == before


def test_unusable_labels_and_weights_are_counted_and_change_nothing_else() -> None:
    tree = HoeffdingTreeClassifier(1, 2)
    before = tree.predict([[1.0]]).tolist()
    tree.learn(np.ones((7, 1)), [-1, 2, math.nan, 0.5, 0, 0, 0], [1, 1, 1, 1, -1, math.nan, 1e16])
    assert tree.n_skipped == 7
    tree.learn([[1.0]], [1], [0.0])
    assert tree.n_skipped == 7
    assert tree.predict([[1.0]]).tolist() == before


def test_a_row_of_nothing_but_missing_values_predicts_the_class_weights_of_its_leaf() -> None:
    tree = HoeffdingTreeClassifier(2, 2, leaf_prediction="nb")
    tree.learn(*boxes(14, 100))
    shares = np.bincount(boxes(14, 100)[1]) / 100
    assert tree.predict([[math.nan, math.inf]])[0] == pytest.approx(shares)


rows = st.lists(
    st.tuples(
        st.sampled_from([*HUGE, 0.0, 1.0, 2.0, 3.0]) | st.floats(-5, 5),
        st.sampled_from([*HUGE, 0.0, 1.0, 2.0, 7.0]) | st.floats(-1, 3),
        st.integers(-1, 3),
        st.sampled_from([0.0, 1e-300, 0.3, 1.0, 2.0, 1e15, math.inf, math.nan, -1.0]),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from(["mc", "nb", "nba"]), st.sampled_from(["info_gain", "gini"]))
def test_no_float_poisons_predictions_or_state(
    drawn: list[tuple[float, float, int, float]], leaf: Any, criterion: Any
) -> None:
    tree = HoeffdingTreeClassifier(
        2,
        3,
        grace_period=1,
        delta=0.9,
        tau=1.0,
        leaf_prediction=leaf,
        nominal_features={1: 3},
        split_criterion=criterion,
    )
    table = np.array(drawn)
    X, y, w = table[:, :2], table[:, 2], table[:, 3]
    P = tree.test_then_train(X, y, w)
    tree.forget(1e-3)
    P = np.concatenate([P, tree.predict(X)])
    assert ((P >= 0) & (P <= 1)).all()
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-12)
    for name, value in tree.state().values.items():
        if isinstance(value, np.ndarray):
            assert not np.isnan(value).any(), name


def used(**parameters: Any) -> NDArray[np.float64]:
    return HoeffdingTreeClassifier(2, 2, **parameters).predict([[0.0, 0.0]])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"grace_period": 0}, "grace_period = 0"),
        ({"delta": 0.0}, "delta = 0.0"),
        ({"delta": 1.5}, "delta = 1.5"),
        ({"tau": -0.1}, "tau = -0.1"),
        ({"tau": math.nan}, "tau = nan"),
        ({"leaf_prediction": "best"}, "leaf_prediction = 'best' is not one of mc, nb, nba"),
        ({"split_criterion": "x"}, "split_criterion = 'x' is not one of info_gain, gini"),
        ({"nominal_features": {2: 3}}, r"nominal_features = \{2: 3\}"),
        ({"nominal_features": {0: 0}}, r"nominal_features = \{0: 0\}"),
        ({"max_size": 1e-4}, "max_size = 0.0001 is too small"),
        ({"max_depth": -1}, "max_depth = -1"),
        ({"n_split_points": 0}, "n_split_points = 0"),
        ({"memory_estimate_period": 0}, "memory_estimate_period = 0"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        used(**parameters)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.1, math.nan])
def test_a_factor_of_forgetting_outside_its_range_is_refused(factor: float) -> None:
    with pytest.raises(ParameterError, match="factor"):
        HoeffdingTreeClassifier(1, 2).forget(factor)


BAYES: list[Any] = [
    HoeffdingTreeClassifier(1, 2, leaf_prediction="nb"),
    HoeffdingAdaptiveTreeClassifier(1, 2, leaf_prediction="nb", bootstrap_sampling=False),
    ExtremelyFastDecisionTreeClassifier(1, 2, leaf_prediction="nb"),
]


@pytest.mark.parametrize("tree", BAYES)
def test_a_mean_that_rounding_carries_past_a_value_gives_no_negative_variance(tree: Any) -> None:
    tree.learn([[-0.8], [-1.3], [-0.2]], [0, 1, 1], [1.0, 1e-17, 2.0])
    assert np.isfinite(tree.predict([[-0.8]])).all()
    assert (tree.state().floats("gauss")[:, :, M2] >= 0.0).all()
