"""The two clients without a driver, as the tests of their traps use them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import MemberToRemove
from kafka.structs import ConsumerGroupMetadata

QUICK = {"reconnect_backoff_max_ms": 200, "request_timeout_ms": 1000}


@contextmanager
def closing(client: Any, **how: Any) -> Iterator[Any]:
    try:
        yield client
    finally:
        client.close(**how)


def consumer(bootstrap: str, group: str, **more: Any) -> Any:
    """A kafka-python consumer that commits nothing by itself."""
    settings = {"enable_auto_commit": False, "isolation_level": "read_committed", **more}
    return closing(
        KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, **settings), autocommit=False
    )


@contextmanager
def producer(bootstrap: str, name: str, **more: Any) -> Iterator[Any]:
    """A kafka-python producer under a transactional name; let go without waiting."""
    client = KafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=5000, **more
    )
    client.init_transactions()
    try:
        yield client
    finally:
        client._sender.force_close()


def evict(bootstrap: str, group: str, member: str) -> None:
    """Throw a member out of its group, as the broker does with one that is silent."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.remove_group_members(group, [MemberToRemove(member_id=member)])


def nobody(group: str, generation: int = -1, member: str = "") -> ConsumerGroupMetadata:
    return ConsumerGroupMetadata(group, generation, member)


def token(group: str, generation: int = -1, member: str = "") -> bytes:
    """The same in librdkafka's form."""
    number = generation.to_bytes(4, "little", signed=True)
    return b"CGMDv2:" + number + group.encode() + b"\0" + member.encode() + b"\0\1"


class Call:
    """A call in a thread of its own, since some of them never return."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:
            self.error = error

    def ended(self, within_s: float) -> bool:
        self._thread.join(within_s)
        return not self._thread.is_alive()
