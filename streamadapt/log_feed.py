"""Records of a task's inputs read again from their logs, in the order that was once taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streamadapt.connectors.partition_log import Batch, LogReader
from streamadapt.errors import MissingStateError
from streamadapt.live_input import Piece

__all__ = ["LogFeed", "Stretch"]

_POLL_S = 0.2
_NO_END = 1 << 62


class Stretch(NamedTuple):
    """Records taken from one input in a row: so many, or all before an offset."""

    kind: str
    n: int = _NO_END
    until: int = _NO_END


class LogFeed:
    """Gives records from one reader for each input, up to given offsets.

    Parameters
    ----------
    readers
        {input's letter: reader}, each at the first offset to read; closed by `close`.
    until
        {input's letter: offset of the first record not to be read}.
    order
        From which input, in turn; None for the order in which the broker got them, where no other
        is known.
    """

    def __init__(
        self,
        readers: Mapping[str, LogReader],
        until: Mapping[str, int],
        order: Iterable[Stretch] | None = None,
    ) -> None:
        self._readers = dict(readers)
        self._until = until
        self._order = None if order is None else iter(order)
        self._run: Stretch | None = None
        self._heads: dict[str, Batch] = {}

    def take(self, max_records: int) -> list[Piece] | None:
        """Return the next records, maybe none yet; None when all have been given.

        Raises
        ------
        MissingStateError
            If the log holds fewer records than the order says, or more.
        """
        if self._order is None:
            return self._by_time(max_records)
        pieces: list[Piece] = []
        while max_records > 0:
            if self._run is None:
                self._run = next(self._order, None)
                if self._run is None:
                    return pieces or self._end_of_order()
            part = self._part(self._run, max_records)
            if part is not None and not len(part):
                break
            if part is not None:
                pieces.append(Piece(self._run.kind, part))
                max_records -= len(part)
                self._run = self._run._replace(n=self._run.n - len(part))
            if part is None or self._run.n == 0:
                self._run = None
        return pieces

    def _end_of_order(self) -> list[Piece] | None:
        """Return None if the order told of all records, none yet if that cannot be seen yet."""
        heads = {kind: self._head(kind, 1) for kind in self._readers}
        for kind, head in heads.items():
            if head is not None and len(head):
                raise MissingStateError(
                    f"nothing tells when the records of {head.partition} from offset "
                    f"{int(head.offsets[0])} to {self._until[kind] - 1} were taken"
                )
        return None if all(head is None for head in heads.values()) else []

    def _part(self, run: Stretch, max_records: int) -> Batch | None:
        """Return the next records of a stretch, none if they are not there yet, None at its end."""
        head = self._head(run.kind, min(run.n, max_records))
        if head is None:
            if run.until == _NO_END:
                end = self._until[run.kind]
                raise MissingStateError(f"the log lacks {run.n} records taken before offset {end}")
            return None
        if not len(head):
            is_past = self._readers[run.kind].position() >= run.until
            return None if is_past else head
        n = int((head.offsets < run.until).sum())
        return self._cut(run.kind, min(n, run.n, max_records)) if n else None

    def close(self) -> None:
        """Release the readers."""
        for reader in self._readers.values():
            reader.close()

    def _by_time(self, max_records: int) -> list[Piece] | None:
        heads = {kind: self._head(kind, max_records) for kind in self._readers}
        ready = {kind: head for kind, head in heads.items() if head is not None}
        if not ready:
            return None
        if any(not len(head) for head in ready.values()):
            return []  # one of them has not answered yet, and may hold an older record
        first = min(ready, key=lambda kind: (int(ready[kind].times_ms[0]), kind != "c"))
        others = [int(head.times_ms[0]) for kind, head in ready.items() if kind != first]
        n = len(ready[first])
        if others:
            later = ready[first].times_ms > min(others)
            n = int(later.argmax()) if later.any() else n
        return [Piece(first, self._cut(first, max(n, 1)))]

    def _head(self, kind: str, max_records: int) -> Batch | None:
        """Return records that come next, none if they are not there yet, None at the end."""
        head = self._heads.get(kind)
        if head is not None and len(head):
            return head
        reader, until = self._readers[kind], self._until[kind]
        if reader.position() >= until:
            return None
        head = reader.poll(_POLL_S, max_records)
        if len(head) and head.next_offset > until:
            head = head.part(0, int((head.offsets < until).sum()))
            if not len(head):  # it begins after the end: all before it were markers
                return None
        self._heads[kind] = head
        return head

    def _cut(self, kind: str, n: int) -> Batch:
        """Take n records off the head."""
        head = self._heads[kind]
        self._heads[kind] = head.part(n, len(head))
        return head.part(0, n)
