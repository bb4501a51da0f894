"""The first records of a file, before there is a schema: columns of whatever stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.connectors import SUPPORTED, ARFFSource, CSVDialect, CSVSource
from streamadapt.connectors.arff_source import read_arff_header
from streamadapt.connectors.byte_stream import ByteStream, explain_missing
from streamadapt.connectors.csv_source import csv_lines
from streamadapt.connectors.decode import CellError, number_from_text
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.files import format_of
from streamadapt.connectors.line_blocks import read_line_blocks
from streamadapt.connectors.many_files import files_of, is_many
from streamadapt.connectors.river_source import is_river, river_rows
from streamadapt.connectors.svmlight_source import LABEL_COLUMN, svmlight_cells
from streamadapt.errors import BadRecordError, SourceError
from streamadapt.events import CategoricalField, RecordSchema
from streamadapt.sniffing import sniffed

__all__ = ["Sample", "read_sample", "sniffed_file"]

_SNIFFED_BYTES = 1 << 16

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of equal length; missing values are None.

    ``is_typed`` tells whether the file itself tells numbers from texts; CSV does not.
    ``dialect`` is how a CSV file seems to be written.
    """

    columns: Columns
    is_typed: bool
    dialect: CSVDialect | None = None


def read_sample(path: Path, n_records: int) -> Sample:
    """Read up to `n_records` from the start of a stream; records that are none are left out.

    Of a folder or pattern only the first file is read.

    Raises
    ------
    SourceError
        If the format is not known, or the file cannot be opened, or holds no record.
    """
    dialect = None
    if is_river(path):
        columns, kind = _by_name(islice(river_rows(str(path)), n_records)), "river"
    else:
        file = files_of(path, SUPPORTED)[0] if is_many(path) else path
        kind = format_of(file)
        if kind == "csv":
            dialect = sniffed_file(file)
            columns = _csv(file, n_records, dialect)
        else:
            columns = _READERS[kind](file, n_records)
    if not any(columns.values()):
        raise SourceError(f"{path} holds no records")
    return Sample(columns, kind in ("jsonl", "parquet", "river"), dialect)


def sniffed_file(path: Path) -> CSVDialect:
    """Return how a CSV file seems to be written."""
    with closing(ByteStream(path)) as stream:
        return sniffed(stream.read(_SNIFFED_BYTES))


def _csv(path: Path, n_records: int, dialect: CSVDialect) -> Columns:
    with closing(ByteStream(path)) as stream:
        names, _ = csv_lines(path, stream.read, dialect)
    names = [name for name in names if name]

    def opened(schema: RecordSchema) -> FileSource:
        return CSVSource(path, schema, dialect)

    columns = _texts(names, opened, n_records)
    if dialect.decimal == ".":
        return columns
    return {name: list(map(_with_point, values)) for name, values in columns.items()}


def _with_point(cell: str | None) -> str | None:
    """Return a number with a decimal comma as one with a point, and anything else as it is."""
    if cell is None or "," not in cell or "." in cell:
        return cell
    try:
        number_from_text(number := cell.replace(",", "."))
    except CellError:
        return cell
    return number


def _arff(path: Path, n_records: int) -> Columns:
    with closing(ByteStream(path)) as stream:
        header, _ = read_arff_header(path, stream)
    return _texts(list(header.values), lambda schema: ARFFSource(path, schema), n_records)


def _texts(
    names: list[str], opened: Callable[[RecordSchema], FileSource], n_records: int
) -> Columns:
    """Read all columns as texts."""
    if not names:
        return {}
    texts = dict.fromkeys(names, CategoricalField())
    schema = RecordSchema(features=texts, target=names[0], classes=("any",))  # so: a text as well
    columns: Columns = {name: [] for name in names}
    with closing(opened(schema)) as source:
        while source.position() < n_records:
            records = source.poll(n_records - source.position())
            if records is None:
                break
            for name, values in columns.items():
                values += records.texts[name]
    return columns


def _svmlight(path: Path, n_records: int) -> Columns:
    rows: list[dict[bytes, bytes]] = []
    with closing(ByteStream(path)) as stream:
        for line in islice(_lines(stream), n_records):
            try:
                rows.append(svmlight_cells(line))
            except BadRecordError:
                continue
    numbers = sorted({int(name) for row in rows for name in row if name.isdigit()})
    names = [LABEL_COLUMN, *map(str, numbers)] if rows else []
    return {
        name: [row.get(name.encode(), b"0").decode("utf-8", "replace") for row in rows]
        for name in names
    }


def _lines(stream: ByteStream) -> Iterator[bytes]:
    for block in read_line_blocks(stream.read):
        yield from (line for line in block.all_lines() if line.partition(b"#")[0].strip())


def _jsonl(path: Path, n_records: int) -> Columns:
    with closing(ByteStream(path)) as stream:
        return _by_name(islice(_objects(stream), n_records))


def _by_name(objects: Iterator[dict[str, Any]]) -> Columns:
    rows = list(objects)
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
    except (OSError, KeyError, pa.ArrowException) as error:  # KeyError: two of one name
        raise SourceError(f"cannot read {path} as Parquet: {error}") from error


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column.to_pylist()  # type: ignore[no-any-return]


_READERS: dict[str, Callable[[Path, int], Columns]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "arff": _arff,
    "svmlight": _svmlight,
}
