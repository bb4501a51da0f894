"""What is said when `max_size` does not hold a leaf of each tree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from streamadapt.errors import ParameterError
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    AdaptiveRandomForestRegressor,
    DriftMoEClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)

MAKERS: list[tuple[Any, int]] = [
    (lambda size: AdaptiveRandomForestClassifier(30, 4, 20, max_size=size), 20),
    (lambda size: AdaptiveRandomForestRegressor(30, 10, max_size=size), 20),
    (lambda size: GradientBoostingClassifier(30, 3, 5, max_size=size), 15),
    (lambda size: GradientBoostingRegressor(30, 5, max_size=size), 5),
    (lambda size: DriftMoEClassifier(30, 4, 20, variant="paper", max_size=size), 20),
]


@pytest.mark.parametrize(("make", "n_trees"), MAKERS)
def test_the_users_own_number_is_named_and_a_size_that_would_do(make: Any, n_trees: int) -> None:
    with pytest.raises(ParameterError, match=rf"max_size = 0\.05 is .* {n_trees} trees") as caught:
        make(0.05)
    enough = re.search(r"needs ([0-9.]+) MiB", str(caught.value))
    assert enough is not None
    make(float(enough[1]))
    with pytest.raises(ParameterError):
        make(float(enough[1]) - 2e-4)


def test_defaults_that_do_not_hold_many_classes_say_so() -> None:
    with pytest.raises(ParameterError, match=r"max_size = 64\.0 .* 500 trees share it"):
        GradientBoostingClassifier(500, 50)
