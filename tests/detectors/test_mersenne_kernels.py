"""The Mersenne Twister against Python's own."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.detectors.mersenne_kernels import draw_below, draw_sample, seeded


@given(st.integers(0, 2**70))
@settings(max_examples=25, deadline=None)
def test_a_seed_gives_pythons_generator(seed: int) -> None:
    assert seeded(seed).tolist() == list(random.Random(seed).getstate()[1])


@given(st.integers(0, 2**40), st.integers(1, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_integers_are_pythons_over_several_refills(seed: int, n: int) -> None:
    words, python = seeded(seed), random.Random(seed)
    assert [draw_below(words, n) for _ in range(1500)] == [python.randrange(n) for _ in range(1500)]


@pytest.mark.parametrize(
    ("n", "k"), [(70, 30), (5, 5), (1, 1), (21, 5), (22, 5), (500, 30), (4000, 300), (9, 0)]
)
def test_samples_are_pythons_and_scratch_is_left_clean(n: int, k: int) -> None:
    words, python, pool = seeded(3), random.Random(3), np.zeros(2 * n, np.int64)
    limit = 21 + (4 ** math.ceil(math.log(k * 3, 4)) if k > 5 else 0)
    for _ in range(60):
        draw_sample(words, n, k, n <= limit, pool)
        assert sorted(pool[:k].tolist()) == sorted(python.sample(range(n), k))
        assert not pool[n:].any()
