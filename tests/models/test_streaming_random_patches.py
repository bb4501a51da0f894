"""Streaming random patches against a slow oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.models.streaming_random_patches import StreamingRandomPatchesClassifier
from tests.models.naive_adaptive_random_forest import NaiveStreamingRandomPatches
from tests.models.test_hoeffding_adaptive_tree import MIXED, drifting

EAGER: dict[str, Any] = {"delta": 0.05, "tau": 0.3, "warning_delta": 0.1, "drift_delta": 0.02}


@pytest.mark.parametrize("nominal", [{}, MIXED])
@pytest.mark.parametrize(("n_columns", "missing"), [(2, 0.0), (3, 0.1)])
def test_predictions_and_drifts_equal_the_naive_version(
    nominal: dict[int, int], n_columns: int, missing: float
) -> None:
    ours = StreamingRandomPatchesClassifier(
        5, 3, 4, nominal_features=nominal, max_features=n_columns, max_depth=3, seed=4, **EAGER
    )
    naive = NaiveStreamingRandomPatches(
        5, 3, 4, n_columns, seed=4, nominal=nominal, grace=50, max_depth=3, **EAGER
    )
    X, y = drifting(len(nominal), 2200, missing=missing)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    P = ours.test_then_train(X, y, w)
    wanted = np.empty_like(P)
    for i, row in enumerate(X.tolist()):
        wanted[i] = naive.predict(row)
        naive.learn(row, int(y[i]), float(w[i]))
    np.testing.assert_allclose(P, wanted, rtol=0, atol=1e-9)
    assert ours.n_warnings_detected == naive.n_warnings > 3
    assert ours.n_drifts_detected == naive.n_drifts > 3


def test_threads_change_no_bit() -> None:
    X, y = drifting(1, 5000)
    alone, together = (
        StreamingRandomPatchesClassifier(5, 3, 7, grace_period=50, n_jobs=n, seed=1, **EAGER)
        for n in (1, 3)
    )
    assert np.array_equal(alone.test_then_train(X, y), together.test_then_train(X, y))
    assert alone.state().digest() == together.state().digest()
    assert alone.n_drifts_detected > 3


def test_no_two_trees_start_with_the_same_columns_while_there_are_others() -> None:
    ours = StreamingRandomPatchesClassifier(5, 3, 12, max_features=2)
    patches = {tuple(patch) for patch in ours._grove.patches[:, 0].tolist()}
    assert len(patches) == 10


def test_with_all_columns_it_is_plain_resampling() -> None:
    X, y = drifting(1)
    a = StreamingRandomPatchesClassifier(5, 3, 3, max_features=None)
    b = StreamingRandomPatchesClassifier(5, 3, 3, max_features=5)
    assert np.array_equal(a.test_then_train(X, y), b.test_then_train(X, y))
