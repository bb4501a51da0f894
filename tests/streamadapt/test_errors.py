"""Parameters checked for their range, and for being numbers, or whole ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.errors import ParameterError, checked, whole


@pytest.mark.parametrize("value", [2, 2.0, np.int64(2), np.float32(2.0)])
def test_whole_numbers_of_any_type_become_ints(value: Any) -> None:
    found = whole("n", value, 1, 3)
    assert (found, type(found)) == (2, int)


@pytest.mark.parametrize("value", [2.7, np.float64(1.5)])
def test_a_number_with_a_fraction_is_refused_and_not_cut(value: float) -> None:
    with pytest.raises(ParameterError, match=r"n = .* is not a whole number"):
        whole("n", value, 1, 3)


@pytest.mark.parametrize("value", [0, 4, float("nan"), float("inf"), "2", None, [2]])
@pytest.mark.parametrize("check", [checked, whole])
def test_what_is_outside_or_no_number_is_refused_with_name_and_bounds(
    check: Any, value: Any
) -> None:
    with pytest.raises(ParameterError, match=r"n = .* is not in \[1, 3\]"):
        check("n", value, 1, 3)
