"""Metrics of numbers: River's values, windows and fading by definition, and no poison."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics, optim

from streamadapt.contracts import FloatArray
from streamadapt.evaluation import Evaluation
from streamadapt.labels import Ops
from streamadapt.number_metrics import NumberGrades
from tests.streamadapt.naive_metrics import number_values

SLOT = np.zeros(1, np.int64)
NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 2.5]) | st.integers(-(10**9), 10**9).map(
    lambda x: x / 1e6
)
STREAMS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60)


def immediate(truths: FloatArray) -> Ops:
    """Return ops that predict and learn at once."""
    n = len(truths)
    return Ops(
        np.full(n, 3, np.int8), np.zeros(n, np.int64), truths, np.arange(n), np.ones(n, bool)
    )


def graded(pairs: list[tuple[float, float]], evaluation: Evaluation) -> NumberGrades:
    grades = NumberGrades(1, evaluation)
    y, p = np.array(pairs).T
    grades.settle(immediate(np.ascontiguousarray(y)), p.reshape(-1, 1).copy(), 0)
    return grades


def lively(n: int, seed: int) -> list[tuple[float, float]]:
    """Return labels and predictions whose mean and spread are well away from 0."""
    rng = np.random.default_rng(seed)
    y = rng.normal(5.0, 2.0, n)
    return list(zip(y.tolist(), (y + rng.normal(size=n)).tolist(), strict=True))


@given(STREAMS, st.floats(0.01, 0.99))
def test_metrics_are_those_of_river(pairs: list[tuple[float, float]], quantile: float) -> None:
    ours = graded(pairs, Evaluation(quantile=quantile)).metrics()
    peers = {
        "mae": metrics.MAE(),
        "rmse": metrics.RMSE(),
        "mape": metrics.MAPE(),
        "r2": metrics.R2(),
    }
    pinball, loss = (
        [],
        optim.losses.Quantile(1 - quantile),
    )  # as its value, not its gradient, has it
    for y, p in pairs:
        pinball.append(float(loss(y, p)))
        for peer in peers.values():
            peer.update(y, p)
    for name, peer in peers.items():
        assert ours[name] == pytest.approx(peer.get(), rel=1e-12, abs=1e-12), name
    assert ours["pinball"] == pytest.approx(math.fsum(pinball) / len(pairs), rel=1e-12, abs=1e-12)


@given(st.integers(1, 60), st.integers(0, 2**16))
def test_all_metrics_follow_their_definitions(n: int, seed: int) -> None:
    pairs = lively(n, seed)
    ours = graded(pairs, Evaluation(quantile=0.9)).metrics()
    for name, value in number_values(pairs, 0.9, [1.0] * n).items():
        assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


@given(st.integers(1, 60), st.integers(0, 2**16), st.integers(1, 20))
def test_each_window_has_the_metrics_of_its_rows(n: int, seed: int, window: int) -> None:
    pairs = lively(n, seed)
    series = graded(pairs, Evaluation(window=window)).series()
    begin = 0
    for i, row in enumerate(series["row"].astype(int).tolist()):
        assert series["graded"][i] == row + 1 - begin
        naive = number_values(pairs[begin : row + 1], 0.5, [1.0] * (row + 1 - begin))
        for name, value in naive.items():
            assert series[name][i] == pytest.approx(value, rel=1e-9, abs=1e-12), name
        begin = row + 1
    assert n - begin <= window // 2


@given(st.integers(1, 60), st.integers(0, 2**16), st.integers(1, 20))
def test_all_rows_together_do_not_depend_on_windows(n: int, seed: int, window: int) -> None:
    pairs = lively(n, seed)
    one, many = (graded(pairs, Evaluation(window=w)).metrics() for w in (1_000, window))
    assert one == pytest.approx(many, rel=1e-12, abs=1e-12)


@given(st.integers(1, 60), st.integers(0, 2**16), st.floats(0.3, 1.0))
def test_fading_metrics_are_those_of_rows_that_weigh_less_and_less(
    n: int, seed: int, fading: float
) -> None:
    pairs = lively(n, seed)
    ours = graded(pairs, Evaluation(fading=fading)).fading()
    naive = number_values(pairs, 0.5, [fading ** (n - 1 - i) for i in range(n)])
    for name, value in naive.items():
        assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("said", [math.nan, math.inf, -math.inf, 1e100, -1e308])
@pytest.mark.parametrize("label", [1.0, 1e200])
def test_numbers_out_of_this_world_are_not_graded_and_harm_nothing(
    label: float, said: float
) -> None:
    grades = graded([(1.0, 2.0), (label, said), (3.0, 2.0)], Evaluation())
    plain = graded([(1.0, 2.0), (3.0, 2.0)], Evaluation())
    assert grades.metrics() == plain.metrics() | {"ungraded": 1}
    assert grades.fading() == plain.fading()


def test_a_label_next_to_0_does_not_make_the_mape_infinite() -> None:
    grades = graded([(5e-324, 1.0), (1.0, 2.0)], Evaluation())
    assert math.isfinite(grades.metrics()["mape"])


def test_the_nrmse_of_labels_around_0_is_nan() -> None:
    assert math.isnan(graded([(1.0, 0.0), (-1.0, 0.0)], Evaluation()).metrics()["nrmse"])


def test_where_nothing_was_graded_all_is_nan_and_there_are_no_windows() -> None:
    grades = NumberGrades(1)
    values = grades.metrics()
    assert (values.pop("graded"), values.pop("ungraded")) == (0, 0)
    assert all(math.isnan(value) for value in (values | grades.fading()).values())
    assert all(len(column) == 0 for column in grades.series().values())
    assert grades.confusion is None


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(0, 200), st.integers(0, 2**16))
def test_cuts_and_restores_change_no_bit(cuts: list[int], at: int, seed: int) -> None:
    y, p = np.array(lively(200, seed)).T.copy()
    ops, P, evaluation = immediate(y), p.reshape(-1, 1).copy(), Evaluation(window=7, fading=0.9)
    whole, cut, again = (NumberGrades(1, evaluation) for _ in range(3))
    whole.settle(ops, P, 0)
    for a, b in pairwise([0, *sorted([*cuts, at]), 200]):
        if a == at:
            again.restore(cut.state(SLOT), SLOT)
            again.settle(ops.part(at, 200), P[at:], at)
        cut.settle(ops.part(a, b), P[a:b], a)
    assert whole.state(SLOT).digest() == cut.state(SLOT).digest() == again.state(SLOT).digest()
