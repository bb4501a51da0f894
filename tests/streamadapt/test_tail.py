"""What `tail` makes of records that another program wrote into the topic of predictions."""

from __future__ import annotations

from typing import Any

import pytest

from streamadapt.publication import Prediction
from streamadapt.tail import PredictionLine, Tail, _event_offset
from tests.streamadapt.live import LIVE
from tests.streamadapt.memory_log import MemoryLog
from tests.streams import config


@pytest.mark.parametrize("value", [None, b"", b"events/0/", b"events/0/x", b"9" * 5000, b"a/1\n"])
def test_a_header_that_names_no_event_names_none(value: Any) -> None:
    assert _event_offset([("input", value)]) is None


def test_the_header_of_a_prediction_names_its_event() -> None:
    assert _event_offset([("model", b"x"), ("input", b"events/0/17")]) == 17


@pytest.mark.parametrize(
    ("output", "p"), [([0.25, None, 0.5], 0.5), ([None], None), (["a", 0.5], 0.5), ([[1.0]], None)]
)
def test_what_is_no_probability_is_not_taken_for_one(output: list[Any], p: float | None) -> None:
    said = Prediction("e", None, None, "tree", 0, 0, "yes", {"tree": output})
    assert PredictionLine(0, 1, said, 1, 0).probability == p


def test_records_nested_as_deep_as_you_like_do_not_end_it() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    log = MemoryLog()
    log.write("facts", 0, [b'{"kind": ' + deep + b"}", b'{"kind": "drift"}'], 0)
    log.write("output", 0, [b'{"id": null, "answer": ' + deep + b"}"], 0)
    topics = dict.fromkeys(("output", "events", "labels", "facts"), 1)
    tail = Tail(config(LIVE), log, topics, from_start=True)
    assert [line.fields for line in tail.poll()] == [{"kind": "drift"}]  # type: ignore[union-attr]
