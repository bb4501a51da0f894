"""Labels and events of which one is written by a clock that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from streamadapt.arrival_order import ArrivalOrder
from streamadapt.connectors.partition_log import Batch, Partition

NOW_MS = 1_700_000_000_000
YEAR_MS = 365 * 86_400_000


def written(topic: str, first: int, *times_ms: int) -> Batch:
    none: list[bytes | None] = [None] * len(times_ms)
    offsets = np.arange(first, first + len(times_ms))
    return Batch(Partition(topic, 0), offsets, np.array(times_ms), none, none)


@pytest.mark.parametrize("ahead_ms", [0, 50, YEAR_MS, 2**62])
def test_one_label_of_a_time_to_come_keeps_no_label_waiting_while_events_flow(
    ahead_ms: int,
) -> None:
    order, taken = ArrivalOrder(), 0
    order.offer("l", written("labels", 0, NOW_MS + ahead_ms), NOW_MS)
    for turn in range(1, 20):  # never idle
        wall_ms = NOW_MS + 100 * turn
        order.offer("e", written("events", turn, wall_ms), wall_ms)
        order.offer("l", written("labels", turn, wall_ms), wall_ms)
        pieces = order.take(turn / 10, labels_end=turn + 1)
        taken += sum(len(piece.batch) for piece in pieces if piece.kind == "l")
    assert taken >= 19
