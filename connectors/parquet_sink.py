"""Rows to a Parquet file that can be cut back to an earlier length until it is finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.connectors.append_file import AppendFile, put_in_place

__all__ = ["GROUP_ROWS", "Complete", "ParquetSink", "SpoolReader", "parquet_writer"]

GROUP_ROWS = 1 << 17
"""Rows of a row group; the same for however many rows a call of `write` brought."""

Complete: TypeAlias = Callable[[pa.Table], pa.Table | None]
"""Makes a group of the file out of one of the spool; None: it cannot be complete yet."""


class ParquetSink:
    """Appends rows to a spool, and makes a Parquet file of them, group by group.

    A Parquet file is of no use before its end is written, and cannot be appended to.  So rows are
    spooled as an Arrow IPC stream, whose length in bytes is the position.  `advance` writes groups
    as soon as they are complete, so that little is left to `finish`; what it has written is lost
    with the process, and made again from the spool.  Equal rows give an equal file, however they
    were cut into calls and whenever groups were written.

    Parameters
    ----------
    path
        The Parquet file; its spool, ``path`` + ``.spool``, is made or appended to.
    schema
        The columns.

    Raises
    ------
    FatalError
        If the spool cannot be opened for writing.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.parquet"
    >>> sink = ParquetSink(path, pa.schema({"x": pa.int64()}))
    >>> sink.write(pa.record_batch({"x": [1, 2]}))
    >>> there = sink.position()
    >>> sink.write(pa.record_batch({"x": [3]}))
    >>> sink.truncate(there)
    >>> sink.finish()
    >>> pq.read_table(path)["x"].to_pylist()
    [1, 2]
    >>> sink.close()
    """

    def __init__(self, path: str | Path, schema: pa.Schema) -> None:
        self.path = Path(path)
        self.schema = schema
        self.spool = self.path.with_name(f"{self.path.name}.spool")
        self._file = AppendFile(self.spool)
        self._table: _Table | None = None
        self._begin()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows with the columns of the schema."""
        if batch.num_rows:
            self._put(batch.serialize())

    def flush(self) -> None:
        """Make all that was written survive a crash."""
        self._file.flush()

    def position(self) -> int:
        """Return the number of bytes spooled so far, those of earlier runs included."""
        return self._file.position

    def truncate(self, position: int) -> None:
        """Drop all that was written after `position`; 0 drops everything.

        What is left keeps its columns: ``schema`` becomes theirs.

        Raises
        ------
        FatalError
            If the spool is shorter than that, so that rows are lost.
        """
        self._drop_table()
        self._file.truncate(position)
        self._begin()
        with self.spool.open("rb") as file:
            self.schema = pa.ipc.open_stream(file).schema

    def reader(self) -> SpoolReader:
        """Return what reads the spool from its start, also while it grows."""
        return SpoolReader(self.spool, self._file)

    def advance(self, complete: Complete = lambda group: group) -> bool:
        """Write the next group of the Parquet file, if `complete` can make it; tell if it did."""
        self._table = self._table or _Table(self.path, self.reader(), self.schema)
        return self._table.write(GROUP_ROWS, complete)

    def finish(self, complete: Complete = lambda group: group) -> None:
        """Write the rest of the Parquet file: it is there whole or not at all.

        `complete` must make all groups that it is given now, the last one may be shorter.
        """
        self._table = self._table or _Table(self.path, self.reader(), self.schema)
        while self._table.write(GROUP_ROWS, complete):
            pass
        self._table.write(0, complete)
        self._table.close()
        self._table = None

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self._drop_table()
        self._file.close()

    def _drop_table(self) -> None:
        if self._table is not None:
            self._table.drop()
            self._table = None

    def _begin(self) -> None:
        if self._file.position == 0:
            self._put(self.schema.serialize())
            self._file.drain()

    def _put(self, message: pa.Buffer) -> None:
        self._file.append(memoryview(message))


class SpoolReader:
    """Reads a spool that others append to: all batches that are there, and later the new ones."""

    def __init__(self, path: Path, spool: AppendFile) -> None:
        spool.drain()
        self._spool = spool
        self._file = pa.OSFile(str(path), "rb")
        self._stream = pa.ipc.open_stream(self._file)

    def next(self) -> pa.RecordBatch | None:
        """Return the next batch, None if there is none yet."""
        if self._file.tell() >= self._spool.position:
            return None
        self._spool.drain()
        return self._stream.read_next_batch()

    def close(self) -> None:
        """Release the file."""
        self._file.close()


class _Table:
    """A Parquet file under way, beside the place where it will stand."""

    def __init__(self, path: Path, reader: SpoolReader, schema: pa.Schema) -> None:
        self._path, self._reader, self._schema = path, reader, schema
        self._new = path.with_name(f"{path.name}.new")
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._n = 0
        self._group: pa.Table | None = None  # is there, but was not complete so far

    def write(self, least: int, complete: Complete) -> bool:
        """Write a group if there are at least so many rows for it and it is complete."""
        group = self._group or self._taken(least)
        done = None if group is None else complete(group)
        self._group = group if done is None else None
        if done is None:
            return False
        if self._writer is None:
            self._writer = parquet_writer(self._new, done.schema)
        if len(done):
            self._writer.write_table(done, row_group_size=GROUP_ROWS)
        return True

    def close(self) -> None:
        """Put the file where it belongs."""
        if self._writer is not None:
            self._writer.close()
        self._reader.close()
        put_in_place(self._new, self._path)

    def drop(self) -> None:
        """Forget the file under way."""
        if self._writer is not None:
            self._writer.close()
            self._new.unlink(missing_ok=True)
        self._reader.close()

    def _taken(self, least: int) -> pa.Table | None:
        """Return the rows of the next group, None if there are fewer than `least`."""
        while self._n < GROUP_ROWS and (batch := self._reader.next()) is not None:
            self._held.append(batch)
            self._n += batch.num_rows
        if self._n < least:
            return None
        table = pa.Table.from_batches(self._held, self._schema)
        rest = table.slice(GROUP_ROWS)
        self._held, self._n = rest.to_batches(), len(rest)
        return table.slice(0, GROUP_ROWS).combine_chunks()


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Return what writes the file: how each column is encoded depends on its type alone."""
    # Numbers of learners hardly repeat: a dictionary of them would cost time and save nothing; the
    # bytes of one place are alike, so they are stored together.  Whole numbers grow step by step.
    # Least and greatest are told where rows can be found by them: of learners they say nothing.
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    whole = [field.name for field in schema if pa.types.is_int64(field.type)]
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    encodings = dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=-1,
        use_dictionary=names,
        column_encoding=encodings | dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        write_statistics=whole,
    )
