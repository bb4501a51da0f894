"""In which order a task takes records that lie ready in several inputs: about as they were written.

Any order is right, since the one taken is committed and can be taken again; but after an outage,
or from the beginning of a log, labels must not run ahead of the events they belong to.  So a label
is taken once an event that was written after it lies ready, or when no event has come for a while.
That is coarse on purpose: few long runs fit into a tag where many short ones would not.
"""

from __future__ import annotations

import numpy as np

from streamadapt.connectors.partition_log import Batch
from streamadapt.live_input import Piece

__all__ = ["ArrivalOrder"]

IDLE_S = 0.25
"""Labels wait so long for an event that was written after them."""

MOST_HELD = 20_000
"""Labels that may lie ready before no more are asked for."""


class ArrivalOrder:
    """Holds the labels of one task until it is their turn.

    Examples
    --------
    >>> from streamadapt.connectors.partition_log import Partition
    >>> def written(topic, *times_ms):
    ...     offsets, none = np.arange(len(times_ms)), [None] * len(times_ms)
    ...     return Batch(Partition(topic, 0), offsets, np.array(times_ms), none, none)
    >>> order = ArrivalOrder()
    >>> order.offer("l", written("labels", 15, 25, 35))
    >>> order.offer("e", written("events", 20, 30))
    >>> [(piece.kind, len(piece.batch)) for piece in order.take(now_s=0.0)]
    [('l', 1), ('e', 2)]
    >>> order.take(now_s=0.1), len(order.take(now_s=0.3)[0].batch)
    ([], 2)
    """

    def __init__(self) -> None:
        self._events: list[Batch] = []
        self._commands: list[Batch] = []
        self._labels: list[Batch] = []
        self._event_s = -np.inf

    @property
    def is_full(self) -> bool:
        """Whether so many labels lie ready that no more should be asked for."""
        return sum(map(len, self._labels)) >= MOST_HELD

    def offer(self, kind: str, batch: Batch) -> None:
        """Put down records of an input, in order."""
        {"e": self._events, "l": self._labels, "c": self._commands}[kind].append(batch)

    def take(self, now_s: float, with_labels: bool = True) -> list[Piece]:
        """Return what is to be taken now: commands, labels whose turn it is, all events.

        Parameters
        ----------
        now_s
            A clock's time.
        with_labels
            False if there is no room for labels in the tag.
        """
        if self._events:
            self._event_s = now_s
        pieces = [Piece("c", batch) for batch in self._commands]
        if with_labels:
            pieces += [Piece("l", batch) for batch in self._due_labels(now_s)]
        pieces += [Piece("e", batch) for batch in self._events]
        self._commands, self._events = [], []
        return pieces

    def _due_labels(self, now_s: float) -> list[Batch]:
        held, self._labels = self._labels, []
        if not self._events:
            if now_s - self._event_s >= IDLE_S:
                return held
            self._labels = held
            return []
        first_ms = int(self._events[0].times_ms[0])
        due: list[Batch] = []
        for batch in held:
            # Once a label waits, all after it do: they are taken in the order of their log.
            later = batch.times_ms > first_ms
            n = int(later.argmax()) if later.any() else len(batch)
            n = 0 if self._labels else n
            if n:
                due.append(batch.part(0, n))
            if n < len(batch):
                self._labels.append(batch.part(n, len(batch)))
        return due
