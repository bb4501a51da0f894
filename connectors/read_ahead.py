"""A source that is read and decoded by a thread of its own, while others work on its records."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Condition, Thread

from streamadapt.errors import ParameterError, SourceError, whole
from streamadapt.events import Records, Source

__all__ = ["ReadAhead"]

_PATIENCE_S = 5.0
"""So long `close` waits for a poll that is under way; one of a silent pipe may never end."""


@dataclass(frozen=True, slots=True)
class _Poll:
    """What came of a poll: records (None: the end) or an error, and the position after it."""

    records: Records | None
    position: int
    error: Exception | None = None


class ReadAhead:
    r"""Polls another source ahead of time, in a thread; gives its very records, in their order.

    ``position`` is that of what has been given out, not of what has been read.  Errors come where
    the source raised them, after all records before.  The thread starts with the first poll, so
    that a `seek` before costs what it costs the source.

    Parameters
    ----------
    source
        Belongs to this object from now on, which closes it.
    depth
        So many polls are held ready at most.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.connectors import CSVSource
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("x,y\n1,2\n3,4\n")
    >>> schema = RecordSchema(features={"x": NumericField()}, target="y")
    >>> source = ReadAhead(CSVSource(path, schema))
    >>> source.poll(1).numbers["x"].tolist(), source.position()
    ([1.0], 1)
    >>> source.close()
    """

    def __init__(self, source: Source, depth: int = 4) -> None:
        self.source = source
        self.depth = whole("depth", depth, 1, 1024)
        self._position = source.position()
        self._reader: _Reader | None = None

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records (rejects included), or None at the end for ever.

        Polls of changing sizes may give fewer records than there are.

        Raises
        ------
        SourceError
            If the source is damaged at this position; the records before have been returned.
        ParameterError
            If `max_records` is less than 1.
        """
        if max_records < 1:
            raise ParameterError(f"max_records = {max_records!r} is not at least 1")
        if self._reader is not None and self._reader.first().position > (
            self._position + max_records
        ):
            self.seek(self._position)  # it read in larger pieces than are wanted now
        if self._reader is None:
            self._reader = _Reader(self.source, self.depth, max_records)
        found = self._reader.first()
        if found.error is not None:
            raise found.error
        if found.records is not None:
            self._reader.drop_first()
            self._position = found.position
        return found.records

    def position(self) -> int:
        """Return the position of the record that comes next."""
        return self._position

    def seek(self, position: int) -> None:
        """Go on from `position`; what was read ahead is read again."""
        if self._reader is not None and not self._reader.stop():
            raise SourceError("cannot seek: the source is silent, and its poll does not end")
        self._reader = None
        try:
            self.source.seek(position)
        finally:
            self._position = self.source.position()

    def close(self) -> None:
        """Stop reading and close the source; nothing may be called after it."""
        if self._reader is None or self._reader.stop():
            self.source.close()


class _Reader:
    """Polls a source until it ends, breaks, or is stopped; holds `depth` polls ready."""

    def __init__(self, source: Source, depth: int, max_records: int) -> None:
        self._ready: deque[_Poll] = deque()
        self._changed = Condition()
        self._stopped = False
        # A daemon, so that a pipe that is silent for ever does not keep the process alive.
        self._thread = Thread(
            target=self._run, args=(source, depth, max_records), name="read-ahead", daemon=True
        )
        self._thread.start()

    def first(self) -> _Poll:
        """Wait for the next poll; the last one, an error or the end, stays for ever."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready)
            return self._ready[0]

    def drop_first(self) -> None:
        """Make room for one more."""
        with self._changed:
            self._ready.popleft()
            self._changed.notify_all()

    def stop(self) -> bool:
        """Stop after the poll that is under way; return whether it has ended."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(_PATIENCE_S)
        return not self._thread.is_alive()

    def _run(self, source: Source, depth: int, max_records: int) -> None:
        while True:
            poll = _polled(source, max_records)
            with self._changed:
                self._ready.append(poll)
                self._changed.notify_all()
                self._changed.wait_for(lambda: len(self._ready) < depth or self._stopped)
                if self._stopped or poll.records is None:
                    return


def _polled(source: Source, max_records: int) -> _Poll:
    try:
        return _Poll(source.poll(max_records), source.position())
    except Exception as error:  # whatever it is, it is raised again where it belongs
        return _Poll(None, source.position(), error)
