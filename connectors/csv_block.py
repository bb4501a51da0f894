"""Blocks of CSV records into columns: at once by Arrow, or row by row what is not all right.

Both ways accept the same rows and give the same bits.  Arrow is only asked about records in which
its reading and ours cannot differ: tidy quotes, no NUL, valid UTF-8, no carriage return but before
a line feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv

from streamadapt.connectors.csv_check_kernels import NUMBER, TEXT, surely_right
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.csv_records import split_cells
from streamadapt.connectors.decode import BLANKS, CellError, boolean, number_from_text
from streamadapt.connectors.decoded import BlockBuilder, DecodedBlock, merged
from streamadapt.connectors.line_blocks import BOM, LineBlock
from streamadapt.connectors.times import time_us
from streamadapt.contracts import BoolArray, IntArray
from streamadapt.errors import BadRecordError
from streamadapt.events import RecordSchema, Reject

__all__ = ["CSVBlock", "CSVDecoder"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CSVBlock:
    """Lines and how to decode them."""

    lines: LineBlock
    decoder: CSVDecoder

    def __len__(self) -> int:
        return len(self.lines)

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield the block, with the position after it."""
        yield first + len(self.lines), self.decoder.decode(self.lines, first)


class CSVDecoder:
    """Decodes the records of one CSV file.

    Parameters
    ----------
    schema
        Which columns to decode.
    columns
        Names of all columns of the file.
    dialect
        How the file is written.
    """

    def __init__(self, schema: RecordSchema, columns: Sequence[str], dialect: CSVDialect) -> None:
        self._schema = schema
        self._columns = {name: place for place, name in enumerate(columns)}
        self._delimiter, self._quote = dialect.cell_delimiter, dialect.cell_quote
        self._decimal = dialect.decimal
        self._na = frozenset((*dialect.na_values, ""))
        self._time = () if schema.time is None else (schema.time.column,)
        self._prepare_arrow(sorted(self._na))
        kinds = [NUMBER if name in schema.number_columns() else TEXT for name in columns]
        self._kinds = np.array(kinds, np.int64)
        quote = ord(self._quote) if self._quote else -1
        self._marks = ord(self._delimiter), quote, ord(self._decimal)
        self._words = tuple(word.encode() for word in sorted(self._na))

    def _prepare_arrow(self, na_values: list[str]) -> None:
        numbers = self._schema.number_columns()
        cells = (*self._schema.boolean_columns(), *self._schema.text_columns(), *self._time)
        # A column that is a number and something else is read twice.
        once = dict.fromkeys(cells, pa.string()) | dict.fromkeys(numbers, pa.float64())
        again = {name: pa.string() for name in cells if name in numbers}
        self._conversions = [
            pa.csv.ConvertOptions(
                column_types={str(self._columns[name]): kind for name, kind in types.items()},
                include_columns=[str(self._columns[name]) for name in types],
                null_values=na_values,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                check_utf8=False,  # the whole block has been checked
                decimal_point=self._decimal,
            )
            for types in (once, again)
            if types
        ]
        self._parsing = pa.csv.ParseOptions(
            delimiter=self._delimiter,
            quote_char=self._quote or False,
            newlines_in_values=True,
            ignore_empty_lines=True,
        )
        self._names = [str(place) for place in range(len(self._columns))]

    def decode(self, lines: LineBlock, first: int) -> DecodedBlock:
        """Decode records of which the first has position `first`."""
        return (
            self.decode_at_once(lines, first)
            or self.decode_mostly_at_once(lines, first)
            or self.decode_rows(lines, first, np.arange(len(lines)))
        )

    def decode_at_once(self, lines: LineBlock, first: int) -> DecodedBlock | None:
        """Decode by Arrow; None if a row must be looked at alone."""
        if not _is_plain(lines):
            return None
        return self._decode_by_arrow(lines, first)

    def decode_mostly_at_once(self, lines: LineBlock, first: int) -> DecodedBlock | None:
        """Decode by Arrow all records that are surely right, the others row by row.

        None if Arrow does not take what is surely right.
        """
        if lines.too_long_bytes:
            return None
        bounds = lines.starts, lines.stops
        is_right = surely_right(lines.data, *bounds, self._kinds, self._marks, self._words)
        is_right &= ~_not_utf8(lines)
        places = np.flatnonzero(is_right)
        by_arrow = self._decode_by_arrow(lines.chosen(is_right), 0)
        if by_arrow is None:
            return None
        by_arrow = by_arrow.moved(first + places, places, lines.line)
        return merged(by_arrow, self.decode_rows(lines, first, np.flatnonzero(~is_right)))

    def _decode_by_arrow(self, lines: LineBlock, first: int) -> DecodedBlock | None:
        if not len(lines):
            return self.decode_rows(lines, first, np.zeros(0, np.int64))
        try:
            tables = [self._read(lines.data, conversion) for conversion in self._conversions]
        except pa.ArrowInvalid:
            return None
        if any(table.num_rows != len(lines) for table in tables):
            return None
        builder = BlockBuilder(len(lines))
        numbers = tables[0]
        for name in self._schema.number_columns():
            column = numbers.column(str(self._columns[name]))
            values, is_missing = column.to_numpy(), column.is_null().to_numpy()
            if b"(" in lines.data and (np.isnan(values) & ~is_missing).any():
                return None  # Arrow takes nan(...) for a number
            builder.add_numbers(name, values, is_missing)
        self._add_others(builder, lambda name: self._texts(tables, name))
        places = np.arange(len(lines))
        return builder.finish(first + places, places, lines.line)

    def _texts(self, tables: list[pa.Table], name: str) -> list[str | None]:
        column = str(self._columns[name])
        table = next(t for t in reversed(tables) if column in t.column_names)
        return table.column(column).to_pylist()  # type: ignore[no-any-return]

    def _read(self, data: bytes, conversion: pa.csv.ConvertOptions) -> pa.Table:
        # One block, so that Arrow need not find out where rows end.
        reading = pa.csv.ReadOptions(
            column_names=self._names, use_threads=False, block_size=len(data) + 1
        )
        return pa.csv.read_csv(pa.py_buffer(data), reading, self._parsing, conversion)

    def decode_rows(self, lines: LineBlock, first: int, chosen: IntArray) -> DecodedBlock:
        """Decode some rows one by one, with the exact reason for each that is unusable."""
        rows: list[list[str]] = []
        places: list[int] = []
        rejects: list[Reject] = []
        if lines.too_long_bytes:
            rejects.append(lines.too_long(first))
        for place in [] if lines.too_long_bytes else chosen.tolist():
            line = lines.line(place)
            try:
                rows.append(self._cells(line))
                places.append(place)
            except RowError as error:
                rejects.append(Reject(first + place, error.reason, str(error), line))
        builder = BlockBuilder(len(rows))

        def cells(name: str) -> list[str | None]:
            column = self._columns[name]
            return [None if row[column] in self._na else row[column] for row in rows]

        for name in self._schema.number_columns():
            builder.convert_numbers(name, cells(name), self._or_missing(self._number))
        self._add_others(builder, cells)
        where = np.array(places, np.int64)
        return builder.finish(first + where, where, lines.line, rejects)

    def _number(self, cell: str) -> float:
        if self._decimal == ".":
            return number_from_text(cell)
        if "." in cell:
            raise CellError("wrong_type")
        return number_from_text(cell.replace(self._decimal, "."))

    def _cells(self, line: bytes) -> list[str]:
        if 0 in line:
            raise RowError("malformed", f"NUL at byte {line.index(0)}")
        try:
            cells = split_cells(line.decode(), self._delimiter, self._quote)
        except UnicodeDecodeError as error:
            raise RowError("not_utf8", f"byte {error.start}") from None
        except BadRecordError as error:
            raise RowError("malformed", str(error)) from None
        if len(cells) != len(self._columns):
            raise RowError("malformed", f"expected {len(self._columns)} cells, found {len(cells)}")
        return cells

    def _add_others(self, builder: BlockBuilder, cells: Callable[[str], list[str | None]]) -> None:
        """Add truth values, texts and times, from cells of which missing ones are None."""
        for name in self._schema.boolean_columns():
            builder.convert_numbers(name, cells(name), self._or_missing(boolean))
        for name in self._schema.text_columns():
            builder.add_texts(name, cells(name))
        if (time := self._schema.time) is not None:
            convert = partial(time_us, time_format=time.format)
            builder.convert_times(time, cells(time.column), self._or_missing(convert))

    def _or_missing(self, convert: Callable[[str], T | None]) -> Callable[[str], T | None]:
        """Return `convert`, but with None for what means "missing" with blanks around it."""

        def converted(cell: str) -> T | None:
            try:
                return convert(cell)
            except CellError:
                if cell.strip(BLANKS) in self._na:
                    return None
                raise

        return converted


class RowError(BadRecordError):
    """A line is no row; its text says where."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(where)
        self.reason = reason


def _is_plain(lines: LineBlock) -> bool:
    data = lines.data
    if not lines.is_tidy or lines.too_long_bytes or b"\0" in data or data.startswith(BOM):
        return False
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    return _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8(lines: LineBlock) -> BoolArray:
    """Return bool [n]: which records are no UTF-8."""
    is_bad = np.zeros(len(lines), np.bool_)
    if _is_utf8(lines.data):
        return is_bad
    high = np.flatnonzero(np.frombuffer(lines.data, np.int8) < 0)
    for place in np.unique(np.searchsorted(lines.starts, high, "right") - 1).tolist():
        is_bad[place] = not _is_utf8(lines.line(place))
    return is_bad
