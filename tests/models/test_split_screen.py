"""The quick proof that a leaf will not split, against the exact merits of all candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray
from streamadapt.models.gaussian_kernels import (
    N_STATISTICS,
    clear_gauss,
    observe_gauss,
    suggest_gauss,
)
from streamadapt.models.nominal_kernels import suggest_counts
from streamadapt.models.split_merit_kernels import INFO_GAIN, impurity
from streamadapt.models.split_screen_kernels import MARGIN, N_ROOM, count_bounds, gauss_bounds

SEEDS = st.integers(0, 2**32 - 1)
ERROR = 1e-4  # as the module promises


def observed(seed: int, k: int) -> tuple[FloatArray, FloatArray]:
    """Return Gaussian observers of one feature, some classes rare, far, constant or absent."""
    random = np.random.default_rng(seed)
    gauss = np.zeros((1, k, N_STATISTICS, 1))
    clear_gauss(gauss, 0)
    weights = np.zeros((1, k))
    for c in range(k):
        spread = random.choice([0.0, 1e-6, 1.0, 30.0])
        for _ in range(int(random.choice([0, 1, 2, 40, 300]))):
            w = random.choice([1.0, 6.0, 0.01])
            observe_gauss(gauss, 0, c, np.array([c + spread * random.normal()]), w)
            weights[0, c] += w
    return gauss, weights


@given(SEEDS, st.integers(2, 5), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_bounds_of_a_numeric_feature_enclose_its_merit(seed: int, k: int, n_points: int) -> None:
    gauss, weights = observed(seed, k)
    before = impurity(weights, 0, INFO_GAIN)
    merit, _ = suggest_gauss(gauss, 0, 0, n_points, before, INFO_GAIN, np.zeros((3, k)))
    at_most, at_least = gauss_bounds(gauss, 0, 0, n_points, before, np.zeros(N_ROOM))
    assert at_least - ERROR <= merit <= at_most + ERROR


@given(SEEDS, st.integers(2, 12), st.integers(1, 6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_bounds_of_a_nominal_feature_enclose_its_merit(
    seed: int, k: int, n_values: int, binary: bool
) -> None:
    random = np.random.default_rng(seed)
    counts = np.zeros((1, 2 + n_values, k))
    shown = random.choice([0.0, 0.01, 5.0, 300.0], (n_values, k))
    counts[0, 2:] = random.poisson(shown) * random.choice([1.0, 0.37])
    counts[0, 0] = counts[0, 2:].sum(axis=0)
    counts[0, 1] = ((counts[0, 2:] > 0) * np.arange(1, n_values + 1)[:, None]).max(axis=0)
    before = impurity(counts[0], 0, INFO_GAIN)
    room = np.zeros((n_values + 2, k))
    merit, _, _ = suggest_counts(counts, 0, 0, binary, before, INFO_GAIN, room)
    at_most, at_least = count_bounds(counts, 0, 0, binary, before)
    assert at_least - ERROR <= merit <= at_most + ERROR


@pytest.mark.parametrize("k", [2, 4])
def test_estimates_are_mostly_sharp(k: int) -> None:
    """A bound of plus and minus infinity would enclose everything."""
    n_sharp = 0
    for seed in range(100):
        gauss, weights = observed(seed, k)
        before = impurity(weights, 0, INFO_GAIN)
        merit, _ = suggest_gauss(gauss, 0, 0, 10, before, INFO_GAIN, np.zeros((3, k)))
        bounds = gauss_bounds(gauss, 0, 0, 10, before, np.zeros(N_ROOM))
        n_sharp += np.allclose(bounds, merit, rtol=0, atol=ERROR)
    assert n_sharp > 80
    assert MARGIN > 4 * ERROR
