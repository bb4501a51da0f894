"""Bayesian online change-point detection against the exact posterior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamadapt.detectors import BOCPD
from streamadapt.errors import ParameterError
from tests.detectors.naive_bocpd import posteriors
from tests.detectors.streams import stream

PRIORS = [(0.0, 1.0, 1.0, 1.0), (2.0, 0.1, 0.5, 3.0), (-1.0, 5.0, 4.0, 0.2)]
NAMES = ("prior_mean", "prior_kappa", "prior_alpha", "prior_beta")


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("kind", ["still", "sudden", "binary", "constant", "outliers"])
def test_probabilities_of_runs_are_the_exact_ones(
    kind: str, prior: tuple[float, float, float, float]
) -> None:
    xs = stream(kind, 80, 4)
    ours = BOCPD(50.0, 1.0, least_probability=1e-300, **dict(zip(NAMES, prior, strict=True)))  # type: ignore[arg-type]
    for x, exact in zip(xs.tolist(), posteriors(xs, 50.0, prior), strict=True):
        ours.update(x)
        runs = ours.state().array("runs")
        given_ = np.zeros(len(exact))
        given_[runs[:, 1].astype(int)] = runs[:, 0]
        assert given_ == pytest.approx(exact, abs=1e-9)


def test_pruning_changes_probabilities_little() -> None:
    xs = stream("sudden", 150, 4)
    exact, pruned = posteriors(xs, 100.0), BOCPD(100.0, 1.0, max_runs=60, least_probability=1e-7)
    for i, x in enumerate(xs.tolist()):
        pruned.update(x)
        runs = pruned.state().array("runs")
        assert len(runs) <= 60
        assert runs[:, 0] == pytest.approx(exact[i][runs[:, 1].astype(int)], abs=0.02)


def test_an_alarm_comes_when_the_first_run_is_improbable_enough() -> None:
    xs = stream("sudden", 120, 7)
    ours = BOCPD(100.0, 0.9, least_probability=1e-300)
    ours.update_many(xs)
    changed = [p[5:-1].sum() for p in posteriors(xs, 100.0)]
    first = int(np.argmax(np.array(changed) > 0.9))
    alarm = ours.alarms[0]
    assert alarm.index == first
    assert alarm.statistic == pytest.approx(changed[first])
    assert alarm.age == 5 + int(np.argmax(posteriors(xs, 100.0)[first][5:-1]))
    cut = alarm.change_point
    assert alarm.size == pytest.approx(xs[cut : first + 1].mean() - xs[:cut].mean())


def test_a_detector_goes_on_with_the_new_run_alone() -> None:
    xs = np.random.default_rng(0).normal(size=600) + np.repeat([0.0, 4.0, -1.0], 200)
    ours = BOCPD()
    ours.update_many(xs)
    assert [alarm.change_point for alarm in ours.alarms] == [200, 400]
    assert [alarm.direction for alarm in ours.alarms] == [1, -1]
    assert [round(alarm.size) for alarm in ours.alarms] == [4, -5]


def test_a_change_of_the_variance_is_heard() -> None:
    xs = np.random.default_rng(0).normal(size=600) * np.repeat([1.0, 5.0], 300)
    ours = BOCPD()
    flags = ours.update_many(xs)
    assert flags[300:340].any()
    assert not flags[:300].any()


def test_a_change_is_heard_however_seldom_one_is_expected() -> None:
    xs = np.random.default_rng(0).normal(size=600) + np.repeat([0.0, 3.0], 300)
    for mean_run_length in (1e4, 1e6, 1e8, 1e12):
        flags = BOCPD(mean_run_length).update_many(xs)
        assert flags[300:310].sum() == flags.sum() == 1


def test_an_outlier_that_is_not_far_is_no_change() -> None:
    xs = np.random.default_rng(0).normal(size=2000)
    xs[500::400] = 4.5
    assert not BOCPD().update_many(xs).any()


def test_false_alarms_are_rare() -> None:
    runs = np.random.default_rng(3).normal(size=(50, 5000))
    assert sum(int(BOCPD().update_many(xs).sum()) for xs in runs) <= 10


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"mean_run_length": 1.0}, "mean_run_length"),
        ({"threshold": 1.5}, "threshold"),
        ({"min_run_length": 0}, "min_run_length"),
        ({"max_runs": 1}, "max_runs"),
        ({"least_probability": 0.0}, "least_probability"),
        ({"prior_kappa": 0.0}, "prior_kappa"),
        ({"prior_alpha": np.nan}, "prior_alpha"),
        ({"prior_beta": -1.0}, "prior_beta"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        BOCPD(**given_)
