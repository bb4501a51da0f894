"""Opens the recorded stream of a pipeline, and tells it from others."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from streamadapt.build import read_message
from streamadapt.config import Config
from streamadapt.connectors import SUPPORTED, ReadAhead, open_source
from streamadapt.connectors.byte_stream import STDIN, explain_missing, refuse_pipe
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.files import FileFormat, tells_format
from streamadapt.connectors.many_files import files_of, is_many
from streamadapt.connectors.river_source import is_river
from streamadapt.errors import SourceError
from streamadapt.events import Source

__all__ = ["is_there", "recorded_stream", "stream_fingerprint", "stream_identity"]

_HEAD_BYTES = 1 << 20


def recorded_stream(config: Config, path: Path) -> Source:
    """Open the recorded stream at `path` as the pipeline file describes it.

    It is read and decoded by a thread of its own, ahead of what learns from it.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """
    schema, (format_, dialect) = config.schema_of_records(), _form(config, path)
    return ReadAhead(open_source(path, schema, format_, read_message(config), dialect))


def stream_fingerprint(config: Config, path: Path) -> str:
    """Return what tells the records of a stream from others: its identity, and how it is read.

    Raises
    ------
    SourceError
        If a file cannot be read.
    """
    format_, dialect = _form(config, path)
    if format_ is None and dialect is None:
        return stream_identity(path)
    form = f"{format_}:{dialect.model_dump_json() if dialect else ''}"
    return f"{stream_identity(path)}:{sha256(form.encode()).hexdigest()[:16]}"


def _form(config: Config, path: Path) -> tuple[FileFormat | None, CSVDialect | None]:
    """Return how the stream at `path` is written, as far as the pipeline says it of its own.

    Other CSV files are taken to be written likewise; a format is its own file's, or that of a name
    which tells none.
    """
    own = config.source
    if own is None or own.path is None:
        return None, None
    is_own = Path(own.path).resolve() == path.resolve()
    return own.format if is_own or not tells_format(path) else None, own.csv


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
    refuse_pipe(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return f"{path.stat().st_size}:{sha256(head).hexdigest()[:16]}"
    except FileNotFoundError:
        raise SourceError(explain_missing(path)) from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
