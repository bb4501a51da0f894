"""Records and offsets published in transactions, on kafka-python."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.partition_log import Committed, Membership, Outgoing, Partition

__all__ = ["KafkaPythonPublisher"]

# The client has no bound on its memory: after so many records they are waited for.
_MOST_UNCHECKED = 100_000


class KafkaPythonPublisher:
    """See `streamadapt.connectors.partition_log.Publisher`.

    A batch of records that the client gives up does not fail its transaction: the client would
    commit the rest.  So `flush` looks at every single record, and `commit` refuses before that.
    After an error all calls but `abandon` and `close` are refused: the client keeps offsets of the
    failed transaction and would put them into the next one.
    """

    def __init__(self, producer: Any, calls: BrokerCalls, flush_s: float) -> None:  # noqa: ANN401 - the client has no types
        self._producer = producer
        self._calls = calls
        self._flush_s = flush_s
        self._unchecked: list[Any] = []
        self._failed = ""

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        if self._failed:
            raise self._calls.error(what, f"refused after a failure ({self._failed})")
        try:
            with self._calls.asked(what):
                yield
        except BaseException:
            self._failed = what
            raise

    def begin(self) -> None:
        """Open a transaction."""
        with self._asked("begin a transaction"):
            self._producer.begin_transaction()

    def send(self, outgoing: Outgoing) -> None:
        """Hand records to the client, in order."""
        headers: Iterable[Any] = outgoing.headers or repeat(None)
        with self._asked(f"send to {outgoing.topic}"):
            if len(self._unchecked) > _MOST_UNCHECKED:
                self._check(self._flush_s)
            futures = map(
                self._producer.send,
                repeat(outgoing.topic),
                outgoing.values,
                outgoing.keys,
                headers,
                repeat(outgoing.partition),
                outgoing.times_ms or repeat(None),
            )
            self._unchecked.extend(futures)

    def send_offsets(self, offsets: Mapping[Partition, Committed], membership: Membership) -> None:
        """Put offsets into the transaction."""
        what = "offsets of " + ", ".join(map(str, sorted(offsets)))
        with self._asked(what):
            if not membership.is_member:  # the broker would take them without any check
                raise self._calls.error(what, "UnknownMember: this worker is not in the group")
            places = {
                TopicPartition(*each): OffsetAndMetadata(at.offset, at.tag, -1)
                for each, at in offsets.items()
            }
            self._producer.send_offsets_to_transaction(places, membership.token)

    def flush(self, timeout_s: float) -> None:
        """Wait until the broker has every record."""
        with self._asked("flush"):
            self._check(timeout_s)

    def _check(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        self._producer.flush(timeout_s)
        for future in self._unchecked:
            if not future.succeeded():
                future.get(max(0.0, deadline - time.monotonic()))
        self._unchecked.clear()

    def commit(self) -> None:
        """End the transaction."""
        with self._asked("commit"):
            if self._unchecked:
                raise self._calls.error("commit", "refused, because records were not flushed")
            self._producer.commit_transaction()

    def abandon(self) -> None:
        """Let go without waiting."""
        self._failed = self._failed or "abandoned"
        self._unchecked.clear()
        with suppress(KafkaError):  # close(0) asks for a flush first, which fails if there is more
            self._producer.close(timeout=0)
        self._producer._sender.force_close()  # noqa: SLF001 - else its thread would go on sending
        self._producer._closed = True  # noqa: SLF001 - else its end would wait for that thread

    def close(self) -> None:
        """Let go in order."""
        with self._calls.asked("close"):
            self._producer.close(timeout=self._flush_s)
