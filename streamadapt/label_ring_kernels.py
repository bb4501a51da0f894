"""Kernels of a ring of waiting records: numbered in order of arrival, found by id.

An entry has a number, which grows by one with each, and a slot, where its id, time, label, status
and position stand.  The slot freed last is used next, so that however many entries may wait, only
as much memory is touched as entries do wait: tasks by the dozen share a processor's caches.

``places`` is int64 [3, C]: the slot of entry number mod C (-1: it has gone), the stack of free
slots, the number of the entry in a slot.  ``table`` is an open-addressing table (linear probing,
deletion by shifting back) of slot + 1, 0 is free; its part in use begins small, too.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from streamadapt.jit import kernel

PENDING, LABELLED, DEDUP = 1, 2, 3
"""Status of a slot in use."""

# Rows of `places`.
SLOT, FREE, NUMBER, PLACES = 0, 1, 2, 3

# Places in `at`, where a ring stands: numbers of the next and of the oldest entry, slots ever used,
# slots on the stack, and the part of the table in use, less one.
HEAD, TAIL, N_USED, N_FREE, MASK, MARKS = 0, 1, 2, 3, 4, 5

FIRST_TABLE = 64
"""Places of the table in use at first; a power of two."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel
def home(key, mask):
    """Where an id would like to stand in the table (Fibonacci hashing)."""
    return np.int64((key * _GOLDEN) >> np.uint64(32)) & mask


@kernel
def find(table, ids, at, key):
    """Return the slot of `key`, or -1."""
    mask = at[MASK]
    i = home(key, mask)
    while table[i] != 0:
        if ids[table[i] - 1] == key:
            return table[i] - 1
        i = (i + 1) & mask
    return -1


@kernel
def put(table, ids, mask, slot):
    """Make what stands in `slot` findable."""
    i = home(ids[slot], mask)
    while table[i] != 0:
        i = (i + 1) & mask
    table[i] = slot + 1


@kernel
def _take_out(table, ids, mask, slot):
    """Remove `slot` from the table; those behind it move up, so that no hole breaks a probe."""
    i = home(ids[slot], mask)
    while table[i] != slot + 1:
        i = (i + 1) & mask
    j = i
    while True:
        j = (j + 1) & mask
        if table[j] == 0:
            break
        wish = home(ids[table[j] - 1], mask)
        stays = (i < wish <= j) if i <= j else (wish > i or wish <= j)
        if not stays:
            table[i] = table[j]
            i = j
    table[i] = 0


@kernel
def index(table, ids, places, at):
    """Fill the table with all entries; at most half of the part in use is taken."""
    table[: at[MASK] + 1] = 0
    while at[MASK] + 1 < len(table) and 2 * (at[N_USED] - at[N_FREE]) > at[MASK] + 1:
        at[MASK] = 2 * at[MASK] + 1
    last = places.shape[1] - 1
    for number in range(at[TAIL], at[HEAD]):
        slot = places[SLOT, number & last]
        if slot >= 0:
            put(table, ids, at[MASK], slot)


@kernel
def enter(key, ids, table, places, at):
    """Make a new entry; return its slot.  The caller keeps the number of entries below C."""
    if at[N_FREE] > 0:
        at[N_FREE] -= 1
        slot = places[FREE, at[N_FREE]]
    else:
        slot = at[N_USED]
        at[N_USED] += 1
    number = at[HEAD]
    at[HEAD] += 1
    places[SLOT, number & (places.shape[1] - 1)] = slot
    places[NUMBER, slot] = number
    ids[slot] = key
    if 2 * (at[N_USED] - at[N_FREE]) > at[MASK] + 1 < len(table):
        index(table, ids, places, at)
    else:
        put(table, ids, at[MASK], slot)
    return slot


@kernel
def leave(slot, ids, table, places, at):
    """Let go of the entry in `slot`."""
    _take_out(table, ids, at[MASK], slot)
    places[SLOT, places[NUMBER, slot] & (places.shape[1] - 1)] = -1
    places[FREE, at[N_FREE]] = slot
    at[N_FREE] += 1
