"""Records of CSV files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.csv_block import CSVBlock, CSVDecoder
from streamadapt.connectors.csv_dialect import USUAL, CSVDialect
from streamadapt.connectors.csv_records import record_ends, split_cells
from streamadapt.connectors.file_source import FileSource, check_columns
from streamadapt.connectors.line_blocks import LineBlock, read_line_blocks
from streamadapt.connectors.line_rewrites import Read, rewritten
from streamadapt.errors import BadRecordError, ParameterError, SourceError
from streamadapt.events import CategoricalField, RecordSchema

__all__ = ["CSVSource", "check_names", "csv_lines"]


class CSVSource(FileSource):
    r"""Reads a CSV file, plain or compressed by gzip or Zstandard.

    Numbers are decimal with an optional exponent; ``nan`` counts as NaN, not as missing, and
    ``inf`` is kept.  Blanks (spaces, tabs) may stand around numbers, truth values and times;
    texts are kept as they are.  Whether a cell is quoted makes no difference to its meaning.
    Empty lines are no records.

    Rejects: ``malformed`` (number of cells, quotes, NUL), ``not_utf8``, ``too_long`` (16 MiB),
    ``wrong_type``, ``bad_time``.

    Parameters
    ----------
    path
        The file.
    schema
        Which columns to decode.
    dialect
        How the file is written, if not as usual.

    Raises
    ------
    SourceError
        If the file cannot be opened, lacks a column, or names one twice.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("x,y,z\n1,2,a\n1_0,3,b\nNA,4,c\n")
    >>> source = CSVSource(path, RecordSchema(features={"x": NumericField()}, target="y"))
    >>> records = source.poll(10)
    >>> records.numbers["y"].tolist(), [(r.position, r.where) for r in records.rejects]
    ([2.0, 4.0], [(1, 'x')])
    >>> source.close()
    """

    def __init__(self, path: str | Path, schema: RecordSchema, dialect: CSVDialect = USUAL) -> None:
        self.dialect = dialect
        check_names(schema, {*dialect.na_values, ""})
        super().__init__(path, schema)

    def _enter(self, position: int) -> tuple[ByteStream, int, Iterator[CSVBlock]]:
        stream = ByteStream(self.path)
        try:
            return stream, 0, self._blocks_after_header(stream)
        except SourceError:
            stream.close()
            raise

    def _blocks_after_header(self, stream: ByteStream) -> Iterator[CSVBlock]:
        names, blocks = csv_lines(self.path, stream.read, self.dialect)
        if not names:
            return iter(())
        check_columns(self.path, self.schema, names)
        decoder = CSVDecoder(self.schema, names, self.dialect)
        return (CSVBlock(lines, decoder) for lines in blocks)


def check_names(schema: RecordSchema, na_values: set[str]) -> None:
    """Raise if a class or category is written like a missing value: it would never be seen."""
    fields = [spec for spec in schema.features.values() if isinstance(spec, CategoricalField)]
    names = {*schema.classes, *(value for spec in fields for value in spec.values)}
    if clash := sorted(names & na_values):
        raise ParameterError(
            f"{clash[0]!r} is the name of a class or category, but in CSV it stands for a missing "
            "value: rename it"
        )


def csv_lines(path: Path, read: Read, dialect: CSVDialect) -> tuple[list[str], Iterator[LineBlock]]:
    """Return the names of the columns, and the records after the header; no names: no records.

    Raises
    ------
    SourceError
        If the header is none, or there are two columns of the same name.
    """
    ends = partial(record_ends, delimiter=dialect.cell_delimiter, quote=dialect.cell_quote)
    blocks = read_line_blocks(rewritten(read, dialect), ends)
    first = next((block for block in blocks if len(block)), None)
    if first is None:
        return list(dialect.names), iter(())
    cells = None if dialect.names and not dialect.header else _first_cells(path, first, dialect)
    if dialect.names:
        names = list(dialect.names)
    elif dialect.header:
        names = cells or []
    else:
        names = [f"c{i + 1}" for i in range(len(cells or ()))]
    for name, n in Counter(names).items():
        if n > 1:
            raise SourceError(f"the header of {path} names column {name!r} {n} times")
    if not dialect.header:
        return names, chain([first], blocks)
    rest = [first.part(1, len(first))] if len(first) > 1 else []
    return names, chain(rest, blocks)


def _first_cells(path: Path, block: LineBlock, dialect: CSVDialect) -> list[str]:
    what = "header" if dialect.header else "row of cells"
    if block.too_long_bytes:
        raise SourceError(f"the first line of {path} is too long to be a {what}")
    try:
        return split_cells(block.line(0).decode(), dialect.cell_delimiter, dialect.cell_quote)
    except (UnicodeDecodeError, BadRecordError) as error:
        raise SourceError(f"the first line of {path} is no {what}: {error}") from error
