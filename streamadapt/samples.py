"""The first records of a file, before there is a schema: columns of whatever stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.connectors import SUPPORTED, CSVSource
from streamadapt.connectors.byte_stream import ByteStream, explain_missing
from streamadapt.connectors.csv_records import record_ends, split_cells
from streamadapt.connectors.line_blocks import read_line_blocks
from streamadapt.errors import BadRecordError, SourceError
from streamadapt.events import CategoricalField, RecordSchema

__all__ = ["Sample", "read_sample"]

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of equal length; missing values are None.

    ``is_typed`` tells whether the file itself tells numbers from texts; CSV does not.
    """

    columns: Columns
    is_typed: bool


def read_sample(path: Path, n_records: int) -> Sample:
    """Read up to `n_records` from the start of a file; records that are none are left out.

    Raises
    ------
    SourceError
        If the format is not known, or the file cannot be opened, or holds no record.
    """
    end = next((end for end in SUPPORTED if path.name.lower().endswith(end)), None)
    if end is None:
        known = ", ".join(SUPPORTED)
        raise SourceError(f"{path}: the name does not tell the format; use one of {known}")
    kind = end.split(".")[1]
    columns = _READERS[kind](path, n_records)
    if not any(columns.values()):
        raise SourceError(f"{path} holds no records")
    return Sample(columns, is_typed=kind != "csv")


def _csv(path: Path, n_records: int) -> Columns:
    names = [name for name in _header(path) if name]
    if not names:
        return {}
    texts = dict.fromkeys(names, CategoricalField())
    schema = RecordSchema(features=texts, target=names[0], classes=("any",))  # so: a text as well
    columns: Columns = {name: [] for name in names}
    with closing(CSVSource(path, schema)) as source:
        while source.position() < n_records:
            records = source.poll(n_records - source.position())
            if records is None:
                break
            for name, values in columns.items():
                values += records.texts[name]
    return columns


def _header(path: Path) -> list[str]:
    with closing(ByteStream(path)) as stream:
        blocks = read_line_blocks(stream.read, partial(record_ends, delimiter=","))
        first = next((block.line(0) for block in blocks if len(block)), b"")
    try:
        return split_cells(first.decode(), ",")
    except (UnicodeDecodeError, BadRecordError) as error:
        raise SourceError(f"the first line of {path} is no header: {error}") from error


def _jsonl(path: Path, n_records: int) -> Columns:
    with closing(ByteStream(path)) as stream:
        rows = list(islice(_objects(stream), n_records))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _objects(stream: ByteStream) -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    for block in read_line_blocks(stream.read):
        for line in block.all_lines():
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue


def _parquet(path: Path, n_records: int) -> Columns:
    try:
        with pq.ParquetFile(path) as file:
            batches = file.iter_batches(min(n_records, 10_000), use_threads=False)
            taken = list(islice(batches, -(-n_records // 10_000)))
            table = pa.Table.from_batches(taken, file.schema_arrow).slice(0, n_records)
            return {name: _values(table.column(name)) for name in file.schema_arrow.names}
    except FileNotFoundError:
        raise SourceError(explain_missing(path)) from None
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"cannot read {path} as Parquet: {error}") from error


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column.to_pylist()  # type: ignore[no-any-return]


_READERS: dict[str, Callable[[Path, int], Columns]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "ndjson": _jsonl,
    "parquet": _parquet,
}
