"""Which slot belongs to which key, bounded: the least recently used key is forgotten first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.features_kernels import (
    EVICTIONS,
    HASH,
    META_FIELDS,
    NEWER,
    NEWEST,
    OLDER,
    OLDEST,
    SEEN,
    SLOT_FIELDS,
    SLOTS_LIMIT,
    SLOTS_USED,
)
from streamadapt.key_kernels import reindex

__all__ = ["KeyTable"]

_FIRST_SLOTS = 16


@dataclass(slots=True)
class KeyTable:
    """The kernels' arrays for a number of slots; see `streamadapt.features_kernels`.

    ``meta`` has one more place than there, for a number of its owner's.

    Examples
    --------
    >>> keys = KeyTable.of(np.array([7, 5]), 10)
    >>> keys.slots[keys.order(), HASH]
    array([7, 5])
    """

    table: IntArray
    slots: IntArray
    meta: IntArray

    @classmethod
    def of(cls, hashes: IntArray, max_keys: int) -> KeyTable:
        """Return a table of different keys, the last one used most recently."""
        n = len(hashes)
        capacity = max(n, min(_FIRST_SLOTS, max_keys))
        if len(np.unique(hashes)) < n or n > max_keys:
            raise IncompatibleStateError("keys of the state: one is there twice, or too many are")
        slots = np.full((capacity, SLOT_FIELDS), -1, np.int64)
        slots[:n, HASH], slots[:n, SEEN] = hashes, 1
        slots[:n, OLDER] = np.arange(n) - 1
        slots[: max(n - 1, 0), NEWER] = np.arange(1, n)
        meta = np.zeros(META_FIELDS + 1, np.int64)
        meta[SLOTS_LIMIT], meta[SLOTS_USED] = max_keys, n
        meta[NEWEST], meta[OLDEST] = n - 1, 0 if n else -1
        return cls._indexed(slots, meta)

    @classmethod
    def _indexed(cls, slots: IntArray, meta: IntArray) -> KeyTable:
        table = np.full(2 << len(slots).bit_length(), -1, np.int64)
        reindex(table, slots, meta)
        return cls(table, slots, meta)

    def grown(self) -> KeyTable:
        """Return the same keys with room for twice as many, up to the limit."""
        capacity = min(2 * len(self.slots), int(self.meta[SLOTS_LIMIT]))
        slots = np.full((capacity, SLOT_FIELDS), -1, np.int64)
        slots[: len(self.slots)] = self.slots
        return self._indexed(slots, self.meta)

    @classmethod
    def empty(cls, max_keys: int) -> KeyTable:
        """Return a table without a key."""
        return cls.of(np.zeros(0, np.int64), max_keys)

    @property
    def n_evicted(self) -> int:
        """Keys forgotten so far."""
        return int(self.meta[EVICTIONS])

    def order(self) -> IntArray:
        """Slots by last use, oldest first."""
        newer = self.slots[:, NEWER].tolist()
        order, slot = [], int(self.meta[OLDEST])
        while slot >= 0:
            order.append(slot)
            slot = newer[slot]
        return np.array(order, np.int64)
