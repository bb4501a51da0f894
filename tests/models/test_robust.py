from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import Forgets
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models import (
    LinearRegression,
    LogisticRegression,
    MajorityClass,
    PassiveAggressiveClassifier,
    Persistence,
    RobustLearner,
)
from streamadapt.models.robust import learning_robustly

N = 3000
PLAY = np.full(N, 3, np.int8)


def told_wrong(seed: int, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, true labels, and labels of which `share` are flipped."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 4))
    y = (X[:, 0] + X[:, 1] + 0.2 * rng.normal(size=N) > 0).astype(int)
    return X, y, np.where(rng.random(N) < share, 1 - y, y)


def accuracies(make: Callable[[], Any], share: float) -> tuple[float, float]:
    """Of the plain and the robust learner, against the true labels, over three streams."""
    right: list[list[float]] = [[], []]
    for seed in range(3):
        X, y, told = told_wrong(seed, share)
        for into, learner in zip(right, (make(), RobustLearner(make)), strict=True):
            into.append((learner.run(PLAY, X, told).argmax(axis=1) == y)[500:].mean())
    return float(np.mean(right[0])), float(np.mean(right[1]))


@pytest.mark.parametrize("make", [
    lambda: PassiveAggressiveClassifier(4, 2),
    lambda: LogisticRegression(4, 2),
])  # fmt: skip
@pytest.mark.parametrize("share", [0.2, 0.3])
def test_with_wrong_labels_it_helps(make: Callable[[], Any], share: float) -> None:
    plain, robust = accuracies(make, share)
    assert robust > plain + 0.01


@pytest.mark.parametrize("make", [
    lambda: PassiveAggressiveClassifier(4, 2),
    lambda: LogisticRegression(4, 2),
])  # fmt: skip
def test_with_clean_labels_it_costs_little(make: Callable[[], Any]) -> None:
    plain, robust = accuracies(make, 0.0)
    assert robust > plain - 0.01


def test_after_a_drift_it_learns_again() -> None:
    X, y, _ = told_wrong(3, 0.0)
    y[N // 2 :] = 1 - y[N // 2 :]
    robust = RobustLearner(lambda: LogisticRegression(4, 2))
    hits = robust.run(PLAY, X, y).argmax(axis=1) == y
    assert hits[-500:].mean() > 0.9


def test_wrong_targets_of_a_regression_are_left_out() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(N, 2))
    y = X @ [1.0, -2.0]
    told = np.where(rng.random(N) < 0.2, y + 10.0, y)
    both = LinearRegression(2), RobustLearner(lambda: LinearRegression(2))
    wrong = [np.abs(m.run(PLAY, X, told)[500:, 0] - y[500:]).mean() for m in both]
    assert wrong[1] < wrong[0] / 2


def test_rows_left_out_are_not_learned_and_are_counted() -> None:
    X, _, told = told_wrong(5, 0.2)
    robust = RobustLearner(lambda: MajorityClass(4, 2), most_left_out=1.0, deviations=0.0)
    robust.run(PLAY, X, told)
    counts = robust.state().child("learner").floats("counts")
    assert robust.n_left_out > 0
    assert counts.sum() == N - robust.n_left_out


def test_with_many_deviations_nothing_is_left_out() -> None:
    X, _, told = told_wrong(6, 0.2)
    robust, plain = (
        RobustLearner(lambda: LogisticRegression(4, 2), deviations=1e6),
        LogisticRegression(4, 2),
    )
    np.testing.assert_array_equal(robust.run(PLAY, X, told), plain.run(PLAY, X, told))
    assert robust.n_left_out == 0


def test_it_forgets_if_its_learner_does() -> None:
    assert isinstance(learning_robustly(lambda: LogisticRegression(1, 2)), Forgets)
    assert not isinstance(learning_robustly(lambda: Persistence(1)), Forgets)


def test_a_state_of_another_learner_is_refused_and_changes_nothing() -> None:
    X, _, told = told_wrong(7, 0.2)
    robust = RobustLearner(lambda: LogisticRegression(4, 2))
    robust.run(PLAY[:200], X[:200], told[:200])
    before = robust.state().digest()
    with pytest.raises(IncompatibleStateError):
        robust.restore(RobustLearner(lambda: MajorityClass(4, 2)).state())
    assert robust.state().digest() == before


@pytest.mark.parametrize(
    ("name", "value"), [("window", 5), ("deviations", -1.0), ("most_left_out", 2)]
)
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        RobustLearner(lambda: MajorityClass(1, 2), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("ops", {"ops": PLAY[:10]}),
        ("y", {"y": np.zeros(20, int)}),
        ("y", {"y": np.zeros((50, 1), int)}),
        ("w", {"w": np.ones(20)}),
        ("w", {"w": 1.0}),
    ],
)
def test_lengths_that_differ_are_refused_before_anything_is_learned(
    name: str, given: dict[str, Any]
) -> None:
    robust = RobustLearner(lambda: LogisticRegression(4, 2))
    before = robust.state().digest()
    fit: dict[str, Any] = {"ops": PLAY[:50], "y": np.zeros(50, int), "w": np.ones(50)}
    with pytest.raises(ParameterError, match=f"50 rows, but {name} has shape"):
        robust.run(X=np.zeros((50, 4)), **{**fit, **given})
    assert robust.state().digest() == before


@pytest.mark.parametrize("bad", ["up", 10**400])
def test_a_label_that_is_no_number_is_refused_before_anything_is_learned(bad: Any) -> None:
    robust = RobustLearner(lambda: MajorityClass(1, 2))
    before = robust.state().digest()
    with pytest.raises(ParameterError, match="labels are numbers"):
        robust.run(PLAY[:3], np.zeros((3, 1)), [0, 1, bad])
    assert robust.state().digest() == before


def test_rows_that_its_learner_skips_are_counted() -> None:
    robust = RobustLearner(lambda: MajorityClass(1, 2))
    robust.run(PLAY[:4], np.zeros((4, 1)), np.array([0, -1, 5, 1]))
    assert robust.n_skipped == 2
