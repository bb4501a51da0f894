"""Records of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.connectors.byte_stream import explain_missing
from streamadapt.connectors.file_source import FileSource, check_columns
from streamadapt.connectors.parquet_block import ParquetBlock, ParquetDecoder
from streamadapt.errors import SourceError

__all__ = ["ParquetSource"]

# Small enough for what is decoded and not yet polled to fit into a few MB.
_BATCH_ROWS = 16 * 1024


class ParquetSource(FileSource):
    """Reads a Parquet file; nothing but the columns of the schema, by row groups.

    Numeric columns may be integers, floats or decimals; truth values, texts and Unix times may be
    what `JSONCodec` takes for them; times may be timestamps (without zone: UTC) or dates as well,
    whatever the schema's format.  Null is missing; NaN is missing but in numeric columns.

    Rejects: ``wrong_type``, ``bad_time``, ``not_utf8``.  A row's original is JSON of the columns
    that are read, timestamps in their own unit.

    Parameters
    ----------
    path
        The file.
    schema
        Which columns to decode.

    Raises
    ------
    SourceError
        If the file cannot be opened, or a column is not there or has another type.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.parquet"
    >>> pq.write_table(pa.table({"x": [1, None], "y": [0.5, 2.0]}), path)
    >>> source = ParquetSource(path, RecordSchema(features={"x": NumericField()}, target="y"))
    >>> source.poll(10).numbers["x"].tolist()
    [1.0, nan]
    >>> source.close()
    """

    def _enter(self, position: int) -> tuple[Any, int, Iterator[ParquetBlock]]:
        try:
            file = pq.ParquetFile(self.path)
        except FileNotFoundError:
            raise SourceError(explain_missing(self.path)) from None
        except (OSError, pa.ArrowException) as error:
            what = " ".join(str(error).split())
            raise SourceError(f"cannot open {self.path} as Parquet: {what}") from error
        try:
            check_columns(self.path, self.schema, file.schema_arrow.names)
            decoder = ParquetDecoder(str(self.path), self.schema, file.schema_arrow)
        except SourceError:
            file.close()
            raise
        group, first = 0, 0
        sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        while group < len(sizes) and first + sizes[group] <= position:
            first += sizes[group]
            group += 1
        return file, first, self._blocks_of(file, range(group, len(sizes)), decoder)

    def _blocks_of(
        self, file: pq.ParquetFile, groups: range, decoder: ParquetDecoder
    ) -> Iterator[ParquetBlock]:
        try:
            # One group after the other, so that all before a damaged one can be read.
            for group in groups:
                for batch in file.iter_batches(_BATCH_ROWS, [group], decoder.columns, False):
                    yield ParquetBlock(batch, decoder)
        except (OSError, pa.ArrowException) as error:
            what = " ".join(str(error).split())
            raise SourceError(f"{self.path} is damaged: {what}") from error
