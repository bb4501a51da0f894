from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import tree as river_tree
from river.datasets import synth

from streamadapt.contracts import LEARN, PREDICT, PREDICT_LEARN, Forgets
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.hoeffding_tree_regressor import HoeffdingTreeRegressor
from streamadapt.models.tree_kernels import BELOW, EQUAL
from streamadapt.state import State
from tests.models.naive_hoeffding_tree_regressor import NaiveHoeffdingTreeRegressor

FAST: dict[str, Any] = {"grace_period": 40, "delta": 1e-2, "n_bins": 16}
NOMINAL = {1: 4, 2: 2}
BAD = [np.nan, np.inf, -np.inf, 1e308, -1e200, 1e99, 1e-310]


def stream(seed: int, n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with two nominal columns, missing values and surprises; targets in steps; weights."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, 5)) + 2.0) * 10.0 ** rng.integers(-4, 5, 5)
    X[:, 1] = rng.integers(0, 4, n)
    X[:, 2] = rng.integers(0, 2, n)
    high = X[:, 0] > np.median(X[:, 0])
    y = 3.0 * (X[:, 1] == 2.0) * high + X[:, 2] + X[:, 3] / X[:, 3].std() + rng.normal(size=n) / 9
    X[rng.random(X.shape) < 0.05] = np.nan
    X[rng.random(X.shape) < 0.005] = rng.choice(BAD)
    X[rng.random(n) < 0.02, 1] = rng.choice([-1.0, 1.5, 7.0])
    y[rng.random(n) < 0.01] = rng.choice(BAD[:5])
    w = rng.choice([0.0, 0.5, 1.0, 1.0, 3.0], n)
    w[rng.integers(n, size=3)] = [-1.0, np.nan, np.inf]
    return X, y, w


def naive_predictions(
    naive: NaiveHoeffdingTreeRegressor, X: np.ndarray, y: np.ndarray, w: np.ndarray
) -> list[float]:
    predictions = []
    for row, target, weight in zip(X.tolist(), y.tolist(), w.tolist(), strict=True):
        predictions.append(naive.predict_one(row))
        naive.learn_one(row, target, weight)
    return predictions


def splits(model: HoeffdingTreeRegressor) -> list[tuple[int, int, str, float]]:
    """Return (node, feature, kind, value) in the order in which the splits were made."""
    nodes = model._tree.nodes[: model.n_nodes]
    inner = np.flatnonzero(nodes["feature"] >= 0)
    inner = inner[np.argsort(nodes["first_child"][inner])]
    kinds = {BELOW: "<=", EQUAL: "=="}
    return [
        (int(i), int(n["feature"]), kinds.get(int(n["test"]), "each"), float(n["threshold"]))
        for i, n in zip(inner, nodes[inner], strict=True)
    ]


def assert_same(
    model: HoeffdingTreeRegressor,
    naive: NaiveHoeffdingTreeRegressor,
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    wanted = naive_predictions(naive, *data)
    np.testing.assert_array_equal(model.test_then_train(*data)[:, 0], wanted)
    assert splits(model) == naive.splits
    assert model.n_skipped == naive.n_skipped > 0


@pytest.mark.parametrize("leaf_prediction", ["mean", "model", "adaptive"])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_splits_and_predictions_equal_the_naive_version(leaf_prediction: Any, seed: int) -> None:
    model = HoeffdingTreeRegressor(
        5, leaf_prediction=leaf_prediction, nominal_features=NOMINAL, **FAST
    )
    naive = NaiveHoeffdingTreeRegressor(
        5, leaf_prediction=leaf_prediction, nominal_features=NOMINAL, **FAST
    )
    assert_same(model, naive, stream(seed))
    assert len(naive.splits) > 3


def test_the_naive_streams_meet_every_kind_of_test() -> None:
    model = HoeffdingTreeRegressor(5, nominal_features=NOMINAL, **FAST)
    model.learn(*stream(1, 4000))
    assert {kind for _, _, kind, _ in splits(model)} == {"<=", "==", "each"}


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(0, 3))
def test_binary_splits_and_depth_equal_the_naive_version(seed: int, depth: int) -> None:
    chosen = FAST | {"binary_split": True, "nominal_features": NOMINAL, "max_depth": depth}
    model, naive = HoeffdingTreeRegressor(5, **chosen), NaiveHoeffdingTreeRegressor(5, **chosen)
    assert_same(model, naive, stream(seed))
    assert model.depth <= depth
    assert not any(kind == "each" for _, _, kind, _ in naive.splits)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), n_slots=st.integers(1, 4))
def test_scarce_memory_equals_the_naive_version(seed: int, n_slots: int) -> None:
    chosen = FAST | {"nominal_features": NOMINAL}
    model = HoeffdingTreeRegressor(5, max_size=n_slots * 0.004, **chosen)
    naive = NaiveHoeffdingTreeRegressor(
        5, max_nodes=len(model._tree.nodes), max_active=model.max_active_leaves, **chosen
    )
    assert_same(model, naive, stream(seed, 3000))
    assert model.n_splits_refused == naive.n_splits_refused
    assert model.n_active_leaves == len(naive.active) == model.max_active_leaves < model.n_leaves


def test_a_full_node_pool_ends_growth_and_counts() -> None:
    model = HoeffdingTreeRegressor(2, max_size=0.0081, **FAST)
    X = np.random.default_rng(0).random((20_000, 2))
    model.learn(X, np.sin(9 * X[:, 0]) + X[:, 1])
    assert model.n_nodes <= len(model._tree.nodes) == 32
    assert model.n_splits_refused > 0


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1.0, 0.5, 0.01]))
def test_forgetting_equals_the_naive_version(seed: int, factor: float) -> None:
    model = HoeffdingTreeRegressor(5, nominal_features=NOMINAL, **FAST)
    naive = NaiveHoeffdingTreeRegressor(5, nominal_features=NOMINAL, **FAST)
    assert_same(model, naive, stream(seed, 700))
    model.forget(factor)
    naive.forget(factor)
    assert_same(model, naive, stream(seed + 1, 700))


def test_forgetting_speeds_up_the_new_concept() -> None:
    rng = np.random.default_rng(3)
    X = rng.random((4000, 3))
    y = np.where(X[:, 0] > 0.5, 5.0, -5.0) + 3.0 * X[:, 1]
    errors = []
    for factor in (1.0, 0.01):
        model = HoeffdingTreeRegressor(3)
        model.learn(X, y)
        model.forget(factor)
        assert isinstance(model, Forgets)
        errors.append(abs(model.test_then_train(X[:500], -y[:500])[:, 0] + y[:500]).mean())
    assert errors[1] < 0.7 * errors[0]


def taken(dataset: Iterable[tuple[dict[Any, float], float]], n: int) -> tuple[Any, Any]:
    rows = list(islice(dataset, n))
    return np.array([list(x.values()) for x, _ in rows], float), np.array([y for _, y in rows])


def river_error(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for row, target in zip(X.tolist(), y.tolist(), strict=True):
        x = dict(enumerate(row))
        total += abs(model.predict_one(x) - target)
        model.learn_one(x, target)
    return total / len(y)


STREAMS = {
    "friedman": lambda n, seed: taken(synth.Friedman(seed=seed), n),
    "friedman drift": lambda n, seed: taken(
        synth.FriedmanDrift("lea", position=(n // 4, n // 2, 3 * n // 4), seed=seed), n
    ),
    "planes": lambda n, seed: taken(synth.Planes2D(seed=seed), n),
}


@pytest.mark.parametrize("leaf_prediction", ["mean", "adaptive"])
@pytest.mark.parametrize("name", list(STREAMS))
def test_mean_error_is_at_most_3_percent_above_rivers(name: str, leaf_prediction: Any) -> None:
    ours, default, quantized = 0.0, 0.0, 0.0
    for seed in (1, 2, 3, 4):
        X, y = STREAMS[name](8000, seed)
        model = HoeffdingTreeRegressor(X.shape[1], leaf_prediction=leaf_prediction)
        ours += float(abs(model.test_then_train(X, y)[:, 0] - y).mean())
        river = river_tree.HoeffdingTreeRegressor
        default += river_error(river(leaf_prediction=leaf_prediction), X, y)
        splitter = river_tree.splitter.QOSplitter()
        quantized += river_error(river(leaf_prediction=leaf_prediction, splitter=splitter), X, y)
    assert ours <= 1.03 * min(default, quantized)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 900), max_size=12))
def test_the_way_rows_are_cut_into_calls_changes_no_bit(seed: int, cuts: list[int]) -> None:
    X, y, w = stream(seed, 900)
    ops = np.random.default_rng(seed).choice([PREDICT, LEARN, PREDICT_LEARN], 900).astype(np.int8)
    whole, parts = (HoeffdingTreeRegressor(5, nominal_features=NOMINAL, **FAST) for _ in range(2))
    wanted = whole.run(ops, X, y, w)
    got = [
        parts.run(ops[a:b], X[a:b], y[a:b], w[a:b]) for a, b in pairwise([0, *sorted(cuts), 900])
    ]
    np.testing.assert_array_equal(np.concatenate(got), wanted)
    assert whole.state().digest() == parts.state().digest()


@pytest.mark.parametrize("max_size", [0.012, 32.0])
@pytest.mark.parametrize("leaf_prediction", ["mean", "adaptive"])
def test_a_restored_tree_goes_on_bit_for_bit(leaf_prediction: Any, max_size: float) -> None:
    chosen = FAST | {"nominal_features": NOMINAL, "leaf_prediction": leaf_prediction}
    first, second = (HoeffdingTreeRegressor(5, max_size=max_size, **chosen) for _ in range(2))
    first.learn(*stream(5))
    second.learn(*stream(6))
    state = first.state()
    digest = state.digest()
    second.restore(state)
    assert second.state().digest() == digest
    data = stream(7)
    np.testing.assert_array_equal(first.test_then_train(*data), second.test_then_train(*data))
    assert first.state().digest() == second.state().digest() != digest
    assert state.digest() == digest


def test_a_state_holds_only_what_is_in_use() -> None:
    model = HoeffdingTreeRegressor(5, nominal_features=NOMINAL)
    assert model.state().nbytes() < 1000
    model.learn(*stream(1))
    assert model.state().nbytes() < model.max_bytes / 20


def test_predictions_change_nothing() -> None:
    model = HoeffdingTreeRegressor(5, nominal_features=NOMINAL, **FAST)
    X, y, w = stream(8)
    model.learn(X, y, w)
    digest = model.state().digest()
    model.predict(X)
    assert model.state().digest() == digest


@pytest.mark.parametrize("damage", ["kind", "width", "leaf", "missing", "link", "slot", "room"])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(damage: str) -> None:
    model = HoeffdingTreeRegressor(5, max_size=0.01, nominal_features=NOMINAL, **FAST)
    model.learn(*stream(9))
    before = model.state()
    values = dict(before.values)
    other = HoeffdingTreeRegressor(4, **FAST)
    match damage:
        case "width":
            values = dict(other.state().values)
        case "leaf":
            values["linear"] = np.zeros((model.n_nodes, 0))
        case "missing":
            del values["bins.m2"]
        case "link":
            links = before.integers("nodes.first_child").astype(np.int32)
            links[0] = 10**6
            values["nodes.first_child"] = links
        case "slot":
            values["slots.owner"] = before.integers("slots.owner") * 0
        case "room":
            values["totals.n_nodes"] = np.array([10**6])
    kind = "Other" if damage == "kind" else before.kind
    with pytest.raises(IncompatibleStateError):
        model.restore(State(kind, before.version, values))
    assert model.state().digest() == before.digest()


any_float = st.floats(width=64) | st.sampled_from(BAD)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(any_float, any_float, any_float, any_float), min_size=1, max_size=60),
    st.sampled_from(["mean", "model", "adaptive"]),
)
def test_no_row_raises_or_poisons(rows: list[tuple[float, ...]], leaf_prediction: Any) -> None:
    data = np.array(rows)
    model = HoeffdingTreeRegressor(
        2, grace_period=5, leaf_prediction=leaf_prediction, nominal_features={1: 3}
    )
    for _ in range(4):  # past the warm-up and some attempts to split
        out = model.test_then_train(data[:, :2], data[:, 2], data[:, 3])
        assert np.isfinite(out).all()
    clean = HoeffdingTreeRegressor(2, nominal_features={1: 3}, leaf_prediction=leaf_prediction)
    clean.restore(model.state())
    assert clean.state().digest() == model.state().digest()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_predictions_stay_within_a_range_of_the_targets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 3)) * 10.0 ** rng.integers(-6, 7, (400, 3))
    y = rng.normal(size=400)
    model = HoeffdingTreeRegressor(3, leaf_prediction="model", learning_rate=1.0, **FAST)
    model.learn(X, y)
    reach = y.max() - y.min()
    P = model.predict(X * 1e9)
    assert (y.min() - reach <= P).all()
    assert (y.max() + reach >= P).all()


def test_one_outlier_does_not_spoil_a_feature() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((5000, 2))
    y = np.where(X[:, 0] > 0.3, 1.0, -1.0)
    X[100, 0] = 1e15
    model = HoeffdingTreeRegressor(2, grace_period=1000, leaf_prediction="mean")
    model.learn(X, y)
    assert abs(model.predict([[0.1, 0.5], [0.9, 0.5]])[:, 0] - [-1.0, 1.0]).max() < 0.1


def test_a_feature_that_begins_as_a_constant_can_be_split_later() -> None:
    X = np.zeros((6000, 1))
    X[500:, 0] = np.random.default_rng(4).random(5500) * 100.0
    model = HoeffdingTreeRegressor(1, leaf_prediction="mean")
    model.learn(X, abs(X[:, 0] - 50.0))
    assert model.n_leaves >= 4
    assert abs(model.predict([[50.0], [100.0]])[:, 0] - [0.0, 50.0]).max() < 10.0


@pytest.mark.parametrize("max_size", [0.1, 1.0, 32.0])
@pytest.mark.parametrize("n_features", [1, 40])
def test_all_arrays_together_keep_max_size(max_size: float, n_features: int) -> None:
    model = HoeffdingTreeRegressor(n_features, max_size=max_size)
    assert 0.5 * max_size * 2**20 < model.max_bytes <= max_size * 2**20


def test_an_untrained_tree_predicts_0() -> None:
    assert HoeffdingTreeRegressor(2).predict([[1.0, np.nan]])[0, 0] == 0.0


def test_bad_targets_and_weights_are_counted() -> None:
    model = HoeffdingTreeRegressor(1)
    model.learn(np.zeros((5, 1)), [np.nan, np.inf, 1e200, 1.0, 1.0], [1.0, 1.0, 1.0, -1.0, 0.0])
    assert model.n_skipped == 4
    assert model.predict([[0.0]])[0, 0] == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_features", 0),
        ("grace_period", 0),
        ("delta", 0.0),
        ("tau", -1.0),
        ("leaf_prediction", "median"),
        ("model_selector_decay", 1.5),
        ("nominal_features", {9: 2}),
        ("nominal_features", {0: 0}),
        ("max_size", 1e-6),
        ("max_depth", -1),
        ("n_bins", 1),
        ("min_samples_split", 0),
        ("learning_rate", 2.0),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: Any) -> None:
    chosen: dict[str, Any] = {"n_features": 2} | {name: value}
    with pytest.raises(ParameterError, match=name):
        HoeffdingTreeRegressor(**chosen)


def test_a_mean_that_rounding_carries_past_a_value_gives_no_negative_variance() -> None:
    tree = HoeffdingTreeRegressor(2, nominal_features={0: 3})
    targets, weights = [-1.3, -0.2], [1e-17, 2.0]
    tree.learn([[0.0, -1.3], [0.0, -0.2]], targets, weights)
    for name in ("scales.m2", "leaves.m2"):
        assert (tree.state().floats(name) >= 0.0).all(), name
    tree.learn(np.zeros((60, 2)), np.zeros(60))  # its observers open after fifty rows
    tree.learn([[2.0, 0.0], [2.0, 0.0]], targets, weights)
    assert (tree.state().floats("bins.m2") >= 0.0).all()
