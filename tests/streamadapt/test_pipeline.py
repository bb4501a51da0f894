"""Reactions: each does what it says, at the block boundary and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from streamadapt.contracts import Detector, Learner
from streamadapt.detectors import ADWIN, PageHinkley
from streamadapt.errors import ConfigError
from streamadapt.labels import Ops
from streamadapt.models import (
    LinearRegression,
    LogisticRegression,
    MajorityClass,
    NoChangeClassifier,
)
from streamadapt.pipeline import Fact, Lane, Pipeline, Watch
from streamadapt.reactions import Alert, Forget, Reaction, Reset, Swap

BLOCK = 16


def stream(n: int = 640, turn: int = 320) -> tuple[Ops, np.ndarray]:
    """Immediate labels: the class is 0 up to row `turn`, 1 from there on."""
    y = (np.arange(n) >= turn).astype(float)
    X = np.random.default_rng(0).normal(size=(n, 2))
    slots, ones = np.zeros(n, np.int64), np.ones(n, bool)
    return Ops(np.full(n, 3, np.int8), slots, y, np.arange(n), ones), X


def majority() -> Learner:
    return MajorityClass(2, 2)


def drift() -> Detector:
    return PageHinkley(min_instances=10, threshold=5.0, mode="up")


def early() -> Detector:
    return PageHinkley(min_instances=10, threshold=0.5, mode="up")


def run(
    *on_drift: Reaction,
    make: Callable[[], Learner] = majority,
    warning: Callable[[], Detector] | None = None,
) -> tuple[Lane, list[Fact]]:
    lane = Lane("lane", make, 1, Watch(drift, warning, on_drift))
    ops, X = stream()
    _, facts = Pipeline([lane], BLOCK).run(ops, X)
    return lane, facts


def rows(facts: list[Fact], kind: str) -> list[int]:
    return [fact.row for fact in facts if fact.kind == kind]


def test_a_reset_begins_again_at_the_next_boundary_after_the_drift() -> None:
    _, facts = run(Reset())
    assert len(rows(facts, "drift")) == 1
    (seen,), (done,) = rows(facts, "drift"), rows(facts, "reset")
    assert done == (seen // BLOCK + 1) * BLOCK


def test_after_a_reset_the_learner_knows_only_the_new_concept() -> None:
    lane, _ = run(Reset())
    share = lane.learner.run(np.array([1], np.int8), np.zeros((1, 2)), np.zeros(1))
    assert share[0, 1] == 1.0
    assert lane.version == 1


def test_facts_of_detectors_say_what_the_detector_says() -> None:
    _, facts = run(Reset())
    seen, done = facts[0], facts[-1]
    assert (seen.kind, done.kind, done.alarm) == ("drift", "reset", None)
    assert seen.alarm is not None
    assert (seen.alarm.direction, seen.row - seen.alarm.age + 1) == (1, 320)


def test_a_detector_that_says_nothing_of_its_alarms_is_heard_as_one_of_a_rise() -> None:
    class Silent:
        n_skipped, warning_detected, drift_detected = 0, False, False

        def __init__(self) -> None:
            self.inner = drift()
            self.update, self.update_many = self.inner.update, self.inner.update_many
            self.state, self.restore = self.inner.state, self.inner.restore

    lane = Lane("lane", majority, 1, Watch(Silent, None, (Reset(),)))
    _, facts = Pipeline([lane], BLOCK).run(*stream())
    assert [fact.row for fact in facts] == [fact.row for fact in run(Reset())[1]]
    assert {fact.alarm for fact in facts} == {None}


def test_a_detector_for_bits_cannot_watch_the_error_of_a_number() -> None:
    class Bits(PageHinkley):
        takes_bits = True

    with pytest.raises(ConfigError, match="drift detector takes 0 and 1 alone"):
        Lane("lane", lambda: LinearRegression(2), 1, Watch(Bits))
    Lane("lane", majority, 1, Watch(Bits))


class Doubter(MajorityClass):
    """Sure of class 0 where the first feature is negative, and of nothing elsewhere."""

    def run(self, ops, X, y, w=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        P = super().run(ops, X, y, w)
        p = np.where(X[:, 0] < 0, 0.99, 0.5)
        return np.where(np.isnan(P), np.nan, np.column_stack([p, 1.0 - p]))


def test_uncertainty_is_heard_without_any_label() -> None:
    watch = Watch(drift, on_drift=(Alert(),), signal="uncertainty")
    lane = Lane("lane", lambda: Doubter(2, 2), 1, watch)
    ops, X = stream()
    X[:, 0] = np.where(np.arange(640) < 320, -1.0, 1.0)
    unlabelled = Ops(
        np.full(640, 1, np.int8), ops.slot, np.full(640, np.nan), ops.record, np.zeros(640, bool)
    )
    _, facts = Pipeline([lane], BLOCK).run(unlabelled, X)
    assert [row for row in rows(facts, "drift") if not 320 <= row < 340] == []
    assert len(rows(facts, "drift")) > 0


def test_uncertainty_speaks_of_the_rows_that_predict() -> None:
    ops, X = stream()
    X[:, 0] = np.where(np.arange(640) < 320, -1.0, 1.0)
    op = np.where(np.arange(640) % 2 == 0, 1, 2).astype(np.int8)
    half = Ops(op, ops.slot, ops.y, ops.record, np.zeros(640, bool))
    lane = Lane("lane", lambda: Doubter(2, 2), 1, Watch(drift, signal="uncertainty"))
    _, facts = Pipeline([lane], BLOCK).run(half, X)
    assert len(rows(facts, "drift")) > 0
    assert all(row % 2 == 0 and row >= 320 for row in rows(facts, "drift"))


def test_uncertainty_needs_class_probabilities_and_a_detector_for_numbers() -> None:
    class Bits(PageHinkley):
        takes_bits = True

    with pytest.raises(ConfigError, match="only class probabilities have an uncertainty"):
        Lane("lane", lambda: LinearRegression(2), 1, Watch(drift, signal="uncertainty"))
    with pytest.raises(ConfigError, match="uncertainty is a number between them"):
        Lane("lane", majority, 1, Watch(Bits, signal="uncertainty"))


def test_a_swap_goes_on_with_the_learner_trained_since_the_warning() -> None:
    lane, facts = run(Swap(), warning=early)
    warned, swapped = rows(facts, "warning")[-1], rows(facts, "swap")[0]
    assert warned < swapped
    since = (warned // BLOCK + 1) * BLOCK
    fresh = majority()
    ops, X = stream()
    codes = np.full(640 - since, 2, np.int8)
    fresh.run(codes, X[since:], ops.y[since:].astype(np.int64))
    assert lane.learner.state().digest() == fresh.state().digest()


def test_a_swap_without_warning_begins_with_nothing() -> None:
    lane, facts = run(Swap())
    reset, _ = run(Reset())
    assert rows(facts, "swap")
    assert lane.learner.state().digest() == reset.learner.state().digest()


def test_forgetting_lets_the_past_count_for_less() -> None:
    kept, _ = run(Alert())
    forgot, _ = run(Forget(factor=0.01))
    row, zero = np.zeros((1, 2)), np.zeros(1)
    predict = np.array([1], np.int8)
    assert forgot.learner.run(predict, row, zero)[0, 1] > kept.learner.run(predict, row, zero)[0, 1]


def test_an_alert_changes_nothing_but_is_told() -> None:
    lane, facts = run(Alert())
    plain = Lane("plain", majority, 1)
    ops, X = stream()
    Pipeline([plain], BLOCK).run(ops, X)
    assert rows(facts, "alert")
    assert lane.learner.state().digest() == plain.learner.state().digest()
    assert lane.version == 0


def test_a_learner_that_cannot_forget_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="cannot forget"):
        Lane("lane", lambda: NoChangeClassifier(2, 2), 1, Watch(drift, None, (Forget(),)))


def test_two_lanes_do_not_touch_each_other() -> None:
    ops, X = stream()
    alone = Lane("a", lambda: LogisticRegression(2, 2), 1, Watch(ADWIN, None, (Swap(),)))
    beside = Lane("a", lambda: LogisticRegression(2, 2), 1, Watch(ADWIN, None, (Swap(),)))
    P, _ = Pipeline([alone], BLOCK).run(ops, X)
    Q, _ = Pipeline([beside, Lane("b", majority, 1, Watch(drift, None, (Reset(),)))], BLOCK).run(
        ops, X
    )
    assert P["a"].tobytes() == Q["a"].tobytes()


def test_a_warning_beside_the_drift_does_not_throw_the_trained_learner_away() -> None:
    lane = Lane("lane", majority, 1, Watch(drift, early, (Swap(),)))
    lane.background = trained = majority()
    lane._heard = {"warning": True, "drift": True}
    lane.react(BLOCK)
    assert lane.learner is trained
