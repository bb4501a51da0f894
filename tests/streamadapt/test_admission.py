"""Row checks against an if-chain per row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.admission import check_values
from streamadapt.events import (
    BooleanField,
    CategoricalField,
    FeatureField,
    NumericField,
    Records,
    RecordSchema,
    TextField,
)
from tests.streamadapt.naive_features import block

FEATURES: dict[str, FeatureField] = {
    "a": NumericField(max_abs=10),
    "c": CategoricalField(missing="reject"),
    "b": NumericField(missing="reject", max_abs=math.inf),
    "t": BooleanField(missing="reject"),
    "d": CategoricalField(),
    "e": TextField(missing="reject"),
}
SCHEMA = RecordSchema(features=FEATURES, target="y")

numbers = st.sampled_from([0.0, 1.0, -10.0, 10.5, -1e100, 2e300, math.inf, -math.inf, math.nan])
texts = st.sampled_from(["", "x", None])
truths = st.sampled_from([0.0, 1.0, math.nan])
rows = st.lists(st.tuples(numbers, texts, numbers, truths, texts, texts, numbers), max_size=30)


def naive_fault(row: dict[str, float | str | None]) -> tuple[str, str] | None:
    """Return (reason, column) of the first fault in the schema's order."""
    limits = {"a": 10.0, "b": math.inf, "y": 1e100}
    for column in ("a", "c", "b", "t", "d", "e", "y"):
        value = row[column]
        missing = value is None or value != value
        if missing and column in ("b", "c", "t", "e"):
            return "missing", column
        if missing or column not in limits:
            continue
        assert isinstance(value, float)
        if math.isinf(value):
            return "infinite", column
        if abs(value) > limits[column]:
            return "huge", column
    return None


@given(rows)
def test_each_row_is_kept_or_rejected_for_its_first_fault(
    cells: list[tuple[float, str | None, float, float, str | None, str | None, float]],
) -> None:
    columns = {name: [cell[j] for cell in cells] for j, name in enumerate("acbtdey")}
    records = block({n: columns[n] for n in "abty"}, {n: columns[n] for n in "cde"})
    keep, rejects, counts = check_values(records, SCHEMA)
    faults = [naive_fault({name: columns[name][i] for name in columns}) for i in range(len(cells))]
    assert keep.tolist() == [fault is None for fault in faults]
    expected = [
        (100 + i, *fault, b"row %d" % i) for i, fault in enumerate(faults) if fault is not None
    ]
    assert [(r.position, r.reason, r.where, r.original) for r in rejects] == expected
    assert sum(counts.values()) == len(rejects)
    assert all(counts[reason] for reason in {reject.reason for reject in rejects})


def test_originals_are_asked_for_in_rejected_rows_only() -> None:
    asked = []

    def original(i: int) -> bytes:
        asked.append(i)
        return b""

    xs = np.array([1.0, math.inf, 3.0])
    records = Records(np.arange(3), {"x": xs, "y": np.zeros(3)}, {}, None, original)
    check_values(records, RecordSchema(features={"x": NumericField()}, target="y"))
    assert asked == [1]


def test_a_class_target_is_no_number_to_check() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", classes=("no", "yes"))
    keep, rejects, _ = check_values(block({"x": [1.0, 2.0]}, {"y": ["no", None]}), schema)
    assert keep.all()
    assert not rejects


def test_a_target_that_is_a_feature_too_obeys_both_rules() -> None:
    schema = RecordSchema(features={"y": NumericField(missing="reject", max_abs=5)}, target="y")
    _, rejects, counts = check_values(block({"y": [6.0, math.nan, 1.0]}), schema)
    assert [reject.reason for reject in rejects] == ["huge", "missing"]
    assert counts == {"huge": 1, "missing": 1}


@pytest.mark.parametrize("bad", [math.inf, -math.inf])
def test_an_infinite_bound_does_not_admit_infinity(bad: float) -> None:
    schema = RecordSchema(features={"x": NumericField(max_abs=math.inf)}, target="y")
    keep, _, counts = check_values(block({"x": [bad], "y": [0.0]}), schema)
    assert not keep.any()
    assert counts == {"infinite": 1}
