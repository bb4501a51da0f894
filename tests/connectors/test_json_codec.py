"""JSON messages: what each kind of value becomes, and why others are rejects."""

import json
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamadapt.connectors.json_codec import JSONCodec, encode_lines
from streamadapt.events import (
    MISSING_TIME,
    BooleanField,
    CategoricalField,
    NumericField,
    Records,
    RecordSchema,
    TimeField,
    TimeFormat,
)

SCHEMA = RecordSchema(
    features={"x": NumericField(), "is on": BooleanField(), "kind": CategoricalField()},
    target="y",
    id="id",
    time=TimeField(column="at", format=TimeFormat.UNIX_MS),
)
XY = RecordSchema(features={"x": NumericField()}, target="y")


def decoded(values: Sequence[bytes | None], schema: RecordSchema = XY) -> Records:
    return JSONCodec(schema).decode(values, np.arange(100, 100 + len(values)))


def reject(value: bytes | None, schema: RecordSchema = SCHEMA) -> tuple[str, str]:
    records = decoded([b"{}", value, b"{}"], schema)
    assert records.positions.tolist() == [100, 102]
    (found,) = records.rejects
    assert (found.position, found.original) == (101, value or b"")
    return found.reason, found.where


def test_every_role_is_decoded() -> None:
    line = b'{"x":1,"y":2.5,"is on":"yes","kind":7.0,"id":12345678901234567890123,"at":5,"z":[{}]}'
    records = decoded([line], SCHEMA)
    assert {n: c.tolist() for n, c in records.numbers.items()} == {
        "x": [1],
        "y": [2.5],
        "is on": [1],
    }
    assert records.texts == {"kind": ["7"], "id": ["12345678901234567890123"]}
    assert records.times_us is not None
    assert records.times_us.tolist() == [5000]
    assert records.original(0) == line


@pytest.mark.parametrize(
    "line", [b"{}", b'{"x":null,"y":null,"is on":null,"kind":null,"id":null,"at":null}']
)
def test_absent_keys_and_null_are_missing(line: bytes) -> None:
    records = decoded([line], SCHEMA)
    assert all(np.isnan(column).all() for column in records.numbers.values())
    assert records.texts == {"kind": [None], "id": [None]}
    assert records.times_us is not None
    assert records.times_us.tolist() == [MISSING_TIME]
    assert records.counts == {"missing": 6}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("tombstone", "")),
        (b"", ("empty", "")),
        (b'{"x":"\xff"}', ("not_utf8", "byte 6")),
        (b'{"other":"\xff"}', ("not_utf8", "byte 10")),
        (b'{"x":"1"}', ("wrong_type", "x")),
        (b'{"x":true}', ("wrong_type", "x")),
        (b'{"x":[1]}', ("wrong_type", "x")),
        (b'{"x":1e400}', ("infinite", "x")),
        (b'{"is on":"maybe"}', ("wrong_type", "is on")),
        (b'{"is on":2}', ("wrong_type", "is on")),
        (b'{"is on":{}}', ("wrong_type", "is on")),
        (b'{"kind":["a"]}', ("wrong_type", "kind")),
        (b'{"at":"never"}', ("bad_time", "at")),
        (b'{"at":true}', ("bad_time", "at")),
        (b'{"at":1e30}', ("bad_time", "at")),
    ],
)
def test_what_cannot_be_used_is_a_reject(value: bytes | None, expected: tuple[str, str]) -> None:
    assert reject(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(b" ", b"x", b"{", b'{"x":1', b'{"x":1}}', b'{"x":NaN}', b'{"x":1,}', b'{"x":01}'),
        *(b'{"id":"\\ud800"}', b'{"id":"a\0"}', b'{"z":' + b"[" * 100_000),
    ],
)
def test_what_is_not_json_is_malformed(value: bytes) -> None:
    reason, where = reject(value)
    assert reason == "malformed"
    assert where


@pytest.mark.parametrize("value", [b"[]", b"1", b"null", b'"x"'])
def test_what_is_no_object_is_of_the_wrong_type(value: bytes) -> None:
    reason, where = reject(value)
    assert reason == "wrong_type"
    assert where.startswith("Expected `object`")


def test_a_column_may_be_a_number_and_a_text() -> None:
    schema = XY.model_copy(update={"key": "x"})
    records = decoded([b'{"x":1.0}', b'{"x":"a"}', b'{"x":1e400}'], schema)
    assert (records.numbers["x"].tolist(), records.texts["x"]) == ([1.0], ["1"])
    assert [(r.reason, r.where) for r in records.rejects] == [
        ("wrong_type", "x"),
        ("infinite", "x"),
    ]


def test_a_record_of_ten_megabytes_is_one_like_others() -> None:
    line = b'{"z":"' + b"a" * 10_000_000 + b'","x":1}'
    assert decoded([line]).numbers["x"].tolist() == [1.0]


def test_no_messages_are_no_records() -> None:
    records = decoded([], SCHEMA)
    assert (len(records), records.rejects, records.texts) == (0, [], {"kind": [], "id": []})


def test_positions_may_have_gaps() -> None:
    positions = np.array([3, 7, 20])
    records = JSONCodec(XY).decode([b"{}", b"x", b'{"x":1}'], positions)
    assert records.positions.tolist() == [3, 20]
    assert [r.position for r in records.rejects] == [7]
    assert records.original(1) == b'{"x":1}'


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**80), 2**80)))
def test_numbers_are_the_nearest_float(number: float) -> None:
    assert decoded([json.dumps({"x": number}).encode()]).numbers["x"].tolist() == [float(number)]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(["x", "y", "is on", "kind", "id", "at", "z"])
MESSAGES = st.one_of(
    st.none(),
    st.binary(max_size=20),
    st.dictionaries(KEYS, JUNK, max_size=4).map(lambda value: json.dumps(value).encode()),
)


@given(st.lists(MESSAGES, max_size=8))
@example([b"\xc3", b"\xa9"])
def test_messages_together_are_the_same_as_one_by_one(values: list[bytes | None]) -> None:
    def seen(records: Records) -> list[tuple[object, ...]]:
        assert records.times_us is not None
        columns = [c.tolist() for c in records.numbers.values()] + list(records.texts.values())
        rows = list(
            zip(records.positions.tolist(), records.times_us.tolist(), *columns, strict=True)
        )
        return [*map(repr, rows), *map(repr, records.rejects)]

    codec = JSONCodec(SCHEMA)
    together = codec.decode(values, np.arange(len(values)))
    singly = [codec.decode([v], np.array([i])) for i, v in enumerate(values)]
    assert sorted(seen(together)) == sorted(row for records in singly for row in seen(records))
    assert sum(len(r) + len(r.rejects) for r in singly) == len(values)


def test_output_records_may_hold_numpy_values() -> None:
    record = {"p": np.float64(0.5), "n": np.int64(3), "ps": np.array([0.25, math.inf]), "t": "é"}
    assert JSONCodec(XY).encode([record]) == ['{"p":0.5,"n":3,"ps":[0.25,null],"t":"é"}'.encode()]
    assert encode_lines([record, {}]).count(b"\n") == 2


def test_output_of_another_kind_is_a_programming_error() -> None:
    with pytest.raises((TypeError, NotImplementedError), match="object"):
        encode_lines([{"p": object()}])


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**60), 2**60) | st.booleans()))
def test_output_can_be_read_back(record: dict[str, object]) -> None:
    assert msgspec.json.decode(JSONCodec(XY).encode([record])[0]) == record


@pytest.mark.parametrize("number", [math.inf, -math.inf, np.float32(np.inf)])
def test_a_codec_of_ones_own_may_say_infinity_as_any_number_beyond_float64(number: float) -> None:
    codec = JSONCodec(XY, lambda value: {"x": number if value == b"far" else 1.0, "y": math.nan})
    records = codec.decode([b"near", b"far"], np.arange(2))
    assert [(r.position, r.reason, r.where) for r in records.rejects] == [(1, "infinite", "x")]
    assert np.isnan(records.numbers["y"]).all()
