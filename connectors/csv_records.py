"""Where CSV records end, and their cells (RFC 4180, and what to make of quotes elsewhere).

A cell that starts with a quote ends at the next single quote, ``""`` in it is one quote, and it
may hold delimiters and line ends.  A quote elsewhere is a character like any other.  Only LF and
CRLF end lines.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.errors import BadRecordError

__all__ = ["record_ends", "split_cells"]

_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")


def record_ends(data: bytes, delimiter: str) -> tuple[IntArray, bool]:
    r"""Return the places after each record's line end, and whether quotes are tidy.

    A record whose quote is still open at the end of `data` is left out.  Quotes are tidy if none
    stands inside an unquoted cell, and nothing but a delimiter or line end after a closing one.

    >>> record_ends(b'a,"b\nc"\nd,e\n', ",")
    (array([ 8, 12]), True)
    """
    array = np.frombuffer(data, np.uint8)
    line_ends = np.flatnonzero(array == _LF) + 1
    if b'"' not in data:
        return line_ends, True
    quotes = np.flatnonzero(array == _QUOTE)
    if not _is_tidy(array, quotes, ord(delimiter)):
        return _ends_one_by_one(data, delimiter), False
    n_quotes_before = np.searchsorted(quotes, line_ends)
    return line_ends[n_quotes_before % 2 == 0], True


def _is_tidy(
    array: np.ndarray[tuple[int], np.dtype[np.uint8]], quotes: IntArray, comma: int
) -> bool:
    """Whether quotes only open, close or double, so that counting them tells in from out."""
    opening, closing = quotes[::2], quotes[1::2]
    before = array[opening[opening > 0] - 1]
    after = array[closing[closing < len(array) - 1] + 1]
    return bool(
        np.isin(before, (comma, _LF, _QUOTE)).all()
        and np.isin(after, (comma, _LF, _CR, _QUOTE)).all()
    )


@lru_cache
def _record(delimiter: str) -> re.Pattern[bytes]:
    comma = re.escape(delimiter)
    cell = rf'(?:"[^"]*+(?:""[^"]*+)*+"[^{comma}\n]*+|[^"{comma}\n][^{comma}\n]*+|)'
    return re.compile(rf"{cell}(?:{comma}{cell})*+\n".encode())


def _ends_one_by_one(data: bytes, delimiter: str) -> IntArray:
    match_record, ends, end = _record(delimiter).match, [], 0
    while (match := match_record(data, end)) is not None:
        end = match.end()
        ends.append(end)
    return np.array(ends, np.int64)


@lru_cache
def _cell(delimiter: str) -> re.Pattern[str]:
    comma = re.escape(delimiter)
    return re.compile(
        rf'(?:"([^"]*+(?:""[^"]*+)*+)"|([^"{comma}][^{comma}]*+|))(?:{comma}|\Z)', re.DOTALL
    )


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a record (without its line end).

    Raises
    ------
    BadRecordError
        If a quote is never closed, or text follows a closing quote.

    Examples
    --------
    >>> split_cells('1,"a ""b"", c",', ",")
    ['1', 'a "b", c', '']
    """
    if '"' not in line:
        return line.split(delimiter)
    cells: list[str] = []
    match_cell, at = _cell(delimiter).match, 0
    while (match := match_cell(line, at)) is not None:
        quoted, plain = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if at == len(line) and not match.group().endswith(delimiter):
            return cells
    raise BadRecordError(f"cell {len(cells) + 1}: a quote is never closed, or text follows it")
