"""Records to a JSON Lines file that can be cut back to an earlier length."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamadapt.connectors.json_codec import encode_lines
from streamadapt.errors import FatalError

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
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            self._file = self.path.open("a+b")
        except OSError as error:
            raise FatalError(f"cannot write to {self.path}: {error.strerror}") from error
        if is_new:
            _sync_folder(self.path.parent)
        self._position = self.path.stat().st_size
        self._is_torn = self._ends_torn()

    def _ends_torn(self) -> bool:
        if self._position == 0:
            return False
        self._file.seek(self._position - 1)
        return self._file.read(1) != b"\n"

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records, in order."""
        lines = encode_lines(records)
        if self._is_torn and lines:
            lines = b"\n" + lines
            self._is_torn = False
        self._file.write(lines)
        self._position += len(lines)

    def flush(self) -> None:
        """Make all that was written survive a crash."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def position(self) -> int:
        """Return the number of bytes written so far, those of earlier runs included."""
        return self._position

    def truncate(self, position: int) -> None:
        """Drop all that was written after `position`.

        Raises
        ------
        FatalError
            If the file is shorter than that, so that records are lost.
        """
        if not 0 <= position <= self._position:
            raise FatalError(
                f"cannot cut {self.path} back to byte {position}: it has {self._position} bytes, "
                "so it is not the file this position is from"
            )
        self._file.flush()
        self._file.truncate(position)
        self._position = position
        self._is_torn = self._ends_torn()

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self.flush()
        self._file.close()


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
