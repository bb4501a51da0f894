"""What nominal observers make of a row, by whichever way, is the same to the bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamadapt.contracts import FloatArray
from streamadapt.models.hoeffding_tree_kernels import COLUMN
from streamadapt.models.nominal_kernels import (
    count_log_scale,
    count_log_value,
    count_log_values,
    observe_counts,
)

WEIGHTS = [1.0, 1e14]
"""With the second, products of forty factors leave the range of floats many times."""


def observed(k: int, d: int, weight: float) -> tuple[FloatArray, Any, list[FloatArray]]:
    """Counts of one slot, of features with 3 values each; and rows, one of them with a gap."""
    random = np.random.default_rng(k)
    columns = np.zeros(d, COLUMN)
    columns["n_values"], columns["offset"] = 3, 5 * np.arange(d)
    counts = np.zeros((1, 5 * d, k))
    rows = list(random.integers(0, 3, (6 * k, d)).astype(float))
    for i, x in enumerate(rows):
        observe_counts(counts, columns, 0, 0, i % k, x, weight)
    rows[0][d // 2] = math.nan
    return counts, columns, rows[:3]


@pytest.mark.parametrize("k", [2, 4, 5, 7, 10, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_all_classes_at_once_are_each_class_alone(k: int, weight: float) -> None:
    counts, columns, rows = observed(k, 40, weight)
    scratch = np.zeros((2, k))
    for x in rows:
        count_log_values(counts, columns, 0, 0, x, scratch)
        alone = [count_log_value(counts, columns, 0, 0, c, x) for c in range(k)]
        assert scratch[-1].tolist() == alone
        seen = [counts[0, 5 * m + 2 + int(v)] for m, v in enumerate(x) if v == v]
        np.testing.assert_allclose(alone, np.log(np.array(seen) + 1.0).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_learning_a_row_tells_what_it_is_worth_then(weight: float) -> None:
    counts, columns, rows = observed(3, 40, weight)
    for x in rows:
        told = observe_counts(counts, columns, 0, 0, 1, x, weight)
        scale = count_log_scale(counts, columns, 0, 0, 1, x, True)
        assert told == (scale, count_log_value(counts, columns, 0, 0, 1, x))


@pytest.mark.parametrize("k", [2, 5])
def test_sums_of_many_heavy_rows_do_not_overflow(k: int) -> None:
    columns = np.zeros(16, COLUMN)
    columns["n_values"], columns["offset"] = 1, 3 * np.arange(16)
    counts, scratch, x = np.ones((1, 48, k)), np.zeros((2, k)), np.zeros(16)
    counts[0, 2:24:3], counts[0, 26::3] = 1e18, 1e21  # 1e144, not folded, times 1e168
    wanted = 8 * np.log(1e18) + 8 * np.log(1e21)
    count_log_values(counts, columns, 0, 0, x, scratch)
    np.testing.assert_allclose(scratch[-1], wanted, rtol=1e-12)
    told = observe_counts(counts, columns, 0, 0, 1, x, 1.0)[1]
    assert told == count_log_value(counts, columns, 0, 0, 1, x)
    np.testing.assert_allclose(told, wanted, rtol=1e-12)
