"""One transaction after another, under the name of a worker's slot: records, offsets, commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streamadapt.config_live import KafkaConfig
from streamadapt.connectors.partition_log import (
    Committed,
    Driver,
    Membership,
    Outgoing,
    Partition,
    Publisher,
)
from streamadapt.watchdog import Watchdog

__all__ = ["MOMENTS", "Transactions"]

MOMENTS = ("before_begin", "after_sends", "after_send_offsets", "after_flush", "after_commit")
"""The named moments of a transaction at which a probe is called."""


class Transactions:
    """What a worker publishes, and how far it has come, in one transaction at a time.

    After an error all but `abandon` and `close` must wait until `abandon`: the next transaction
    then has a new producer, since the old one would carry over what failed.

    Parameters
    ----------
    driver
        The Kafka client.
    name
        Of the slot: who takes it ends what a former holder left open.
    kafka
        The pipeline's section, for its time-outs.
    watchdog
        Ends the process if a call never returns.
    probe
        Is told the `MOMENTS`, for tests of faults.
    """

    def __init__(
        self,
        driver: Driver,
        name: str,
        kafka: KafkaConfig,
        watchdog: Watchdog,
        probe: Callable[[str], None],
    ) -> None:
        self._driver = driver
        self._name = name
        self._timeout_s = kafka.transaction_timeout_s
        # Past the transaction's own time-out the broker has aborted it anyway.
        self.stuck_after_s = 2 * self._timeout_s
        self._guard = watchdog.guard
        self._probe = probe
        self._publisher: Publisher | None = None

    def hold_slot(self) -> Publisher:
        """Return the producer of the slot; a former holder's transaction is waited for.

        Raises
        ------
        BrokerError
            If that cannot be.
        """
        if self._publisher is None:
            with self._guard("init_transactions", 3 * self.stuck_after_s):
                self._publisher = self._driver.publisher(self._name)
        return self._publisher

    def run(
        self,
        outgoing: Sequence[Outgoing],
        offsets: Mapping[Partition, Committed],
        membership: Membership,
    ) -> None:
        """Publish and commit, all or nothing.

        Raises
        ------
        BrokerError
            If it failed, or may have: only the broker knows whether it was committed.
        """
        probe, guard, seconds = self._probe, self._guard, self.stuck_after_s
        publisher = self.hold_slot()
        probe("before_begin")
        with guard("begin_transaction", seconds):
            publisher.begin()
        with guard("send", seconds):
            for each in outgoing:
                publisher.send(each)
        probe("after_sends")
        with guard("send_offsets_to_transaction", seconds):
            publisher.send_offsets(offsets, membership)
        probe("after_send_offsets")
        with guard("flush", seconds + self._timeout_s):
            publisher.flush(seconds)
        probe("after_flush")
        with guard("commit_transaction", seconds):
            publisher.commit()
        probe("after_commit")

    def abandon(self) -> None:
        """Let go of the producer without waiting."""
        if self._publisher is not None:
            self._publisher.abandon()
            self._publisher = None

    def close(self) -> None:
        """Let go in order."""
        if self._publisher is not None:
            with self._guard("closing the producer", self.stuck_after_s):
                self._publisher.close()
