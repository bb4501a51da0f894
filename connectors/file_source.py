"""What all file sources share: polls out of decoded blocks, positions, seeking."""

from __future__ import annotations

import abc
import difflib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from streamadapt.connectors.decoded import DecodedBlock
from streamadapt.errors import ParameterError, SourceError
from streamadapt.events import Records, RecordSchema

__all__ = ["FileSource", "RawBlock", "beyond_end", "check_columns"]


class RawBlock(Protocol):
    """Records that are read, but not yet decoded."""

    def __len__(self) -> int:
        """Return the number of records."""
        ...

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield stretches of the block decoded, each with the position after it.

        `first` is the position of the block's first record.
        """
        ...


class Closable(Protocol):
    """What a source holds open."""

    def close(self) -> None:
        """Release it."""
        ...


class FileSource(abc.ABC):
    """A file that is read from its start, or from where it can be entered.

    Parameters
    ----------
    path
        The file.
    schema
        Which columns to decode; others are not looked at.

    Raises
    ------
    SourceError
        If the file cannot be opened.
    """

    def __init__(self, path: str | Path, schema: RecordSchema) -> None:
        self.path = Path(path)
        self.schema = schema
        self._file: Closable | None = None
        self._restart(0)

    @abc.abstractmethod
    def _enter(self, position: int) -> tuple[Closable, int, Iterator[RawBlock]]:
        """Open the file; return it, a position not after `position`, all blocks from there on."""

    def _restart(self, position: int) -> None:
        self.close()
        self._file, self._position, self._blocks = self._enter(position)
        self._read = self._position  # position after the last block read
        self._decoded: deque[tuple[int, DecodedBlock]] = deque()
        self._error: SourceError | None = None

    def close(self) -> None:
        """Release the file; nothing may be called after it."""
        if self._file is not None:
            self._file.close()

    def position(self) -> int:
        """Return the position of the record that comes next."""
        return self._position

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records (rejects included), or None at the end for ever.

        Raises
        ------
        SourceError
            If the file is damaged at this position; the records before have been returned.
        ParameterError
            If `max_records` is less than 1.
        """
        if max_records < 1:
            raise ParameterError(f"max_records = {max_records!r} is not at least 1")
        while not self._decoded:
            block = self._next_block()
            if block is None:
                return None
            self._decode(block)
        stop, decoded = self._decoded[0]
        first, self._position = self._position, min(self._position + max_records, stop)
        if self._position == stop:
            self._decoded.popleft()
        return decoded.between(first, self._position)

    def seek(self, position: int) -> None:
        """Go on from `position`; blocks on the way are read, but not decoded.

        Raises
        ------
        SourceError
            If the file has fewer records, so that it is not the one the position is from.
        """
        if not self.advance(position):
            raise beyond_end(self.path, position, self._position)

    def advance(self, position: int) -> bool:
        """Go on from `position`, or from the end if it is before that; then return False."""
        if position < self._position or self._error is not None:
            self._restart(max(position, 0))
        while self._decoded and self._decoded[0][0] <= position:
            self._decoded.popleft()
        while not self._decoded and self._read < position:
            block = self._next_block()
            if block is None:
                self._position = self._read
                return False
            self._skip(block, position)
        self._position = position
        return True

    def _skip(self, block: RawBlock, position: int) -> None:
        if self._read + len(block) <= position:
            self._read += len(block)
            return
        self._decode(block)
        while self._decoded[0][0] <= position:
            self._decoded.popleft()

    def _decode(self, block: RawBlock) -> None:
        self._decoded.extend(block.decode(self._read))
        self._read += len(block)

    def _next_block(self) -> RawBlock | None:
        if self._error is not None:
            raise self._error
        try:
            return next((block for block in self._blocks if len(block)), None)
        except SourceError as error:
            self._error = SourceError(f"{error}; the {self._read} records before can be read")
            raise self._error from error


_DELIMITERS = frozenset(";\t|,")


def beyond_end(path: Path, position: int, n_records: int) -> SourceError:
    """Return the error of a position that no record has."""
    return SourceError(f"cannot go on from record {position} of {path}: it has {n_records} records")


def check_columns(path: Path, schema: RecordSchema, columns: Iterable[str]) -> None:
    """Raise `SourceError` if a file lacks a column that the schema names, or has it twice."""
    there = list(columns)
    time = () if schema.time is None else (schema.time.column,)
    needed = (*schema.number_columns(), *schema.boolean_columns(), *schema.text_columns(), *time)
    for name in needed:
        if there.count(name) > 1:
            raise SourceError(f"{path} names column {name!r} {there.count(name)} times")
        if name not in there:
            close = difflib.get_close_matches(name, there, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            told = f"Its columns: {', '.join(map(repr, there))}"
            if len(there) == 1 and (others := _DELIMITERS & set(there[0])):
                told += f"; is source.csv.delimiter {' or '.join(map(repr, sorted(others)))}?"
            raise SourceError(f"{path} has no column {name!r}{hint} {told}")
