"""Kernels of a key table; the table itself is that of `streamadapt.features_kernels`."""

from __future__ import annotations

from streamadapt.contracts import IntArray
from streamadapt.features_kernels import SLOTS_USED, insert_slot
from streamadapt.jit import kernel

__all__ = ["reindex"]


@kernel
def reindex(table: IntArray, slots: IntArray, meta: IntArray) -> None:
    """Fill an empty table with the keys of the used slots."""
    for slot in range(meta[SLOTS_USED]):
        insert_slot(slot, table, slots)
