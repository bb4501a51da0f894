"""Batches of Parquet rows into columns by a schema."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from streamadapt.connectors.decode import boolean, canonical_text
from streamadapt.connectors.decoded import BlockBuilder, DecodedBlock
from streamadapt.connectors.time_columns import scaled_times_us
from streamadapt.connectors.times import time_us
from streamadapt.contracts import IntArray
from streamadapt.errors import SourceError
from streamadapt.events import MISSING_TIME, RecordSchema, TimeField, TimeFormat

__all__ = ["ParquetBlock", "ParquetDecoder"]

_UNIT_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY_US = 86_400_000_000

IsKind = Callable[[pa.DataType], bool]


def _is_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind))


def _is_scalar(kind: pa.DataType) -> bool:
    decimal = kinds.is_decimal(kind)
    return bool(_is_text(kind) or kinds.is_boolean(kind) or (_is_number(kind) and not decimal))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(kinds.is_timestamp(kind) or kinds.is_date(kind))


def _can_be_time(time_format: TimeFormat) -> IsKind:
    if time_format is TimeFormat.ISO8601:
        return lambda kind: _is_moment(kind) or _is_text(kind)
    return lambda kind: _is_moment(kind) or (_is_scalar(kind) and not kinds.is_boolean(kind))


class ParquetDecoder:
    """Decodes batches of one Parquet file.

    Parameters
    ----------
    path
        The file's name, for errors.
    schema
        Which columns to decode.
    types
        The file's columns and their types.

    Raises
    ------
    SourceError
        If a column's type cannot be what the schema says.
    """

    def __init__(self, path: str, schema: RecordSchema, types: pa.Schema) -> None:
        self._schema = schema
        roles: list[tuple[str, IsKind, tuple[str, ...]]] = []
        roles.append(("a number", _is_number, schema.number_columns()))
        roles.append(("a truth value", _is_scalar, schema.boolean_columns()))
        roles.append(("a text", _is_scalar, schema.text_columns()))
        if schema.time is not None:
            roles.append(("a time", _can_be_time(schema.time.format), (schema.time.column,)))
        for role, fits, names in roles:
            for name in names:
                _check_type(path, role, name, fits, types.field(name).type)
        needed = frozenset(name for _, _, names in roles for name in names)
        self.columns = [name for name in types.names if name in needed]

    def decode(self, batch: pa.RecordBatch, first: int) -> DecodedBlock:
        """Decode a batch of which the first row has position `first`."""
        builder = BlockBuilder(batch.num_rows)

        def column(name: str) -> pa.Array:
            found = batch.column(name)
            return found.dictionary_decode() if kinds.is_dictionary(found.type) else found

        for name in self._schema.number_columns():
            numbers = column(name).cast(pa.float64(), safe=False)
            is_missing = numbers.is_null().to_numpy(zero_copy_only=False)
            builder.add_numbers(name, numbers.to_numpy(zero_copy_only=False), is_missing)
        for name in self._schema.boolean_columns():
            builder.convert_numbers(name, _values(builder, name, column(name)), boolean)
        for name in self._schema.text_columns():
            builder.convert_texts(name, _values(builder, name, column(name)), canonical_text)
        if (time := self._schema.time) is not None:
            _add_times(builder, time, column(time.column))
        places = np.arange(batch.num_rows)
        return builder.finish(first + places, places, partial(_row_json, batch))


@dataclass(frozen=True, slots=True)
class ParquetBlock:
    """A batch and how to decode it."""

    batch: pa.RecordBatch
    decoder: ParquetDecoder

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield the block, with the position after it."""
        yield first + len(self), self.decoder.decode(self.batch, first)


def _check_type(path: str, role: str, name: str, fits: IsKind, kind: pa.DataType) -> None:
    if not fits(kind.value_type if kinds.is_dictionary(kind) else kind):
        raise SourceError(f"column {name!r} of {path} has type {kind} and cannot be {role}")


def _values(builder: BlockBuilder, name: str, column: pa.Array) -> Sequence[object]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        values = [_text(v) for v in column.cast(pa.large_binary()).to_pylist()]
    for index in (i for i, value in enumerate(values) if isinstance(value, bytes)):
        builder.reject(index, "not_utf8", name)
    return [None if isinstance(value, bytes) else value for value in values]


def _text(value: bytes | None) -> str | bytes | None:
    """Return the text, or the bytes if they are none."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _add_times(builder: BlockBuilder, field: TimeField, column: pa.Array) -> None:
    if not _is_moment(column.type):
        missing_nan = column.is_null(nan_is_null=True).to_pylist()
        values = _values(builder, field.column, column)
        builder.convert_times(
            field,
            [None if missing else v for v, missing in zip(values, missing_nan, strict=True)],
            partial(time_us, time_format=field.format),
        )
        return
    times = _moments_us(column)
    times[column.is_null().to_numpy(zero_copy_only=False)] = MISSING_TIME
    builder.add_times(field.column, times)


def _moments_us(column: pa.Array) -> IntArray:
    """Return timestamps or dates as microseconds, rounded down; anything where null."""
    unit = "D" if kinds.is_date32(column.type) else getattr(column.type, "unit", "ms")
    if unit == "D":
        column = column.cast(pa.int32())
    units = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    if unit == "ns":
        return np.array(units // 1000)
    return scaled_times_us(units, _DAY_US if unit == "D" else _UNIT_US[unit])


def _row_json(batch: pa.RecordBatch, index: int) -> bytes:
    row = {name: _plain(batch.column(name)[index]) for name in batch.schema.names}
    return msgspec.json.encode(row)


def _plain(scalar: pa.Scalar) -> object:
    """Return a value that JSON can hold: of a time its number, of an infinity its name.

    Of broken text it is its bytes.
    """
    if kinds.is_temporal(scalar.type):
        return scalar.value
    try:
        value = scalar.as_py()
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes().decode("utf-8", "backslashreplace")
