"""What rebalances do to a member, noted by the client's callbacks and read by the worker."""

from __future__ import annotations

import threading
from collections.abc import Collection

from streamadapt.connectors.partition_log import Changes, Partition

__all__ = ["Rebalances"]


class Rebalances:
    """Which partitions a member holds, and what came and went since it was last asked.

    Callbacks may run on a thread of the client's own.

    Examples
    --------
    >>> noted, first = Rebalances(), Partition("events", 0)
    >>> noted.assign([first]), noted.revoke([first]), noted.assign([first])
    (None, None, None)
    >>> changes = noted.taken()
    >>> changes.revoked == changes.assigned == {first}, bool(noted.taken())
    (True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[Partition] = set()
        self._unplaced: set[Partition] = set()
        self._revoked: set[Partition] = set()
        self._assigned: set[Partition] = set()
        self._lost: set[Partition] = set()

    def assign(self, partitions: Collection[Partition]) -> None:
        """Note new partitions."""
        with self._lock:
            self._held.update(partitions)
            self._unplaced.update(partitions)
            self._assigned.update(partitions)

    def revoke(self, partitions: Collection[Partition]) -> None:
        """Note partitions that go to others."""
        with self._lock:
            self._drop(partitions)

    def lose(self, partitions: Collection[Partition]) -> None:
        """Note partitions that others may have had for some time."""
        with self._lock:
            self._drop(partitions)
            self._lost.update(partitions)

    def _drop(self, partitions: Collection[Partition]) -> None:
        self._held.difference_update(partitions)
        self._unplaced.difference_update(partitions)
        self._assigned.difference_update(partitions)
        self._revoked.update(partitions)

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

    def refuse_unplaced(self, partitions: Collection[Partition]) -> None:
        """Raise `ValueError` if any of these was never sought since it came."""
        with self._lock:
            unplaced = sorted(self._unplaced.intersection(partitions))
        if unplaced:
            raise ValueError(f"seek before resume: {', '.join(map(str, unplaced))}")
