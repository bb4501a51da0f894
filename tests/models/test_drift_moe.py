"""DriftMoE against slow oracles, and where streams are hard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.drift_moe import DriftMoEClassifier
from streamadapt.models.knn import KNNClassifier
from streamadapt.models.mixture import Mixture
from tests.models.naive_drift_moe import NaiveDriftMoE, NaiveMixture
from tests.models.test_hoeffding_adaptive_tree import MIXED, drifting


def moe(variant: Any = "paper", **parameters: Any) -> DriftMoEClassifier:
    return DriftMoEClassifier(5, 3, variant=variant, **{"n_models": 6, "top_k": 2, **parameters})


def slowly(naive: NaiveDriftMoE, X: FloatArray, y: IntArray) -> FloatArray:
    wanted = np.empty((len(y), naive.k))
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]))
    return wanted


@pytest.mark.parametrize("nominal", [{}, MIXED])
def test_published_data_mode_equals_the_naive_version(nominal: dict[int, int]) -> None:
    ours = moe(nominal_features=nominal, seed=3, n_models=4)
    naive = NaiveDriftMoE(ours, nominal=nominal, grace=50)
    X, y = drifting(len(nominal), 1600, missing=0.02)
    P = ours.test_then_train(X, y)
    np.testing.assert_allclose(P, slowly(naive, X, y), rtol=0, atol=1e-6)
    assert ours.n_trained.tolist() == naive.n_trained
    assert ours.n_router_steps == naive.router.t == 1600 // 256


def test_published_task_mode_equals_the_naive_version_whose_trees_decide_nothing() -> None:
    ours = moe(mode="task", seed=5)
    naive = NaiveDriftMoE(ours, grace=50)
    X, y = drifting(1, 300)
    P = ours.test_then_train(X, y)
    np.testing.assert_allclose(P, slowly(naive, X, y), rtol=0, atol=2e-3)
    assert sum(naive.n_trained) == 3 * 300


def test_a_mixture_weighs_its_experts_as_the_naive_version_does() -> None:
    ours = moe("streamadapt", seed=2)
    experts = Mixture(ours.plan)
    X, y = drifting(4, 1200)
    naive = NaiveMixture(ours, experts.n_experts - 1)
    votes = experts.votes(np.full(len(y), 3, np.int8), X, y, np.ones(len(y)))
    wanted = np.empty((len(y), 3))
    for i, row in enumerate(X):
        wanted[i] = naive.predict(row, votes[:, i])
        naive.learn(row, votes[:, i], int(y[i]))
    np.testing.assert_allclose(ours.test_then_train(X, y), wanted, rtol=0, atol=1e-3)


KINDS: list[dict[str, Any]] = [
    {"variant": "paper"},
    {"variant": "paper", "mode": "task"},
    {"variant": "streamadapt", "turnover": True},
]


@pytest.mark.parametrize("parameters", KINDS)
@pytest.mark.parametrize("stream", ["unseen class", "one class", "constant", "missing", "huge"])
def test_hard_streams_give_sound_probabilities(parameters: dict[str, Any], stream: str) -> None:
    X, y = drifting(7, 1500)
    if stream == "one class":
        y[:] = 1
    elif stream == "unseen class":
        y = np.minimum(y, 1)
    elif stream == "constant":
        X[:] = 3.0
    elif stream == "missing":
        X[::3] = np.nan
        X[1::3, 2] = np.inf
    else:
        X[::2] *= 1e99
    P = moe(**parameters).test_then_train(X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    if stream == "one class":
        assert (P[700:].argmax(axis=1) == 1).all()


@pytest.mark.parametrize("parameters", KINDS)
def test_bad_labels_are_skipped_and_counted(parameters: dict[str, Any]) -> None:
    X, y = drifting(7, 100)
    ours = moe(**parameters)
    ours.learn(X, np.where(np.arange(100) < 30, -1, y))
    assert ours.n_skipped == 30


def test_the_published_router_lets_trees_starve_and_the_mixture_none() -> None:
    X, y = drifting(3, 2000)
    published, ours = moe(n_models=12, top_k=1), moe("streamadapt", n_models=12)
    for model in (published, ours):
        model.learn(X, y)
    assert (published.n_trained == 0).any()
    assert (ours.n_trained > 1900).all()


def test_an_expert_of_the_right_kind_is_found() -> None:
    X, y = rings(6000)
    ours = moe("streamadapt")
    alone = KNNClassifier(5, 3).test_then_train(X, y).argmax(axis=1) == y
    hit = ours.test_then_train(X, y).argmax(axis=1) == y
    assert hit[2000:].mean() > alone[2000:].mean() - 0.01


def rings(n: int) -> tuple[FloatArray, IntArray]:
    """Rows whose class changes with each unit of distance: hard for all but neighbours."""
    X = np.random.default_rng(0).uniform(-2.0, 2.0, size=(n, 5))
    X[:, 2:] = 0.0
    return X, (np.hypot(X[:, 0], X[:, 1]) * 1.5).astype(np.int64) % 3


def test_memory_stays_bounded_while_experts_come_and_go() -> None:
    ours = moe("streamadapt", n_models=6, max_size=0.1, turnover=True)
    rng = np.random.default_rng(5)
    X = rng.normal(size=(20_000, 5))
    y = np.where(np.arange(20_000) % 8000 < 5000, X[:, 0] > 0.0, rng.integers(0, 3, 20_000))
    bound = 0.1 * 2**20 + ours.n_bytes + 60_000  # and what neighbours and router come to hold
    for start in range(0, len(y), 2000):
        ours.learn(X[start : start + 2000], y[start : start + 2000])
        assert ours.n_bytes <= bound
    n_switched, n_renewed = ours.n_turnovers
    assert 0 < n_switched + n_renewed <= 20_000 // 256 // 10  # a threshold needs ten segments
    assert len(ours.n_trained) == 3


def test_a_new_tree_takes_the_place_of_the_worst_when_all_experts_deviate() -> None:
    ours, restored = (moe("streamadapt", n_models=6, turnover=True) for _ in range(2))
    rng = np.random.default_rng(5)
    X, n = rng.normal(size=(8000, 5)), 20 * 256
    y = (X[:, 0] > 0.0).astype(int)
    y[n - 256 : n] = rng.integers(0, 3, 256)
    ours.learn(X[:n], y[:n])
    assert ours.n_turnovers == (0, 1)
    assert sorted(ours.n_trained > 0) == [False, True, True]
    restored.restore(ours.state())
    P = ours.test_then_train(X[n:], y[n:])
    assert np.array_equal(restored.test_then_train(X[n:], y[n:]), P)
    assert (P.argmax(axis=1) == y[n:])[1000:].mean() > 0.95
    assert (ours.n_trained > 0).all()


def test_rewiring_without_labels_adds_no_more_errors_than_it_may() -> None:
    X, y = drifting(9, 6000, k=2)
    y = np.where(np.random.default_rng(0).random(6000) < 0.3, 1 - y, y)  # sure votes mislead
    plain, rewired = moe("streamadapt"), moe("streamadapt", rewiring_rate=5.0)
    errors = np.zeros(2)
    for start in range(0, 6000, 20):
        rows = slice(start, start + 20)
        rewired.adapt(X[rows])
        for i, model in enumerate((plain, rewired)):
            errors[i] += (model.test_then_train(X[rows], y[rows]).argmax(axis=1) != y[rows]).sum()
    assert not np.array_equal(plain.predict(X), rewired.predict(X)) or errors[0] != errors[1]
    assert errors[1] - errors[0] <= 10 + 6000 / 1000 + 1


def test_rows_without_labels_change_nothing_unless_asked_for() -> None:
    X, y = drifting(9, 500)
    for ours in (moe(), moe("streamadapt")):
        ours.learn(X, y)
        before = ours.state().digest()
        ours.adapt(X)
        assert ours.state().digest() == before


@pytest.mark.parametrize(("variant", "name"), [("paper", "first"), ("streamadapt", "skills")])
def test_a_state_of_other_sizes_is_refused(variant: Any, name: str) -> None:
    ours = moe(variant, n_models=6)
    state = ours.state()
    bad = {**state.values, name: state.array(name)[:-1]}
    with pytest.raises(IncompatibleStateError):
        ours.restore(dataclasses.replace(state, values=bad))
    assert ours.state().digest() == state.digest()


@pytest.mark.parametrize(
    "bad",
    [
        {"variant": "other"},
        {"mode": "other"},
        {"companions": ("other",)},
        {"companions": ("knn", "knn")},
        {"variant": "streamadapt", "n_models": 3},
        {"variant": "streamadapt", "mode": "task"},
        {"top_k": 5},
    ],
)
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        DriftMoEClassifier(5, 3, **{"variant": "paper", "n_models": 4, **bad})


@pytest.mark.parametrize("mode", ["data", "task"])
def test_the_default_of_top_k_fits_few_trees(mode: Any) -> None:
    assert DriftMoEClassifier(4, 2, n_models=2, variant="paper", mode=mode).top_k == 2
    assert DriftMoEClassifier(4, 2, variant="paper", mode=mode).top_k == 3


def test_a_state_of_companions_in_another_order_is_refused() -> None:
    ours, other = (moe("streamadapt", companions=two) for two in (
        ("knn", "naive_bayes"), ("naive_bayes", "knn")
    ))  # fmt: skip
    with pytest.raises(IncompatibleStateError, match="companions"):
        ours.restore(other.state())
