"""The files of a folder, or those that a pattern names, as one stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from streamadapt.connectors.file_source import FileSource, beyond_end
from streamadapt.contracts import IntArray
from streamadapt.errors import SourceError
from streamadapt.events import Records, RecordSchema

__all__ = ["FilesSource", "files_of", "is_many"]

_WILD = "*?["


def is_many(path: Path) -> bool:
    """Whether this is a folder, or a pattern such as ``data/2024-*.csv``."""
    try:
        return path.is_dir() or (any(mark in str(path) for mark in _WILD) and not path.exists())
    except OSError:  # not to be looked at: who opens it is told why
        return False


def files_of(path: Path, endings: Sequence[str] = ("",)) -> list[Path]:
    """Return the files that a pattern names, or those of a folder with such endings, by name.

    Hidden files, and those in folders of the folder, are left out.

    Raises
    ------
    SourceError
        If there are none.
    """
    if path.is_dir():
        found = [p for p in path.iterdir() if p.name.lower().endswith(tuple(endings))]
    else:
        anchor = Path(path.anchor)
        try:
            found = list(anchor.glob(str(path.relative_to(anchor))))
        except ValueError as error:  # data/**.csv, say
            raise SourceError(f"{path}: {error}") from error
    files = sorted(p for p in found if p.is_file() and not p.name.startswith("."))
    if not files:
        known = f" whose names end in one of {', '.join(endings)}" if any(endings) else ""
        raise SourceError(f"{path}: there are no such files{known if path.is_dir() else ''}")
    return files


class FilesSource:
    r"""Reads files one after the other; positions run on from file to file.

    Every file has its own header and is opened when its turn comes.

    Parameters
    ----------
    path
        A folder or a pattern, for errors.
    files
        In the order in which they are read.
    schema
        Which columns to decode.
    open_file
        Opens one of them.

    Examples
    --------
    >>> import tempfile
    >>> from streamadapt.connectors import CSVSource
    >>> from streamadapt.events import NumericField
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("x,y\n1,2\n")
    >>> _ = (folder / "b.csv").write_text("y,x\n3,4\n")
    >>> schema = RecordSchema(features={"x": NumericField()}, target="y")
    >>> source = FilesSource(folder, files_of(folder), schema, CSVSource)
    >>> source.poll(9).numbers["x"].tolist(), source.poll(9).positions.tolist()
    ([1.0], [1])
    >>> source.close()
    """

    def __init__(
        self,
        path: str | Path,
        files: Sequence[Path],
        schema: RecordSchema,
        open_file: Callable[[Path, RecordSchema], FileSource],
    ) -> None:
        self.path = Path(path)
        self.files = tuple(files)
        self.schema = schema
        self._open_file = open_file
        self._starts = [0]  # position of the first record of each file, as far as known
        self._number = 0
        self._source = open_file(self.files[0], schema)

    def _go_to(self, number: int) -> None:
        source = self._open_file(self.files[number], self.schema)
        self._source.close()
        self._source, self._number = source, number

    def _next(self) -> bool:
        """Go on to the next file; at the end return False."""
        self._note_end()
        if self._number + 1 == len(self.files):
            return False
        self._go_to(self._number + 1)
        return True

    def _note_end(self) -> None:
        if len(self._starts) == self._number + 1:
            self._starts.append(self.position())

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records of one file, or None at the end for ever.

        Raises
        ------
        SourceError
            If a file is damaged at this position, or cannot be opened; the records before have
            been returned.
        ParameterError
            If `max_records` is less than 1.
        """
        while (records := self._source.poll(max_records)) is None:
            if not self._next():
                return None
        return _moved(records, self._starts[self._number])

    def position(self) -> int:
        """Return the position of the record that comes next."""
        return self._starts[self._number] + self._source.position()

    def seek(self, position: int) -> None:
        """Go on from `position`; files on the way are read, but not decoded.

        Raises
        ------
        SourceError
            If the files have fewer records, so that they are not those the position is from.
        """
        position = max(position, 0)
        known = self._starts[: len(self.files)]
        number = max(i for i, start in enumerate(known) if start <= position)
        if number != self._number:
            self._go_to(number)
        while not self._source.advance(position - self._starts[self._number]):
            if not self._next():
                raise beyond_end(self.path, position, self.position())

    def close(self) -> None:
        """Release the file at hand; nothing may be called after it."""
        self._source.close()


def _moved(records: Records, start: int) -> Records:
    positions: IntArray = records.positions + start
    rejects = [replace(reject, position=reject.position + start) for reject in records.rejects]
    return replace(records, positions=positions, rejects=rejects)
