"""The ring of waiting records, against a dict."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamadapt import label_ring_kernels as k
from streamadapt.label_ring import LabelRing

CAPACITY = 300


def enter(ring: LabelRing, key: int) -> int:
    slot = k.enter(np.uint64(key), ring.ids, ring.table, ring.places, ring.at)
    ring.status[slot] = k.PENDING
    return int(slot)


def leave(ring: LabelRing, slot: int) -> None:
    k.leave(slot, ring.ids, ring.table, ring.places, ring.at)


def found(ring: LabelRing, key: int) -> int:
    return int(k.find(ring.table, ring.ids, ring.at, np.uint64(key)))


def the_oldest_go(ring: LabelRing, kept: dict[int, int]) -> None:
    """Move the tail past entries that have gone, as the join does after each record."""
    while ring.at[k.TAIL] < ring.at[k.HEAD]:
        slot = ring.places[k.SLOT, ring.at[k.TAIL] & (len(ring.ids) - 1)]
        if slot >= 0 and ring.at[k.HEAD] - ring.at[k.TAIL] <= CAPACITY:
            return
        if slot >= 0:
            del kept[int(ring.ids[slot])]
            leave(ring, int(slot))
        ring.at[k.TAIL] += 1


@given(st.lists(st.integers(0, 400), max_size=1500), st.integers(0, 1500))
def test_it_finds_what_waits_and_nothing_else_before_and_after_a_restore(
    keys: list[int], cut: int
) -> None:
    ring, kept = LabelRing(CAPACITY), dict[int, int]()
    for i, key in enumerate(keys):
        if i == cut:
            state, ring = ring.state(), LabelRing(CAPACITY)
            ring.restore(state)
            assert ring.state().digest() == state.digest()
            kept = dict(zip(kept, ring.slots().tolist(), strict=True))
        if key in kept:
            leave(ring, kept.pop(key))
        else:
            kept[key] = enter(ring, key)
        the_oldest_go(ring, kept)
    assert ring.slots().tolist() == list(kept.values())
    assert {key: found(ring, key) for key in range(401)} == dict.fromkeys(range(401), -1) | kept


def test_only_as_many_slots_are_used_as_entries_wait() -> None:
    ring = LabelRing(100_000)
    slots = [enter(ring, key) for key in range(10)]
    for key in range(10, 50_000):
        leave(ring, slots.pop(0))
        slots.append(enter(ring, key))
    assert max(slots) < 10
    assert ring.at[k.MASK] + 1 == k.FIRST_TABLE
