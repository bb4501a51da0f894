"""Opens the recorded stream of a pipeline, and tells it from others."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from streamadapt.build import read_message
from streamadapt.config import Config
from streamadapt.connectors import SUPPORTED, ReadAhead, open_source
from streamadapt.connectors.byte_stream import STDIN, explain_missing
from streamadapt.connectors.many_files import files_of, is_many
from streamadapt.connectors.river_source import is_river
from streamadapt.errors import SourceError
from streamadapt.events import Source

__all__ = ["is_there", "recorded_stream", "stream_identity"]

_HEAD_BYTES = 1 << 20


def recorded_stream(config: Config, path: Path) -> Source:
    """Open the recorded stream at `path` as the pipeline file describes it.

    It is read and decoded by a thread of its own, ahead of what learns from it.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """
    schema, own = config.schema_of_records(), config.source
    # What the file says of its own source is not true of another one.
    is_own = own is not None and own.path is not None and Path(own.path) == path
    format_, dialect = (own.format, own.csv) if own is not None and is_own else (None, None)
    return ReadAhead(open_source(path, schema, format_, read_message(config), dialect))


def is_there(path: Path) -> bool:
    """Whether a stream can be looked at without being used up."""
    return is_river(path) or is_many(path) or path.exists()


def stream_identity(path: Path) -> str:
    """Return what tells a recorded stream from another: each file's length and first MiB.

    Standard input has none of its own; it cannot be read again anyway.

    Raises
    ------
    SourceError
        If a file cannot be read.
    """
    if is_river(path) or str(path) == STDIN:
        return str(path)
    if not is_many(path):
        return _identity(path)
    files = files_of(path, SUPPORTED) if path.is_dir() else files_of(path)
    whole = "\n".join(f"{file.name}:{_identity(file)}" for file in files)
    return f"{len(files)} files:{sha256(whole.encode()).hexdigest()[:16]}"


def _identity(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return f"{path.stat().st_size}:{sha256(head).hexdigest()[:16]}"
    except FileNotFoundError:
        raise SourceError(explain_missing(path)) from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
