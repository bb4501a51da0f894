"""Blocks of CSV records into columns: at once by Arrow, or row by row if a block is not all right.

Both ways accept the same rows and give the same bits.  Arrow is only asked about blocks in which
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

from streamadapt.connectors.csv_records import split_cells
from streamadapt.connectors.decode import BLANKS, CellError, boolean, number_from_text
from streamadapt.connectors.decoded import BlockBuilder, DecodedBlock
from streamadapt.connectors.line_blocks import BOM, LineBlock
from streamadapt.connectors.times import time_us
from streamadapt.errors import BadRecordError
from streamadapt.events import RecordSchema, Reject

__all__ = ["CSVBlock", "CSVDecoder"]

T = TypeVar("T")

# A block with something odd in it is tried again in so many pieces, down to so few rows.
_PIECES, _FEW_ROWS = 8, 400


@dataclass(frozen=True, slots=True)
class CSVBlock:
    """Lines and how to decode them."""

    lines: LineBlock
    decoder: CSVDecoder

    def __len__(self) -> int:
        return len(self.lines)

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield the block, or its pieces, each with the position after it."""
        n = len(self.lines)
        block = self.decoder.decode_at_once(self.lines, first)
        if block is None and n <= _FEW_ROWS:
            block = self.decoder.decode_rows(self.lines, first)
        if block is not None:
            yield first + n, block
            return
        step = -(-n // _PIECES)
        for a in range(0, n, step):
            piece = CSVBlock(self.lines.part(a, min(a + step, n)), self.decoder)
            yield from piece.decode(first + a)


class CSVDecoder:
    """Decodes the records of one CSV file.

    Parameters
    ----------
    schema
        Which columns to decode.
    columns
        Names of all columns of the file.
    delimiter
        One ASCII character.
    na_values
        Cells that mean "missing".
    """

    def __init__(
        self, schema: RecordSchema, columns: Sequence[str], delimiter: str, na_values: Sequence[str]
    ) -> None:
        self._schema = schema
        self._columns = {name: place for place, name in enumerate(columns)}
        self._delimiter = delimiter
        self._na = frozenset(na_values)
        self._time = () if schema.time is None else (schema.time.column,)
        self._prepare_arrow(sorted(self._na))

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
            )
            for types in (once, again)
            if types
        ]
        self._parsing = pa.csv.ParseOptions(
            delimiter=self._delimiter, newlines_in_values=True, ignore_empty_lines=True
        )
        self._names = [str(place) for place in range(len(self._columns))]

    def decode_at_once(self, lines: LineBlock, first: int) -> DecodedBlock | None:
        """Decode by Arrow; None if a row must be looked at alone."""
        if not _is_plain(lines):
            return None
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

    def decode_rows(self, lines: LineBlock, first: int) -> DecodedBlock:
        """Decode row by row, with the exact reason for each that is unusable."""
        rows: list[list[str]] = []
        places: list[int] = []
        rejects: list[Reject] = []
        if lines.too_long_bytes:
            rejects.append(lines.too_long(first))
        for place in range(0 if lines.too_long_bytes else len(lines)):
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
            builder.convert_numbers(name, cells(name), self._or_missing(number_from_text))
        self._add_others(builder, cells)
        where = np.array(places, np.int64)
        return builder.finish(first + where, where, lines.line, rejects)

    def _cells(self, line: bytes) -> list[str]:
        if 0 in line:
            raise RowError("malformed", f"NUL at byte {line.index(0)}")
        try:
            cells = split_cells(line.decode(), self._delimiter)
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
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
