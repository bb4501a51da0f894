"""Opening files as a source, by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from streamadapt.connectors.arff_source import ARFFSource
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.json_codec import ReadMessage
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.connectors.many_files import FilesSource, files_of, is_many
from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.connectors.river_source import RiverSource, is_river
from streamadapt.connectors.svmlight_source import SvmlightSource
from streamadapt.errors import SourceError
from streamadapt.events import RecordSchema

__all__ = ["SUPPORTED", "FileFormat", "format_of", "open_source", "usual_dialect"]

FileFormat: TypeAlias = Literal["csv", "jsonl", "parquet", "arff", "svmlight"]

_TEXTS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arff": "arff",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
}
_FORMATS: dict[str, FileFormat] = {
    **{end + packed: kind for end, kind in _TEXTS.items() for packed in ("", ".gz", ".zst")},
    ".parquet": "parquet",
}
_SOURCES: dict[FileFormat, type[FileSource]] = {
    "csv": CSVSource,
    "jsonl": JSONLSource,
    "parquet": ParquetSource,
    "arff": ARFFSource,
    "svmlight": SvmlightSource,
}

SUPPORTED = tuple(_FORMATS)
"""Endings of file names whose format is known."""


def tells_format(path: str | Path) -> bool:
    """Whether a file's name tells how it is written; of a folder, pattern or data set: yes.

    >>> tells_format("a.csv.gz"), tells_format("-"), tells_format("a.log")
    (True, False, False)
    """
    path = Path(path)
    return is_river(path) or is_many(path) or _told_format(path) is not None


def _told_format(path: Path) -> FileFormat | None:
    name = path.name.lower()
    return next((f for end, f in _FORMATS.items() if name.endswith(end)), None)


def format_of(path: str | Path, format: FileFormat | None = None) -> FileFormat:
    """Return the format that is given, or that the name's ending tells, in any case.

    Raises
    ------
    SourceError
        If there is none, or it is not known.
    """
    found = format or _told_format(Path(path))
    if found not in _SOURCES:
        problem = f"no format {format!r}" if format else "the name does not tell the format"
        raise SourceError(f"{path}: {problem}; name it, or use one of {', '.join(SUPPORTED)}")
    return found


def open_source(
    path: str | Path,
    schema: RecordSchema,
    format: FileFormat | None = None,
    read: ReadMessage | None = None,
    dialect: CSVDialect | None = None,
) -> FileSource | FilesSource:
    """Open a file of records, or several as one stream.

    Parameters
    ----------
    path
        The file; or a folder or a pattern (``data/*.csv``), whose files are read by name; or
        ``-`` for standard input, which can be read once; or ``river:NAME`` for a data set of
        River.
    schema
        Which columns to decode.
    format
        By default what the name's ending says, in any case, see `SUPPORTED`.
    read
        For files of lines in a format of your own, whatever their name: returns the object in a
        line, see `JSONCodec`.
    dialect
        How CSV files are written; by default with commas, in ``.tsv`` files with tabs.

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
one of .csv, .csv.gz, .csv.zst, .tsv, .tsv.gz, .tsv.zst, .jsonl, .jsonl.gz, .jsonl.zst, .ndjson, \
.ndjson.gz, .ndjson.zst, .arff, .arff.gz, .arff.zst, .svmlight, .svmlight.gz, .svmlight.zst, \
.libsvm, .libsvm.gz, .libsvm.zst, .parquet
    """
    path = Path(path)
    if is_river(path):
        return RiverSource(path, schema)

    def open_file(file: Path, schema: RecordSchema) -> FileSource:
        if read is not None:
            return JSONLSource(file, schema, read)
        kind = format_of(file, format)
        if kind == "csv":
            return CSVSource(file, schema, dialect or usual_dialect(file))
        return _SOURCES[kind](file, schema)

    if is_many(path):
        names_tell = format is None and read is None
        return FilesSource(
            path, files_of(path, SUPPORTED if names_tell else ("",)), schema, open_file
        )
    return open_file(path, schema)


def usual_dialect(path: Path) -> CSVDialect:
    """Return what CSV files of such a name have between cells: tabs in ``.tsv``, else commas."""
    return CSVDialect(delimiter="\t" if ".tsv" in path.name.lower() else ",")
