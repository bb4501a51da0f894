"""Where CSV records end, and their cells (RFC 4180, and what to make of quotes elsewhere).

A cell that starts with a quote ends at the next single quote, a doubled one in it is one quote, and
it may hold delimiters and line ends.  A quote elsewhere is a character like any other.  Only LF
and CRLF end lines.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.errors import BadRecordError

__all__ = ["record_ends", "split_cells"]

_LF, _CR = ord("\n"), ord("\r")


def record_ends(data: bytes, delimiter: str, quote: str = '"') -> tuple[IntArray, bool]:
    r"""Return the places after each record's line end, and whether quotes are tidy.

    A record whose quote is still open at the end of `data` is left out.  Quotes are tidy if none
    stands inside an unquoted cell, and nothing but a delimiter or line end after a closing one.
    An empty `quote` means that no character quotes.

    >>> record_ends(b'a,"b\nc"\nd,e\n', ",")
    (array([ 8, 12]), True)
    """
    array = np.frombuffer(data, np.uint8)
    line_ends = np.flatnonzero(array == _LF) + 1
    if not quote or quote.encode() not in data:
        return line_ends, True
    quotes = np.flatnonzero(array == ord(quote))
    if not _is_tidy(array, quotes, ord(delimiter)):
        return _ends_of_untidy(data, line_ends, quotes, _record(delimiter, quote)), False
    n_quotes_before = np.searchsorted(quotes, line_ends)
    return line_ends[n_quotes_before % 2 == 0], True


def _is_tidy(
    array: np.ndarray[tuple[int], np.dtype[np.uint8]], quotes: IntArray, comma: int
) -> bool:
    """Whether quotes only open, close or double, so that counting them tells in from out."""
    quote = array[quotes[0]]
    opening, closing = quotes[::2], quotes[1::2]
    before = array[opening[opening > 0] - 1]
    after = array[closing[closing < len(array) - 1] + 1]
    return bool(
        np.isin(before, (comma, _LF, quote)).all()
        and np.isin(after, (comma, _LF, _CR, quote)).all()
    )


@lru_cache
def _record(delimiter: str, quote: str) -> re.Pattern[bytes]:
    comma, quote = re.escape(delimiter), re.escape(quote)
    quoted = rf"{quote}[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}[^{comma}\n]*+"
    cell = rf"(?:{quoted}|[^{quote}{comma}\n][^{comma}\n]*+|)"
    return re.compile(rf"{cell}(?:{comma}{cell})*+\n".encode())


def _ends_of_untidy(
    data: bytes, line_ends: IntArray, quotes: IntArray, record: re.Pattern[bytes]
) -> IntArray:
    """Return where records end; only lines with quotes in them are looked at one by one."""
    is_end = np.ones(len(line_ends), np.bool_)
    line, n_lines = 0, len(line_ends)
    for quoted in np.unique(np.searchsorted(line_ends, quotes, "right")).tolist():
        if quoted < line:  # inside a record that began before
            continue
        match = record.match(data, int(line_ends[quoted - 1]) if quoted else 0)
        line = n_lines if match is None else int(np.searchsorted(line_ends, match.end()))
        is_end[quoted:line] = False
        line += 1
        if line > n_lines:
            break
    return line_ends[is_end]


@lru_cache
def _cell(delimiter: str, quote: str) -> re.Pattern[str]:
    comma, quote = re.escape(delimiter), re.escape(quote)
    quoted = rf"{quote}([^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+){quote}"
    return re.compile(rf"(?:{quoted}|([^{quote}{comma}][^{comma}]*+|))(?:{comma}|\Z)", re.DOTALL)


def split_cells(line: str, delimiter: str, quote: str = '"') -> list[str]:
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
    if not quote or quote not in line:
        return line.split(delimiter)
    cells: list[str] = []
    match_cell, at = _cell(delimiter, quote).match, 0
    while (match := match_cell(line, at)) is not None:
        quoted, plain = match.groups()
        cells.append(plain if quoted is None else quoted.replace(quote * 2, quote))
        at = match.end()
        if at == len(line) and not match.group().endswith(delimiter):
            return cells
    raise BadRecordError(f"cell {len(cells) + 1}: a quote is never closed, or text follows it")
