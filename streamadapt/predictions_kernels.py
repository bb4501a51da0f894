"""Kernels that bring labels to the numbers of the predictions they are for."""

# mypy: allow-untyped-defs
from __future__ import annotations

from streamadapt.jit import kernel


@kernel
def settle(op, slot, graded, n_events, number_of, place, number, seen):
    """Follow predictions by slot; write whose label came.

    ``number_of[s]`` is the number of the event that waits in slot s, ``n_events`` that of the next
    event.  Of the i-th label: ``place[i]`` its op, ``number[i]`` its event, ``seen[i]`` the events
    predicted by then.  Returns the number of labels.
    """
    n = 0
    for i in range(len(op)):
        if op[i] & 1:
            number_of[slot[i]] = n_events
            n_events += 1
        if op[i] & 2 and graded[i] and number_of[slot[i]] >= 0:
            place[n] = i
            number[n] = number_of[slot[i]]
            seen[n] = n_events
            n += 1
    return n


@kernel
def most_probable(P, best):
    """Write the first of the most probable classes of each row, -1 where there is none."""
    for i in range(P.shape[0]):
        most = P[i, 0]
        first = 0 if most == most else -1
        for c in range(1, P.shape[1]):
            is_more = P[i, c] > most
            first = c if is_more else first
            most = P[i, c] if is_more else most
        best[i] = first
