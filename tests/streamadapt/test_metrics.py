"""Grades against River's metrics, with labels that come at once, late, twice or never."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics

from streamadapt.contracts import LEARN, PREDICT, PREDICT_LEARN, FloatArray, LearningTask
from streamadapt.labels import Ops
from streamadapt.metrics import ClassGrades, Grades, NumberGrades, grades_for

N_SLOTS = 16
SLOTS = np.arange(N_SLOTS)


def late(labels: FloatArray, seed: int) -> tuple[Ops, list[int]]:
    """Return predictions in turn, their labels 0..15 events later, and which row each op is of.

    One label in ten is corrected: it comes again and is not to be graded.  One in ten never comes.
    """
    rng = np.random.default_rng(seed)
    steps: list[tuple[int, int, bool]] = []  # op, row, graded
    waiting: dict[int, list[tuple[int, bool]]] = {}
    for row in range(len(labels)):
        steps += [(LEARN, past, graded) for past, graded in waiting.pop(row, [])]
        delay, fate = int(rng.integers(N_SLOTS)), rng.random()
        steps.append((PREDICT if delay or fate < 0.1 else PREDICT_LEARN, row, True))
        if fate < 0.1:
            continue
        if delay:
            waiting.setdefault(row + delay, []).append((row, True))
        if fate > 0.9 and delay < N_SLOTS - 1:
            waiting.setdefault(row + delay + 1, []).append((row, False))
    op, rows, graded = zip(*steps, strict=True)
    of = list(rows)
    return (
        Ops(
            np.array(op, np.int8), np.array(of) % N_SLOTS, labels[of],
            np.arange(len(of)), np.array(graded),
        ),
        of,
    )  # fmt: skip


def outputs(ops: Ops, of: list[int], P: FloatArray) -> FloatArray:
    """Return what a learner would: its predictions where it is asked, NaN elsewhere."""
    return np.where((ops.op & PREDICT).astype(bool)[:, None], P[of], np.nan)


def graded_rows(ops: Ops, of: list[int]) -> list[int]:
    found: list[int] = np.array(of)[(ops.op & LEARN).astype(bool) & ops.graded].tolist()
    return found


def probabilities(n: int, k: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.5), n)


def class_stream(n: int, k: int, seed: int) -> tuple[Ops, FloatArray, list[tuple[int, FloatArray]]]:
    """Return ops, outputs, and (class, probabilities) of all that is graded, in order."""
    P = probabilities(n, k, seed)
    y = np.random.default_rng(seed + 1).integers(0, k, n).astype(float)
    ops, of = late(y, seed)
    return ops, outputs(ops, of, P), [(int(y[row]), P[row]) for row in graded_rows(ops, of)]


def number_stream(n: int, seed: int) -> tuple[Ops, FloatArray, list[tuple[float, float]]]:
    rng = np.random.default_rng(seed)
    y = rng.normal(3.0, 10.0, n)
    P = (y + rng.standard_t(3, n)).reshape(-1, 1)
    ops, of = late(y, seed)
    pairs = [(float(y[row]), float(P[row, 0])) for row in graded_rows(ops, of)]
    return ops, outputs(ops, of, P), pairs


def settled(grades: Grades, ops: Ops, P: FloatArray, cuts: list[int]) -> list[float]:
    """Settle piece by piece; return all losses."""
    edges = [0, *sorted(cuts), len(ops)]
    found: list[float] = []
    for a, b in pairwise(edges):
        found += grades.settle(ops.part(a, b), P[a:b], a)[0].tolist()
    return found


@pytest.mark.parametrize("k", [2, 3, 7])
@given(n=st.integers(1, 300), seed=st.integers(0, 2**20))
def test_accuracy_kappa_and_log_loss_are_those_of_river(k: int, n: int, seed: int) -> None:
    ops, P, pairs = class_stream(n, k, seed)
    grades = ClassGrades(N_SLOTS, k)
    settled(grades, ops, P, [])
    ours = grades.metrics()
    accuracy, kappa, loss = metrics.Accuracy(), metrics.CohenKappa(), metrics.CrossEntropy()
    for truth, shares in pairs:
        accuracy.update(truth, int(shares.argmax()))
        kappa.update(truth, int(shares.argmax()))
        loss.update(truth, dict(enumerate(shares.tolist())))
    assert ours["graded"] == len(pairs)
    assert ours["ungraded"] == 0
    if pairs:
        assert ours["accuracy"] == pytest.approx(accuracy.get(), abs=1e-12)
        assert ours["kappa"] == pytest.approx(kappa.get(), abs=1e-12)
        assert ours["log_loss"] == pytest.approx(loss.get(), rel=1e-12)


@given(n=st.integers(1, 300), seed=st.integers(0, 2**20))
def test_the_log_loss_of_two_classes_is_that_of_river(n: int, seed: int) -> None:
    # Nothing near 0: River's 1 - p(True) has lost digits there that our p(False) has.
    P = 0.9 * probabilities(n, 2, seed) + 0.05
    y = np.random.default_rng(seed).integers(0, 2, n).astype(float)
    ops, of = late(y, seed)
    grades, loss = ClassGrades(N_SLOTS, 2), metrics.LogLoss()
    settled(grades, ops, outputs(ops, of, P), [])
    for row in graded_rows(ops, of):
        loss.update(bool(y[row]), float(P[row, 1]))
    if grades.metrics()["graded"]:
        assert grades.metrics()["log_loss"] == pytest.approx(loss.get(), rel=1e-12)


@given(n=st.integers(1, 300), seed=st.integers(0, 2**20))
def test_mae_rmse_and_r2_are_those_of_river(n: int, seed: int) -> None:
    ops, P, pairs = number_stream(n, seed)
    grades = NumberGrades(N_SLOTS)
    settled(grades, ops, P, [])
    ours = grades.metrics()
    mae, rmse, r2 = metrics.MAE(), metrics.RMSE(), metrics.R2()
    for truth, said in pairs:
        for metric in (mae, rmse, r2):
            metric.update(truth, said)
    assert ours["graded"] == len(pairs)
    if pairs:
        assert ours["mae"] == pytest.approx(mae.get(), rel=1e-12)
        assert ours["rmse"] == pytest.approx(rmse.get(), rel=1e-12)
        assert ours["r2"] == pytest.approx(r2.get(), rel=1e-12, abs=1e-12)


def streams(n: int, seed: int) -> Iterator[tuple[Grades, Grades, Ops, FloatArray]]:
    """Yield two equal grades, ops and outputs, for classes and for numbers."""
    ops, P, _ = class_stream(n, 3, seed)
    yield ClassGrades(N_SLOTS, 3), ClassGrades(N_SLOTS, 3), ops, P
    ops, P, _ = number_stream(n, seed)
    yield NumberGrades(N_SLOTS), NumberGrades(N_SLOTS), ops, P


@given(seed=st.integers(0, 2**20), cuts=st.lists(st.integers(0, 200), max_size=20))
def test_cutting_the_stream_changes_no_bit(seed: int, cuts: list[int]) -> None:
    for whole, cut, ops, P in streams(200, seed):
        assert settled(whole, ops, P, []) == settled(cut, ops, P, cuts)
        assert whole.state(SLOTS).digest() == cut.state(SLOTS).digest()


@given(seed=st.integers(0, 2**20), at=st.integers(0, 200))
def test_restored_grades_go_on_bit_for_bit(seed: int, at: int) -> None:
    for first, second, ops, P in streams(200, seed):
        first.settle(ops.part(0, at), P[:at], 0)
        second.restore(first.state(SLOTS), SLOTS)
        rest = ops.part(at, len(ops))
        losses, again = (grades.settle(rest, P[at:], at)[0] for grades in (first, second))
        assert losses.tobytes() == again.tobytes()
        assert first.state(SLOTS).digest() == second.state(SLOTS).digest()


def test_a_state_is_not_changed_by_what_comes_after_it() -> None:
    for grades, _, ops, P in streams(200, 1):
        grades.settle(ops.part(0, 100), P[:100], 0)
        state = grades.state(SLOTS)
        before = state.digest()
        grades.settle(ops.part(100, len(ops)), P[100:], 100)
        assert state.digest() == before != grades.state(SLOTS).digest()


def test_losses_come_with_the_place_of_their_label() -> None:
    ops = Ops(
        np.array([PREDICT, PREDICT, LEARN, PREDICT_LEARN], np.int8),
        np.array([0, 1, 0, 2]),
        np.array([math.nan, math.nan, 1.0, 0.0]),
        np.arange(4),
        np.ones(4, bool),
    )
    P = np.array([[0.9, 0.1], [0.5, 0.5], [math.nan, math.nan], [0.8, 0.2]])
    losses, places = ClassGrades(4, 2).settle(ops, P, 0)
    assert losses.tolist() == [1.0, 0.0]
    assert places.tolist() == [2, 3]


def one_step(op: int, y: float, graded: bool = True) -> Ops:
    return Ops(
        np.array([op], np.int8), np.zeros(1, np.int64), np.array([y]),
        np.zeros(1, np.int64), np.array([graded]),
    )  # fmt: skip


NOTHING = {
    "classes": (ClassGrades(1, 2), {"accuracy", "kappa", "log_loss"}, np.array([[0.2, 0.8]])),
    "numbers": (NumberGrades(1), {"mae", "rmse", "r2"}, np.array([[0.2]])),
}


@pytest.mark.parametrize(("grades", "names", "P"), NOTHING.values(), ids=NOTHING.keys())
def test_without_a_graded_prediction_metrics_are_nan(
    grades: Grades, names: set[str], P: FloatArray
) -> None:
    grades.settle(one_step(PREDICT, math.nan), P, 0)
    grades.drop_held()
    losses, _ = grades.settle(one_step(LEARN, 1.0), P * math.nan, 0)
    found = grades.metrics()
    assert len(losses) == 0
    assert (found.pop("graded"), found.pop("ungraded")) == (0, 1)
    assert names <= found.keys()
    assert all(math.isnan(value) for value in found.values())


def test_a_dropped_prediction_is_replaced_by_the_next_in_its_slot() -> None:
    some: list[tuple[Grades, FloatArray]] = [
        (ClassGrades(1, 2), np.array([[0.2, 0.8]])),
        (NumberGrades(1), np.array([[0.2]])),
    ]
    for grades, P in some:
        grades.drop_held()
        grades.settle(one_step(PREDICT_LEARN, 1.0), P, 0)
        assert grades.metrics()["graded"] == 1
        assert grades.metrics()["ungraded"] == 0


def test_a_learner_that_says_nan_is_not_graded() -> None:
    some: list[tuple[Grades, int]] = [(ClassGrades(1, 2), 2), (NumberGrades(1), 1)]
    for grades, k in some:
        grades.settle(one_step(PREDICT_LEARN, 1.0), np.full((1, k), math.nan), 0)
        assert grades.metrics()["graded"] == 0
        assert grades.metrics()["ungraded"] == 1


def test_kappa_is_0_where_there_is_but_one_class() -> None:
    grades = ClassGrades(1, 2)
    grades.settle(one_step(PREDICT_LEARN, 1.0), np.array([[0.1, 0.9]]), 0)
    assert grades.metrics()["accuracy"] == 1.0
    assert grades.metrics()["kappa"] == 0.0


def test_of_equal_probabilities_the_first_class_counts() -> None:
    grades = ClassGrades(1, 3)
    losses, _ = grades.settle(one_step(PREDICT_LEARN, 1.0), np.array([[0.2, 0.4, 0.4]]), 0)
    assert losses.tolist() == [0.0]


def test_to_be_sure_and_wrong_costs_much_but_not_infinitely_much() -> None:
    grades = ClassGrades(1, 2)
    grades.settle(one_step(PREDICT_LEARN, 1.0), np.array([[1.0, 0.0]]), 0)
    assert grades.metrics()["log_loss"] == pytest.approx(-math.log(1e-15), rel=1e-12)


def test_r2_is_0_where_all_targets_are_equal() -> None:
    grades = NumberGrades(1)
    for said in (1.0, 2.0):
        grades.settle(one_step(PREDICT_LEARN, 1.0), np.array([[said]]), 0)
    assert grades.metrics()["r2"] == 0.0
    assert grades.metrics()["mae"] == 0.5


def test_what_an_output_means_decides_how_it_is_graded() -> None:
    assert isinstance(grades_for(LearningTask.CLASSIFICATION, 4, 3), ClassGrades)
    assert isinstance(grades_for(LearningTask.REGRESSION, 4, 1), NumberGrades)
