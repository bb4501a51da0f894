"""Learning changes: what its state says of itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from streamadapt.errors import IncompatibleStateError
from streamadapt.models import RunningMean
from streamadapt.models.change import ChangeRegressor

BAD = np.array([1.0, np.nan, 1.0, np.inf])


def changes(column: int = 0) -> ChangeRegressor:
    return ChangeRegressor(lambda: RunningMean(2), column)


def test_a_state_of_another_column_is_refused_and_changes_nothing() -> None:
    ours = changes()
    before = ours.state().digest()
    with pytest.raises(IncompatibleStateError, match="column"):
        ours.restore(changes(1).state())
    assert ours.state().digest() == before


def test_a_state_from_before_its_column_was_kept_is_taken() -> None:
    state = changes().state()
    old = {name: value for name, value in state.values.items() if name != "column"}
    ours = changes(1)
    ours.restore(dataclasses.replace(state, values=old))
    assert ours.state().digest() == changes(1).state().digest()


def test_rows_that_the_regressor_skips_are_counted() -> None:
    ours = changes()
    ours.run(np.full(4, 3, np.int8), np.zeros((4, 2)), BAD)
    assert ours.n_skipped == 2
