"""Writing the rows of a stream generator to a file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from streamadapt.connectors.generator import CLASS_COLUMN, RowGenerator
from streamadapt.connectors.generator_source import row_object
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ParameterError, whole

__all__ = ["WRITABLE", "write_rows"]

Out: TypeAlias = IO[bytes] | gzip.GzipFile
Block: TypeAlias = tuple[FloatArray, IntArray]
Write: TypeAlias = Callable[[RowGenerator, Iterator[Block], Out], None]

_BLOCK_ROWS = 65_536
_GZIP_LEVEL = 6


def write_rows(generator: RowGenerator, n: int, path: str | Path) -> None:
    """Write the next n rows to a file; its name says in which format.

    Nominal features and the class are written by name; numbers are read back bit for bit.  The
    same rows give the same bytes.  The file appears once it is whole.

    Parameters
    ----------
    generator
        Where the rows come from.
    n
        How many.
    path
        The file; it is replaced if it is there.

    Raises
    ------
    ParameterError
        If the name's ending is none of `WRITABLE`, or `n` is negative.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.connectors.generators import STAGGER
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> write_rows(STAGGER(), 2, path)
    >>> path.read_text().split()
    ['size,color,shape,class', 'small,blue,square,false', 'small,green,square,false']
    """
    path, rest = Path(path), whole("n", n, 0, 2**62)
    write = next((w for end, w in _WRITERS.items() if path.name.lower().endswith(end)), None)
    if write is None:
        raise ParameterError(f"{path}: the name must end in one of {', '.join(WRITABLE)}")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            write(generator, _blocks(generator, rest), file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _blocks(generator: RowGenerator, n: int) -> Iterator[Block]:
    for start in range(0, n, _BLOCK_ROWS):
        yield generator.rows(min(_BLOCK_ROWS, n - start))


def _schema(generator: RowGenerator) -> pa.Schema:
    names = enumerate(generator.names)
    fields = [(n, pa.string() if j in generator.nominal else pa.float64()) for j, n in names]
    return pa.schema([*fields, (CLASS_COLUMN, pa.string())])


def _table(generator: RowGenerator, X: FloatArray, y: IntArray) -> pa.Table:
    columns = [
        _named(generator.nominal[j], X[:, j].astype(np.int64))
        if j in generator.nominal
        else pa.array(np.ascontiguousarray(X[:, j]))
        for j in range(generator.n_features)
    ]
    columns.append(_named(generator.class_names, y))
    return pa.table(columns, schema=_schema(generator))


def _named(names: tuple[str, ...], places: IntArray) -> pa.Array:
    return pa.array(list(names), pa.string()).take(pa.array(places))


def _write_csv(generator: RowGenerator, blocks: Iterator[Block], file: Out) -> None:
    header = ",".join((*generator.names, CLASS_COLUMN))
    file.write(f"{header}\n".encode())
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    for X, y in blocks:  # no name of a generator needs quotes
        pa.csv.write_csv(_table(generator, X, y), file, options)


def _write_jsonl(generator: RowGenerator, blocks: Iterator[Block], file: Out) -> None:
    for X, y in blocks:
        rows = (row_object(generator, x, label) for x, label in zip(X, y.tolist(), strict=True))
        file.write("".join(f"{json.dumps(row)}\n" for row in rows).encode())


def _write_parquet(generator: RowGenerator, blocks: Iterator[Block], file: Out) -> None:
    with pa.parquet.ParquetWriter(file, _schema(generator)) as writer:
        for X, y in blocks:
            writer.write_table(_table(generator, X, y))


def _write_gzip(write: Write, generator: RowGenerator, blocks: Iterator[Block], file: Out) -> None:
    # Without name and time, so that the same rows give the same bytes.
    packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
    with closing(packed):
        write(generator, blocks, packed)


_WRITERS: dict[str, Write] = {
    ".csv": _write_csv,
    ".csv.gz": partial(_write_gzip, _write_csv),
    ".jsonl": _write_jsonl,
    ".jsonl.gz": partial(_write_gzip, _write_jsonl),
    ".parquet": _write_parquet,
}

WRITABLE = tuple(_WRITERS)
"""Endings of file names whose format can be written."""
