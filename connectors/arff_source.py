"""Records of ARFF files, the format of WEKA and MOA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.csv_block import CSVBlock, CSVDecoder
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.csv_source import check_names, csv_lines
from streamadapt.connectors.file_source import FileSource, check_columns
from streamadapt.connectors.line_blocks import BOM
from streamadapt.connectors.line_rewrites import Read, lines_rewritten
from streamadapt.errors import SourceError

__all__ = ["ARFFHeader", "ARFFSource", "read_arff_header"]

_HEADER_LIMIT_BYTES = 16 << 20
_PART_BYTES = 1 << 16

_ATTRIBUTE = re.compile(
    r"@attribute\s+(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\s{]+))\s*(.*)", re.IGNORECASE
)
_NOMINAL = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\"|([^,'\"]*))\s*(?:,|$)")
_DATA = re.compile(rb"^[ \t]*@data\b[^\n]*(?:\n|\Z)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ARFFHeader:
    """Names of the attributes; of nominal ones, their values; and what quotes."""

    values: dict[str, tuple[str, ...]]
    """Of each attribute, in the order of the columns; empty if it is not nominal."""
    quote: str

    def dialect(self) -> CSVDialect:
        """Return how the lines after the header are written."""
        return CSVDialect(
            header=False, names=tuple(self.values), comment="%", quote=self.quote, na_values=("?",)
        )


class ARFFSource(FileSource):
    r"""Reads a dense ARFF file, plain or compressed by gzip or Zstandard.

    The lines after ``@data`` are read as CSV, with ``?`` for missing, ``%`` before comments, and
    the quote that the header uses (``'`` if it uses none or both); blanks around unquoted cells
    are dropped.  What a column holds is up to the schema, not to the attribute's type.

    Rejects: those of `CSVSource`.

    Parameters
    ----------
    path
        The file.
    schema
        Which attributes to decode.

    Raises
    ------
    SourceError
        If the file cannot be opened, its header is none, it is sparse, or lacks an attribute.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.arff"
    >>> _ = path.write_text("@relation r\n@attribute 'a b' numeric\n@attribute y {up, down}\n"
    ...                     "@data\n1.5, up\n% so it is\n?, down\n")
    >>> schema = RecordSchema(
    ...     features={"a b": NumericField()}, target="y", classes=("up", "down"))
    >>> source = ARFFSource(path, schema)
    >>> source.poll(10).texts["y"]
    ['up', 'down']
    >>> source.close()
    """

    def _enter(self, position: int) -> tuple[ByteStream, int, Iterator[CSVBlock]]:
        check_names(self.schema, {"?", ""})
        stream = ByteStream(self.path)
        try:
            header, read = read_arff_header(self.path, stream)
            check_columns(self.path, self.schema, header.values)
        except SourceError:
            stream.close()
            raise
        decoder = CSVDecoder(self.schema, list(header.values), header.dialect())
        _, blocks = csv_lines(self.path, read, header.dialect())
        return stream, 0, (CSVBlock(lines, decoder) for lines in blocks)


def read_arff_header(path: Path, stream: ByteStream) -> tuple[ARFFHeader, Read]:
    """Return the header, and what reads the lines after it.

    Raises
    ------
    SourceError
        If there is none, or the data are sparse.
    """
    start = stream.read(_PART_BYTES).removeprefix(BOM)
    while (found := _DATA.search(start)) is None or found.end() == len(start):
        part = stream.read(_PART_BYTES)
        start += part
        if len(start) > _HEADER_LIMIT_BYTES or not part:
            break
    found = _DATA.search(start)
    if found is None:
        raise SourceError(f"{path} is no ARFF file: it has no line @data")
    rest = start[found.end() :]
    if rest.lstrip().startswith(b"{"):
        raise SourceError(f"{path} is sparse ARFF, which is not read: make it dense")
    return _header(path, start[: found.start()]), _with_tidy_blanks(rest, stream)


def _header(path: Path, head: bytes) -> ARFFHeader:
    values: dict[str, tuple[str, ...]] = {}
    lines = head.decode("utf-8", "replace").splitlines()
    for line in lines:
        if (match := _ATTRIBUTE.match(line.strip())) is None:
            continue
        name = next(group for group in match.groups()[:3] if group is not None)
        if name in values:
            raise SourceError(f"the header of {path} names attribute {name!r} twice")
        values[name] = _nominal(match.group(4).strip())
    if not values:
        raise SourceError(f"{path} is no ARFF file: it has no attributes")
    text = "\n".join(line for line in lines if not line.lstrip().startswith("%"))
    return ARFFHeader(values, '"' if '"' in text and "'" not in text else "'")


def _nominal(kind: str) -> tuple[str, ...]:
    """Return the values of ``{a, 'b c'}``, nothing for other types."""
    if not (kind.startswith("{") and kind.endswith("}")):
        return ()
    cells = [next(g for g in groups if g is not None) for groups in _groups(kind[1:-1])]
    return tuple(cell.strip() for cell in cells)


def _groups(text: str) -> Iterator[tuple[str | None, ...]]:
    at = 0
    while at < len(text) and (match := _NOMINAL.match(text, at)) is not None:
        yield match.groups()
        at = match.end()


_LOOSE = re.compile(rb"[ \t]*,[ \t]*|^[ \t]+|[ \t]+(?=\r?$)", re.MULTILINE)


def _with_tidy_blanks(start: bytes, stream: ByteStream) -> Read:
    """Return what reads `start` and all after it, without the blanks beside commas."""
    rest = start

    def read(n_bytes: int) -> bytes:
        nonlocal rest
        found, rest = rest or stream.read(n_bytes), b""
        return found

    return lines_rewritten(read, [_tidy])


def _tidy(lines: bytes) -> bytes:
    if b"'" not in lines and b'"' not in lines:
        return _LOOSE.sub(_bare_comma, lines)
    tidied = (
        line if b"'" in line or b'"' in line else _LOOSE.sub(_bare_comma, line)
        for line in lines.split(b"\n")
    )
    return b"\n".join(tidied)


def _bare_comma(match: re.Match[bytes]) -> bytes:
    return b"," if b"," in match.group() else b""
