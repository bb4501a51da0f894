"""A recorded stream played into Kafka, at a pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from streamadapt.connectors.partition_log import Outgoing, Publisher
from streamadapt.contracts import FloatArray
from streamadapt.events import Records, Source
from streamadapt.pace import Pace
from streamadapt.production import Message, Production, times_of

__all__ = ["Clock", "Producing", "Sent"]

_BLOCK_RECORDS = 2000
_MOST_UNSURE = 10_000
_SURE_EVERY_S = 1.0
_TICK_S = 0.01
"""At high rates records are sent together, so often."""

_LOOK_S = 0.1
"""So soon a wait ends after `Producing.stop`."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Times and waits; a test brings its own."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Sent:
    """What the broker has for certain; ``position`` is of the record to go on from."""

    position: int
    events: int = 0
    labels: int = 0


class Producing:
    """Sends the messages of a production when they are due.

    Records carry the wall clock's time, which never falls, so that a worker can tell which of two
    topics was written first.

    Parameters
    ----------
    source
        The recorded stream, at its beginning.
    production
        Makes messages of its records.
    publisher
        Sends them.
    topics
        Of events and of labels.
    pace
        When they are due.
    part
        Positions of the first record to send, and of the first one after it that is not sent.
        What comes before is read, because its labels may come later.
    clock
        For tests.
    """

    def __init__(  # noqa: PLR0913 - one parameter for each thing it brings together
        self,
        source: Source,
        production: Production,
        publisher: Publisher,
        topics: tuple[str, str],
        pace: Pace,
        *,
        part: tuple[int, int | None] = (0, None),
        flush_s: float = 120.0,
        clock: Clock = Clock(),
    ) -> None:
        self._source = source
        self._production = production
        self._publisher = publisher
        self._topics = topics
        self._pace = pace
        self._first, self._end = part
        self._flush_s = flush_s
        self._clock = clock
        self._begun_s: float | None = None
        self._last_ms = 0
        self._stop = False
        self._unsure: list[Message] = []
        self._sure_s = clock.monotonic()
        self.sent = Sent(self._first)

    def stop(self) -> None:
        """End soon, after whole records."""
        self._stop = True

    def run(self, on_progress: Callable[[int], None] | None = None) -> bool:
        """Send until the end; return False if it was stopped before.

        Raises
        ------
        BrokerError
            If records could not be sent; `sent` tells what has arrived for certain.
        """
        while (records := self._next()) is not None:
            self._send_in_time(records)
            if self._stop:
                self._make_sure()
                return False
            if on_progress is not None:
                on_progress(self.sent.position)
        self._send(self._production.rest())
        self._make_sure()
        return True

    def _next(self) -> Records | None:
        room = _BLOCK_RECORDS
        if self._end is not None:
            room = min(room, self._end - self._source.position())
        return self._source.poll(room) if room > 0 else None

    def _send_in_time(self, records: Records) -> None:
        """Send the messages of a block, each when it is due."""
        messages = [m for m in self._production.messages(records) if m.place >= self._first]
        places, times_us = times_of(records)
        later = places >= self._first
        due_s = self._pace.due_s(places[later], times_us[later])
        due_s = due_s[np.searchsorted(places[later], [message.place for message in messages])]
        done = 0
        while done < len(messages) and not self._stop:
            ready = int(np.searchsorted(due_s, self._now_s(), "right"))
            if ready > done:
                self._send(messages[done:ready])
                done = ready
            else:
                self._wait(due_s[done:])

    def _now_s(self) -> float:
        """Return seconds since the first record."""
        now_s = self._clock.monotonic()
        if self._begun_s is None:
            self._begun_s = now_s
        return now_s - self._begun_s

    def _wait(self, due_s: FloatArray) -> None:
        left_s = float(due_s[0]) - self._now_s()
        self._clock.sleep(min(max(left_s, _TICK_S), _LOOK_S))
        if self._unsure and self._clock.monotonic() - self._sure_s >= _SURE_EVERY_S:
            self._make_sure()

    def _send(self, messages: list[Message]) -> None:
        self._last_ms = max(self._last_ms, int(self._clock.wall() * 1000))
        address = itemgetter(1, 2)  # is_label, partition
        for (is_label, partition), group in groupby(sorted(messages, key=address), address):
            own = list(group)
            self._publisher.send(
                Outgoing(
                    self._topics[is_label],
                    partition,
                    [message.key for message in own],
                    [message.value for message in own],
                    times_ms=[self._last_ms] * len(own),
                )
            )
        self._unsure += messages
        if len(self._unsure) >= _MOST_UNSURE:
            self._make_sure()

    def _make_sure(self) -> None:
        """Wait until the broker has all that was sent."""
        self._publisher.flush(self._flush_s)
        labels = sum(message.is_label for message in self._unsure)
        self.sent.labels += labels
        self.sent.events += len(self._unsure) - labels
        events = (message.place + 1 for message in self._unsure if not message.is_label)
        self.sent.position = max(events, default=self.sent.position)
        self._unsure.clear()
        self._sure_s = self._clock.monotonic()
