"""The exchangeability martingale against its plain form, and against the bound it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from streamadapt.contracts import FloatArray
from streamadapt.detectors import ExchangeabilityMartingale
from streamadapt.detectors.exchangeability_kernels import uniform
from streamadapt.errors import ParameterError
from tests.detectors.naive_exchangeability import capitals
from tests.detectors.streams import KINDS, stream


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(2, 90), st.floats(0.0, 2.0))
def test_alarms_are_where_the_plain_capital_is_large(
    kind: str, seed: int, block_size: int, stake: float
) -> None:
    xs, given_ = stream(kind, 400, seed), {"block_size": block_size, "stake": stake, "seed": seed}
    plain = capitals(xs, **given_)  # type: ignore[arg-type]
    highest = plain.max()
    for alpha, raises in ((2.0 / highest * 1.01, True), (2.0 / highest * 0.99, False)):
        if alpha > 1.0:
            continue
        ours = ExchangeabilityMartingale(alpha=alpha, **given_)  # type: ignore[arg-type]
        flags = ours.update_many(xs)
        assert flags.any() == raises
        if raises:
            first = int(np.argmax(plain.max(axis=1) >= 2.0 / alpha))
            assert ours.alarms[0].index == first
            assert np.isclose(plain[first], ours.alarms[0].statistic).any()


def null_runs(kind: str, n: int) -> FloatArray:
    """Return 1,000 runs of exchangeable values, float64 [1000, n]."""
    rng = np.random.default_rng(20)
    if kind == "bits":
        return (rng.random((1000, n)) < 0.3).astype(np.float64)
    if kind == "heavy tails":
        return rng.standard_cauchy((1000, n))
    if kind == "an urn without replacement":  # exchangeable, but not independent
        return rng.permuted(np.tile(np.arange(n) % 10, (1000, 1)), axis=1).astype(np.float64)
    return rng.normal(size=(1000, n))


@pytest.mark.parametrize("kind", ["normal", "bits", "heavy tails", "an urn without replacement"])
@pytest.mark.parametrize("block_size", [100, 1000])
def test_false_alarms_in_1000_runs_keep_the_bound(kind: str, block_size: int) -> None:
    # A rate of alpha would give more than this in 1 of 1,000 tests; the true rate is below it.
    for alpha in (0.05, 0.2):
        margin = int(stats.binom.ppf(0.999, 1000, alpha))
        false = 0
        for seed, xs in enumerate(null_runs(kind, 2000)):
            detector = ExchangeabilityMartingale(alpha=alpha, block_size=block_size, seed=seed)
            false += bool(detector.update_many(xs).any())
        assert false <= margin


def test_the_bound_is_not_kept_by_never_raising_an_alarm() -> None:
    """With a reckless stake the capital does reach a low threshold in some null runs."""
    found = [
        bool(ExchangeabilityMartingale(alpha=0.5, stake=2.0, seed=seed).update_many(xs).any())
        for seed, xs in enumerate(null_runs("normal", 500)[:300])
    ]
    assert 0.02 < np.mean(found) <= 0.5


@pytest.mark.parametrize("start", [1000, 1250, 1500, 20_000, 20_250])
def test_a_change_is_found_wherever_it_falls_in_the_blocks(start: int) -> None:
    delays, misses, sizes = [], [], []
    for seed in range(10):
        xs = np.random.default_rng(seed).normal(size=start + 1000)
        xs[start:] += 1.0
        detector = ExchangeabilityMartingale(seed=seed)
        flags = detector.update_many(xs)
        assert flags[start:].any()
        assert not flags[:start].any()
        alarm = detector.alarms[0]
        assert alarm.direction == 1
        delays.append(alarm.index - start)
        misses.append(abs(alarm.change_point - start))
        sizes.append(alarm.size)
    assert max(delays) < 300
    assert np.median(misses) < 60
    assert 0.5 < np.median(sizes) < 1.5


def test_a_fall_is_heard_as_a_fall() -> None:
    xs = np.repeat([0.0, -2.0], 700) + np.random.default_rng(1).normal(size=1400)
    detector = ExchangeabilityMartingale()
    assert detector.update_many(xs).any()
    alarm = detector.alarms[0]
    assert alarm.direction == -1
    assert alarm.p_value == pytest.approx(2.0 / alarm.statistic)
    assert alarm.statistic >= alarm.threshold == 200.0


def test_random_numbers_are_uniform_and_independent_of_the_seed_before() -> None:
    u = np.array([[uniform(seed, n) for n in range(2000)] for seed in range(5)])
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.001
    assert np.abs(np.corrcoef(u) - np.eye(5)).max() < 0.1
    assert abs(np.corrcoef(u[0, 1:], u[0, :-1])[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"block_size": 1}, "block_size"),
        ({"jump": -0.1}, "jump"),
        ({"stake": 2.5}, "stake"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        ExchangeabilityMartingale(**given_)
