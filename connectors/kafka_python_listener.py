"""kafka-python's rebalance listener: notes and pauses, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka.consumer.subscription_state import ConsumerRebalanceListener

from streamadapt.connectors.partition_log import Partition
from streamadapt.connectors.rebalances import Rebalances

__all__ = ["RebalanceListener"]


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes and pauses.

    The client calls this on its IO thread, in the middle of a `poll`, where any call that waits
    for the broker raises.  A new partition is paused there, and put at offset 0 so that the client
    does not look for a committed offset by itself: that would fail the poll where there is none,
    and hold up all other partitions while a transaction is pending.
    """

    def __init__(self, consumer: Any, rebalances: Rebalances) -> None:  # noqa: ANN401 - the client has no types
        self._consumer = consumer
        self._rebalances = rebalances

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Note partitions that go to others."""
        self._rebalances.revoke([Partition(*each) for each in revoked])

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        """Note partitions that others may have had for some time."""
        self._rebalances.lose([Partition(*each) for each in lost])

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Keep new partitions still, and note them."""
        fresh = list(assigned)
        for each in fresh:
            self._consumer.seek(each, 0)
        self._consumer.pause(*fresh)
        self._rebalances.assign([Partition(*each) for each in fresh])
