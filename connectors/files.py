"""Opening a file as a source, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.json_codec import ReadMessage
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.errors import SourceError
from streamadapt.events import RecordSchema

__all__ = ["SUPPORTED", "FileFormat", "open_source"]

FileFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]

_FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.zst": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".jsonl.zst": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".ndjson.zst": "jsonl",
    ".parquet": "parquet",
}
_SOURCES: dict[FileFormat, type[FileSource]] = {
    "csv": CSVSource,
    "jsonl": JSONLSource,
    "parquet": ParquetSource,
}

SUPPORTED = tuple(_FORMATS)
"""Endings of file names whose format is known."""


def open_source(
    path: str | Path,
    schema: RecordSchema,
    format: FileFormat | None = None,
    read: ReadMessage | None = None,
) -> FileSource:
    """Open a file of records.

    Parameters
    ----------
    path
        The file.
    schema
        Which columns to decode.
    format
        By default what the name's ending says, in any case, see `SUPPORTED`.
    read
        For files of lines in a format of your own, whatever their name: returns the object in a
        line, see `JSONCodec`.

    Raises
    ------
    SourceError
        If the format is not known, or the file cannot be opened.

    Examples
    --------
    >>> from streamadapt.events import RecordSchema
    >>> open_source("a.xlsx", RecordSchema(features={}, target="y"))
    Traceback (most recent call last):
        ...
    streamadapt.errors.SourceError: a.xlsx: the name does not tell the format; name it, or use \
one of .csv, .csv.gz, .csv.zst, .jsonl, .jsonl.gz, .jsonl.zst, .ndjson, .ndjson.gz, .ndjson.zst, \
.parquet
    """
    if read is not None:
        return JSONLSource(path, schema, read)
    name = Path(path).name.lower()
    found = format or next((f for end, f in _FORMATS.items() if name.endswith(end)), None)
    if found not in _SOURCES:
        problem = f"no format {format!r}" if format else "the name does not tell the format"
        raise SourceError(f"{path}: {problem}; name it, or use one of {', '.join(SUPPORTED)}")
    return _SOURCES[found](path, schema)
