"""Windows: whole ones, in bounded memory, at the rows where they end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.class_metrics import ClassGrades
from streamadapt.evaluation import Evaluation
from streamadapt.labels import Ops
from streamadapt.metrics_kernels import MAX_POINTS
from streamadapt.number_metrics import NumberGrades

SLOT = np.zeros(1, np.int64)


def ops_of(y: np.ndarray) -> Ops:
    n = len(y)
    slots = np.zeros(n, np.int64)
    return Ops(np.full(n, 3, np.int8), slots, y.astype(float), np.arange(n), np.ones(n, bool))


@settings(max_examples=30)
@given(n=st.integers(1, 9_000), window=st.integers(1, 4), seed=st.integers(0, 100))
def test_windows_are_joined_two_by_two_so_that_never_more_than_1000_are_kept(
    n: int, window: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y, P = rng.normal(5.0, 1.0, n), rng.normal(5.0, 1.0, (n, 1))
    grades = NumberGrades(1, Evaluation(window=window))
    grades.settle(ops_of(y), P, 0)
    series = grades.series()
    span = window
    while n // span > MAX_POINTS:
        span *= 2
    assert len(series["row"]) <= MAX_POINTS + 1  # the last one is under way
    assert (series["graded"][:-1] == span).all()
    ends = series["row"].astype(int).tolist()
    assert ends == (np.cumsum(series["graded"]) - 1).tolist()
    begins = [0, *(end + 1 for end in ends[:-1])]
    cuts = [slice(a, b + 1) for a, b in zip(begins, ends, strict=True)]
    errors = np.abs(y - P[:, 0])
    assert series["mae"] == pytest.approx([errors[c].mean() for c in cuts], rel=1e-9)
    fits = [1 - (errors[c] ** 2).sum() / max(y[c].var() * len(y[c]), 1e-300) for c in cuts]
    assert series["r2"] == pytest.approx([f if f > -1e200 else 0.0 for f in fits], rel=1e-6)


def test_a_joined_run_is_cut_and_restored_bit_for_bit() -> None:
    rng = np.random.default_rng(3)
    y, P = rng.integers(0, 2, 6_000), rng.dirichlet([1.0, 1.0], 6_000)
    evaluation = Evaluation(window=2, rolling_auc=50)
    whole, cut, again = (ClassGrades(1, 2, evaluation) for _ in range(3))
    whole.settle(ops_of(y), P, 0)
    for a in range(0, 6_000, 37):
        cut.settle(ops_of(y[a : a + 37]), P[a : a + 37], a)
        if a == 37 * 50:
            again.restore(cut.state(SLOT), SLOT)
        elif a > 37 * 50:
            again.settle(ops_of(y[a : a + 37]), P[a : a + 37], a)
    assert whole.state(SLOT).digest() == cut.state(SLOT).digest() == again.state(SLOT).digest()


def test_state_is_bounded_however_many_windows_there_were() -> None:
    rng = np.random.default_rng(4)
    grades = ClassGrades(1, 2, Evaluation(window=1))
    for a in range(0, 64_000, 8_000):
        grades.settle(ops_of(rng.integers(0, 2, 8_000)), rng.dirichlet([1.0, 1.0], 8_000), a)
        assert grades.state(SLOT).nbytes() < (MAX_POINTS + 3) * 15 * 8 + 200
    assert int(grades.series()["graded"].sum()) == 64_000


def test_a_window_under_way_is_shown_once_it_is_half_full_or_the_only_one() -> None:
    grades = ClassGrades(1, 2, Evaluation(window=10))
    shown = []
    for row in range(25):
        grades.settle(ops_of(np.zeros(1)), np.array([[1.0, 0.0]]), row)
        shown.append(len(grades.series()["row"]))
    assert shown == [1] * 14 + [2] * 10 + [3]


def test_a_window_ends_at_the_row_of_the_pipeline_where_its_last_label_came() -> None:
    grades = NumberGrades(4, Evaluation(window=2))
    ops = Ops(
        np.array([1, 1, 2, 1, 2, 2], np.int8),
        np.array([0, 1, 0, 2, 1, 2]),
        np.array([np.nan, np.nan, 5.0, np.nan, 6.0, 7.0]),
        np.arange(6),
        np.array([True, True, True, True, True, False]),
    )
    grades.settle(ops, np.full((6, 1), 5.0), 100)
    assert grades.series()["row"].tolist() == [104]
    assert grades.series()["graded"].tolist() == [2]
