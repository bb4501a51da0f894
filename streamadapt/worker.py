"""The worker: polls, lets tasks predict and learn, publishes and commits in one transaction.

The six rules of exactly-once on Kafka, and where they are kept:

1. The membership of a transaction is the snapshot taken right after the poll (`Worker._turn`).
2. After any error in a transaction the producer and every task are thrown away
   (`Worker._recover`).
3. After a rebalance each task is compared with what is committed (`Holdings`).
4. Every single record sent is checked before the commit (`Publisher.flush`).
5. A watchdog ends the process if a call of the client never returns (`Watchdog`).
6. The consumer reads only what is committed, so that pending offsets are waited for (the drivers).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from streamadapt.build import warm_up
from streamadapt.config import Config
from streamadapt.connectors.partition_log import (
    Batch,
    BrokerError,
    Committed,
    Driver,
    Membership,
    Partition,
)
from streamadapt.contracts import Reporter, Store
from streamadapt.errors import ConfigError
from streamadapt.fact_lines import report
from streamadapt.garbage import calm_collector
from streamadapt.holdings import Holdings
from streamadapt.label_ends import LabelEnds
from streamadapt.live_task import LiveTask, Said
from streamadapt.lost_state import LostStateError
from streamadapt.restoring import RestoreSettings
from streamadapt.saving import Saving
from streamadapt.store_thread import StoreThread
from streamadapt.transactions import Transactions
from streamadapt.watchdog import Watchdog
from streamadapt.worker_report import WorkerReport

__all__ = ["Worker", "WorkerOptions"]

_POLL_S = 0.1
_BUSY_POLL_S = 0.005
_LEAVE_S = 5.0
_MOST_FAILURES = 20
_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker runs.

    ``name`` is its slot: stable over restarts, and its own among all workers of the pipeline.
    ``reset`` names learners that begin anew where a state is restored.  ``probe`` is called at the
    `MOMENTS` of each transaction (`streamadapt.transactions`), for tests of faults; ``is_wanted``
    says whether to go on.
    """

    name: str = "0"
    reset: frozenset[str] = frozenset()
    probe: Callable[[str], None] = lambda moment: None
    is_wanted: Callable[[], bool] = lambda: True


class _UnderWay(NamedTuple):
    """What a task has in the transaction under way."""

    task: LiveTask
    offsets: Mapping[str, Committed]
    names: tuple[str, ...]
    """Of the checkpoints in its tag."""
    said: Said


class Worker:
    """Runs the tasks of the partitions that the group gives it, until it is told to stop.

    Parameters
    ----------
    config
        The pipeline, with a section ``kafka``.
    environ
        Environment variables, for secrets.
    driver
        The Kafka client.
    connect
        Opens the store; may be called again and again while the store is away.
    reporter
        Is told counts and facts.
    options
        How it runs.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        driver: Driver,
        connect: Callable[[], Store],
        reporter: Reporter,
        options: WorkerOptions = WorkerOptions(),
    ) -> None:
        if config.kafka is None:
            raise ConfigError("kafka: this section is missing: it names topics and servers")
        self._config = config
        self._kafka = config.kafka
        self._kinds = {topic: kind for kind, topic in config.kafka.inputs.items()}
        self._environ = environ
        self._driver = driver
        self._reporter = reporter
        self._options = options
        self._watchdog = Watchdog()
        self._stores = StoreThread(connect, reporter)
        self._saving = Saving(config, self._stores, reporter)
        self._transactions = Transactions(
            driver, f"{config.name}-{options.name}", config.kafka, self._watchdog, options.probe
        )
        self._under_way: list[_UnderWay] = []
        self._failures = 0
        self._stop = False
        self._uncommitted = 0
        self._began_s = time.monotonic()
        self._held_back: frozenset[Partition] = frozenset()
        self._consumer = driver.consumer(
            config.kafka.group or config.name, list(config.kafka.inputs.values())
        )
        settings = RestoreSettings(
            config, driver, self._stores, reporter, self._made, self._saving.checkpoints,
            options.reset,
        )  # fmt: skip
        self.holdings = Holdings(config.kafka.inputs, self._consumer, settings, self._saving)
        self._label_ends = LabelEnds(config.kafka.inputs.get("l"), self._consumer, self.holdings)
        self._report = WorkerReport(reporter, self.holdings, self._consumer)

    def stop(self) -> None:
        """End after the turn at hand: commit, write checkpoints, leave the group."""
        self._stop = True

    def run(self) -> None:
        """Work until `stop`.

        Raises
        ------
        LostStateError
            If the state of every partition it holds is lost; on `stop`, of some.
        StateError
            If states cannot be used under this configuration.
        BrokerError
            If transactions failed again and again.
        """
        warm_up(self._made(0, dict.fromkeys(self._kafka.inputs, 0)).task)
        try:
            with calm_collector():
                while not self._stop and self._options.is_wanted():
                    self._turn()
                self._leave()
        finally:
            self._close()
        if self.holdings.refused:
            raise LostStateError("; ".join(map(str, self.holdings.refused.values())))

    def _turn(self) -> None:
        holdings = self.holdings
        room = max(self._kafka.max_uncommitted - self._uncommitted, 1)
        wait_s = _BUSY_POLL_S if holdings.waiting else self._wait_s()
        with self._watchdog.guard("poll", self._kafka.max_poll_interval_s):
            batches = self._consumer.poll(wait_s, room)
        membership = self._consumer.membership()  # rule 1
        is_new = holdings.rebalanced(self._consumer.changes(), membership)
        if is_new:
            batches = []
        try:
            self._settle(is_new)  # what is committed is compared next (rule 3)
            if holdings.waiting:
                # Aborts what a former holder of the slot left open: offsets would wait for that.
                self._transactions.hold_slot()
            holdings.step()
            self._label_ends.look()
            self._feed(batches)
            self._saving.step(holdings.tasks)
            self._hold_back()
            if self._is_due():
                self._commit(membership)
        except BrokerError as error:
            self._recover(error)
        self._report.turn()

    def _wait_s(self) -> float:
        """Return how long a poll may wait without holding up a commit."""
        if not self._uncommitted:
            return _POLL_S
        due_s = self._began_s + self._kafka.transaction_interval_s - time.monotonic()
        least_s = 0.0 if self._transactions.is_over else _BUSY_POLL_S
        return min(max(due_s, least_s), _POLL_S)

    def _made(self, number: int, offsets: Mapping[str, int]) -> LiveTask:
        return LiveTask(self._config, self._environ, number, offsets)

    # -- records

    def _feed(self, batches: list[Batch]) -> None:
        """Give each task its records, in about the order in which they were written."""
        wall_ms = int(time.time() * 1000)
        for batch in batches:
            task = self.holdings.tasks.get(batch.partition.number)
            if task is not None and len(batch):
                kind = self._kinds[batch.partition.topic]
                self.holdings.orders[task.partition].offer(kind, batch, wall_ms)
        now_s = time.monotonic()
        for number, task in self.holdings.tasks.items():
            order, end = self.holdings.orders[number], self._label_ends.of(number)
            pieces = order.take(now_s, not self._saving.is_full(task), end)
            if pieces:
                task.take(pieces)
        self._uncommitted = sum(t.said.n_taken for t in self.holdings.tasks.values())

    def _hold_back(self) -> None:
        """Ask for no more where too much lies ready, or the tag has no room for its order."""
        labels = self._kafka.inputs.get("l")
        if labels is None:
            return
        held = set()
        for number, task in self.holdings.tasks.items():
            full = self.holdings.orders[number].full_inputs
            if "l" in full or self._saving.is_full(task):
                held.add(Partition(labels, number))
            if "e" in full:
                held.add(Partition(self._kafka.events, number))
        there = self.holdings.partitions(list(self.holdings.tasks))
        self._consumer.pause(held & there)
        self._consumer.resume((self._held_back - held) & there)
        if held != self._held_back:
            self._reporter.gauge("labels_held_back", sum(p.topic == labels for p in held))
        self._held_back = frozenset(held)

    # -- transactions

    def _is_due(self) -> bool:
        if not any(task.has_news for task in self.holdings.tasks.values()):
            return False
        if self._uncommitted >= self._kafka.max_uncommitted:
            return True
        waited_s = time.monotonic() - self._began_s
        return self._transactions.is_over and waited_s >= self._kafka.transaction_interval_s

    def _commit(self, membership: Membership) -> None:
        """Start to publish, advance and name the states, in one transaction."""
        self._settle(wait=True)
        if not membership.is_member:
            return  # thrown out: the next poll joins again, and says what is still held
        tasks = [t for t in self.holdings.tasks.values() if t.has_news and t.tag.is_named]
        if not tasks:
            return
        parts = [
            _UnderWay(task, task.commit_offsets(), tuple(task.tag.names), task.hand_over())
            for task in tasks
        ]
        self._transactions.start(
            [outgoing for part in parts for outgoing in part.said.outgoing],
            {
                Partition(self._kafka.inputs[kind], part.task.partition): committed
                for part in parts
                for kind, committed in part.offsets.items()
            },
            membership,
        )
        self._under_way = parts
        self._began_s = time.monotonic()
        self._uncommitted = sum(task.said.n_taken for task in self.holdings.tasks.values())

    def _settle(self, wait: bool) -> None:
        """Take in that the transaction under way was committed; look only, or wait for it."""
        if not self._under_way or not (wait or self._transactions.is_over):
            return
        parts, self._under_way = self._under_way, []
        self._transactions.settle()
        self._failures = 0
        for task, offsets, names, said in parts:
            task.committed = offsets
            report(self._reporter, said.rejects, said.facts, task.partition)
            self._report.committed(said)
            if self.holdings.tasks.get(task.partition) is task:
                self._saving.committed(task, names)

    def _recover(self, error: BrokerError) -> None:
        """Throw away the publisher and every task, and begin from what is committed (rule 2).

        The error does not tell whether the transaction was committed: only the broker does.
        """
        with suppress(BrokerError):  # the one under way may have gone well: what it said counts
            self._settle(wait=True)
        self._failures += 1
        self._reporter.count("transactions_failed")
        self._reporter.note("recovering", {"problem": str(error), "failures": self._failures})
        self._transactions.abandon()
        if self._failures >= _MOST_FAILURES:
            raise error
        self.holdings.drop_all()
        self._uncommitted = 0
        time.sleep(min(0.05 * 2**self._failures, _LONGEST_PAUSE_S))

    # -- the end

    def _leave(self) -> None:
        """Write checkpoints of all tasks, and commit their names with what is left."""
        try:
            self._settle(wait=True)
            self._saving.finish(self.holdings.tasks.values(), _LEAVE_S)
            self._commit(self._consumer.membership())
            self._settle(wait=True)
        except BrokerError as error:
            self._reporter.note("left_without_commit", {"problem": str(error)})

    def _close(self) -> None:
        """Let go of everything, whatever of it fails: what counts is committed by now."""
        self.holdings.close()
        for what, end in (("producer", self._transactions.close), ("group", self._leave_group)):
            try:
                end()
            except BrokerError as error:
                self._reporter.note("not_closed", {"what": what, "problem": str(error)})
        self._stores.close()
        self._watchdog.close()
        self._report.end()

    def _leave_group(self) -> None:
        with self._watchdog.guard("leaving the group", self._transactions.stuck_after_s):
            self._consumer.close()
