"""Records of svmlight (libsvm) files: ``<label> 1:0.5 7:-2 # comment``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.csv_block import CSVDecoder
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.decoded import DecodedBlock, merged
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.line_blocks import LineBlock, read_line_blocks
from streamadapt.errors import BadRecordError, SourceError
from streamadapt.events import Reject

__all__ = ["LABEL_COLUMN", "SvmlightSource", "svmlight_cells"]

LABEL_COLUMN = "label"
"""Name of the column of what stands first in a line; the others are ``1``, ``2``, ..."""

_DIALECT = CSVDialect(quote="", na_values=("",))


class SvmlightSource(FileSource):
    r"""Reads a file of svmlight lines, plain or compressed by gzip or Zstandard.

    The columns are ``label`` and the features' numbers as texts.  A feature that a line does not
    name is 0.  What stands after ``#``, and lines with nothing before it, is a comment, ``qid:3``
    is ignored.

    Rejects: those of `CSVSource`; ``malformed`` is a line without ``:``, or with a feature twice.

    Parameters
    ----------
    path
        The file.
    schema
        Which columns to decode.

    Raises
    ------
    SourceError
        If the file cannot be opened, or the schema names a column that no such file has.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.svmlight"
    >>> _ = path.write_text("+1 1:0.5 2:3\n-1 2:4 # two\n-1 2\n")
    >>> schema = RecordSchema(
    ...     features={"1": NumericField()}, target="label", classes=("+1", "-1"))
    >>> source = SvmlightSource(path, schema)
    >>> records = source.poll(10)
    >>> records.numbers["1"].tolist(), records.texts["label"], len(records.rejects)
    ([0.5, 0.0], ['+1', '-1'], 1)
    >>> source.close()
    """

    def _enter(self, position: int) -> tuple[ByteStream, int, Iterator[SvmlightBlock]]:
        schema = self.schema
        time = () if schema.time is None else (schema.time.column,)
        asked = (*schema.number_columns(), *schema.boolean_columns(), *schema.text_columns(), *time)
        for name in asked:
            if name != LABEL_COLUMN and not (name.isascii() and name.isdigit()):
                raise SourceError(
                    f"{self.path} has no column {name!r}: svmlight files have {LABEL_COLUMN!r} "
                    "and the features '1', '2', ..."
                )
        columns = list(dict.fromkeys(asked))
        decoder = CSVDecoder(schema, columns, _DIALECT)
        stream = ByteStream(self.path)
        blocks = (_without_comments(lines) for lines in read_line_blocks(stream.read))
        return stream, 0, (SvmlightBlock(lines, decoder, columns) for lines in blocks)


@dataclass(frozen=True, slots=True)
class SvmlightBlock:
    """Lines and how to decode them."""

    lines: LineBlock
    decoder: CSVDecoder
    columns: list[str]

    def __len__(self) -> int:
        return len(self.lines)

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield the block, with the position after it: its good lines are decoded as CSV."""
        rows, places, rejects = [], [], []
        names = [name.encode() for name in self.columns]
        for place, line in enumerate([] if self.lines.too_long_bytes else self.lines.all_lines()):
            try:
                cells = svmlight_cells(line)
            except BadRecordError as error:
                rejects.append(Reject(first + place, "malformed", str(error), line))
            else:
                rows.append(b",".join([cells.get(name, b"0") for name in names]) + b"\n")
                places.append(place)
        n, where = len(self.lines), np.array(places, np.int64)
        if self.lines.too_long_bytes:
            rejects = [self.lines.too_long(first)]
        data = LineBlock.cut(b"".join(rows), np.cumsum([len(row) for row in rows], dtype=np.int64))
        good = self.decoder.decode(data, 0).moved(first + where, where, self.lines.line)
        none = self.decoder.decode_rows(data, 0, np.zeros(0, np.int64))
        yield first + n, merged(good, none.with_rejects(rejects))


def svmlight_cells(line: bytes) -> dict[bytes, bytes]:
    """Return {column: cell} of a line.

    Raises
    ------
    BadRecordError
        If it is none.

    Examples
    --------
    >>> svmlight_cells(b"1 qid:3 2:0.5")
    {b'label': b'1', b'2': b'0.5'}
    """
    label, *parts = line.partition(b"#")[0].split()
    cells = {LABEL_COLUMN.encode(): label}
    for part in parts:
        name, colon, value = part.partition(b":")
        if name == b"qid":
            continue
        if not (colon and value and name.isdigit()) or name in cells:
            raise BadRecordError(f"{part.decode('utf-8', 'backslashreplace')!r} is no new feature")
        cells[name] = value
    if b"," in line.partition(b"#")[0]:
        raise BadRecordError("a comma")
    return cells


def _without_comments(lines: LineBlock) -> LineBlock:
    if lines.too_long_bytes:
        return lines
    has_data = [bool(line.partition(b"#")[0].strip()) for line in lines.all_lines()]
    return lines if all(has_data) else lines.chosen(np.array(has_data, np.bool_))
