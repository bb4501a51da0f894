"""The adaptive random forest regressor against a slow oracle, on threads, and on hard streams."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.adaptive_random_forest_regressor import AdaptiveRandomForestRegressor
from tests.models.naive_adaptive_random_forest_regressor import NaiveAdaptiveRandomForestRegressor
from tests.models.test_hoeffding_adaptive_tree_regressor import drifting
from tests.models.test_hoeffding_tree_regressor import BAD, NOMINAL, naive_predictions

EAGER: dict[str, Any] = {
    "grace_period": 40,
    "n_bins": 16,
    "max_depth": 4,
    "warning_delta": 0.1,
    "drift_delta": 0.02,
}


def forest(**chosen: Any) -> AdaptiveRandomForestRegressor:
    return AdaptiveRandomForestRegressor(5, **{"n_models": 3, "max_size": 8.0, **EAGER, **chosen})


@pytest.mark.parametrize("leaf_prediction", ["mean", "model", "adaptive"])
@pytest.mark.parametrize(("n_columns", "how"), [(2, "median"), (3, "mean"), (5, "median")])
def test_predictions_and_drifts_equal_the_naive_version(
    leaf_prediction: Any, n_columns: int, how: Any
) -> None:
    chosen = {
        "leaf_prediction": leaf_prediction,
        "nominal_features": NOMINAL,
        "seed": 4,
        "aggregation_method": how,
    }
    ours = forest(max_features=n_columns, **chosen)
    naive = NaiveAdaptiveRandomForestRegressor(5, 3, n_columns, delta=0.01, **EAGER, **chosen)
    data = drifting(n_columns, 3000)
    wanted = naive_predictions(naive, *data)
    np.testing.assert_allclose(ours.test_then_train(*data)[:, 0], wanted, rtol=1e-12, atol=1e-12)
    assert ours.n_warnings_detected == naive.n_warnings > 2
    assert ours.n_drifts_detected == naive.n_drifts > 2
    assert ours.n_taken_over > 0
    assert ours.n_skipped == naive.n_skipped > 0


def test_threads_change_no_bit() -> None:
    X, y, w = drifting(1, 5000)
    alone, together = forest(n_models=5), forest(n_models=5, n_jobs=3)
    assert np.array_equal(alone.test_then_train(X, y, w), together.test_then_train(X, y, w))
    assert alone.state().digest() == together.state().digest()


def test_seeds_give_other_forests() -> None:
    data = drifting(1)
    assert not np.array_equal(
        forest(seed=1).test_then_train(*data), forest(seed=2).test_then_train(*data)
    )


def test_it_recovers_from_a_drift() -> None:
    rng = np.random.default_rng(2)
    X = rng.random((12_000, 3))
    y = np.where(np.arange(len(X)) < 6_000, 1, -1) * np.floor(5 * X[:, 0])
    miss = abs(AdaptiveRandomForestRegressor(3).test_then_train(X, y)[:, 0] - y)
    assert miss[-2000:].mean() < 0.05 < 1.0 < abs(y).mean()


@pytest.mark.parametrize("max_size", [0.08, 0.2])
def test_memory_stays_bounded_while_trees_come_and_go(max_size: float) -> None:
    ours = forest(max_size=max_size, max_depth=None)
    X, y, w = drifting(5, 10_000)
    for start in range(0, len(y), 1000):
        rows = slice(start, start + 1000)
        ours.learn(X[rows], y[rows], w[rows])
        assert ours.max_bytes <= max_size * 2**20
    assert ours.n_drifts_detected > 3


@pytest.mark.parametrize("n_columns", [2, None])
def test_it_goes_on_from_its_state_as_if_nothing_had_been(n_columns: int | None) -> None:
    X, y, w = drifting(3, 4000)
    ours, other = (forest(max_features=n_columns, nominal_features=NOMINAL) for _ in range(2))
    for start in range(0, 4000, 500):
        rows = slice(start, start + 500)
        other.restore(ours.state())
        assert other.state().digest() == ours.state().digest()
        assert np.array_equal(
            ours.test_then_train(X[rows], y[rows], w[rows]),
            other.test_then_train(X[rows], y[rows], w[rows]),
        )
    assert ours.n_drifts_detected > 0


any_float = st.sampled_from(BAD) | st.floats(-10, 10)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(any_float, any_float, any_float, any_float), min_size=1, max_size=60))
def test_no_row_raises_or_poisons(rows: list[tuple[float, ...]]) -> None:
    data = np.array(rows)
    sizes: dict[str, Any] = {"n_models": 2, "grace_period": 5, "drift_delta": 0.5, "max_size": 4.0}
    model = AdaptiveRandomForestRegressor(2, **sizes)
    for _ in range(4):
        out = model.test_then_train(data[:, :2], data[:, 2], data[:, 3])
        assert np.isfinite(out).all()
    clean = AdaptiveRandomForestRegressor(2, **sizes)
    clean.restore(model.state())
    assert clean.state().digest() == model.state().digest()


def test_constant_features_never_split() -> None:
    ours = forest()
    ours.learn(np.ones((2000, 5)), np.random.default_rng(0).random(2000))
    assert all(tree.n_leaves == 1 for tree in ours.describe())


def test_a_state_of_another_forest_is_refused() -> None:
    ours = forest()
    ours.learn(*drifting(1))
    state = ours.state()
    member = state.child("member_1")
    broken = dataclasses.replace(member, values={**member.values, "scale": np.full(6, np.nan)})
    with pytest.raises(IncompatibleStateError):
        ours.restore(dataclasses.replace(state, values={**state.values, "member_1": broken}))
    assert ours.state().digest() == state.digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_models", 0),
        ("max_features", 0),
        ("aggregation_method", "mode"),
        ("lambda_value", 0.0),
        ("leaf_prediction", "median"),
        ("drift_delta", 0.0),
        ("max_size", 1e-6),
        ("n_jobs", 0),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        AdaptiveRandomForestRegressor(2, **{name: value})


@pytest.mark.parametrize("n_models", [2, 4])
def test_a_state_of_another_number_of_trees_is_refused(n_models: int) -> None:
    ours = forest(n_models=n_models, max_size=8.0 * n_models / 3)
    before = ours.state().digest()
    with pytest.raises(IncompatibleStateError):
        ours.restore(forest().state())
    assert ours.state().digest() == before
