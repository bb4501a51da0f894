"""Which partition a key belongs to, as Kafka's own clients have it."""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import murmur2

__all__ = ["partition_of"]


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, n_partitions: int) -> int:
    """Return the partition that Java's default partitioner chooses, so that producers agree.

    >>> [partition_of(key, 4) for key in (b"21", b"foobar", b"")]
    [0, 2, 1]
    """
    return int((murmur2(key) & 0x7FFFFFFF) % n_partitions)
