from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from river import base, checks, datasets, linear_model, metrics, preprocessing

from streamadapt.errors import ParameterError
from streamadapt.models.as_river import ClassifierView, RegressorView
from streamadapt.models.baselines import MajorityClass

# River's checks import scikit-learn, of which they use one data set for models of many targets.
SKLEARN = types.ModuleType("sklearn")
SKLEARN.datasets = types.ModuleType("sklearn.datasets")  # type: ignore[attr-defined]


def views() -> Iterator[base.Estimator]:
    for view in (ClassifierView, RegressorView):
        for params in view._unit_test_params():
            yield view(**params)


def rivers_checks() -> Iterator[Any]:
    had = sys.modules.get("sklearn")
    sys.modules["sklearn"] = had or SKLEARN
    try:
        for view in views():
            for i, check in enumerate(checks.yield_checks(view)):
                yield pytest.param(view, check, id=f"{view.learner}-{check.__name__}-{i}")
    finally:
        if had is None:
            del sys.modules["sklearn"]


@pytest.mark.parametrize(("view", "check"), list(rivers_checks()))
def test_every_learner_passes_rivers_own_checks(
    view: base.Estimator, check: Callable[[base.Estimator], None]
) -> None:
    random.seed(1)  # the checks shuffle with the global generator
    check(view.clone())


def test_labels_may_be_anything_hashable() -> None:
    view = ClassifierView("majority")
    for label in ("cat", ("a", 1), None, "cat"):
        view.learn_one({"x": 1.0}, label)
    assert view.predict_proba_one({"x": 1.0}) == {"cat": 0.5, ("a", 1): 0.25, None: 0.25}
    assert view.predict_one({"x": 1.0}) == "cat"


def test_nothing_is_predicted_before_the_first_label() -> None:
    assert ClassifierView("majority").predict_proba_one({"x": 1.0}) == {}
    assert ClassifierView("majority").predict_one({"x": 1.0}) is None


def test_labels_beyond_the_bound_are_ignored_and_counted() -> None:
    view = ClassifierView("majority", max_classes=2)
    for label in "abcab":
        view.learn_one({}, label)
    assert view.predict_proba_one({}) == {"a": 0.5, "b": 0.5}
    assert view.n_ignored_labels == 1


def test_features_beyond_the_bound_are_ignored_and_counted() -> None:
    narrow, rest = RegressorView("linear", max_features=2), RegressorView("linear", max_features=2)
    rng = np.random.default_rng(0)
    for a, b, c in rng.normal(size=(50, 3)).tolist():
        narrow.learn_one({"a": a, "b": b, "c": c}, a - b)
        rest.learn_one({"a": a, "b": b}, a - b)
    assert narrow.n_ignored_features == 50
    assert narrow.predict_one({"a": 1.0, "b": 0.0, "c": 9.0}) == rest.predict_one(
        {"a": 1.0, "b": 0.0}
    )


def test_names_new_in_one_row_take_columns_in_sorted_order() -> None:
    one, other = RegressorView("linear"), RegressorView("linear")
    for i in range(50):
        one.learn_one({"b": i % 7, "a": i % 3}, i % 7)
        other.learn_one({"a": i % 3, "b": i % 7}, i % 7)
    assert one.predict_one({"a": 1, "b": 5}) == other.predict_one({"b": 5, "a": 1})


def test_values_that_are_no_numbers_are_missing() -> None:
    one, other = RegressorView("linear"), RegressorView("linear")
    for i in range(50):
        one.learn_one({"a": i % 5, "s": "text", "n": None}, i % 5)
        other.learn_one({"a": i % 5}, i % 5)
    assert one.predict_one({"a": 2, "s": "x"}) == other.predict_one({"a": 2})


def test_a_factory_of_your_own_makes_the_learner() -> None:
    view = ClassifierView(MajorityClass, max_classes=3)
    view.learn_one({"x": 1.0}, "yes")
    assert view.clone().learner is MajorityClass
    assert view.predict_one({}) == "yes"


def test_an_unknown_learner_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="logistic"):
        ClassifierView("logisitc")


def test_a_regressor_is_no_classifier() -> None:
    with pytest.raises(ParameterError, match="classification"):
        ClassifierView(lambda n_features, n_classes: RegressorView("linear")._learner)


def test_a_view_stands_in_a_river_pipeline() -> None:
    ours = preprocessing.StandardScaler() | ClassifierView("logistic")
    rivers = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    scores = []
    for model in (ours, rivers):
        accuracy = metrics.Accuracy()
        for x, y in datasets.Phishing():
            accuracy.update(y, model.predict_one(x))
            model.learn_one(x, y)
        scores.append(accuracy.get())
    assert scores[0] >= scores[1]
