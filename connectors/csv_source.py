"""Records of CSV files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.csv_block import CSVBlock, CSVDecoder
from streamadapt.connectors.csv_records import record_ends, split_cells
from streamadapt.connectors.file_source import FileSource, check_columns
from streamadapt.connectors.line_blocks import LineBlock, read_line_blocks
from streamadapt.errors import BadRecordError, ParameterError, SourceError
from streamadapt.events import CategoricalField, RecordSchema

__all__ = ["NA_VALUES", "CSVSource"]

NA_VALUES = ("", "NA", "N/A", "null", "NULL", "None", "?")
"""Cells that mean "missing"; the empty cell always does."""


class CSVSource(FileSource):
    r"""Reads a CSV file with a header line, plain or compressed by gzip or Zstandard.

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
    delimiter
        One ASCII character between cells.
    na_values
        Cells that mean "missing".

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

    def __init__(
        self,
        path: str | Path,
        schema: RecordSchema,
        delimiter: str = ",",
        na_values: Sequence[str] = NA_VALUES,
    ) -> None:
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
            raise ParameterError(f"delimiter = {delimiter!r} is not one ASCII character")
        self.delimiter = delimiter
        self.na_values = tuple(na_values)
        _check_names(schema, {*self.na_values, ""})
        super().__init__(path, schema)

    def _enter(self, position: int) -> tuple[ByteStream, int, Iterator[CSVBlock]]:
        stream = ByteStream(self.path)
        try:
            return stream, 0, self._blocks_after_header(stream)
        except SourceError:
            stream.close()
            raise

    def _blocks_after_header(self, stream: ByteStream) -> Iterator[CSVBlock]:
        blocks = read_line_blocks(stream.read, partial(record_ends, delimiter=self.delimiter))
        first = next((block for block in blocks if len(block)), None)
        if first is None:
            return iter(())
        columns = self._header(first)
        check_columns(self.path, self.schema, columns)
        decoder = CSVDecoder(self.schema, columns, self.delimiter, (*self.na_values, ""))
        rest = [first.part(1, len(first))] if len(first) > 1 else []
        return (CSVBlock(lines, decoder) for lines in chain(rest, blocks))

    def _header(self, block: LineBlock) -> list[str]:
        if block.too_long_bytes:
            raise SourceError(f"the first line of {self.path} is too long to be a header")
        try:
            columns = split_cells(block.line(0).decode(), self.delimiter)
        except (UnicodeDecodeError, BadRecordError) as error:
            raise SourceError(f"the first line of {self.path} is no header: {error}") from error
        for name, n in Counter(columns).items():
            if n > 1:
                raise SourceError(f"the header of {self.path} names column {name!r} {n} times")
        return columns


def _check_names(schema: RecordSchema, na_values: set[str]) -> None:
    """Raise if a class or category is written like a missing value: it would never be seen."""
    fields = [spec for spec in schema.features.values() if isinstance(spec, CategoricalField)]
    names = {*schema.classes, *(value for spec in fields for value in spec.values)}
    if clash := sorted(names & na_values):
        raise ParameterError(
            f"{clash[0]!r} is the name of a class or category, but in CSV it stands for a missing "
            "value: rename it"
        )
