"""One transaction after another, under the name of a worker's slot: records, offsets, commit.

The broker's answers are waited for on a thread of their own, while the worker learns from what
comes next; what it says meanwhile belongs to the next transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

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


_CONNECT_S = 30.0
"""How long a client tries to reach a broker at all, before it says so."""


class Transactions:
    """What a worker publishes, and how far it has come, in one transaction at a time.

    After an error nothing but `abandon` and `close` may come: the next transaction then has a new
    producer, since the old one would carry over what failed.

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
        self._thread = ThreadPoolExecutor(1, "transactions")
        self._ending: Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is waited for: `settle` says at once how the last one went."""
        return self._ending is None or self._ending.done()

    def hold_slot(self) -> Publisher:
        """Return the producer of the slot; a former holder's transaction is waited for.

        Raises
        ------
        BrokerError
            If that cannot be.
        """
        if self._publisher is None:
            with self._guard("init_transactions", _CONNECT_S + 3 * self.stuck_after_s):
                self._publisher = self._driver.publisher(self._name)
        return self._publisher

    def start(
        self,
        outgoing: Sequence[Outgoing],
        offsets: Mapping[Partition, Committed],
        membership: Membership,
    ) -> None:
        """Hand all to the client, to be committed at once or not at all; `settle` says which.

        Raises
        ------
        BrokerError
            If the client refuses it.
        """
        publisher = self.hold_slot()
        self._probe("before_begin")
        with self._guard("begin_transaction", self.stuck_after_s):
            publisher.begin()
        with self._guard("send", self.stuck_after_s):
            for each in outgoing:
                publisher.send(each)
        self._probe("after_sends")
        self._ending = self._thread.submit(self._end, publisher, offsets, membership)

    def _end(
        self, publisher: Publisher, offsets: Mapping[Partition, Committed], membership: Membership
    ) -> None:
        probe, guard, seconds = self._probe, self._guard, self.stuck_after_s
        with guard("send_offsets_to_transaction", seconds):
            publisher.send_offsets(offsets, membership)
        probe("after_send_offsets")
        with guard("flush", seconds + self._timeout_s):
            publisher.flush(seconds)
        probe("after_flush")
        with guard("commit_transaction", seconds):
            publisher.commit()
        probe("after_commit")

    def settle(self) -> None:
        """Wait until the transaction that was started is committed.

        Raises
        ------
        BrokerError
            If it failed, or may have: only the broker knows whether it was committed.
        """
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.result()

    def abandon(self) -> None:
        """Let go of the producer, once its calls have returned: the watchdog sees to that."""
        self._wait()
        if self._publisher is not None:
            self._publisher.abandon()
            self._publisher = None

    def close(self) -> None:
        """Let go in order."""
        self._wait()
        self._thread.shutdown()
        if self._publisher is not None:
            with self._guard("closing the producer", self.stuck_after_s):
                self._publisher.close()

    def _wait(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            wait([ending])
