"""Classifiers on streams in which something is missing that they count on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.models import LEARNERS, LogisticRegression, RobustLearner
from tests.models.test_hoeffding_adaptive_tree import HARD, hard_stream

SMALL: dict[str, Any] = {"n_models": 3, "max_size": 1.0}
MAKERS: dict[str, Any] = {
    "leveraging_bagging": lambda: LEARNERS["leveraging_bagging"](5, 3, **SMALL),
    "streaming_random_patches": lambda: LEARNERS["streaming_random_patches"](5, 3, **SMALL),
    "logistic": lambda: LEARNERS["logistic"](5, 3),
    "passive_aggressive": lambda: LEARNERS["passive_aggressive"](5, 3),
    "robust": lambda: RobustLearner(lambda: LogisticRegression(5, 3)),
}
"""Those whose own tests have no such streams."""


@pytest.mark.parametrize("stream", [*HARD, "missing"])
@pytest.mark.parametrize("kind", MAKERS)
def test_probabilities_stay_sound_and_all_rows_are_learned(kind: str, stream: str) -> None:
    X, y = hard_stream(stream if stream in HARD else "class disappears")
    if stream == "missing":
        X[::2, :4] = np.nan
    model = MAKERS[kind]()
    P = model.run(np.full(len(y), 3, np.int8), X, y)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (P >= 0.0).all()
    assert model.n_skipped == 0
    if stream == "one class":
        assert (P[200:].argmax(axis=1) == 1).all()
    if stream == "unseen class":
        assert (P[200:].argmax(axis=1) < 2).all()
