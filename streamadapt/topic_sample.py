"""The last records of a topic as columns, before there is a schema."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import msgspec

from streamadapt.connectors.partition_log import Driver, Partition
from streamadapt.errors import SourceError
from streamadapt.samples import Sample

__all__ = ["read_topic_sample"]

_ANSWER_S = 10.0
_POLL_S = 0.5
_IDLE_POLLS = 10
_SHOWN_BYTES = 60


def read_topic_sample(driver: Driver, topic: str, n_records: int) -> tuple[Sample, int]:
    """Return the last `n_records` that are JSON objects, oldest first, and the partitions' number.

    Raises
    ------
    SourceError
        If there is no such topic, it holds no records, or none of them is a JSON object.
    """
    with closing(driver.admin()) as admin:
        n_partitions = admin.partitions([topic], _ANSWER_S)[topic]
    if not n_partitions:
        raise SourceError(f"there is no topic {topic}")
    share = -(-n_records // n_partitions)
    written: list[tuple[int, bytes]] = []
    for number in range(n_partitions):
        written += _last_of(driver, Partition(topic, number), share)
    if not written:
        raise SourceError(f"topic {topic} holds no records yet: nothing to look at")
    values = [value for _, value in sorted(written, key=lambda each: each[0])][-n_records:]
    rows = _objects(values)
    if not rows:
        start = values[-1][:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
        raise SourceError(
            f"topic {topic}: none of the last {len(values)} records is a JSON object; "
            f"the last one begins with {start!r}"
        )
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Sample(columns, is_typed=True), n_partitions


def _last_of(driver: Driver, partition: Partition, n: int) -> list[tuple[int, bytes]]:
    """Return times and values of the last n records of a partition; markers count among them."""
    found: list[tuple[int, bytes]] = []
    with closing(driver.reader(partition, 0)) as reader:
        first, end = reader.bounds(_ANSWER_S)
        reader.seek(max(first, end - n))
        idle = 0
        while reader.position() < end and idle < _IDLE_POLLS:
            batch = reader.poll(_POLL_S, n)
            idle = 0 if len(batch) else idle + 1
            pairs = zip(batch.times_ms.tolist(), batch.values, strict=True)
            found += [(time_ms, value) for time_ms, value in pairs if value]
    return found


def _objects(values: list[bytes]) -> list[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    rows = []
    for value in values:
        try:
            rows.append(decoder.decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return rows
