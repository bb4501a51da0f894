"""Rows to a Parquet file that can be cut back to an earlier length until it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.connectors.append_file import AppendFile

__all__ = ["GROUP_ROWS", "ParquetSink"]

GROUP_ROWS = 1 << 17
"""Rows of a row group; the same for however many rows a call of `write` brought."""


class ParquetSink:
    """Appends rows to a spool, and makes a Parquet file of them at the end.

    A Parquet file is of no use before its end is written, and cannot be appended to.  So rows are
    spooled as an Arrow IPC stream, whose length in bytes is the position; `finish` reads it once,
    in bounded memory.  Equal rows give an equal file, however they were cut into calls.

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
        self._file.truncate(position)
        self._begin()
        with self.spool.open("rb") as file:
            self.schema = pa.ipc.open_stream(file).schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Return what was spooled, as it was written."""
        self._file.drain()
        with self.spool.open("rb") as file:
            yield from pa.ipc.open_stream(file)

    def groups(self) -> Iterator[pa.Table]:
        """Return what was spooled, in tables of `GROUP_ROWS` rows; the last one may be shorter."""
        held, n = [], 0
        for batch in self.batches():
            held.append(batch)
            n += batch.num_rows
            while n >= GROUP_ROWS:
                table = pa.Table.from_batches(held, self.schema)
                yield table.slice(0, GROUP_ROWS).combine_chunks()
                held = table.slice(GROUP_ROWS).to_batches()
                n -= GROUP_ROWS
        if n:
            yield pa.Table.from_batches(held, self.schema).combine_chunks()

    def finish(self, complete: Callable[[pa.Table], pa.Table] = lambda table: table) -> None:
        """Write the Parquet file, whole or not at all; `complete` may change each group."""
        new = self.path.with_name(f"{self.path.name}.new")
        writer: pq.ParquetWriter | None = None
        for group in self.groups():
            table = complete(group)
            writer = writer or _writer(new, table.schema)
            writer.write_table(table, row_group_size=GROUP_ROWS)
        if writer is None:
            table = complete(self.schema.empty_table())
            writer = _writer(new, table.schema)
        writer.close()
        new.replace(self.path)

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self._file.close()

    def _begin(self) -> None:
        if self._file.position == 0:
            self._put(self.schema.serialize())
            self._file.drain()

    def _put(self, message: pa.Buffer) -> None:
        self._file.append(memoryview(message))


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Numbers of learners hardly repeat: a dictionary of them would cost time and save nothing; the
    # bytes of one place are alike, so they are stored together.
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=names,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
    )
