"""A file of bytes that is only appended to, and can be cut back to an earlier length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamadapt.errors import FatalError

__all__ = ["AppendFile", "put_in_place"]


class AppendFile:
    """What sinks write into: its position is its length in bytes.

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
    >>> import tempfile
    >>> file = AppendFile(Path(tempfile.mkdtemp()) / "a")
    >>> file.append(b"kept")
    >>> position = file.position
    >>> file.append(b"lost")
    >>> file.truncate(position)
    >>> file.last_byte(), file.close(), file.path.read_bytes()
    (b't', None, b'kept')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            self._file = path.open("a+b")
        except OSError as error:
            raise FatalError(f"cannot write to {path}: {error.strerror}") from error
        if is_new:
            _sync_folder(path.parent)
        self.position = path.stat().st_size

    def append(self, data: bytes | memoryview) -> None:
        """Write `data` at the end.

        Raises
        ------
        FatalError
            If the disk does not take it; so do `drain` and `flush`.
        """
        with self._told():
            self._file.write(data)
        self.position += len(data)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FatalError(f"cannot write to {self.path}: {error.strerror}") from error

    def last_byte(self) -> bytes:
        """Return the last byte, nothing if there is none."""
        if self.position == 0:
            return b""
        self._file.seek(self.position - 1)
        return self._file.read(1)

    def drain(self) -> None:
        """Hand all that was written to the system, so that others can read it."""
        with self._told():
            self._file.flush()

    def flush(self) -> None:
        """Make all that was written survive a crash."""
        self.drain()
        with self._told():
            os.fsync(self._file.fileno())

    def truncate(self, position: int) -> None:
        """Drop all that was written after `position`.

        Raises
        ------
        FatalError
            If the file is shorter than that, so that something is lost.
        """
        if not 0 <= position <= self.position:
            raise FatalError(
                f"cannot cut {self.path} back to byte {position}: it has {self.position} bytes, "
                "so it is not the file this position is from"
            )
        self.drain()
        self._file.truncate(position)
        self.position = position

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self.flush()
        self._file.close()


def put_in_place(new: Path, path: Path) -> None:
    """Rename a finished file; after a crash it is there whole or not at all."""
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
