"""Workers with a mistake put in on purpose: what the oracle must notice, or it proves nothing.

Each is a mistake that a worker on Kafka can really have; those of kafka-python were made by a
prototype, which lost and repeated events by them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from streamadapt.connectors.partition_log import (
    Committed,
    Driver,
    Membership,
    Outgoing,
    Partition,
    Publisher,
)
from streamadapt.log_feed import LogFeed
from streamadapt.restoring import Restoring
from streamadapt.tag import Entry, Tag
from streamadapt.worker import Worker

BUGS = (
    "commit_before_publish",
    "unnamed_checkpoint",
    "label_order_forgotten",
    "membership_read_at_commit",
    "producer_reused_after_abort",
)


def planted(bug: str, driver: Driver) -> tuple[type[Worker], Driver]:
    """Return a worker and a driver with that mistake."""
    if bug == "commit_before_publish":
        return Worker, _Wrapped(driver, _CommitsFirst)
    if bug == "unnamed_checkpoint":
        Restoring._newest = _newest_of_all  # type: ignore[method-assign]
        return Worker, driver
    if bug == "label_order_forgotten":
        Restoring._open = _opened_by_time  # type: ignore[method-assign]
        return Worker, driver
    if bug == "membership_read_at_commit":
        return _ReadsMembershipLate, driver
    if bug == "producer_reused_after_abort":
        Restoring._newest = _newest_in_turn  # type: ignore[method-assign]
        return Worker, _Wrapped(driver, _ReusedAfterAbort)
    raise ValueError(bug)


class _Wrapped:
    """A driver whose publishers are wrapped."""

    def __init__(self, driver: Driver, kind: Any) -> None:
        self._driver, self._kind = driver, kind
        self._kept: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def publisher(self, name: str) -> Any:
        if name not in self._kept or not self._kept[name].is_reused:
            self._kept[name] = self._kind(self._driver.publisher(name))
        return self._kept[name]


class _Passing:
    is_reused = False

    def __init__(self, inner: Publisher) -> None:
        self.inner: Any = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _CommitsFirst(_Passing):
    """Offsets in one transaction, then what was said in another: a crash between loses it."""

    def __init__(self, inner: Publisher) -> None:
        super().__init__(inner)
        self._held: list[Outgoing] = []

    def begin(self) -> None:
        self._held = []

    def send(self, outgoing: Outgoing) -> None:
        self._held.append(outgoing)

    def send_offsets(self, offsets: Mapping[Partition, Committed], membership: Membership) -> None:
        self.inner.begin()
        self.inner.send_offsets(offsets, membership)
        self.inner.flush(5)
        self.inner.commit()

    def flush(self, timeout_s: float) -> None:
        self.inner.begin()
        for outgoing in self._held:
            self.inner.send(outgoing)
        self.inner.flush(timeout_s)


class _ReusedAfterAbort(_Passing):
    """Aborts and goes on with the same producer, which remembers the offsets that failed."""

    is_reused = True

    def abandon(self) -> None:
        self.inner._producer.abort_transaction()
        time.sleep(1.5)  # until the heartbeat knows that the member was thrown out
        self.inner._failed = ""
        self.inner._unchecked.clear()


class _ReadsMembershipLate(Worker):
    """Asks the client who it is when it commits, and takes whatever it is told.

    The heartbeat may have been told meanwhile that this member was thrown out; then there is no
    membership that could be fenced.
    """

    def _commit(self, membership: Any) -> None:
        consumer: Any = self._consumer
        began_s = time.monotonic()

        class Late:
            is_member = True

            @property
            def token(self) -> Any:
                client = consumer._consumer
                ask = getattr(client, "consumer_group_metadata", None) or client.group_metadata
                # After a stop a slow moment, in which the heartbeat is answered.
                until_s = time.monotonic() + (8.0 if time.monotonic() - began_s > 2.0 else 0.0)
                while time.monotonic() < until_s and getattr(ask(), "generation_id", -1) >= 0:
                    time.sleep(0.05)
                return ask()

        super()._commit(Late() if membership.is_member else membership)  # type: ignore[arg-type]
        self._settle(wait=True)  # a poll meanwhile would join the group again


_NEWEST = Restoring._newest


def _newest_in_turn(self: Restoring, store: Any) -> Any:
    """Answer slowly for all partitions but one, so that this one commits alone."""
    time.sleep(0.5 * self.partition)
    return _NEWEST(self, store)


def _newest_of_all(self: Restoring, store: Any) -> Any:
    """Take the newest checkpoint there is, named or not, for the state at the commit."""
    if self._tag is None:
        return None
    found = self._settings.checkpoints(store, self.partition).latest(None)
    if found is not None and found.name not in self._tag.names:
        self._tag = Tag([Entry(found.name, [])])
    return found


def _opened_by_time(self: Restoring, task: Any, until: dict[str, int], order: Any) -> None:
    """Replay in the order in which the broker got the records, whatever the tag says."""
    topics = self._inputs()
    readers = {
        kind: self._settings.driver.reader(Partition(topics[kind], self.partition), offset)
        for kind, offset in task.offsets.items()
    }
    self._feed = LogFeed(readers, until, None)
