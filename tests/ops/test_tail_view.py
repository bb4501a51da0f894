"""Predictions as a person sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from streamadapt.grading import RunningGrade
from streamadapt.ops import TailView, json_line, plain_line, totals_line
from streamadapt.publication import Prediction
from streamadapt.tail import FactLine, PredictionLine, Totals

DRIFT = FactLine(
    {
        "kind": "drift", "learner": "tree", "partition": 2, "event": 70, "detector": "adwin",
        "direction": "rise",
    }
)  # fmt: skip


def line(answer: Any = "yes", outputs: Any = None, event: str | int = "e1") -> PredictionLine:
    said = Prediction(event, "k", 1_500_000, "tree", 3, 1, answer, outputs or {})
    return PredictionLine(2, 41, said, 40, 7)


def text(view: Any) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


@pytest.mark.parametrize(
    ("answer", "outputs", "shown"),
    [
        ("yes", {"tree": [0.25, 0.75]}, "answer=yes  p=0.750"),
        (1.25, {"tree": 1.25}, "answer=1.25  by"),
        ({"1": 2.5, "12": 3.0}, {}, "answer=1:2.5 12:3  by"),
        ("yes", {"other": [0.25, 0.75]}, "answer=yes  by"),
    ],
)
def test_a_line_says_answer_and_probability(answer: Any, outputs: Any, shown: str) -> None:
    told = plain_line(line(answer, outputs), RunningGrade(is_classification=True))
    assert shown in told
    assert told.startswith("event=e1  key=k  time=1970-01-01T00:00:01.500000+00:00")
    assert told.endswith("by=tree/3  lag=7")


def test_an_event_without_id_is_named_by_its_place() -> None:
    assert plain_line(line(event=40), RunningGrade(True)).startswith("event=2/40  ")


def test_a_drift_says_where_and_which_way() -> None:
    told = plain_line(DRIFT, RunningGrade(True))
    assert told == "! drift of tree at partition 2, event 70 (adwin: errors rise)"
    assert json.loads(json_line(DRIFT, RunningGrade(True))) == DRIFT.fields
    other = FactLine(DRIFT.fields | {"direction": "other"})
    assert plain_line(other, RunningGrade(True)).endswith("(adwin: errors change)")
    moved = FactLine(DRIFT.fields | {"direction": "other", "feature": "price"})
    assert plain_line(moved, RunningGrade(True)).endswith("(adwin: price moved)")


@pytest.mark.parametrize("way", [[], {}, 1, None])
def test_a_direction_that_is_none_of_ours_is_no_error(way: Any) -> None:
    assert "errors change" in plain_line(
        FactLine(DRIFT.fields | {"direction": way}), RunningGrade(True)
    )


def test_the_table_is_as_tall_whatever_comes_and_leaves_empty_columns_out() -> None:
    grade, totals = RunningGrade(True), Totals()
    view = TailView("t", without=["key"])
    before = text(view.view(totals, grade)).count("\n")
    for i in range(40):
        view.add(line(event=i))
    after = text(view.view(totals, grade))
    assert after.count("\n") == before
    assert "2/39" in after
    assert "2/27" not in after
    assert "key" not in after


def test_totals_are_one_line() -> None:
    grade, totals = RunningGrade(True), Totals(predictions=1200, lag=3)
    totals.facts.update(["drift", "drift", "swap"])
    assert totals_line(totals, grade) == (
        "1,200 predictions, no labels yet, 2 drifts, 1 swap, 3 events wait"
    )
    grade.answered(1, "a")
    grade.labelled(1, "a")
    totals.repeated = 5
    assert totals_line(totals, grade).startswith(
        "1,200 predictions, 5 of them repeated, accuracy 1.0000 of 1 (last 1,000: 1.0000)"
    )


EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\n! drift of tree"


def test_an_id_from_a_topic_cannot_give_orders_to_the_terminal() -> None:
    grade, totals = RunningGrade(True), Totals()
    totals.facts[EVIL] += 1
    fact = FactLine(DRIFT.fields | {"learner": EVIL})
    view = TailView("t")
    view.add(line(event=EVIL))
    view.add(fact)
    shown = [plain_line(line(event=EVIL), grade), plain_line(fact, grade)]
    shown += [totals_line(totals, grade), *text(view.view(totals, grade)).split("\n")]
    assert all(part.isprintable() for part in shown)
    assert r"\x1b]0;owned" in shown[0]


def test_a_time_of_no_calendar_is_shown_as_the_number_it_is() -> None:
    said = Prediction("e", None, 10**30, "tree", 0, 0, "yes", {})
    assert f"time={10**30}" in plain_line(PredictionLine(0, 1, said, 1, 0), RunningGrade(True))
