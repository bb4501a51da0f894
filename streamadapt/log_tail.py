"""Several topics read as they grow, all partitions, without a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from streamadapt.connectors.partition_log import Batch, BrokerError, Driver, Partition

__all__ = ["LogTail"]

_ANSWER_S = 10.0
_WAIT_S = 0.05


class LogTail:
    """Reads what is committed; from the end, or from the beginning.

    Parameters
    ----------
    driver
        The Kafka client.
    topics
        {topic: number of its partitions}.
    from_start
        Whether to begin with the oldest records that the logs hold.
    with_headers
        Topics whose records' headers are wanted.
    """

    def __init__(
        self,
        driver: Driver,
        topics: Mapping[str, int],
        from_start: bool,
        with_headers: Sequence[str] = (),
    ) -> None:
        places = [Partition(topic, k) for topic, n in topics.items() for k in range(n)]
        self._readers = {
            place: driver.reader(place, 0, place.topic in with_headers) for place in places
        }
        for reader in self._readers.values():
            first, end = reader.bounds(_ANSWER_S)
            reader.seek(first if from_start else end)
        self._waited_on = 0

    def poll(self, max_records: int) -> Iterator[Batch]:
        """Yield what has come; waits for a moment if nothing has."""
        n = 0
        for reader in self._readers.values():
            batch = reader.poll(0.0, max_records)
            if len(batch):
                n += len(batch)
                yield batch
        if not n:
            readers = list(self._readers.values())
            self._waited_on = (self._waited_on + 1) % len(readers)
            batch = readers[self._waited_on].poll(_WAIT_S, max_records)
            if len(batch):
                yield batch

    def ends(self, topic: str) -> dict[int, int]:
        """Return {partition: offset after its last record}; nothing if the broker is away."""
        own = {place.number: r for place, r in self._readers.items() if place.topic == topic}
        try:
            return {number: reader.bounds(1.0)[1] for number, reader in own.items()}
        except BrokerError:
            return {}

    def close(self) -> None:
        """Release all readers."""
        for reader in self._readers.values():
            reader.close()
