"""A store and a sink in memory: test doubles that keep the contracts, but for surviving."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from streamadapt.errors import ParameterError

__all__ = ["MemorySink", "MemoryStore"]


class MemoryStore:
    """A store of blobs that lives as long as the process.

    Parameters
    ----------
    blobs
        Where to keep them; give the same mapping to stand for the same place opened again.

    Examples
    --------
    >>> store = MemoryStore()
    >>> store.put("task/1", b"blob")
    >>> store.get("task/1"), store.get("task/2"), store.names("task/")
    (b'blob', None, ['task/1'])
    """

    def __init__(self, blobs: dict[str, bytes] | None = None) -> None:
        self.blobs = {} if blobs is None else blobs

    def put(self, name: str, blob: bytes) -> None:
        """Keep `blob` under `name`."""
        self.blobs[name] = bytes(blob)

    def get(self, name: str) -> bytes | None:
        """Return the blob, or None if there is none."""
        return self.blobs.get(name)

    def delete(self, names: Sequence[str]) -> None:
        """Remove blobs; absent ones are no error."""
        for name in names:
            self.blobs.pop(name, None)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that start with `prefix`, sorted."""
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def holds(self, names: Collection[str]) -> set[str]:
        """Return those of `names` under which there is a blob."""
        return {name for name in names if name in self.blobs}

    def close(self) -> None:
        """Do nothing: the blobs stay with the mapping."""


class MemorySink:
    """A sink that keeps records in a list.

    Parameters
    ----------
    records
        The list; give the same one to stand for the same place opened again.

    Attributes
    ----------
    n_flushed
        How many of the first records a crash would have left.

    Examples
    --------
    >>> sink = MemorySink()
    >>> sink.write([{"id": 1}])
    >>> place = sink.position()
    >>> sink.write([{"id": 2}])
    >>> sink.truncate(place)
    >>> sink.records
    [{'id': 1}]
    """

    def __init__(self, records: list[dict[str, object]] | None = None) -> None:
        self.records = [] if records is None else records
        self.n_flushed = len(self.records)

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append copies of `records`, in order."""
        self.records.extend(dict(record) for record in records)

    def flush(self) -> None:
        """Note that all records until now would survive a crash."""
        self.n_flushed = len(self.records)

    def position(self) -> int:
        """Return the number of records."""
        return len(self.records)

    def truncate(self, position: int) -> None:
        """Drop all records after the first `position`."""
        if not 0 <= position <= len(self.records):
            raise ParameterError(f"position = {position!r} is not in [0, {len(self.records)}]")
        del self.records[position:]
        self.n_flushed = min(self.n_flushed, position)

    def close(self) -> None:
        """Flush; the records stay in the list."""
        self.flush()
