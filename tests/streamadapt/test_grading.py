"""Running accuracy: each event is graded once, whichever of answer and label comes first."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.grading import RunningGrade


@given(st.permutations([("a", i) for i in range(12)] + [("l", i) for i in range(12)]))
def test_the_order_in_which_answers_and_labels_come_changes_nothing(
    order: list[tuple[str, int]],
) -> None:
    grade = RunningGrade(is_classification=True)
    for kind, i in order:
        if kind == "a":
            grade.answered(i, "yes")
        else:
            grade.labelled(i, "yes" if i % 3 else "no")
    assert (grade.n, grade.mean) == (12, 8 / 12)


def test_a_second_label_of_an_event_is_not_graded() -> None:
    grade = RunningGrade(is_classification=True)
    grade.answered(1, "a")
    grade.labelled(1, "a")
    grade.labelled(1, "b")
    assert (grade.n, grade.mean) == (1, 1.0)


def test_numbers_are_graded_by_their_absolute_error() -> None:
    grade = RunningGrade(is_classification=False)
    for i, (answer, label) in enumerate([(1.0, 3.0), (2.0, 1.0), (5.0, math.nan)]):
        grade.answered(i, answer)
        grade.labelled(i, label)
    assert (grade.n, grade.mean, grade.name) == (2, 1.5, "mean absolute error")


def test_what_waits_is_bounded_and_the_oldest_goes_first() -> None:
    grade = RunningGrade(is_classification=True, most_waiting=3)
    for i in range(10):
        grade.answered(i, "a")
    for i in range(10):
        grade.labelled(i, "a")
    assert grade.n == 3


def test_the_recent_grade_is_of_the_last_thousand() -> None:
    grade = RunningGrade(is_classification=True)
    for i in range(2000):
        grade.answered(i, "a")
        grade.labelled(i, "a" if i >= 1000 else "b")
    assert (grade.mean, grade.recent) == (0.5, 1.0)


@pytest.mark.parametrize(
    "answer", [None, "up", True, {"1": 2.0}, [0.5], pytest.param(10**400, id="huge")]
)
def test_an_answer_that_is_no_number_is_not_graded_as_one(answer: object) -> None:
    grade = RunningGrade(is_classification=False)
    for event, said in enumerate([1.5, answer, 2.5]):
        grade.answered(event, said)
        grade.labelled(event, 1.0)
    assert (grade.n, grade.mean) == (2, 1.0)
