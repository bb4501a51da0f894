"""The Hoeffding adaptive tree regressor against a slow oracle, and where streams are hard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.hoeffding_adaptive_tree_regressor import HoeffdingAdaptiveTreeRegressor
from streamadapt.models.hoeffding_tree_regressor import HoeffdingTreeRegressor
from tests.models.naive_hoeffding_adaptive_tree_regressor import NaiveHoeffdingAdaptiveTreeRegressor
from tests.models.test_hoeffding_tree_regressor import BAD, FAST, NOMINAL, naive_predictions, stream

EAGER: dict[str, Any] = {
    "drift_threshold": 4.0,
    "alternate_period": 50,
    "alternate_lifetime": 250,
    "alternate_decay": 0.98,
}


def drifting(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows as those of `stream`, whose targets change sign each thousand rows."""
    X, y, w = stream(seed, n)
    return X, np.where(np.arange(n) // 1000 % 2 == 1, -y, y), w


def tree(**chosen: Any) -> HoeffdingAdaptiveTreeRegressor:
    return HoeffdingAdaptiveTreeRegressor(5, **FAST, **EAGER, **chosen)


@pytest.mark.parametrize("leaf_prediction", ["mean", "model", "adaptive"])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_predictions_and_replacements_equal_the_naive_version(
    leaf_prediction: Any, seed: int
) -> None:
    chosen = {"leaf_prediction": leaf_prediction, "nominal_features": NOMINAL}
    model = tree(**chosen)
    naive = NaiveHoeffdingAdaptiveTreeRegressor(5, **FAST, **EAGER, **chosen)
    data = drifting(seed)
    wanted = naive_predictions(naive, *data)
    np.testing.assert_array_equal(model.test_then_train(*data)[:, 0], wanted)
    assert model.n_planted_trees == naive.n_planted > 1
    assert model.n_switched_trees == naive.n_switched > 0
    assert model.n_pruned_trees == naive.n_pruned
    assert model.n_alternate_trees == len(naive.beside) - stale(naive)


def stale(naive: NaiveHoeffdingAdaptiveTreeRegressor) -> int:
    """Trees beside nodes that went themselves."""
    found = [naive.root]
    for node in found:
        found.extend(node.children)
    return len(naive.beside) - len(naive.beside.keys() & {id(node) for node in found})


def test_a_tree_that_is_no_better_in_time_is_dropped() -> None:
    """More noise raises the error, but no other tree could do better."""
    rng = np.random.default_rng(2)
    X = rng.random((6000, 5))
    y = np.floor(4 * X[:, 0]) + rng.normal(size=6000) * np.where(np.arange(6000) < 4000, 0.1, 2.0)
    model = HoeffdingAdaptiveTreeRegressor(5, drift_threshold=10.0, alternate_lifetime=150)
    model.learn(X, y)
    assert model.n_pruned_trees > 0


def taught(seed: int) -> HoeffdingAdaptiveTreeRegressor:
    model = tree(nominal_features=NOMINAL)
    model.learn(*drifting(seed))
    return model


def test_without_alarms_it_is_a_hoeffding_tree() -> None:
    data = drifting(1)
    adaptive = HoeffdingAdaptiveTreeRegressor(5, **FAST, drift_threshold=1e15)
    plain = HoeffdingTreeRegressor(5, **FAST)
    assert np.array_equal(adaptive.test_then_train(*data), plain.test_then_train(*data))
    assert adaptive.n_leaves == plain.n_leaves > 3


def test_it_recovers_from_a_drift_sooner_than_a_hoeffding_tree() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((20_000, 3))
    y = np.where(np.arange(len(X)) < 10_000, 1, -1) * np.floor(5 * X[:, 0]) + X[:, 1]
    late = slice(14_000, None)
    misses = [
        abs(model.test_then_train(X, y)[:, 0] - y)[late].mean()
        for model in (HoeffdingAdaptiveTreeRegressor(3), HoeffdingTreeRegressor(3))
    ]
    assert misses[0] < 0.6 * misses[1]


def test_an_outlier_raises_no_alarm() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((8000, 2))
    y = np.floor(4 * X[:, 0])
    y[6000] = 100.0
    model = HoeffdingAdaptiveTreeRegressor(2)
    model.learn(X, y)
    assert model.n_nodes > 3
    assert model.n_planted_trees == 0


@pytest.mark.parametrize("max_size", [0.02, 0.05])
def test_memory_stays_bounded_while_branches_come_and_go(max_size: float) -> None:
    model = tree(max_size=max_size, max_depth=8)
    X, y, w = drifting(5, 20_000)
    for start in range(0, len(y), 1000):
        rows = slice(start, start + 1000)
        model.learn(X[rows], y[rows], w[rows])
        assert model.max_bytes <= max_size * 2**20
        assert model.n_active_leaves <= model.max_active_leaves
        assert model.n_nodes <= len(model._tree.nodes)
    assert model.n_switched_trees > 3


@pytest.mark.parametrize("max_size", [0.02, 32.0])
def test_it_goes_on_from_its_state_as_if_nothing_had_been(max_size: float) -> None:
    X, y, w = drifting(3, 6000)
    model, other = (tree(max_size=max_size, nominal_features=NOMINAL) for _ in range(2))
    for start in range(0, 6000, 500):
        rows = slice(start, start + 500)
        other.restore(model.state())
        assert other.state().digest() == model.state().digest()
        assert np.array_equal(
            model.test_then_train(X[rows], y[rows], w[rows]),
            other.test_then_train(X[rows], y[rows], w[rows]),
        )
    assert other.state().digest() == model.state().digest()
    assert model.n_planted_trees > 0


any_float = st.sampled_from(BAD) | st.floats(-10, 10)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(any_float, any_float, any_float, any_float), min_size=1, max_size=60))
def test_no_row_raises_or_poisons(rows: list[tuple[float, ...]]) -> None:
    data = np.array(rows)
    model = HoeffdingAdaptiveTreeRegressor(2, 5, drift_threshold=0.5, alternate_period=5)
    for _ in range(6):
        out = model.test_then_train(data[:, :2], data[:, 2], data[:, 3])
        assert np.isfinite(out).all()
    clean = HoeffdingAdaptiveTreeRegressor(2, 5, drift_threshold=0.5, alternate_period=5)
    clean.restore(model.state())
    assert clean.state().digest() == model.state().digest()


def test_constant_features_never_split() -> None:
    model = tree()
    model.learn(np.ones((3000, 5)), np.random.default_rng(0).random(3000))
    assert model.n_nodes == 1


@pytest.mark.parametrize("name", ["links", "watch"])
def test_a_state_that_would_lead_out_of_the_pools_is_refused(name: str) -> None:
    model = taught(1)
    state = model.state()
    bad = np.full_like(state.array(name), 10**6)[:-1] if name == "watch" else None
    bad = np.full_like(state.array(name), 10**6) if bad is None else bad
    with pytest.raises(IncompatibleStateError):
        model.restore(dataclasses.replace(state, values={**state.values, name: bad}))
    assert model.state().digest() == state.digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("drift_delta", -1.0),
        ("drift_threshold", 0.0),
        ("alternate_decay", 1.5),
        ("alternate_period", 0),
        ("alternate_lifetime", 0),
        ("max_size", 1e-6),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        HoeffdingAdaptiveTreeRegressor(2, **{name: value})
