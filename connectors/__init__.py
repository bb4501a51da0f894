"""What is outside: files, state stores, sinks and codecs, one per file."""

from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.files import SUPPORTED, open_source
from streamadapt.connectors.json_codec import JSONCodec
from streamadapt.connectors.jsonl_sink import JSONLSink
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.connectors.memory import MemorySink, MemoryStore
from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.connectors.sqlite import SQLiteStore

__all__ = [
    "SUPPORTED",
    "CSVSource",
    "JSONCodec",
    "JSONLSink",
    "JSONLSource",
    "MemorySink",
    "MemoryStore",
    "ParquetSource",
    "SQLiteStore",
    "open_source",
]
