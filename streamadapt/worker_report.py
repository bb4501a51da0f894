"""What a worker tells about itself: whether it is ready, how much it took, how far it is behind."""

from __future__ import annotations

import time
from collections import Counter

from streamadapt.connectors.partition_log import BrokerError, GroupConsumer
from streamadapt.contracts import Reporter
from streamadapt.holdings import Holdings
from streamadapt.live_task import Said

__all__ = ["WorkerReport"]

_EVERY_S = 10.0
_ANSWER_S = 1.0


class WorkerReport:
    """Counts what is committed, and tells of it now and then.

    Parameters
    ----------
    reporter
        Is told.
    holdings
        The worker's partitions.
    consumer
        Knows where the logs end.
    """

    def __init__(self, reporter: Reporter, holdings: Holdings, consumer: GroupConsumer) -> None:
        self._reporter = reporter
        self._holdings = holdings
        self._consumer = consumer
        self._told_s = time.monotonic()
        self._taken = self._told_taken = 0
        self._was_ready: bool | None = None

    @property
    def is_ready(self) -> bool:
        """Whether every partition that is held is worked on."""
        return bool(self._holdings.tasks) and not (self._holdings.waiting or self._holdings.refused)

    def committed(self, said: Said) -> None:
        """Count what a transaction committed."""
        self._taken += said.n_taken
        self._reporter.count("records_committed", said.n_taken)

    def turn(self) -> None:
        """Tell what is due."""
        if self.is_ready != self._was_ready:
            self._was_ready = self.is_ready
            self._reporter.gauge("ready", float(self.is_ready))
            self._reporter.note("ready" if self.is_ready else "not_ready", self._partitions())
        if time.monotonic() - self._told_s >= _EVERY_S:
            self._tell_progress()

    def end(self) -> None:
        """Tell the last numbers."""
        self._reporter.gauge("ready", 0.0)
        skipped: Counter[str] = Counter()
        for live in self._holdings.tasks.values():
            skipped.update(live.task.rows_skipped())
        fields: dict[str, object] = {"records": self._taken}
        self._reporter.note("left", fields | ({"rows_skipped": dict(skipped)} if skipped else {}))

    def _partitions(self) -> dict[str, object]:
        holdings = self._holdings
        return {
            "working": sorted(holdings.tasks),
            "waiting": holdings.waiting,
            "refused": sorted(holdings.refused),
        }

    def _tell_progress(self) -> None:
        now = time.monotonic()
        rate = (self._taken - self._told_taken) / (now - self._told_s)
        self._told_s, self._told_taken = now, self._taken
        lag = self._lag()
        if lag is not None:
            self._reporter.gauge("lag_records", lag)
        self._reporter.note(
            "progress", {"records_per_s": round(rate), "lag": lag, **self._partitions()}
        )

    def _lag(self) -> int | None:
        """Return how many records wait in the logs, if the broker answers."""
        tasks = self._holdings.tasks
        partitions = self._holdings.partitions(list(tasks))
        try:
            bounds = self._consumer.bounds(partitions, _ANSWER_S)
        except BrokerError:
            return None
        taken = sum(task.position for task in tasks.values())
        return max(sum(end for _, end in bounds.values()) - taken, 0)
