"""Records that wait in order of arrival, found by id: the arrays that the label join works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamadapt import label_ring_kernels as k
from streamadapt.contracts import IntArray
from streamadapt.state import State

__all__ = ["LabelRing"]


class LabelRing:
    """Entries with id, time, label, status and position; each stands in a slot while it lives.

    Parameters
    ----------
    capacity
        Most entries at a time.  Memory is reserved for all, and used for as many as there were.
    """

    def __init__(self, capacity: int) -> None:
        size = 1 << int(capacity).bit_length()  # always more than `capacity`
        self.ids = np.zeros(size, np.uint64)
        self.times = np.zeros(size, np.int64)
        self.labels = np.zeros(size)
        self.status = np.zeros(size, np.int8)
        self.positions = np.zeros(size, np.int64)
        self.table = np.zeros(2 * size, np.int64)
        self.places = np.zeros((k.PLACES, size), np.int64)
        self.at = np.zeros(k.MARKS, np.int64)
        self.at[k.MASK] = min(k.FIRST_TABLE, 2 * size) - 1

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the arrays as the kernels take them."""
        return (
            self.ids, self.times, self.labels, self.status, self.positions,
            self.table, self.places, self.at,
        )  # fmt: skip

    def slots(self) -> IntArray:
        """Return the slots in use, int64 [n], oldest entry first."""
        return self._living()[1]

    def clear(self) -> None:
        """Let go of all entries."""
        self._place(np.zeros(0, np.int64), int(self.at[k.HEAD]), int(self.at[k.HEAD]))

    def state(self) -> State:
        """Return the entries, oldest first."""
        numbers, s = self._living()
        return State(
            "ring",
            1,
            {
                "tail": int(self.at[k.TAIL]),
                "head": int(self.at[k.HEAD]),
                "entries": numbers,
                "ids": self.ids[s],
                "times": self.times[s],
                "labels": self.labels[s],
                "status": self.status[s],
                "positions": self.positions[s],
            },
        )

    def restore(self, state: State) -> None:
        """Take the entries in; the oldest stands in the first slot."""
        numbers = state.expect("ring", 1).integers("entries")
        n = len(numbers)
        self.ids[:n] = state.array("ids")
        self.times[:n] = state.integers("times")
        self.labels[:n] = state.floats("labels")
        self.status[:n] = state.array("status")
        self.positions[:n] = state.integers("positions")
        self._place(numbers, state.integer("tail"), state.integer("head"))

    def _living(self) -> tuple[IntArray, IntArray]:
        """Return number and slot of each entry, oldest first."""
        numbers = np.arange(self.at[k.TAIL], self.at[k.HEAD])
        slots = self.places[k.SLOT, numbers & (len(self.ids) - 1)]
        lives = slots >= 0
        return numbers[lives], slots[lives]

    def _place(self, numbers: IntArray, tail: int, head: int) -> None:
        """Let the entries `numbers` be those in the first slots, and no others be there."""
        n, last = len(numbers), len(self.ids) - 1
        self.places[k.SLOT, np.arange(tail, head) & last] = -1
        self.places[k.SLOT, numbers & last] = np.arange(n)
        self.places[k.NUMBER, :n] = numbers
        self.at[[k.TAIL, k.HEAD, k.N_USED, k.N_FREE]] = tail, head, n, 0
        k.index(self.table, self.ids, self.places, self.at)
