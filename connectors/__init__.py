"""What is outside: files, state stores, sinks and codecs, one per file."""

import typing

from streamadapt.connectors.arff_source import ARFFSource
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.files import SUPPORTED, open_source
from streamadapt.connectors.json_codec import JSONCodec
from streamadapt.connectors.jsonl_sink import JSONLSink
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.connectors.many_files import FilesSource
from streamadapt.connectors.memory import MemorySink, MemoryStore
from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.connectors.read_ahead import ReadAhead
from streamadapt.connectors.river_source import RiverSource
from streamadapt.connectors.sqlite import SQLiteStore
from streamadapt.connectors.svmlight_source import SvmlightSource

if typing.TYPE_CHECKING:
    from streamadapt.connectors.redis import RedisStore

__all__ = [
    "SUPPORTED",
    "ARFFSource",
    "CSVDialect",
    "CSVSource",
    "FilesSource",
    "JSONCodec",
    "JSONLSink",
    "JSONLSource",
    "MemorySink",
    "MemoryStore",
    "ParquetSource",
    "ReadAhead",
    "RedisStore",
    "RiverSource",
    "SQLiteStore",
    "SvmlightSource",
    "open_source",
]


def __getattr__(name: str) -> typing.Any:  # noqa: ANN401 - Python's own
    """Import Redis's client only for those who use it."""
    if name != "RedisStore":
        raise AttributeError(name)
    from streamadapt.connectors.redis import RedisStore

    return RedisStore
