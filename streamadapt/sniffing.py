"""Guesses how a CSV file is written, from its first bytes."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence

from streamadapt.connectors.csv_dialect import NA_VALUES, WHITESPACE, CSVDialect
from streamadapt.connectors.csv_records import split_cells
from streamadapt.connectors.decode import CellError, number_from_text
from streamadapt.errors import BadRecordError

__all__ = ["sniffed"]

_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DELIMITERS = (",", "\t", ";", "|", WHITESPACE)
_COMMENTS = ("#", "%")
_ALIKE_SHARE = 0.9
_LINES = 200


def sniffed(start: bytes) -> CSVDialect:
    r"""Return the likeliest dialect of a file that begins so.

    Examples
    --------
    >>> sniffed(b"a;b\n1,5;2\n").model_dump(exclude_defaults=True)
    {'delimiter': ';', 'decimal': ','}
    >>> sniffed(b"# by hand\n 1.0   2\n 3.5  -4\n").model_dump(exclude_defaults=True)
    {'delimiter': 'whitespace', 'header': False, 'comment': '#'}
    """
    encoding = _encoding(start)
    text = start.decode(encoding, "replace").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()][:_LINES]
    comment = next((mark for mark in _COMMENTS if lines and lines[0].startswith(mark)), "")
    lines = [line for line in lines if not comment or not line.startswith(comment)]
    quote = _quote(lines)
    delimiter = max(_DELIMITERS, key=lambda mark: _score(lines, mark, quote))
    if _score(lines, delimiter, quote) <= 0:
        delimiter = ","
    rows = [_cells(line, delimiter, quote) for line in lines]
    decimal = _decimal(rows[1:]) if delimiter != "," else "."
    return CSVDialect(
        delimiter=delimiter,
        quote=quote,
        decimal=decimal,
        header=_has_header(rows, decimal),
        comment=comment,
        encoding=encoding,
    )


def _encoding(start: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # its last character may be cut
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _quote(lines: Sequence[str]) -> str:
    """Return the apostrophe if cells begin and end with it, and nothing has a real quote."""
    text = "\n".join(lines)
    marks = [f"{mark}'" for mark in ",;\t|"] + [f"'{mark}" for mark in ",;\t|\n"]
    is_apostrophe = '"' not in text and sum(text.count(mark) for mark in marks) > len(lines)
    return "'" if is_apostrophe else '"'


def _cells(line: str, delimiter: str, quote: str) -> list[str]:
    if delimiter == WHITESPACE:
        return line.split()
    try:
        return split_cells(line, delimiter, quote)
    except BadRecordError:
        return []


def _score(lines: Sequence[str], delimiter: str, quote: str) -> float:
    """Return the share of lines with the commonest number of cells, 0 if that is one.

    Blanks also stand in texts, so that they must do better than any other character.
    """
    counts = Counter(len(_cells(line, delimiter, quote)) for line in lines)
    if not counts:
        return 0.0
    n_cells, n_lines = counts.most_common(1)[0]
    share = n_lines / len(lines)
    if n_cells < 2 or share < _ALIKE_SHARE:
        return 0.0
    return share - (0.05 if delimiter == WHITESPACE else 0.0) + min(n_cells, 1000) * 1e-5


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    cells = [cell for row in rows for cell in row]
    n_commas = sum(_is_number(cell, ",") and "," in cell for cell in cells)
    return "," if n_commas > sum(_is_number(cell, ".") and "." in cell for cell in cells) else "."


def _is_number(cell: str, decimal: str) -> bool:
    try:
        number_from_text(cell.replace(decimal, ".") if decimal == "," else cell)
    except CellError:
        return False
    return "." not in cell or decimal == "."


def _has_header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    """Whether the first row can name columns: no number or gap in it, no name twice."""
    if not rows:
        return True
    first = rows[0]
    if len(set(first)) < len(first):
        return False
    return not any(_is_number(cell, decimal) or cell in NA_VALUES for cell in first)
