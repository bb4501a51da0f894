"""Leveraging bagging against a slow oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.models.leveraging_bagging import LeveragingBaggingClassifier
from tests.models.naive_adaptive_random_forest import NaiveLeveragingBagging
from tests.models.test_hoeffding_adaptive_tree import MIXED, drifting


@pytest.mark.parametrize("leaf", ["mc", "nb", "nba"])
@pytest.mark.parametrize("nominal", [{}, MIXED])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_predictions_and_restarts_equal_the_naive_version(
    leaf: Any, nominal: dict[int, int], missing: float
) -> None:
    eager: dict[str, Any] = {"delta": 0.05, "tau": 0.3, "max_depth": 3}
    ours = LeveragingBaggingClassifier(
        5, 3, 3, grace_period=50, leaf_prediction=leaf, nominal_features=nominal, seed=4, **eager
    )
    naive = NaiveLeveragingBagging(5, 3, 3, 4, grace=50, leaf=leaf, nominal=nominal, **eager)
    X, y = drifting(len(nominal), 2200, missing=missing)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    P = ours.test_then_train(X, y, w)
    wanted = np.empty_like(P)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    np.testing.assert_allclose(P, wanted, rtol=0, atol=1e-9)
    assert ours.n_drifts_detected == naive.n_drifts > 2
