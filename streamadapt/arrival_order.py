"""In which order a task takes records that lie ready in several inputs: about as they were written.

Any order is right, since the one taken is committed and can be taken again; but a backlog, after an
outage or from the beginning of a log, should be learned from as it would have been at its time:
labels must not run ahead of the events they belong to, and events not ahead of labels that were
written before them.  So events wait until all labels before them have been read, and labels are
taken in between, a few times in each transaction: more turns would not fit into a tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from streamadapt.connectors.partition_log import Batch
from streamadapt.live_input import Piece

__all__ = ["ArrivalOrder"]

IDLE_S = 0.25
"""Labels wait so long for an event that was written after them."""

PATIENCE_S = 1.0
"""Events wait so long for labels that should be there: what a log ends with may be no records."""

MOST_HELD = 20_000
"""Records of one input that may lie ready before no more are asked for."""

_NO_CLOCK = 1 << 62

_TURNS = 16
"""In so many parts, at the most, the events of one transaction are taken."""

_LEAST_PART = 128


class ArrivalOrder:
    """Holds the records of one task until it is their turn.

    Parameters
    ----------
    next_label
        Offset of the first label that will be offered.

    Examples
    --------
    >>> from streamadapt.connectors.partition_log import Partition
    >>> def written(topic, *times_ms):
    ...     offsets, none = np.arange(len(times_ms)), [None] * len(times_ms)
    ...     return Batch(Partition(topic, 0), offsets, np.array(times_ms), none, none)
    >>> def taken(order, now_s, labels_end):
    ...     pieces = order.take(now_s, labels_end=labels_end)
    ...     return [(piece.kind, piece.batch.times_ms.tolist()) for piece in pieces]
    >>> order = ArrivalOrder()
    >>> order.offer("e", written("events", 20, 30))
    >>> taken(order, 0.0, labels_end=3)  # three labels stand in their log, and none was read yet
    []
    >>> order.offer("l", written("labels", 15, 25, 35))
    >>> taken(order, 0.0, labels_end=3)
    [('l', [15]), ('e', [20, 30])]
    >>> taken(order, 0.1, labels_end=3), taken(order, 0.3, labels_end=3)
    ([], [('l', [25, 35])])
    >>> order.offer("e", written("events", 40))
    >>> taken(order, 0.4, labels_end=4), taken(order, 1.5, labels_end=4)
    ([], [('e', [40])])
    """

    def __init__(self, next_label: int = 0) -> None:
        self._commands: list[Batch] = []
        self._events: list[Batch] = []
        self._labels: list[Batch] = []
        self._event_s = -np.inf
        self._label_ms = -1
        self._next_label = next_label
        self._missing_s = -np.inf  # when a label was first missed, after the last that came

    @property
    def full_inputs(self) -> str:
        """Letters of the inputs of which so much lies ready that no more should be asked for."""
        held = {"e": self._events, "l": self._labels}
        return "".join(kind for kind, some in held.items() if sum(map(len, some)) >= MOST_HELD)

    def offer(self, kind: str, batch: Batch, wall_ms: int = _NO_CLOCK) -> None:
        """Put down records of an input, in order.

        Labels count as written at `wall_ms` at the latest: with a time to come, by a clock that is
        ahead or somebody's will, one label would keep all after it waiting for an event of then.
        """
        if kind == "l":
            batch = replace(batch, times_ms=np.minimum(batch.times_ms, wall_ms))
        {"e": self._events, "l": self._labels, "c": self._commands}[kind].append(batch)
        if kind == "l":
            self._label_ms = max(self._label_ms, int(batch.times_ms.max()))
            self._next_label = batch.next_offset
            self._missing_s = -np.inf

    def take(self, now_s: float, with_labels: bool = True, labels_end: int = 0) -> list[Piece]:
        """Return what is to be taken now: commands, then events with labels in between.

        Parameters
        ----------
        now_s
            A clock's time.
        with_labels
            False if there is no room for labels in the tag; events then go on alone.
        labels_end
            Where the log of labels ends, as far as is known.
        """
        pieces = [Piece("c", batch) for batch in self._commands]
        self._commands = []
        if self._events:
            self._event_s = now_s
        elif with_labels and now_s - self._event_s >= IDLE_S:
            pieces += [Piece("l", batch) for batch in self._labels]
            self._labels = []
        is_behind = self._next_label < labels_end and self._is_patient(now_s)
        for part in self._parts(self._due_events(with_labels and is_behind)):
            if with_labels:
                pieces += [Piece("l", batch) for batch in self._labels_before(part)]
            pieces.append(Piece("e", part))
        return pieces

    def _is_patient(self, now_s: float) -> bool:
        if not self._events or self._missing_s < 0:
            self._missing_s = now_s
        return now_s - self._missing_s < PATIENCE_S

    def _due_events(self, labels_are_behind: bool) -> list[Batch]:
        """Take off the events before which no label is missing."""
        if not labels_are_behind:
            due, self._events = self._events, []
            return due
        due, self._events = _split(self._events, self._label_ms)
        return due

    def _parts(self, events: list[Batch]) -> Iterator[Batch]:
        """Cut events at the places where labels may be taken."""
        n = max(sum(map(len, events)) // _TURNS, _LEAST_PART) if self._labels else MOST_HELD
        for batch in events:
            for start in range(0, len(batch), n):
                yield batch.part(start, min(start + n, len(batch)))

    def _labels_before(self, events: Batch) -> list[Batch]:
        due, self._labels = _split(self._labels, int(events.times_ms[0]))
        return due


def _split(batches: list[Batch], time_ms: int) -> tuple[list[Batch], list[Batch]]:
    """Return records up to a time and the rest; after the first later one all are the rest."""
    early: list[Batch] = []
    late: list[Batch] = []
    for batch in batches:
        later = batch.times_ms > time_ms
        n = 0 if late else int(later.argmax()) if later.any() else len(batch)
        if n:
            early.append(batch.part(0, n))
        if n < len(batch):
            late.append(batch.part(n, len(batch)))
    return early, late
