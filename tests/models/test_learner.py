"""What all array learners refuse: arrays of other shapes, parameters that are not whole."""

from __future__ import annotations

import inspect
import typing
from types import NoneType
from typing import Any

import numpy as np
import pytest

from streamadapt.errors import ParameterError
from streamadapt.models import LEARNERS, Persistence
from streamadapt.models.change import ChangeRegressor
from streamadapt.models.learner import ArrayLearner

KINDS = sorted(LEARNERS)


def whole_parameters(kind: str) -> list[tuple[str, str, float]]:
    """Return (kind, name, a value with a fraction) of each parameter that is an int."""
    make = LEARNERS[kind].__init__
    hints = typing.get_type_hints(make)
    found = []
    for name, parameter in inspect.signature(make).parameters.items():
        hint = hints.get(name)
        if hint is int or set(typing.get_args(hint)) == {int, NoneType}:
            default = parameter.default
            base = default if isinstance(default, int) else {"n_features": 4}.get(name, 2)
            found.append((kind, name, base + 0.5))
    return found


@pytest.mark.parametrize(
    ("kind", "name", "value"), [case for kind in KINDS for case in whole_parameters(kind)]
)
def test_a_parameter_with_a_fraction_is_refused(kind: str, name: str, value: float) -> None:
    learner: Any = LEARNERS[kind]
    names = inspect.signature(learner).parameters
    sizes: dict[str, Any] = {"n_features": 4, "n_classes": 3}
    chosen = {n: size for n, size in sizes.items() if n in names} | {name: value}
    with pytest.raises(ParameterError, match=rf"{name} = {value} is not a whole number"):
        learner(**chosen)


def persistence() -> ArrayLearner:
    return Persistence(2)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("y", {"y": np.zeros((5, 1))}),
        ("y", {"y": 1.0}),
        ("y", {"y": np.zeros(4)}),
        ("w", {"w": np.ones((5, 1))}),
        ("w", {"w": 2.0}),
        ("ops", {"ops": np.full((5, 1), 3, np.int8)}),
        ("ops", {"ops": np.full(4, 3, np.int8)}),
    ],
)
@pytest.mark.parametrize("make", [persistence, lambda: ChangeRegressor(persistence, 0)])
def test_an_array_of_another_shape_is_refused_by_its_name(
    make: Any, name: str, given: dict[str, Any]
) -> None:
    learner = make()
    before = learner.state().digest()
    fit: dict[str, Any] = {"ops": np.full(5, 3, np.int8), "y": np.ones(5), "w": np.ones(5)}
    with pytest.raises(ParameterError, match=rf"5 rows, but {name} has shape"):
        learner.run(X=np.zeros((5, 2)), **{**fit, **given})
    assert learner.state().digest() == before


@pytest.mark.parametrize("kind", ["hoeffding_tree", "hoeffding_tree_regressor"])
def test_labels_that_are_words_are_refused_and_change_nothing(kind: str) -> None:
    learner: Any = LEARNERS[kind](2, 2) if kind == "hoeffding_tree" else LEARNERS[kind](2)
    before = learner.state().digest()
    with pytest.raises(ParameterError, match=r"labels are numbers, classes from 0 on: .*'up'"):
        learner.learn(np.zeros((2, 2)), ["up", "down"])
    assert learner.state().digest() == before
