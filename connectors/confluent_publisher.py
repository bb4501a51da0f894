"""Records and offsets published in transactions, on librdkafka."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.confluent_errors import opened
from streamadapt.connectors.partition_log import Committed, Membership, Outgoing, Partition

__all__ = ["QUEUED", "ConfluentPublisher"]

QUEUED = 200_000
"""Most records that the client holds."""

_CHUNK = 10_000


class ConfluentPublisher:
    """See `streamadapt.connectors.partition_log.Publisher`.

    Reports of records that did not arrive are noted by a callback; after any error all calls but
    `abandon` and `close` are refused.
    """

    def __init__(self, settings: dict[str, Any], calls: BrokerCalls, answer_s: float) -> None:
        self._calls = calls
        self._answer_s = answer_s
        self._failed = ""
        self._undelivered: list[KafkaError] = []
        self._flushed = True
        with opened(calls, "a producer"):
            self._producer = Producer({**settings, "on_delivery": self._note})

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and not self._undelivered:
            self._undelivered.append(error)

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

    def become(self, name: str, timeout_s: float) -> None:
        """Fence the earlier holder of the name, and end what it left open."""
        with self._asked(f"become the holder of {name!r}"):
            self._producer.init_transactions(timeout_s)

    def begin(self) -> None:
        """Open a transaction."""
        with self._asked("begin a transaction"):
            self._producer.begin_transaction()

    def send(self, outgoing: Outgoing) -> None:
        """Hand records to the client, in order."""
        self._flushed = False
        with self._asked(f"send to {outgoing.topic}"):
            for start in range(0, len(outgoing), _CHUNK):
                chunk = slice(start, min(start + _CHUNK, len(outgoing)))
                self._make_room(chunk.stop - chunk.start)
                self._send(outgoing, chunk)

    def _make_room(self, n: int) -> None:
        """Wait until n more fit: a queue that is full in between lets later records overtake."""
        while len(self._producer) > QUEUED - n:
            self._producer.poll(0.1)
            self._raise_undelivered()

    def _send(self, outgoing: Outgoing, chunk: slice) -> None:
        """Hand over one by one: the client's own batches cost more, and have no headers."""
        keys, values, produce = outgoing.keys[chunk], outgoing.values[chunk], self._producer.produce
        partition = -1 if outgoing.partition is None else outgoing.partition
        if not outgoing.headers and not outgoing.times_ms:
            deque(map(produce, repeat(outgoing.topic), values, keys, repeat(partition)), maxlen=0)
            return
        topic, times = outgoing.topic, outgoing.times_ms[chunk] or repeat(0)
        headers: Iterable[Any] = outgoing.headers[chunk] or repeat([])
        for value, key, time_ms, own in zip(values, keys, times, headers, strict=False):
            produce(topic, value, key, partition, None, None, time_ms, own)

    def send_offsets(self, offsets: Mapping[Partition, Committed], membership: Membership) -> None:
        """Put offsets into the transaction."""
        what = "offsets of " + ", ".join(map(str, sorted(offsets)))
        with self._asked(what):
            if not membership.is_member:
                raise self._calls.error(what, "UnknownMember: this worker is not in the group")
            places = [
                TopicPartition(*each, at.offset, metadata=at.tag)
                for each, at in sorted(offsets.items())
            ]
            self._producer.send_offsets_to_transaction(places, membership.token, self._answer_s)

    def flush(self, timeout_s: float) -> None:
        """Wait until the broker has every record."""
        with self._asked("flush"):
            left = self._producer.flush(timeout_s)
            self._raise_undelivered()
            if left:
                raise self._calls.error(
                    "flush", f"TIMED_OUT: {left} records are still on their way"
                )
        self._flushed = True

    def _raise_undelivered(self) -> None:
        if self._undelivered:
            raise KafkaException(self._undelivered[0])

    def commit(self) -> None:
        """End the transaction."""
        with self._asked("commit"):
            if not self._flushed:
                raise self._calls.error("commit", "refused, because records were not flushed")
            self._producer.commit_transaction(self._answer_s)

    def abandon(self) -> None:
        """Let go without waiting."""
        self._failed = self._failed or "abandoned"
        producer, self._producer = self._producer, None  # type: ignore[assignment]
        if producer is not None:
            producer.purge(blocking=False)
            threading.Thread(target=_forget, args=([producer],), daemon=True).start()
            del producer

    def close(self) -> None:
        """Let go in order."""
        if self._producer is None:
            return
        with self._calls.asked("close"):
            if not self._failed:
                self._producer.flush(self._answer_s)
        self.abandon()


def _forget(producers: list[Producer]) -> None:
    """Let the last reference to a producer go: librdkafka waits for its threads then."""
    time.sleep(0.01)
    producers.clear()
