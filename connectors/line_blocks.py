"""Bytes cut into blocks of whole lines (or records that may span lines), each of bounded length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import BoolArray, IntArray
from streamadapt.events import Reject

__all__ = ["BLOCK_BYTES", "BOM", "LINE_LIMIT_BYTES", "LineBlock", "line_ends", "read_line_blocks"]

BLOCK_BYTES = 1 << 20
"""So much is read at once; longer records make longer blocks."""

LINE_LIMIT_BYTES = 16 << 20
"""A longer record, its line end included, is a reject ``too_long``."""

BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, dropped at the start of a file."""

_LF, _CR = 10, 13


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole records that follow each other; blank lines are in the data, but are no records."""

    data: bytes
    starts: IntArray
    """int64 [n]: the first byte of each record."""
    stops: IntArray
    """int64 [n]: the byte after each record, without its line end."""
    is_tidy: bool = True
    """False if quotes stand where a CSV writer would put none."""
    too_long_bytes: int = 0
    """Not 0: the only record is the start of one of this length."""

    @classmethod
    def cut(cls, data: bytes, ends: IntArray, is_tidy: bool = True) -> LineBlock:
        """Make a block of records that end (line end included) at `ends`, dropping blank lines."""
        array = np.frombuffer(data, np.uint8)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        stops = ends - 1
        stops = stops - ((stops > starts) & (array[stops - 1] == _CR))
        filled = stops > starts
        return cls(data, starts[filled], stops[filled], is_tidy)

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """Return one record without its line end."""
        return self.data[self.starts[index] : self.stops[index]]

    def all_lines(self) -> list[bytes]:
        """Return all records without their line ends."""
        bounds = zip(self.starts.tolist(), self.stops.tolist(), strict=True)
        return [self.data[start:stop] for start, stop in bounds]

    def too_long(self, position: int) -> Reject:
        """Return the reject of a block that is the start of one record."""
        where = f"{self.too_long_bytes} bytes; {LINE_LIMIT_BYTES} are allowed and kept here"
        return Reject(position, "too_long", where, self.data)

    def part(self, first: int, stop: int) -> LineBlock:
        """Return the block of the records `first` to `stop` - 1."""
        a = int(self.starts[first])
        b = int(self.starts[stop]) if stop < len(self) else len(self.data)
        starts, stops = self.starts[first:stop] - a, self.stops[first:stop] - a
        return LineBlock(self.data[a:b], starts, stops, self.is_tidy, self.too_long_bytes)

    def chosen(self, is_chosen: BoolArray) -> LineBlock:
        """Return the block of the records bool [n], which are taken to be tidy."""
        # Stretches of chosen records are copied as a whole.
        edges = np.flatnonzero(np.diff(is_chosen, prepend=False, append=False)).tolist()
        bounds = [*self.starts.tolist(), len(self.data)]
        stretches = list(zip(edges[::2], edges[1::2], strict=True))
        data = b"".join([self.data[bounds[a] : bounds[b]] for a, b in stretches])
        shifts, at = np.zeros(len(self), np.int64), 0
        for a, b in stretches:
            shifts[a:b] = at - bounds[a]
            at += bounds[b] - bounds[a]
        starts, stops = (self.starts + shifts)[is_chosen], (self.stops + shifts)[is_chosen]
        return LineBlock(data, starts, stops)


RecordEnds = Callable[[bytes], tuple[IntArray, bool]]
"""Returns where records end, line ends included, and `LineBlock.is_tidy`; an open record at the
end of the bytes is left out."""


def line_ends(data: bytes) -> tuple[IntArray, bool]:
    r"""Return the places after each LF.

    >>> line_ends(b"a\nb\n")[0].tolist()
    [2, 4]
    """
    return np.flatnonzero(np.frombuffer(data, np.uint8) == _LF) + 1, True


def read_line_blocks(
    read: Callable[[int], bytes], record_ends: RecordEnds = line_ends
) -> Iterator[LineBlock]:
    """Yield all that `read(n_bytes)` gives, in blocks; the last line needs no line end.

    What `record_ends` calls open after 16 MiB or at the end of the file (a quote that is never
    closed) is cut at its first LF, so that one stray quote costs one line.  Each such cut that
    follows another takes twice as many lines, so that many stray quotes do not cost the square.
    """
    data, is_open, n_cut = read(BLOCK_BYTES).removeprefix(BOM), True, 1
    while data or is_open:
        ends, is_tidy = record_ends(data)
        n_fit = _fitting(ends)
        if n_fit:
            end = int(ends[n_fit - 1])
            yield LineBlock.cut(data[:end], ends[:n_fit], is_tidy)
            data, n_cut = data[end:], 1
        elif len(data) > LINE_LIMIT_BYTES or not is_open:
            block, data = _first_lines(data, n_cut, read)
            n_cut *= 2
            yield block
        else:
            part = read(max(BLOCK_BYTES, len(data)))
            is_open = bool(part)
            # A line end at the end of the file makes all lines alike.
            data += part if is_open or not data else b"\n"


def _fitting(ends: IntArray) -> int:
    """Return how many records come before the first that is too long."""
    too_long = np.flatnonzero(np.diff(ends, prepend=0) > LINE_LIMIT_BYTES)
    return int(too_long[0]) if len(too_long) else len(ends)


def _first_lines(data: bytes, n: int, read: Callable[[int], bytes]) -> tuple[LineBlock, bytes]:
    """Cut up to n lines off; of a first one that is too long, drop all but the limit."""
    ends: list[int] = []
    end = 0
    while len(ends) < n and (end := data.find(b"\n", end, LINE_LIMIT_BYTES) + 1):
        ends.append(end)
    if ends:
        cut = ends[-1]
        return LineBlock.cut(data[:cut], np.array(ends), is_tidy=False), data[cut:]
    head, length = data[:LINE_LIMIT_BYTES], 0
    while (end := data.find(b"\n")) < 0:
        length += len(data)
        data = read(BLOCK_BYTES)
        if not data:
            break
    length += max(end, 0)
    bounds = np.array([0]), np.array([len(head)])
    return LineBlock(head, *bounds, is_tidy=False, too_long_bytes=length), data[end + 1 :]
