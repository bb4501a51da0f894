"""Where the logs of labels end, so that events can wait for labels written before them."""

from __future__ import annotations

import time

from streamadapt.connectors.partition_log import BrokerError, GroupConsumer, Partition
from streamadapt.holdings import Holdings

__all__ = ["LabelEnds"]

_EVERY_S = 2.0
_ANSWER_S = 1.0


class LabelEnds:
    """Asks now and then where the logs of labels end.

    Parameters
    ----------
    topic
        Of the labels; None if they stand in the events.
    consumer
        Asks the broker.
    holdings
        Which partitions are worked on.
    """

    def __init__(self, topic: str | None, consumer: GroupConsumer, holdings: Holdings) -> None:
        self._topic = topic
        self._consumer = consumer
        self._holdings = holdings
        self._ends: dict[int, int] = {}
        self._asked_s = 0.0
        self._asked_of: frozenset[int] = frozenset()

    def of(self, number: int) -> int:
        """Return where a partition's labels end, as far as is known."""
        return self._ends.get(number, 0)

    def look(self) -> None:
        """Ask, if it is time or there are new partitions; a broker that is away knows nothing."""
        numbers = frozenset(self._holdings.tasks)
        is_due = time.monotonic() - self._asked_s >= _EVERY_S or numbers - self._asked_of
        if self._topic is None or not numbers or not is_due:
            return
        self._asked_s, self._asked_of = time.monotonic(), numbers
        try:
            partitions = {Partition(self._topic, number) for number in numbers}
            bounds = self._consumer.bounds(partitions, _ANSWER_S)
        except BrokerError:
            return
        self._ends = {partition.number: end for partition, (_, end) in bounds.items()}
