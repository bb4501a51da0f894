"""Uncertainty of predictions against the formulas, and as what a detector watches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from streamadapt.detectors import ADWIN, uncertainty
from streamadapt.errors import ParameterError


@pytest.mark.parametrize("k", [2, 3, 7])
def test_entropy_and_margin_are_those_of_the_formulas(k: int) -> None:
    P = np.random.default_rng(k).dirichlet(np.full(k, 0.5), 300)
    P[0] = np.eye(k)[1]
    assert uncertainty(P) == pytest.approx(stats.entropy(P, axis=1) / np.log(k))
    best = np.sort(P, axis=1)[:, ::-1]
    assert uncertainty(P, "margin") == pytest.approx(1 - (best[:, 0] - best[:, 1]))


@pytest.mark.parametrize("kind", ["entropy", "margin"])
def test_rows_do_not_depend_on_each_other_and_nan_gives_nan(kind: Any) -> None:
    P = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    P[7] = np.nan
    whole = uncertainty(P, kind)
    assert np.isnan(whole).tolist() == (np.arange(50) == 7).tolist()
    alone = np.concatenate([uncertainty(P[i : i + 1], kind) for i in range(50)])
    assert alone.tobytes() == whole.tobytes()
    assert uncertainty(P[:0], kind).shape == (0,)


def test_a_learner_that_becomes_unsure_is_heard_without_labels() -> None:
    rng = np.random.default_rng(1)
    sure, unsure = rng.dirichlet([9.0, 0.5], 1000), rng.dirichlet([2.0, 2.0], 300)
    detector = ADWIN()
    flags = detector.update_many(uncertainty(np.concatenate([sure, unsure])))
    assert not flags[:1000].any()
    assert flags[1000:1100].any()
    assert detector.alarms[0].direction == 1


@pytest.mark.parametrize(
    ("P", "kind", "said"),
    [
        (np.ones((3, 1)), "entropy", "k of 2 at least"),
        (np.ones(3), "entropy", r"shape \(3,\)"),
        (np.ones((3, 2)), "variance", "kind = 'variance'"),
    ],
)
def test_what_is_no_prediction_is_refused(P: Any, kind: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        uncertainty(P, kind)
