"""A store in one SQLite file: the embedded default, for one process at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from streamadapt.errors import (
    ConfigError,
    CorruptStateError,
    FatalError,
    ParameterError,
    RetryableError,
    StreamAdaptError,
)

__all__ = ["SQLiteStore"]

T = TypeVar("T")

# With a write-ahead log, FULL syncs the log at every commit: what `put` returned for survives the
# loss of power, not only a killed process.  The limit keeps the log from staying as large as the
# largest blob ever written.
_OPEN = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 16777216;
CREATE TABLE IF NOT EXISTS blobs (name TEXT NOT NULL PRIMARY KEY, blob BLOB NOT NULL);
"""
# The rows are blobs of any size: an ordinary table with an index of names lists names without
# reading blobs, as a table WITHOUT ROWID would not.
_PUT = """
INSERT INTO blobs (name, blob) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET blob = excluded.blob
"""
_ATTEMPTS = 3
_PAUSE_S = 0.05
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ERRORS: dict[int, tuple[type[StreamAdaptError], str]] = {
    sqlite3.SQLITE_BUSY: (RetryableError, "another process holds it"),
    sqlite3.SQLITE_LOCKED: (RetryableError, "another process holds it"),
    sqlite3.SQLITE_FULL: (RetryableError, "the disk is full"),
    sqlite3.SQLITE_IOERR: (RetryableError, "the disk fails"),
    sqlite3.SQLITE_CORRUPT: (CorruptStateError, "damaged"),
    sqlite3.SQLITE_NOTADB: (CorruptStateError, "damaged, or not a SQLite file"),
    sqlite3.SQLITE_CANTOPEN: (ConfigError, "cannot be opened or made"),
    sqlite3.SQLITE_PERM: (ConfigError, "may not be opened"),
    sqlite3.SQLITE_READONLY: (ConfigError, "cannot be written"),
}


class SQLiteStore:
    """Keeps blobs in one file, each write a synced transaction; use it from one thread.

    Beside the file stand ``-wal`` and ``-shm`` while it is open.  The file must be on a local disk.
    Space of deleted blobs is used again, not given back.

    Parameters
    ----------
    path
        The file; it and its folder are made if they are not there.
    busy_timeout_s
        How long one attempt waits while another process writes.

    Raises
    ------
    ConfigError
        If the file cannot be made or written there.
    CorruptStateError
        If the file is damaged or is no SQLite file.
    RetryableError
        If it stays locked, or if the disk is full or fails.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with SQLiteStore(f"{folder.name}/state.sqlite") as store:
    ...     store.put("task/1", b"blob")
    ...     store.get("task/1"), store.get("task/2"), store.names("task/")
    (b'blob', None, ['task/1'])
    >>> folder.cleanup()
    """

    def __init__(self, path: str | Path, busy_timeout_s: float = 5.0) -> None:
        if not 0.0 <= busy_timeout_s <= 3600.0:
            raise ParameterError(f"busy_timeout_s = {busy_timeout_s!r} is not in [0, 3600]")
        self.path = Path(path)
        self.busy_timeout_s = busy_timeout_s
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"store {self.path}: cannot make its folder ({error})") from error
        self._connection = self._tried(self._connected)

    def put(self, name: str, blob: bytes) -> None:
        """Write `blob` under `name`; when this returns, it survives the loss of power."""
        self._tried(lambda: self._connection.execute(_PUT, (name, blob)))

    def get(self, name: str) -> bytes | None:
        """Return the blob, or None if there is none."""
        query = "SELECT blob FROM blobs WHERE name = ?"
        row = self._tried(lambda: self._connection.execute(query, (name,)).fetchone())
        return None if row is None else bytes(row[0])

    def delete(self, names: Sequence[str]) -> None:
        """Remove blobs, all or none; absent ones are no error."""
        self._tried(lambda: self._deleted([(name,) for name in names]))

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that start with `prefix`, sorted by code points."""
        return self._tried(lambda: self._names(prefix))

    def holds(self, names: Collection[str]) -> set[str]:
        """Return those of `names` under which there is a blob."""
        return self._tried(lambda: {name for name in names if self._is_there(name)})

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> SQLiteStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self.busy_timeout_s, isolation_level=None
        )  # no isolation level: each statement is a transaction, synced when it returns
        try:
            connection.executescript(_OPEN)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _deleted(self, rows: list[tuple[str]]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("DELETE FROM blobs WHERE name = ?", rows)

    def _is_there(self, name: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM blobs WHERE name = ?", (name,))
        return found.fetchone() is not None

    def _names(self, prefix: str) -> list[str]:
        query = "SELECT name FROM blobs WHERE name >= ? ORDER BY name"
        found = (str(name) for (name,) in self._connection.execute(query, (prefix,)))
        # Not LIKE or GLOB, to which some characters mean more than themselves.
        return list(takewhile(lambda name: name.startswith(prefix), found))

    def _tried(self, action: Callable[[], T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return action()
            except sqlite3.DatabaseError as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
                if code not in _BUSY or attempt == _ATTEMPTS:
                    raise self._explained(error, code) from error
                time.sleep(_PAUSE_S)
        raise AssertionError

    def _explained(self, error: sqlite3.DatabaseError, code: int) -> Exception:
        if code == sqlite3.SQLITE_MISUSE:  # a bug of the caller's: closed, or another thread's
            return error
        kind, what = _ERRORS.get(code, (FatalError, "failed"))
        return kind(f"store {self.path}: {what} ({error})")
