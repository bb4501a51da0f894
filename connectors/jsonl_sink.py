"""Records to a JSON Lines file that can be cut back to an earlier length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from streamadapt.connectors.append_file import AppendFile
from streamadapt.connectors.json_codec import encode_lines

__all__ = ["JSONLSink"]


class JSONLSink:
    r"""Appends records to a file, one JSON object per line; its position is the file's length.

    Numbers that are not finite become null.  If a crash has left half a line at the end and
    nobody truncates it, the next record starts on a line of its own.

    Parameters
    ----------
    path
        The file; made, with its folder, if it is not there, else appended to.

    Raises
    ------
    FatalError
        If the file cannot be opened for writing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.jsonl"
    >>> sink = JSONLSink(path)
    >>> sink.write([{"id": "a", "p": 0.5}])
    >>> there = sink.position()
    >>> sink.write([{"id": "b", "p": 0.25}])
    >>> sink.truncate(there)
    >>> sink.close()
    >>> path.read_bytes()
    b'{"id":"a","p":0.5}\n'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = AppendFile(self.path)
        self._is_torn = self._ends_torn()

    def _ends_torn(self) -> bool:
        return self._file.last_byte() not in {b"", b"\n"}

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records, in order."""
        lines = encode_lines(records)
        if self._is_torn and lines:
            lines = b"\n" + lines
            self._is_torn = False
        self._file.append(lines)

    def flush(self) -> None:
        """Make all that was written survive a crash."""
        self._file.flush()

    def position(self) -> int:
        """Return the number of bytes written so far, those of earlier runs included."""
        return self._file.position

    def truncate(self, position: int) -> None:
        """Drop all that was written after `position`.

        Raises
        ------
        FatalError
            If the file is shorter than that, so that records are lost.
        """
        self._file.truncate(position)
        self._is_torn = self._ends_torn()

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self._file.close()
