"""Records of JSON Lines files: one JSON object per line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.decoded import DecodedBlock
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.json_codec import JSONCodec, ReadMessage
from streamadapt.connectors.line_blocks import LineBlock, read_line_blocks
from streamadapt.events import RecordSchema

__all__ = ["JSONLSource"]


class JSONLSource(FileSource):
    r"""Reads a JSON Lines file, plain or compressed by gzip or Zstandard.

    What a line means is up to `JSONCodec`; lines longer than 16 MiB are rejects ``too_long``;
    empty lines are no records.

    Parameters
    ----------
    path
        The file.
    schema
        Which keys to decode.
    read
        For lines that are no JSON: returns the object in a line, see `JSONCodec`.

    Raises
    ------
    SourceError
        If the file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.jsonl"
    >>> _ = path.write_text('{"x": 1, "y": 2}\n\n{"x": 1,\n{"y": null}\n')
    >>> source = JSONLSource(path, RecordSchema(features={"x": NumericField()}, target="y"))
    >>> records = source.poll(10)
    >>> records.positions.tolist(), [(r.position, r.reason) for r in records.rejects]
    ([0, 2], [(1, 'malformed')])
    >>> source.close()
    """

    def __init__(
        self, path: str | Path, schema: RecordSchema, read: ReadMessage | None = None
    ) -> None:
        self._codec = JSONCodec(schema, read)
        super().__init__(path, schema)

    def _enter(self, position: int) -> tuple[ByteStream, int, Iterator[JSONLBlock]]:
        stream = ByteStream(self.path)
        blocks = read_line_blocks(stream.read)
        return stream, 0, (JSONLBlock(lines, self._codec) for lines in blocks)


@dataclass(frozen=True, slots=True)
class JSONLBlock:
    """Lines and how to decode them."""

    lines: LineBlock
    codec: JSONCodec

    def __len__(self) -> int:
        return len(self.lines)

    def decode(self, first: int) -> Iterator[tuple[int, DecodedBlock]]:
        """Yield the block, with the position after it."""
        n = len(self.lines)
        if self.lines.too_long_bytes:
            empty = self.codec.decode_block([], np.zeros(0, np.int64))
            yield first + n, replace(empty, rejects=[self.lines.too_long(first)])
            return
        yield (
            first + n,
            self.codec.decode_block(self.lines.all_lines(), np.arange(first, first + n)),
        )
