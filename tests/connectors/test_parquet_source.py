"""Parquet files: types, and what becomes of values that fit the type but not the schema."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.errors import SourceError
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
from streamadapt.samples import read_sample

XY = RecordSchema(features={"x": NumericField()}, target="y")


def read(folder: Path, schema: RecordSchema, **columns: pa.Array) -> Records:
    n = len(next(iter(columns.values())))
    columns.setdefault("y", pa.nulls(n, pa.float64()))
    pq.write_table(pa.table(columns), folder / "a.parquet")
    source = ParquetSource(folder / "a.parquet", schema)
    try:
        records = source.poll(1000)
    finally:
        source.close()
    assert records is not None
    return records


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint64(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(21, 2)]
)
def test_numbers_of_any_type_become_float64(tmp_path: Path, kind: pa.DataType) -> None:
    records = read(tmp_path, XY, x=pa.array([1, None, 3], pa.int64()).cast(kind, safe=False))
    np.testing.assert_array_equal(records.numbers["x"], [1.0, np.nan, 3.0])
    assert records.numbers["x"].dtype == np.float64
    assert records.counts == {"missing": 4}


def test_numbers_in_a_dictionary_are_numbers(tmp_path: Path) -> None:
    x = pa.array([1.5, 1.5, 2.5]).dictionary_encode()
    assert read(tmp_path, XY, x=x).numbers["x"].tolist() == [1.5, 1.5, 2.5]


def test_nan_is_told_from_null(tmp_path: Path) -> None:
    records = read(tmp_path, XY, x=pa.array([np.nan, None, np.inf]), y=pa.array([1, 2, 3]))
    assert records.counts == {"missing": 1, "nan": 1}
    assert records.numbers["x"][2] == np.inf
    assert records.original(2) == b'{"x":"inf","y":3}'


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, 2, None], ["1", "2", None]),
        ([1.0, 1.5, None], ["1", "1.5", None]),
        ([True, False, None], ["true", "false", None]),
        (["a", " b", ""], ["a", " b", ""]),
    ],
)
@pytest.mark.parametrize("encoded", [False, True])
def test_texts_are_canonical(
    tmp_path: Path, values: list[object], texts: list[str | None], encoded: bool
) -> None:
    schema = XY.model_copy(update={"key": "k"})
    k = pa.array(values)
    zeros = pa.array([0.0] * 3)
    records = read(tmp_path, schema, k=k.dictionary_encode() if encoded else k, x=zeros, y=zeros)
    assert records.texts == {"k": texts}
    assert records.counts.get("missing", 0) == texts.count(None)


@pytest.mark.parametrize(
    "values", [[True, False, None, True], [1, 0, None, 1], ["Yes", "n", None, "T"]]
)
def test_truth_values_may_have_several_types(tmp_path: Path, values: list[object]) -> None:
    schema = RecordSchema(features={"on": BooleanField()}, target="y")
    records = read(tmp_path, schema, on=pa.array(values))
    np.testing.assert_array_equal(records.numbers["on"], [1, 0, np.nan, 1])


def test_what_is_no_truth_value_is_a_reject_with_the_row_as_json(tmp_path: Path) -> None:
    schema = RecordSchema(features={"on": BooleanField()}, target="y")
    records = read(
        tmp_path, schema, on=pa.array([1, 2]), y=pa.array([0.5, None]), z=pa.array([1, 2])
    )
    assert [(r.position, r.reason, r.where, r.original) for r in records.rejects] == [
        (1, "wrong_type", "on", b'{"on":2,"y":null}')
    ]
    assert records.original(0) == b'{"on":1,"y":0.5}'


MOMENT = dt.datetime(1969, 12, 31, 23, 59, 58, tzinfo=dt.UTC)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Prague"])
def test_timestamps_become_microseconds(tmp_path: Path, unit: str, zone: str | None) -> None:
    schema = XY.model_copy(update={"time": TimeField(column="at")})
    at = pa.array([MOMENT, None]).cast(pa.timestamp(unit, zone))
    records = read(tmp_path, schema, at=at, x=pa.array([0.0, 0.0]))
    assert records.times_us is not None
    assert records.times_us.tolist() == [-2_000_000, MISSING_TIME]
    assert records.original(0).startswith(b'{"at":-2')


def test_nanoseconds_are_rounded_down(tmp_path: Path) -> None:
    schema = XY.model_copy(update={"time": TimeField(column="at")})
    at = pa.array([1999, -1]).cast(pa.timestamp("ns"))
    records = read(tmp_path, schema, at=at, x=pa.array([0.0, 0.0]))
    assert records.times_us is not None
    assert records.times_us.tolist() == [1, -1]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_are_times(tmp_path: Path, kind: pa.DataType) -> None:
    schema = XY.model_copy(update={"time": TimeField(column="at")})
    at = pa.array([dt.date(1970, 1, 2), None]).cast(kind)
    records = read(tmp_path, schema, at=at, x=pa.array([0.0, 0.0]))
    assert records.times_us is not None
    assert records.times_us.tolist() == [86_400_000_000, MISSING_TIME]


@pytest.mark.parametrize("values", [["1.5", None, "x"], [1.5, float("nan"), 1e300]])
def test_unix_times_may_be_texts_or_numbers(tmp_path: Path, values: list[object]) -> None:
    field = TimeField(column="at", format=TimeFormat.UNIX_S)
    schema = XY.model_copy(update={"time": field})
    records = read(tmp_path, schema, at=pa.array(values), x=pa.array([0.0] * 3))
    assert records.times_us is not None
    assert records.times_us.tolist() == [1_500_000, MISSING_TIME]
    assert [(r.position, r.reason, r.where) for r in records.rejects] == [(2, "bad_time", "at")]


def test_a_timestamp_beyond_the_year_9999_is_bad(tmp_path: Path) -> None:
    schema = XY.model_copy(update={"time": TimeField(column="at")})
    at = pa.array([2**62, -(2**62), 0]).cast(pa.timestamp("ms"))
    records = read(tmp_path, schema, at=at, x=pa.array([0.0] * 3))
    assert [r.reason for r in records.rejects] == ["bad_time", "bad_time"]


def test_broken_text_is_a_reject(tmp_path: Path) -> None:
    broken = pa.array([b"a", b"\xff", None], pa.binary()).view(pa.string())
    schema = RecordSchema(features={"k": CategoricalField()}, target="y")
    records = read(tmp_path, schema, k=broken)
    assert records.texts == {"k": ["a", None]}
    assert [(r.position, r.reason, r.where, r.original) for r in records.rejects] == [
        (1, "not_utf8", "k", rb'{"k":"\\xff","y":null}')
    ]


@pytest.mark.parametrize(
    ("schema", "columns", "message"),
    [
        (XY, {"x": ["1"]}, "column 'x' of .* has type string and cannot be a number"),
        (XY, {"x": [True]}, "has type bool and cannot be a number"),
        (XY, {"x": [[1.0]]}, "cannot be a number"),
        (XY.model_copy(update={"key": "k"}), {"x": [1], "k": [b"a"]}, "'k' .* cannot be a text"),
        (XY.model_copy(update={"key": "k"}), {"x": [1], "k": [Decimal("1.5")]}, "cannot be a text"),
        (
            XY.model_copy(update={"time": TimeField(column="x")}),
            {"x": [1]},
            "'x' .* has type int64 and cannot be a time",
        ),
        (XY, {"xx": [1]}, "has no column 'x'; did you mean 'xx'"),
    ],
)
def test_a_column_that_cannot_be_used_is_an_error_at_once(
    tmp_path: Path, schema: RecordSchema, columns: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read(tmp_path, schema, **{name: pa.array(values) for name, values in columns.items()})


def test_a_file_without_rows_has_no_records(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"x": pa.array([], pa.int64()), "y": pa.array([], pa.int64())}), tmp_path / "a"
    )
    source = ParquetSource(tmp_path / "a", XY)
    assert source.poll(1) is None
    source.close()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x,y\n1,2\n" * 9, b"PAR1" + bytes(99) + b"PAR1"])
def test_what_is_no_parquet_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(SourceError, match=r"cannot open .*a\.parquet as Parquet"):
        ParquetSource(tmp_path / "a.parquet", XY)


def test_row_groups_before_a_damaged_one_come_and_then_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = pa.array(np.random.default_rng(1).random(3000))
    pq.write_table(pa.table({"x": numbers, "y": numbers}), path, row_group_size=1000)
    with pq.ParquetFile(path) as file:
        start = file.metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(data)
    source = ParquetSource(path, XY)
    records = source.poll(5000)
    assert records is not None
    assert records.numbers["x"].tolist() == numbers[:1000].to_pylist()
    with pytest.raises(SourceError, match=r"damaged: .*; the 1000 records before can be read"):
        source.poll(5000)
    source.close()


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        ParquetSource(tmp_path / "a.parquet", XY)


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    table = pa.table([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], names=["x", "y", "x"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="names column 'x' 2 times"):
        ParquetSource(tmp_path / "a.parquet", XY)
    with pytest.raises(SourceError, match=r"a\.parquet as Parquet.*\"x\" exists 2 times"):
        read_sample(tmp_path / "a.parquet", 10)
