"""River's data sets as sources, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamadapt.connectors.file_source import FileSource, check_columns
from streamadapt.connectors.json_codec import JSONCodec
from streamadapt.connectors.jsonl_source import JSONLBlock
from streamadapt.connectors.line_blocks import LineBlock
from streamadapt.errors import SourceError

__all__ = ["RIVER", "TARGET_COLUMN", "RiverSource", "is_river", "river_rows"]

RIVER = "river:"
"""What comes before the name of a data set."""

TARGET_COLUMN = "target"
"""Name of the column of what River calls y, if that is one value."""

_BLOCK_ROWS = 4096


class RiverSource(FileSource):
    """Reads a data set of `river.datasets`, e.g. ``river:Phishing``.

    What River calls y is the column ``target``, or columns of their own if there are several; a
    single text is the column ``text``.  Rows are read as `JSONCodec` reads them.  Only data sets
    that are on this machine are read: nothing is downloaded.

    Parameters
    ----------
    path
        ``river:`` and the name of the data set.
    schema
        Which columns to decode.

    Raises
    ------
    SourceError
        If River has no such data set, it is not on this machine, or lacks a column.

    Examples
    --------
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> schema = RecordSchema(
    ...     features={"age_of_domain": NumericField()}, target="target", classes=("true", "false"))
    >>> source = RiverSource("river:Phishing", schema)
    >>> source.poll(3).texts["target"]
    ['true', 'true', 'true']
    >>> source.close()
    """

    def _enter(self, position: int) -> tuple[Any, int, Iterator[JSONLBlock]]:
        rows = river_rows(str(self.path))
        first = next(rows, None)
        if first is not None:
            check_columns(self.path, self.schema, first)
        rows.close()
        rows = river_rows(str(self.path))
        return rows, 0, _blocks(rows, JSONCodec(self.schema))


def is_river(path: str | Path) -> bool:
    """Whether a path names a data set of River."""
    return str(path).startswith(RIVER)


def river_rows(name: str) -> Any:  # noqa: ANN401 - a generator of dicts, with its close()
    """Yield the rows of a data set as {column: value}."""
    from river import datasets  # slow to import

    wanted = name.removeprefix(RIVER)
    kinds = {n: getattr(datasets, n) for n in datasets.__all__}
    known = {n: kind for n, kind in kinds.items() if isinstance(kind, type)}  # not its modules
    if wanted not in known:
        raise SourceError(f"River has no data set {wanted!r}; it has {', '.join(known)}")
    return _rows(name, known[wanted])


def _rows(name: str, kind: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - River's
    data = kind()
    if not getattr(data, "is_downloaded", True):
        raise SourceError(
            f"{name} is not on this machine: River fetches it with "
            f"`river.datasets.{kind.__name__}().download()`"
        )
    for x, y in data:
        row = dict(x) if isinstance(x, dict) else {"text": x}
        yield row | (y if isinstance(y, dict) else {TARGET_COLUMN: y})


def _blocks(rows: Iterator[dict[str, Any]], codec: JSONCodec) -> Iterator[JSONLBlock]:
    encoder = msgspec.json.Encoder()
    while batch := list(islice(rows, _BLOCK_ROWS)):
        lines = [encoder.encode(row) + b"\n" for row in batch]
        ends = np.cumsum([len(line) for line in lines])
        yield JSONLBlock(LineBlock.cut(b"".join(lines), ends), codec)
