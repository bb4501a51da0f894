"""Kernels of per-key history: ring buffers, a key table with eviction, lags.

Arrays for c slots, S sources and ring depth D (a power of two):

- ``rings`` float64 [c, S, D] and ``blocks`` float64 [c, S, B, 6]: a ring and its summaries for each
  slot and source, see `streamadapt.window_kernels`; rows are counted per key
- ``table`` int64 [power of two]: open addressing with linear probing, a slot or -1
- ``slots`` int64 [c, 4]: HASH of the key, rows SEEN, the OLDER and the NEWER slot by last use
- ``meta`` int64 [5]: SLOTS_USED, SLOTS_LIMIT, the NEWEST and the OLDEST slot, EVICTIONS
- ``plan`` int64 [p, 9], a line per lag or window: SOURCE, LENGTH (steps or window), CURRENT (1 if
  the window holds the current row), LAG_COLUMN (-1 in a window), then from STATISTICS on the
  columns of mean, std, min, max and sum (-1: not wanted)
"""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.jit import kernel
from streamadapt.window_kernels import BLOCK, push, summarise, write_statistics

__all__ = [
    "CURRENT",
    "EVICTIONS",
    "HASH",
    "LAG_COLUMN",
    "LENGTH",
    "META_FIELDS",
    "NEWER",
    "NEWEST",
    "OLDEST",
    "PLAN_FIELDS",
    "SEEN",
    "SLOTS_LIMIT",
    "SLOTS_USED",
    "SLOT_FIELDS",
    "SOURCE",
    "STATISTICS",
    "run_rows",
    "summarise_rings",
]

SOURCE, LENGTH, CURRENT, LAG_COLUMN, STATISTICS, PLAN_FIELDS = 0, 1, 2, 3, 4, 9
HASH, SEEN, OLDER, NEWER, SLOT_FIELDS = 0, 1, 2, 3, 4
SLOTS_USED, SLOTS_LIMIT, NEWEST, OLDEST, EVICTIONS, META_FIELDS = 0, 1, 2, 3, 4, 5


@kernel
def insert_slot(slot: int, table: IntArray, slots: IntArray) -> None:
    mask = len(table) - 1
    place = slots[slot, HASH] & mask
    while table[place] >= 0:
        place = (place + 1) & mask
    table[place] = slot


@kernel
def _place(key: int, table: IntArray, slots: IntArray) -> int:
    """Return where `key` stands in the table, or where it would be put."""
    mask = len(table) - 1
    place = key & mask
    while table[place] >= 0 and slots[table[place], HASH] != key:
        place = (place + 1) & mask
    return place


@kernel
def _erase(key: int, table: IntArray, slots: IntArray) -> None:
    """Take `key` out, moving later entries back so that no probe meets a hole."""
    mask = len(table) - 1
    hole = _place(key, table, slots)
    place = hole
    while True:
        place = (place + 1) & mask
        if table[place] < 0:
            break
        home = slots[table[place], HASH] & mask
        if ((place - home) & mask) >= ((place - hole) & mask):
            table[hole] = table[place]
            hole = place
    table[hole] = -1


@kernel
def _unlink(slot: int, slots: IntArray, meta: IntArray) -> None:
    older, newer = slots[slot, OLDER], slots[slot, NEWER]
    if older >= 0:
        slots[older, NEWER] = newer
    else:
        meta[OLDEST] = newer
    if newer >= 0:
        slots[newer, OLDER] = older
    else:
        meta[NEWEST] = older


@kernel
def _link_newest(slot: int, slots: IntArray, meta: IntArray) -> None:
    newest = meta[NEWEST]
    slots[slot, OLDER] = newest
    slots[slot, NEWER] = -1
    if newest >= 0:
        slots[newest, NEWER] = slot
    else:
        meta[OLDEST] = slot
    meta[NEWEST] = slot


@kernel
def slot_of(key: int, table: IntArray, slots: IntArray, meta: IntArray) -> int:
    """Return the key's slot as the newest one, or -1 if the arrays must grow first."""
    slot = int(table[_place(key, table, slots)])
    if slot < 0:
        if meta[SLOTS_USED] < len(slots):
            slot = int(meta[SLOTS_USED])
            meta[SLOTS_USED] += 1
        elif meta[SLOTS_USED] < meta[SLOTS_LIMIT]:
            return -1
        else:
            slot = int(meta[OLDEST])
            _unlink(slot, slots, meta)
            _erase(slots[slot, HASH], table, slots)
            meta[EVICTIONS] += 1
        slots[slot, HASH] = key
        slots[slot, SEEN] = 0
        insert_slot(slot, table, slots)
        _link_newest(slot, slots, meta)
    elif slot != meta[NEWEST]:
        _unlink(slot, slots, meta)
        _link_newest(slot, slots, meta)
    return slot


@kernel
def run_rows(
    start: int,
    keys: IntArray,
    V: FloatArray,
    X: FloatArray,
    plan: IntArray,
    rings: FloatArray,
    blocks: FloatArray,
    table: IntArray,
    slots: IntArray,
    meta: IntArray,
) -> int:
    """Append rows from `start` on to the histories and fill their derived columns of X.

    `keys` int64 [n] are hashes, V float64 [n, S] the sources' values, X float64 [n, d].

    Returns the row at which the arrays must grow, or n.
    """
    mask = rings.shape[2] - 1
    for i in range(start, len(keys)):
        slot = slot_of(keys[i], table, slots, meta)
        if slot < 0:
            return i
        row = slots[slot, SEEN]
        slots[slot, SEEN] = row + 1
        for s in range(V.shape[1]):
            push(rings[slot, s], blocks[slot, s], row, V[i, s])
        for p in range(len(plan)):
            s, length, column = plan[p, SOURCE], plan[p, LENGTH], plan[p, LAG_COLUMN]
            if column >= 0:
                X[i, column] = rings[slot, s, (row - length) & mask] if row >= length else np.nan
            else:
                high_row = row + plan[p, CURRENT]
                rows = (max(0, high_row - length), high_row)
                write_statistics(rings[slot, s], blocks[slot, s], rows, plan[p, STATISTICS:], X[i])
    return len(keys)


@kernel
def summarise_rings(
    reach: int, rings: FloatArray, blocks: FloatArray, slots: IntArray, meta: IntArray
) -> None:
    """Derive `blocks` anew from the last `reach` values of the rings."""
    for slot in range(meta[SLOTS_USED]):
        seen = slots[slot, SEEN]
        held = max(0, seen - reach)
        first = (held + BLOCK - 1) // BLOCK * BLOCK
        for s in range(rings.shape[1]):
            for start in range(first, seen - BLOCK + 1, BLOCK):
                place = (start // BLOCK) & (blocks.shape[2] - 1)
                summarise(rings[slot, s], place, start, blocks[slot, s])
