"""Metrics of classes: River's numbers, MOA's baselines, whatever the stream and the cuts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import metrics

from streamadapt.class_metrics import ClassGrades
from streamadapt.contracts import FloatArray
from streamadapt.errors import ParameterError
from streamadapt.evaluation import Evaluation
from streamadapt.labels import Ops
from tests.streamadapt.naive_metrics import class_values, table_values

SLOT = np.zeros(1, np.int64)
WITH_AUC = Evaluation(window=7, fading=0.9, rolling_auc=20)


def immediate(truths: list[int]) -> Ops:
    """Return ops that predict and learn at once."""
    n = len(truths)
    y, slots = np.array(truths, float), np.zeros(n, np.int64)
    return Ops(np.full(n, 3, np.int8), slots, y, np.arange(n), np.ones(n, bool))


def probabilities(n: int, k: int, seed: int) -> FloatArray:
    """Return rows of probabilities, some of them certain, some of equal classes."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(k, 0.5), n)
    P[rng.random(n) < 0.1] = np.eye(k)[0]
    P[rng.random(n) < 0.1] = 1 / k
    return P


@st.composite
def streams(draw: st.DrawFn, least: int = 1) -> tuple[int, list[int], FloatArray]:
    """k, truths and probabilities; often only some of the classes come."""
    k = draw(st.integers(2, 5))
    comes = draw(st.lists(st.integers(0, k - 1), min_size=1, max_size=k))
    truths = draw(st.lists(st.sampled_from(comes), min_size=least, max_size=60))
    return k, truths, probabilities(len(truths), k, draw(st.integers(0, 2**16)))


def graded(k: int, truths: list[int], P: FloatArray, evaluation: Evaluation) -> ClassGrades:
    grades = ClassGrades(1, k, evaluation)
    grades.settle(immediate(truths), P, 0)
    return grades


@given(streams())
def test_metrics_are_those_of_river(stream: tuple[int, list[int], FloatArray]) -> None:
    k, truths, P = stream
    ours = graded(k, truths, P, Evaluation()).metrics()
    peers = {
        "accuracy": metrics.Accuracy(),
        "balanced_accuracy": metrics.BalancedAccuracy(),
        "kappa": metrics.CohenKappa(),
        "f1_macro": metrics.MacroF1(),
    }
    if k == 2:
        peers["f1"] = metrics.F1(pos_val=1)
    log_loss = metrics.CrossEntropy()
    for truth, shares in zip(truths, P, strict=True):
        log_loss.update(truth, dict(enumerate(shares.tolist())))
        for peer in peers.values():
            peer.update(truth, int(shares.argmax()))
    for name, peer in peers.items():
        assert ours[name] == pytest.approx(peer.get(), rel=1e-12, abs=1e-12), name
    assert ours["log_loss"] == pytest.approx(log_loss.get(), rel=1e-12)


@given(streams())
def test_kappa_m_kappa_temporal_and_brier_follow_their_definitions(
    stream: tuple[int, list[int], FloatArray],
) -> None:
    k, truths, P = stream
    ours = graded(k, truths, P, Evaluation()).metrics()
    naive = class_values(list(zip(truths, P, strict=True)), k, [1.0] * len(truths))
    for name, value in naive.items():
        assert ours[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


def test_the_majority_counts_the_label_at_hand_and_no_change_begins_with_class_0() -> None:
    truths = [1, 1, 0, 0, 0, 1]
    # Majority after each: 1 1 1 0 (of equals the first) 0 0 (of equals the first): right 5 - 1 = 4.
    # Label before each: 0 1 1 0 0 0: right at the 2nd, 4th, 5th.
    right = [True, True, True, True, True, False]
    P = np.eye(2)[[t if ok else 1 - t for t, ok in zip(truths, right, strict=True)]]
    found = graded(2, truths, P, Evaluation()).metrics()
    assert found["kappa_m"] == pytest.approx((5 / 6 - 4 / 6) / (1 - 4 / 6), rel=1e-15)
    assert found["kappa_temporal"] == pytest.approx((5 / 6 - 3 / 6) / (1 - 3 / 6), rel=1e-15)


@given(streams(), st.integers(1, 20))
def test_each_window_has_the_metrics_of_its_rows(
    stream: tuple[int, list[int], FloatArray], window: int
) -> None:
    k, truths, P = stream
    pairs = list(zip(truths, P, strict=True))
    series = graded(k, truths, P, Evaluation(window=window)).series()
    begin = 0
    for i, (row, n) in enumerate(zip(series["row"], series["graded"], strict=True)):
        inside = [float(begin <= j <= row) for j in range(len(truths))]
        naive = class_values(pairs, k, inside) | table_values(pairs, k, inside)
        assert n == sum(inside)
        for name, value in naive.items():
            assert series[name][i] == pytest.approx(value, rel=1e-12, abs=1e-12), name
        begin = int(row) + 1
    assert len(truths) - begin <= window // 2


@given(streams(), st.floats(0.8, 1.0))
def test_fading_metrics_are_those_of_rows_that_weigh_less_and_less(
    stream: tuple[int, list[int], FloatArray], fading: float
) -> None:
    k, truths, P = stream
    pairs = list(zip(truths, P, strict=True))
    ours = graded(k, truths, P, Evaluation(fading=fading)).fading()
    weights = [fading ** (len(truths) - 1 - i) for i in range(len(truths))]
    naive = class_values(pairs, k, weights) | table_values(pairs, k, weights)
    for name, value in naive.items():
        # 1 - baseline may be as small as the oldest row's share, and a kappa loses those digits.
        room = 1e-14 / (weights[0] / sum(weights)) if "kappa" in name else 1e-12
        assert ours[name] == pytest.approx(value, rel=room, abs=room), name


def test_without_fading_the_fading_metrics_are_those_of_all_rows() -> None:
    truths = np.random.default_rng(0).integers(0, 3, 500).tolist()
    grades = graded(3, truths, probabilities(500, 3, 0), Evaluation(window=100, fading=1.0))
    found = grades.metrics()
    for name, value in grades.fading().items():
        assert value == pytest.approx(found[name], rel=1e-12), name


TRUTHS = st.lists(st.integers(0, 1), max_size=80)


@settings(max_examples=50)
@given(TRUTHS, st.integers(2, 30), st.integers(0, 2**16))
def test_the_rolling_auc_is_that_of_river(truths: list[int], size: int, seed: int) -> None:
    # No equal scores: for half a pair River adds (1 + 0) / 2 in whole numbers.
    P = np.random.default_rng(seed).dirichlet([1.0, 1.0], len(truths))
    grades = ClassGrades(1, 2, Evaluation(window=5, rolling_auc=size))
    peer, after = metrics.RollingROCAUC(size), []
    for truth, score in zip(truths, P[:, 1].tolist(), strict=True):
        peer.update(truth, score)
        after.append(peer.get())
    grades.settle(immediate(truths), P, 0)
    assert grades.metrics()["rolling_auc"] == pytest.approx(peer.get(), abs=1e-12)
    series = grades.series()
    assert series["rolling_auc"] == pytest.approx([after[row] for row in series["row"]], abs=1e-12)


@given(TRUTHS, st.integers(2, 30), st.integers(0, 2**16))
def test_the_rolling_auc_is_the_share_of_pairs_in_order_and_half_of_the_equal_ones(
    truths: list[int], size: int, seed: int
) -> None:
    P = np.round(probabilities(len(truths), 2, seed), 1)  # many equal scores
    found = graded(2, truths, P, Evaluation(rolling_auc=size)).metrics()["rolling_auc"]
    last = list(zip(truths, P[:, 1].tolist(), strict=True))[-size:]
    pairs = [(p > q) + (p == q) / 2 for t, p in last if t for u, q in last if not u]
    assert found == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.0, abs=1e-12)


def test_a_rolling_auc_of_three_classes_is_refused() -> None:
    with pytest.raises(ParameterError, match="rolling_auc"):
        ClassGrades(1, 3, Evaluation(rolling_auc=100))


def test_the_confusion_matrix_has_truth_in_rows() -> None:
    grades = graded(3, [2, 2, 0], np.eye(3)[[1, 2, 0]], Evaluation())
    assert grades.confusion.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


def test_where_nothing_was_graded_all_is_nan_and_there_are_no_windows() -> None:
    grades = ClassGrades(1, 2)
    values = grades.metrics()
    assert (values.pop("graded"), values.pop("ungraded")) == (0, 0)
    assert all(math.isnan(value) for value in (values | grades.fading()).values())
    assert all(len(column) == 0 for column in grades.series().values())


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e300, -5.0])
def test_an_odd_probability_leaves_all_metrics_finite(odd: float) -> None:
    truths = [0, 1, 1, 0]
    P = np.array([[0.5, odd], [odd, 0.5], [0.25, odd], [0.5, 0.5]])
    grades = graded(2, truths, P, Evaluation(rolling_auc=10))
    found = grades.metrics() | grades.fading()
    assert all(math.isfinite(value) for value in found.values())


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(0, 2**16))
def test_cutting_the_stream_changes_no_bit(cuts: list[int], seed: int) -> None:
    truths = np.random.default_rng(seed).integers(0, 2, 200).tolist()
    P, ops = probabilities(200, 2, seed), immediate(truths)
    whole, cut = ClassGrades(1, 2, WITH_AUC), ClassGrades(1, 2, WITH_AUC)
    whole.settle(ops, P, 0)
    for a, b in pairwise([0, *sorted(cuts), 200]):
        cut.settle(ops.part(a, b), P[a:b], a)
    assert whole.state(SLOT).digest() == cut.state(SLOT).digest()


@given(st.integers(0, 200), st.integers(0, 2**16))
def test_restored_grades_go_on_bit_for_bit(at: int, seed: int) -> None:
    truths = np.random.default_rng(seed).integers(0, 2, 200).tolist()
    P, ops = probabilities(200, 2, seed), immediate(truths)
    first, second = ClassGrades(1, 2, WITH_AUC), ClassGrades(1, 2, WITH_AUC)
    first.settle(ops.part(0, at), P[:at], 0)
    second.settle(ops, P, 0)  # what it was before does not matter
    second.restore(first.state(SLOT), SLOT)
    for grades in (first, second):
        grades.settle(ops.part(at, 200), P[at:], at)
    assert first.state(SLOT).digest() == second.state(SLOT).digest()
    assert first.metrics() == second.metrics()
    assert first.series()["rolling_auc"].tobytes() == second.series()["rolling_auc"].tobytes()
