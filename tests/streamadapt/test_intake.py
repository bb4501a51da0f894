"""Intake: which records become arrivals, under which id, with which time and label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.encoding import text_hash
from streamadapt.events import (
    MISSING_TIME,
    NumericField,
    Records,
    RecordSchema,
    Reject,
    TimeField,
    no_records,
)
from streamadapt.intake import MOST_CHARS, Intake, hashed
from streamadapt.labels_kernels import EVENT
from tests.streamadapt.naive_features import block, part

Texts = list[str | None]

PLAIN = RecordSchema(features={"x": NumericField()}, target="y")
CLASSES = RecordSchema(features={"x": NumericField()}, target="y", classes=("no", "yes"))
NAMED = RecordSchema(
    features={"x": NumericField(max_abs=10)},
    target="y",
    classes=("no", "yes"),
    id="id",
    key="key",
    time=TimeField(column="at"),
)


def named(
    ids: Texts,
    times: Sequence[int] | None = None,
    labels: Texts | None = None,
    xs: Sequence[float] | None = None,
) -> Records:
    n = len(ids)
    texts: dict[str, Texts] = {"id": ids, "key": ["k"] * n, "y": labels or ["no"] * n}
    return block({"x": xs or [0.0] * n}, texts, times or list(range(n)))


def reasons(rejects: Sequence[Reject]) -> list[tuple[int, str, str]]:
    return [(reject.position, reject.reason, reject.where) for reject in rejects]


# Ids


def test_without_a_column_of_ids_the_position_is_the_id() -> None:
    arrivals, rejects = Intake(PLAIN).take(block({"x": [0, 0], "y": [1, 2]}))
    assert arrivals.id.tolist() == arrivals.position.tolist() == [100, 101]
    assert arrivals.id.dtype == np.uint64
    assert rejects == []


@pytest.mark.parametrize("column", ["id", "key"])
def test_what_is_too_long_to_be_repeated_in_a_prediction_is_refused(column: str) -> None:
    records = named(["a", "b", "c"])
    records.texts[column] = ["x", "y" * MOST_CHARS, "z" * (MOST_CHARS + 1)]
    arrivals, rejects = Intake(NAMED).take(records)
    assert arrivals.row.tolist() == [0, 1]
    assert reasons(rejects) == [(102, f"long_{column}", column)]


def test_an_id_is_the_hash_of_its_text() -> None:
    arrivals, _ = Intake(NAMED).take(named(["a", "b", "a", " "]))
    assert arrivals.id.tolist() == [text_hash(text) for text in ("a", "b", "a", " ")]


@pytest.mark.parametrize("id_", [None, ""])
def test_a_record_without_its_id_is_refused_as_it_came(id_: str | None) -> None:
    arrivals, rejects = Intake(NAMED).take(named(["a", id_, "c"]))
    assert arrivals.row.tolist() == [0, 2]
    assert rejects == [Reject(101, "missing_id", "id", b"row 1")]


def test_hashes_of_known_texts_never_change() -> None:
    assert hashed(["abc", None, ""]).tolist() == [0x78AF5F94892F3950, 0, 0x2D06800538D394C2]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=()), max_size=5)))
def test_any_text_has_a_hash_even_with_arbitrary_surrogates(texts: Texts) -> None:
    found = hashed(texts)
    assert found.dtype == np.uint64
    assert found.tolist() == [0 if text is None else text_hash(text) for text in texts]


# Event times


def test_event_times_are_taken_over() -> None:
    arrivals, _ = Intake(NAMED).take(named(["a", "b"], times=[5, -7]))
    assert arrivals.time_us.tolist() == [5, -7]


def test_without_a_column_of_times_there_is_none() -> None:
    arrivals, _ = Intake(PLAIN).take(block({"x": [0], "y": [1]}))
    assert arrivals.time_us.tolist() == [MISSING_TIME]


def test_a_record_without_its_time_is_refused() -> None:
    arrivals, rejects = Intake(NAMED).take(named(["a", "b"], times=[MISSING_TIME, 1]))
    assert arrivals.row.tolist() == [1]
    assert reasons(rejects) == [(100, "missing_time", "at")]


def test_a_record_without_id_and_time_is_refused_once() -> None:
    _, rejects = Intake(NAMED).take(named([None], times=[MISSING_TIME]))
    assert reasons(rejects) == [(100, "missing_id", "id")]


# Labels


def test_a_class_becomes_its_index() -> None:
    arrivals, rejects = Intake(CLASSES).take(block({"x": [0] * 3}, {"y": ["yes", "no", "yes"]}))
    assert arrivals.label.tolist() == [1.0, 0.0, 1.0]
    assert rejects == []


def test_a_missing_class_is_no_fault_its_label_may_still_come() -> None:
    arrivals, rejects = Intake(CLASSES).take(block({"x": [0, 0]}, {"y": [None, "yes"]}))
    assert math.isnan(arrivals.label[0])
    assert arrivals.label[1] == 1.0
    assert rejects == []


@pytest.mark.parametrize("label", ["maybe", "YES", " yes", "", "1", "\ud800"])
def test_of_an_unknown_class_the_label_is_refused_but_not_the_event(label: str) -> None:
    arrivals, rejects = Intake(CLASSES).take(block({"x": [0, 0]}, {"y": ["yes", label]}))
    assert arrivals.row.tolist() == [0, 1]
    assert math.isnan(arrivals.label[1])
    assert rejects == [Reject(101, "unknown_class", "y", b"row 1")]


def test_an_unknown_class_of_a_refused_record_is_not_told_as_well() -> None:
    _, rejects = Intake(NAMED).take(named(["a"], labels=["maybe"], xs=[99.0]))
    assert reasons(rejects) == [(100, "huge", "x")]


def test_numbers_are_labels_as_they_are_and_nan_is_none_yet() -> None:
    arrivals, rejects = Intake(PLAIN).take(block({"x": [0] * 3, "y": [2.5, math.nan, -0.0]}))
    assert arrivals.label.tobytes() == np.array([2.5, math.nan, -0.0]).tobytes()
    assert rejects == []


@pytest.mark.parametrize(("label", "reason"), [(math.inf, "infinite"), (-1e301, "huge")])
def test_a_number_that_no_learner_can_use_refuses_its_record(label: float, reason: str) -> None:
    arrivals, rejects = Intake(PLAIN).take(block({"x": [0], "y": [label]}))
    assert len(arrivals) == 0
    assert reasons(rejects) == [(100, reason, "y")]


# All of it


def test_arrivals_are_events_that_point_to_their_rows() -> None:
    arrivals, _ = Intake(NAMED).take(named(["a", "b", "c"], xs=[0.0, 99.0, 0.0]))
    assert arrivals.kind.tolist() == [EVENT, EVENT]
    assert arrivals.row.tolist() == [0, 2]
    assert arrivals.position.tolist() == [100, 102]


def test_rejects_are_in_the_order_of_the_stream_those_of_decoding_among_them() -> None:
    records = named(["a", None, "c"], labels=["no", "no", "maybe"], xs=[99.0, 0.0, 0.0])
    records.positions = np.array([10, 12, 14])
    records.rejects = [Reject(p, "malformed", "x", b"") for p in (9, 11, 13)]
    _, rejects = Intake(NAMED).take(records)
    assert reasons(rejects) == [
        (9, "malformed", "x"),
        (10, "huge", "x"),
        (11, "malformed", "x"),
        (12, "missing_id", "id"),
        (13, "malformed", "x"),
        (14, "unknown_class", "y"),
    ]


@pytest.mark.parametrize("schema", [PLAIN, CLASSES, NAMED], ids=["plain", "classes", "named"])
def test_no_records_give_no_arrivals(schema: RecordSchema) -> None:
    intake, records = Intake(schema), no_records(schema)
    arrivals, rejects = intake.take(records)
    assert len(arrivals) == len(intake.series(records)) == 0
    assert rejects == []


some = st.sampled_from
ROWS = st.lists(
    st.tuples(
        some(["a", "b", None, "\udcff"]),
        some([1, 2, MISSING_TIME]),
        some(["no", "yes", "maybe", None]),
        some([0.0, 99.0, math.nan, math.inf]),
    ),
    max_size=20,
)


@given(ROWS, st.integers(0, 20))
def test_each_record_is_taken_or_refused_whatever_stands_around_it(
    rows: list[tuple[str | None, int, str | None, float]], cut: int
) -> None:
    ids, times, labels, xs = ([row[j] for row in rows] for j in range(4))
    records = named(ids, times, labels, xs)  # type: ignore[arg-type]
    intake = Intake(NAMED)
    whole, rejects = intake.take(records)
    pieces = [intake.take(part(records, 0, cut)), intake.take(part(records, cut, len(rows)))]
    assert whole.position.tolist() == [p for piece, _ in pieces for p in piece.position.tolist()]
    assert whole.id.tolist() == [p for piece, _ in pieces for p in piece.id.tolist()]
    assert whole.label.tobytes() == b"".join(piece.label.tobytes() for piece, _ in pieces)
    assert rejects == [reject for _, found in pieces for reject in found]
    refused = {reject.position for reject in rejects if reject.reason != "unknown_class"}
    assert refused.isdisjoint(whole.position.tolist())
    assert len(refused) + len(whole) == len(rows)


# Series


def test_a_series_is_the_hash_of_its_key() -> None:
    records = named(["a", "b", "c"])
    records.texts["key"] = ["k", None, "l"]
    assert Intake(NAMED).series(records).tolist() == [text_hash("k"), 0, text_hash("l")]


def test_without_a_column_of_keys_all_records_are_of_one_series() -> None:
    records = block({"x": [0, 0], "y": [1, 2]})
    assert Intake(PLAIN).series(records).tolist() == [0, 0]
    assert Intake(PLAIN).values(records).tolist() == [1.0, 2.0]
