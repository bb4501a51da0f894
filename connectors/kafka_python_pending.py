"""Offsets of an open transaction, as kafka-python tells of them: in its log, and nowhere else.

`KafkaConsumer.committed` asks again every 100 ms until its time is over, and then raises the same
time-out as for a broker that is away.  Each try writes an ERROR "Unknown error fetching offsets",
although all is well.  The filter drops these lines, and keeps which partitions they named.
"""

from __future__ import annotations

import logging
from typing import Any

from kafka.errors import UnstableOffsetCommitError

__all__ = ["PENDING", "PendingOffsets"]


class PendingOffsets(logging.Filter):
    """Keeps the lines about pending offsets out of the log, and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[Any] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line about pending offsets."""
        values = record.args
        if not isinstance(values, tuple) or not values:
            return True
        if not isinstance(values[-1], UnstableOffsetCommitError):
            return True
        self._seen.add(values[0])
        return False

    def forget(self, partition: Any) -> None:  # noqa: ANN401 - the client's own type
        """Start anew for a partition."""
        self._seen.discard(partition)

    def holds(self, partition: Any) -> bool:  # noqa: ANN401 - the client's own type
        """Whether a transaction was open at the last try."""
        return partition in self._seen


PENDING = PendingOffsets()
logging.getLogger("kafka.coordinator.consumer").addFilter(PENDING)
