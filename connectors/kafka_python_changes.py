"""What rebalances do, noted on kafka-python's IO thread and read by the worker's."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from kafka.consumer.subscription_state import ConsumerRebalanceListener

from streamadapt.connectors.partition_log import Changes, Partition

__all__ = ["Rebalances"]


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes and pauses, and nothing else.

    The client calls this on its IO thread, in the middle of a `poll`, where any call that waits
    for the broker raises.  A new partition is paused there, and put at offset 0 so that the client
    does not look for a committed offset by itself: that would fail the poll where there is none,
    and hold up all other partitions while a transaction is pending.
    """

    def __init__(self) -> None:
        self.consumer: Any = None
        self._lock = threading.Lock()
        self._held: set[Partition] = set()
        self._unplaced: set[Partition] = set()
        self._revoked: set[Partition] = set()
        self._assigned: set[Partition] = set()
        self._lost: set[Partition] = set()

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Note partitions that go to others."""
        with self._lock:
            self._drop({Partition(*each) for each in revoked})

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        """Note partitions that others may have had for some time."""
        gone = {Partition(*each) for each in lost}
        with self._lock:
            self._drop(gone)
            self._lost |= gone

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Note new partitions, and keep them still."""
        fresh = list(assigned)
        for each in fresh:
            self.consumer.seek(each, 0)
        self.consumer.pause(*fresh)
        new = {Partition(*each) for each in fresh}
        with self._lock:
            self._held |= new
            self._unplaced |= new
            self._assigned |= new

    def _drop(self, gone: set[Partition]) -> None:
        self._held -= gone
        self._unplaced -= gone
        self._assigned -= gone
        self._revoked |= gone

    def taken(self) -> Changes:
        """Return what was noted since the last call."""
        with self._lock:
            noted = Changes(
                frozenset(self._revoked), frozenset(self._assigned), frozenset(self._lost)
            )
            self._revoked, self._assigned, self._lost = set(), set(), set()
        return noted

    def held(self) -> frozenset[Partition]:
        """Return what this member holds now."""
        with self._lock:
            return frozenset(self._held)

    def place(self, partition: Partition) -> None:
        """Note that a partition was put somewhere."""
        with self._lock:
            self._unplaced.discard(partition)

    def unplaced(self, partitions: Iterable[Partition]) -> list[Partition]:
        """Return those that were never sought since they came."""
        with self._lock:
            return sorted(self._unplaced.intersection(partitions))
