"""Nominal columns: what is refused, and that states know theirs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    HoeffdingTreeClassifier,
    HoeffdingTreeRegressor,
    NaiveBayesClassifier,
)
from streamadapt.models.nominal import nominal_sizes

MAKERS: list[Any] = [
    lambda **chosen: HoeffdingTreeClassifier(3, 2, **chosen),
    lambda **chosen: AdaptiveRandomForestClassifier(3, 2, n_models=2, max_size=1.0, **chosen),
    lambda **chosen: HoeffdingTreeRegressor(3, **chosen),
    lambda **chosen: NaiveBayesClassifier(3, 2, **chosen),
]


@pytest.mark.parametrize(
    "nominal", [{"0": 2}, {0: 2.5}, {0: "2"}, {3: 2}, {-1: 2}, {0: 0}, {0.5: 2}, {0: None}]
)
@pytest.mark.parametrize("make", MAKERS)
def test_columns_and_numbers_of_values_must_be_whole_and_there(make: Any, nominal: Any) -> None:
    with pytest.raises(ParameterError, match="nominal_features = "):
        make(nominal_features=nominal)


def test_whole_numbers_of_other_types_are_taken() -> None:
    assert nominal_sizes({np.int64(1): 3.0, 0.0: 2}, 2) == {0: 2, 1: 3}  # type: ignore[dict-item]


@pytest.mark.parametrize("make", MAKERS)
def test_a_state_of_other_nominal_columns_is_refused(make: Any) -> None:
    """The arrays have the same sizes, whichever column it is."""
    ours, other = make(nominal_features={0: 4}), make(nominal_features={1: 4})
    before = ours.state().digest()
    with pytest.raises(IncompatibleStateError, match="columns"):
        ours.restore(other.state())
    assert ours.state().digest() == before


@pytest.mark.parametrize("make", MAKERS)
def test_a_state_from_before_columns_were_kept_is_taken(make: Any) -> None:
    state = make(nominal_features={0: 4}).state()
    ours = make(nominal_features={0: 4})
    old = {name: value for name, value in state.values.items() if name != "columns"}
    ours.restore(dataclasses.replace(state, values=old))
    assert ours.state().digest() == state.digest()
