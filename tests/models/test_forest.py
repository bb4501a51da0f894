"""What forests make of `max_features`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.errors import ParameterError
from streamadapt.models.forest import n_columns


@pytest.mark.parametrize("given", [2, np.int64(2), np.float64(0.25), 0.25])
def test_numbers_and_shares_may_be_numpys(given: Any) -> None:
    assert n_columns(given, 8) == 2


@pytest.mark.parametrize("given", ["log2", 1.5, -1, [2]])
def test_what_is_no_number_no_share_and_no_name_is_refused(given: Any) -> None:
    with pytest.raises(ParameterError, match="max_features = "):
        n_columns(given, 8)
