"""What is done to the bytes of a CSV file before they are cut into records, as its dialect says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from streamadapt.connectors.csv_dialect import WHITESPACE, CSVDialect
from streamadapt.connectors.line_blocks import BOM, LINE_LIMIT_BYTES

__all__ = ["Read", "lines_rewritten", "rewritten"]

Read: TypeAlias = Callable[[int], bytes]
"""Returns up to so many bytes, none only at the end."""

Rewrite: TypeAlias = Callable[[bytes], bytes]

_NOT_TEXT = "streamadapt_not_text"


def _as_not_utf8(error: UnicodeError) -> tuple[str, int]:
    """Turn what is no text of its encoding into bytes that are none of UTF-8 either."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(_NOT_TEXT, _as_not_utf8)


def rewritten(read: Read, dialect: CSVDialect) -> Read:
    r"""Return `read`, but giving UTF-8 of the lines that are records, one character between cells.

    >>> import io
    >>> file = io.BytesIO("Größe  x\n# 1\n 2   3\n".encode("latin-1"))
    >>> dialect = CSVDialect(delimiter="whitespace", comment="#", encoding="latin-1")
    >>> rewritten(file.read, dialect)(100).decode()
    'Größe\tx\n2\t3\n'
    """
    if dialect.encoding != "utf-8":
        read = _reader(_transcoded(read, dialect.encoding))
    rewrites: list[Rewrite] = []
    if dialect.comment:
        comment = re.compile(rb"^%b[^\n]*\n?" % re.escape(dialect.comment.encode()), re.MULTILINE)
        rewrites.append(partial(comment.sub, b""))
    if dialect.delimiter == WHITESPACE:
        rewrites.append(_with_tabs)
    if not rewrites and not dialect.skip_lines:
        return read
    return lines_rewritten(read, rewrites, dialect.skip_lines)


def lines_rewritten(read: Read, rewrites: Sequence[Rewrite], n_skipped: int = 0) -> Read:
    """Return `read` after each rewrite of whole lines, without the first lines."""
    return _reader(_rewritten_lines(read, n_skipped, rewrites))


def _reader(parts: Iterator[bytes]) -> Read:
    """Return what reads the parts put together; not more than asked for only in the mean."""
    kept = bytearray()

    def read(n_bytes: int) -> bytes:
        while len(kept) < n_bytes and (part := next(parts, b"")):
            kept.extend(part)
        taken = bytes(kept[:n_bytes])
        del kept[:n_bytes]
        return taken

    return read


_PART_BYTES = 1 << 18


def _transcoded(read: Read, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_NOT_TEXT)
    while part := read(_PART_BYTES):
        if text := decoder.decode(part):
            yield text.encode("utf-8", "surrogateescape")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "surrogateescape")


def _rewritten_lines(read: Read, n_skipped: int, rewrites: Sequence[Rewrite]) -> Iterator[bytes]:
    for n, lines in enumerate(_whole_lines(read)):
        data = lines.removeprefix(BOM) if n == 0 else lines
        while n_skipped and data:
            data = data.partition(b"\n")[2]
            n_skipped -= 1
        for rewrite in rewrites:
            data = rewrite(data)
        if data:
            yield data


def _whole_lines(read: Read) -> Iterator[bytes]:
    """Yield stretches of whole lines; only a line beyond the limit is cut."""
    rest = b""
    while part := read(_PART_BYTES):
        lines, end, last = part.rpartition(b"\n")
        if end:
            yield rest + lines + end
            rest = last
        elif len(rest) > LINE_LIMIT_BYTES:
            yield rest
            rest = last
        else:
            rest += last
    if rest:
        yield rest


_BLANKS = re.compile(rb"[ \t]+")
_AT_ENDS = re.compile(rb"^[ \t]+|[ \t]+(?=\r?$)", re.MULTILINE)


def _with_tabs(lines: bytes) -> bytes:
    return _BLANKS.sub(b"\t", _AT_ENDS.sub(b"", lines))
