"""Bytes of a file that may be compressed: plain, gzip or Zstandard, told by their first bytes."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import BinaryIO
from weakref import WeakSet

import pyarrow as pa

from streamadapt.errors import SourceError

__all__ = ["STDIN", "ByteStream", "explain_missing", "refuse_pipe"]

STDIN = "-"
"""The path of standard input."""

_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_SUFFIXES = {".gz": "gzip", ".zst": "zstd"}

# All that is decompressed by the call that meets the damage is lost, so calls are small.
_CALL_BYTES = 64 * 1024


def explain_missing(path: Path) -> str:
    """Say that there is no such file, and which one may be meant."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no file {path}: there is no folder {folder.absolute()}"
    close = difflib.get_close_matches(path.name, sorted(p.name for p in folder.iterdir()), 1, 0.7)
    hint = f"did you mean {close[0]!r}?" if close else "check the path; it is relative to here"
    return f"there is no file {path} in {folder.absolute()}; {hint}"


def refuse_pipe(path: Path) -> None:
    """Raise `SourceError` if what stands at `path` gives its bytes but once.

    A file is opened several times, to see what it is; of a pipe the first look would take the
    beginning away, without a trace.
    """
    try:
        is_one = path.exists() and not (path.is_file() or path.is_dir())
    except OSError:  # not to be looked at: who opens it is told why
        return
    if is_one:
        raise SourceError(
            f"{path} is no file, but a pipe or a device: give - as the source, and it as standard "
            f"input (... --source - < {path})"
        )


class ByteStream:
    """Reads the decompressed bytes of a file from its start.

    A file that is cut short gives all that came before the cut, then an error.  Changed bytes are
    noticed where their format notices them: gzip has its checksum at the end, so that wrong bytes
    may have been returned by then; Zstandard has one only if its writer chose to.

    Parameters
    ----------
    path
        The file.  Its first bytes decide how it is decompressed; a name ending in ``.gz`` or
        ``.zst`` that its bytes do not bear out is an error, as after a broken download.

    Raises
    ------
    SourceError
        If the file cannot be opened, or is not compressed as its name says.

    Examples
    --------
    >>> import gzip, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv.gz"
    >>> _ = path.write_bytes(gzip.compress(b"x,y"))
    >>> ByteStream(path).read(100)
    b'x,y'
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = self._open()
        self._damage: SourceError | None = None

    def _open(self) -> BinaryIO:
        if str(self._path) == STDIN:
            return _stdin()
        refuse_pipe(self._path)
        try:
            with self._path.open("rb") as file:
                start = file.read(4)
            kind = next((k for k, magic in _MAGIC.items() if start.startswith(magic)), None)
            named = _SUFFIXES.get(self._path.suffix.lower())
            if named is not None and kind != named:
                raise SourceError(f"{self._path} is not {named} data, though its name says so")
            if kind is not None:
                return pa.CompressedInputStream(pa.OSFile(str(self._path)), kind)  # type: ignore[no-any-return]
            return self._path.open("rb", buffering=0)
        except FileNotFoundError:
            raise SourceError(explain_missing(self._path)) from None
        except OSError as error:
            raise SourceError(f"cannot open {self._path}: {error.strerror or error}") from error

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes`, b"" only at the end.

        Raises
        ------
        SourceError
            If the file is damaged here; all that could be read before has been returned.
        """
        parts: list[bytes] = []
        wanted = n_bytes
        while wanted > 0 and self._damage is None:
            part = self._read_part(min(wanted, _CALL_BYTES))
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        if not parts and self._damage is not None:
            raise self._damage
        return b"".join(parts)

    def _read_part(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except (OSError, pa.ArrowException) as error:
            self._damage = SourceError(f"{self._path} is damaged or cut short: {error}")
            return b""

    def close(self) -> None:
        """Close the file; standard input is not ours."""
        if str(self._path) != STDIN:
            self._file.close()


_already_read: WeakSet[BinaryIO] = WeakSet()


def _stdin() -> BinaryIO:
    """Return standard input, decompressed; it can be read once."""
    if sys.stdin.buffer in _already_read:
        raise SourceError("standard input has been read from; it cannot be read again")
    _already_read.add(sys.stdin.buffer)
    start = sys.stdin.buffer.peek(4)  # type: ignore[union-attr]
    kind = next((k for k, magic in _MAGIC.items() if start.startswith(magic)), None)
    if kind is None:
        return sys.stdin.buffer
    return pa.CompressedInputStream(pa.PythonFile(sys.stdin.buffer, "r"), kind)  # type: ignore[no-any-return]
