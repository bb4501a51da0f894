"""Kernels of the label join: which rows predict, which learn, what is dropped, in order.

Events wait in one ring, labels that came before their event in another (`label_ring_kernels`).
``labelled`` holds the numbers of the last entries that got their label, in that order: those that
fall out of it go, so that a label that never comes keeps its own event alive, and none after it.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from streamadapt.jit import kernel
from streamadapt.label_ring_kernels import (
    DEDUP,
    HEAD,
    LABELLED,
    NUMBER,
    PENDING,
    SLOT,
    TAIL,
    enter,
    find,
    leave,
)

EVENT, LABEL = 0, 1
OWN_LABEL = 2  # was taken off its event's record, whose position it has

# Reasons for a drop; index into `labels.REASONS`.
DUPLICATE, TOO_LATE, UNKNOWN_ID, EXPIRED, REPEATED, CORRECTED, NO_LABEL, TOO_EARLY = range(8)

# Places in `counts`; index into `labels.COUNTERS`.
N_EVENTS, N_LABELLED, N_DUPLICATE, N_OUT_OF_ORDER, N_TOO_LATE, N_EXPIRED = 0, 1, 2, 3, 4, 5
N_EARLY, N_UNKNOWN, N_REPEATED, N_CORRECTED, N_AWAITED, N_EXPIRED_LABEL = 6, 7, 8, 9, 10, 11
N_TOO_EARLY, N_COUNTERS = 12, 13

# Places in `cursor`.
WATERMARK, LABELLED_HEAD, LABELLED_TAIL, REFUSED_TIME, CURSORS = 0, 1, 2, 3, 4

# Places in `limits`; 0 means no limit for the ages.
MAX_PENDING, MAX_EARLY, MAX_AGE_US, REMEMBER = 0, 1, 2, 3
LATENESS_US, AHEAD_US, LEARN_CORRECTIONS, DEDUP_ONLY = 4, 5, 6, 7

_NO_TIME = np.iinfo(np.int64).min


@kernel
def _is_at(slot, positions, position):
    return slot >= 0 and positions[slot] == position


@kernel
def _too_old(time, watermark, max_age_us):
    return (
        max_age_us > 0
        and time != _NO_TIME
        and watermark != _NO_TIME
        and watermark - time > max_age_us
    )


@kernel
def _too_early(time, watermark, refused, ahead_us):
    """Tell whether a time is too far ahead, unless the one refused just before agrees with it."""
    return (
        ahead_us > 0
        and time != _NO_TIME
        and watermark != _NO_TIME
        and time - watermark > ahead_us
        and (refused == _NO_TIME or abs(time - refused) > ahead_us)
    )


@kernel
def watermarks(times, cursor, ahead_us):
    """Put event time after each event in the place of its own time; the join's rule, no ring."""
    for i in range(len(times)):
        if _too_early(times[i], cursor[WATERMARK], cursor[REFUSED_TIME], ahead_us):
            cursor[REFUSED_TIME] = times[i]
        else:
            cursor[REFUSED_TIME] = _NO_TIME
            cursor[WATERMARK] = max(cursor[WATERMARK], times[i])
        times[i] = cursor[WATERMARK]


@kernel
def _evict(ids, times, status, table, places, at, cursor, limits, counts):
    """Drop entries from the old end: those that waited too long, those too far back."""
    last = places.shape[1] - 1
    while at[TAIL] < at[HEAD]:
        s = places[SLOT, at[TAIL] & last]
        if s >= 0:
            is_far = at[HEAD] - at[TAIL] > limits[MAX_PENDING]
            is_old = _too_old(times[s], cursor[WATERMARK], limits[MAX_AGE_US])
            if not (is_far or (is_old and status[s] == PENDING)):
                return
            counts[N_EXPIRED] += status[s] == PENDING
            leave(s, ids, table, places, at)
        at[TAIL] += 1


@kernel
def _remember(slot, ids, table, places, at, labelled, cursor, limits):
    """Note that `slot` has its label; the one that had it longest ago is no longer remembered."""
    last = len(labelled) - 1
    labelled[cursor[LABELLED_HEAD] & last] = places[NUMBER, slot]
    cursor[LABELLED_HEAD] += 1
    if cursor[LABELLED_HEAD] - cursor[LABELLED_TAIL] > limits[REMEMBER]:
        old = labelled[cursor[LABELLED_TAIL] & last]
        cursor[LABELLED_TAIL] += 1
        if old >= at[TAIL]:  # else it is gone already
            leave(places[SLOT, old & (places.shape[1] - 1)], ids, table, places, at)


@kernel
def _evict_early(
    ids, times, labels, positions, table, places, at, cursor, limits, counts,
    drop_at, drop_why, drop_value, n_drops,
):  # fmt: skip
    """Drop labels whose event has not come, oldest first; each becomes a dead letter."""
    last = places.shape[1] - 1
    while at[TAIL] < at[HEAD]:
        s = places[SLOT, at[TAIL] & last]
        if s >= 0:
            held = at[HEAD] - at[TAIL]
            if held <= limits[MAX_EARLY] and not _too_old(
                times[s], cursor[WATERMARK], limits[MAX_AGE_US]
            ):
                return n_drops
            leave(s, ids, table, places, at)
            counts[N_UNKNOWN] += 1
            drop_at[n_drops, 0] = -1
            drop_at[n_drops, 1] = positions[s]
            drop_at[n_drops, 2] = np.int64(ids[s])
            drop_why[n_drops] = UNKNOWN_ID
            drop_value[n_drops] = labels[s]
            n_drops += 1
        at[TAIL] += 1
    return n_drops


@kernel
def admit(
    kind, key, time, label, position,
    ids, times, labels, status, positions, table, places, at, labelled,
    e_ids, e_times, e_labels, e_status, e_positions, e_table, e_places, e_at,
    cursor, limits, counts,
    op, slot, y, record, graded, drop_at, drop_why, drop_value,
):  # fmt: skip
    """Join n records in order; return (number of ops, number of drops).

    An event gets a slot and predicts; with its label in the record (or come early) it learns in
    the same op.  A label finds its event's slot and learns.  ``drop_at`` is (record, position,
    bits of the id); record -1 stands for one of an earlier call.
    """
    n_ops = 0
    n_drops = 0
    for i in range(len(kind)):
        why = -1
        if kind[i] == EVENT:
            if find(table, ids, at, key[i]) >= 0:
                counts[N_DUPLICATE] += 1
                why = DUPLICATE
            elif (
                time[i] != _NO_TIME
                and cursor[WATERMARK] != _NO_TIME
                and time[i] < cursor[WATERMARK]
            ):
                counts[N_OUT_OF_ORDER] += 1
                if limits[LATENESS_US] > 0 and cursor[WATERMARK] - time[i] > limits[LATENESS_US]:
                    counts[N_TOO_LATE] += 1
                    why = TOO_LATE
            elif _too_early(time[i], cursor[WATERMARK], cursor[REFUSED_TIME], limits[AHEAD_US]):
                counts[N_TOO_EARLY] += 1
                cursor[REFUSED_TIME] = time[i]
                why = TOO_EARLY
            if why < 0:
                cursor[REFUSED_TIME] = _NO_TIME
                if time[i] != _NO_TIME and time[i] > cursor[WATERMARK]:
                    cursor[WATERMARK] = time[i]
                counts[N_EVENTS] += 1
                # The ring has one place more than it may hold, so a slot is free here.
                s = enter(key[i], ids, table, places, at)
                times[s] = time[i]
                positions[s] = position[i]
                target = label[i]
                if e_at[TAIL] < e_at[HEAD]:
                    e = find(e_table, e_ids, e_at, key[i])
                    if e >= 0:
                        if target != target:
                            target = e_labels[e]
                        leave(e, e_ids, e_table, e_places, e_at)
                known = target == target
                labels[s] = target
                status[s] = LABELLED if known else PENDING
                if limits[DEDUP_ONLY]:
                    known = False
                    status[s] = DEDUP
                if status[s] != PENDING:
                    _remember(s, ids, table, places, at, labelled, cursor, limits)
                op[n_ops] = 3 if known else 1
                if not limits[DEDUP_ONLY]:
                    counts[N_LABELLED] += known
                    counts[N_AWAITED] += not known
                slot[n_ops] = s
                y[n_ops] = target
                record[n_ops] = i
                graded[n_ops] = known
                n_ops += 1
                _evict(ids, times, status, table, places, at, cursor, limits, counts)
        elif label[i] != label[i]:
            why = NO_LABEL
        elif kind[i] == OWN_LABEL and not _is_at(
            find(table, ids, at, key[i]), positions, position[i]
        ):
            pass  # its event was refused, or is awaited no more: that was said then
        else:
            s = find(table, ids, at, key[i])
            learns = False
            if s < 0:
                e = find(e_table, e_ids, e_at, key[i])
                if e < 0:
                    counts[N_EARLY] += 1
                    e = enter(key[i], e_ids, e_table, e_places, e_at)
                    e_times[e] = time[i] if time[i] != _NO_TIME else cursor[WATERMARK]
                    e_labels[e] = label[i]
                    e_positions[e] = position[i]
                    e_status[e] = PENDING
                elif e_labels[e] == label[i]:
                    counts[N_REPEATED] += 1
                    why = REPEATED
                else:
                    counts[N_CORRECTED] += 1
                    e_labels[e] = label[i]
            elif status[s] == PENDING:
                if _too_old(times[s], cursor[WATERMARK], limits[MAX_AGE_US]):
                    counts[N_EXPIRED_LABEL] += 1
                    why = EXPIRED
                else:
                    counts[N_LABELLED] += 1
                    learns = True
            elif labels[s] == label[i]:
                counts[N_REPEATED] += 1
                why = REPEATED
            else:
                counts[N_CORRECTED] += 1
                if limits[LEARN_CORRECTIONS]:
                    learns = True
                else:
                    why = CORRECTED
            if learns:
                op[n_ops] = 2
                slot[n_ops] = s
                y[n_ops] = label[i]
                record[n_ops] = i
                graded[n_ops] = status[s] == PENDING
                n_ops += 1
                labels[s] = label[i]
                if status[s] == PENDING:
                    status[s] = LABELLED
                    _remember(s, ids, table, places, at, labelled, cursor, limits)
        if why >= 0:
            drop_at[n_drops, 0] = i
            drop_at[n_drops, 1] = position[i]
            drop_at[n_drops, 2] = np.int64(key[i])
            drop_why[n_drops] = why
            drop_value[n_drops] = label[i]
            n_drops += 1
        n_drops = _evict_early(
            e_ids, e_times, e_labels, e_positions, e_table, e_places, e_at,
            cursor, limits, counts, drop_at, drop_why, drop_value, n_drops,
        )  # fmt: skip
    return n_ops, n_drops


@kernel
def gather(op, slot, rows, ring, out):
    """Give each op its row: a prediction brings the next of `rows`, learning finds it in the ring.

    In order, because a slot may be used again within one call.  Number by number, because Numba
    copies a row as a whole five times slower, and compiles ten times longer.
    """
    n = 0
    for i in range(len(op)):
        s = slot[i]
        if op[i] & 1:
            for j in range(rows.shape[1]):
                ring[s, j] = rows[n, j]
            n += 1
        for j in range(rows.shape[1]):
            out[i, j] = ring[s, j]
