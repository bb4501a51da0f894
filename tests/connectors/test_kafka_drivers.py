"""What every Kafka driver promises, on a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from streamadapt.connectors.kafka import check_topics, count_partitions, open_driver
from streamadapt.connectors.partition_log import (
    BrokerError,
    Committed,
    OffsetsPendingError,
    Outgoing,
    Partition,
    TopicAdmin,
)
from streamadapt.errors import ConfigError, ParameterError, SourceError
from streamadapt.ops.services.kafka_cluster import KafkaCluster
from tests.connectors.kafka_driving import (
    DRIVERS,
    LIMIT_S,
    Kafka,
    commit_offset,
    drain,
    kafka_of,
    one,
    place,
    polled,
    publish,
    settings_for,
    until,
)


@pytest.fixture(params=DRIVERS)
def log(request: pytest.FixtureRequest, kafka_bootstrap: str) -> Iterator[Kafka]:
    with kafka_of(kafka_bootstrap, request.param) as kafka:
        yield kafka


def test_records_come_back_as_they_were_sent(log: Kafka) -> None:
    topic = log.topic(2)
    keys = [b"a", None, b"c"]
    values = [b"1", b"", None]
    producer = log.driver().producer()
    headers = [[("h", b"x"), ("h", b"")], [], [("g", b"y")]]
    producer.send(Outgoing(topic, 1, keys, values, headers, [1000, 2000, 3000]))
    producer.flush(LIMIT_S)
    producer.close()
    (batch,) = [b for b in log.read(Partition(topic, 1), 3, headers=True) if len(b)]
    assert batch.keys == keys
    assert batch.values == values
    assert [list(each) for each in batch.headers] == headers
    assert batch.offsets.dtype == batch.times_ms.dtype == np.int64
    assert batch.offsets.tolist() == [0, 1, 2]
    assert batch.times_ms.tolist() == [1000, 2000, 3000]
    assert batch.next_offset == 3


def test_records_without_a_partition_go_by_key_as_every_client_sends_them(log: Kafka) -> None:
    topic = log.topic(4)
    producer = log.driver().producer()
    keys = [b"key-%d" % i for i in range(40)]
    producer.send(Outgoing(topic, None, keys, keys))
    producer.flush(LIMIT_S)
    producer.close()
    found = {i: log.reader(Partition(topic, i)).bounds(5)[1] for i in range(4)}
    assert found == {0: 12, 1: 10, 2: 7, 3: 11}  # murmur2 of Java's client


def test_a_record_for_a_partition_that_is_not_there_is_an_error(log: Kafka) -> None:
    topic = log.topic(2)
    log.fill(topic, [b"there"], 1)  # so that the client knows the topic
    producer = log.driver().producer()

    def send() -> None:  # one client finds out at once, the other one when it sends
        producer.send(Outgoing(topic, 2, [None], [b"nowhere"]))
        producer.flush(LIMIT_S)

    with pytest.raises(BrokerError):
        send()
    producer.abandon()


def test_order_is_kept_over_many_polls(log: Kafka) -> None:
    topic = log.topic(2)
    for partition in (0, 1):
        log.fill(topic, [b"%d" % i for i in range(3000)], partition)
    consumer = log.consumer([topic])
    place(consumer)
    seen = drain(consumer, 6000, most=700)
    assert seen == {Partition(topic, i): list(range(3000)) for i in (0, 1)}


def test_a_big_record_passes(log: Kafka) -> None:
    topic = log.topic()
    value = np.random.default_rng(0).bytes(900_000)
    publish(log.publisher(f"{topic}-big"), one(topic, value))
    assert log.values(Partition(topic, 0), 1) == [value]


def test_a_record_that_is_too_big_is_an_error_and_says_what_to_raise(log: Kafka) -> None:
    topic = log.topic()
    publisher = log.publisher(f"{topic}-big")
    publisher.begin()
    with pytest.raises(BrokerError, match=r"max\.message\.bytes"):
        _send_and_flush(publisher, one(topic, bytes(3_000_000)))


def _send_and_flush(publisher: object, outgoing: Outgoing) -> None:
    publisher.send(outgoing)  # type: ignore[attr-defined]
    publisher.flush(LIMIT_S)  # type: ignore[attr-defined]


def test_transactions_leave_holes_that_a_reader_gets_past(log: Kafka) -> None:
    topic = log.topic()
    publisher = log.publisher(f"{topic}-tx")
    for i in range(3):
        publish(publisher, one(topic, b"%d" % i))
    reader = log.reader(Partition(topic, 0))
    offsets: list[int] = []
    until(lambda: len(offsets) == 3, lambda: offsets.extend(reader.poll(0.2, 10).offsets.tolist()))
    assert offsets == [0, 2, 4]
    until(lambda: reader.position() == 6, lambda: reader.poll(0.2, 10))
    assert reader.bounds(5) == (0, 6)
    reader.seek(2)
    assert reader.position() == 2
    again: list[int] = []
    until(lambda: again, lambda: again.extend(reader.poll(0.2, 1).offsets.tolist()))
    assert again == [2]


def test_aborted_records_are_not_seen_and_are_passed(log: Kafka) -> None:
    topic = log.topic()
    earlier = log.publisher(f"{topic}-tx")
    earlier.begin()
    earlier.send(one(topic, b"never"))
    earlier.flush(LIMIT_S)
    earlier.abandon()
    reader = log.reader(Partition(topic, 0))
    assert len(reader.poll(0.5, 10)) == 0
    log.publisher(f"{topic}-tx")  # the next holder ends what is open
    until(lambda: reader.position() == 2, lambda: reader.poll(0.2, 10))
    log.fill(topic, [b"seen"])
    assert log.values(Partition(topic, 0), 1) == [b"seen"]


def test_an_open_transaction_is_not_readable_yet(log: Kafka) -> None:
    topic = log.topic()
    publisher = log.publisher(f"{topic}-tx")
    publisher.begin()
    publisher.send(one(topic, b"later"))
    publisher.flush(LIMIT_S)
    assert log.reader(Partition(topic, 0)).bounds(5) == (0, 0)
    publisher.commit()
    assert log.values(Partition(topic, 0), 1) == [b"later"]


def test_new_partitions_stand_still_until_they_are_placed(log: Kafka) -> None:
    topic = log.topic(2)
    log.fill(topic, [b"%d" % i for i in range(10)])
    consumer = log.consumer([topic])
    assert consumer.assigned() == {Partition(topic, 0), Partition(topic, 1)}
    changes = consumer.changes()
    assert changes.assigned == consumer.assigned()
    assert not consumer.changes()
    assert consumer.poll(0.5, 10) == []
    with pytest.raises(ValueError, match="seek before resume"):
        consumer.resume([Partition(topic, 0)])
    consumer.seek(Partition(topic, 0), 7)
    consumer.resume([Partition(topic, 0)])
    assert drain(consumer, 3) == {Partition(topic, 0): [7, 8, 9]}


def test_paused_partitions_go_on_where_they_stood(log: Kafka) -> None:
    topic = log.topic(2)
    for partition in (0, 1):
        log.fill(topic, [b"%d" % i for i in range(100)], partition)
    consumer = log.consumer([topic])
    place(consumer)
    first, second = sorted(consumer.assigned())
    before = drain(consumer, 10, most=10)
    consumer.pause([first])
    while_paused = drain(consumer, 100 - len(before.get(second, [])), most=10)
    assert first not in while_paused
    consumer.resume([first])
    after = drain(consumer, 100 - len(before.get(first, [])), most=10)
    for partition in (first, second):
        parts = (before, while_paused, after)
        offsets = [o for part in parts for o in part.get(partition, [])]
        assert offsets == list(range(100))


def test_what_is_committed_comes_back_with_its_tag(log: Kafka) -> None:
    topic = log.topic(2)
    consumer = log.consumer([topic])
    first, second = sorted(consumer.assigned())
    publisher = log.publisher(f"{topic}-tx")
    tag = "12:abc é " + "x" * 1000
    publish(publisher, one(topic, b"v"), {first: Committed(12, tag)}, consumer)
    assert consumer.committed([first, second], 10) == {first: Committed(12, tag), second: None}


@pytest.mark.parametrize("reads", DRIVERS)
def test_a_tag_is_the_same_whichever_client_committed_it(log: Kafka, reads: str) -> None:
    topic = log.topic()
    consumer = log.consumer([topic])
    commit_offset(log.publisher("p-tag"), consumer, Partition(topic, 0), 12, "1|12:abc;3e")
    other = open_driver(settings_for(log.bootstrap, reads), "w1").consumer(log.group, [topic])
    try:
        found = other.committed([Partition(topic, 0)], 10)
    finally:
        other.close()
    assert found == {Partition(topic, 0): Committed(12, "1|12:abc;3e")}


def test_bounds_are_those_of_the_log(log: Kafka) -> None:
    topic = log.topic(2)
    log.fill(topic, [b"1", b"2"])
    consumer = log.consumer([topic], joined=False)
    first, second = Partition(topic, 0), Partition(topic, 1)
    assert consumer.bounds([first, second], 5) == {first: (0, 2), second: (0, 0)}


def test_pending_offsets_are_waited_for_and_then_said(
    log: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    topic = log.topic()
    consumer = log.consumer([topic])
    partition = Partition(topic, 0)
    publisher = log.publisher(f"{topic}-tx")
    publisher.begin()
    publisher.send_offsets({partition: Committed(5)}, consumer.membership())
    start = time.monotonic()
    with pytest.raises(
        OffsetsPendingError, match=r"a transaction with an offset of topic-\w+\[0\]"
    ):
        consumer.committed([partition], 0.6)
    assert 0.5 < time.monotonic() - start < 5
    assert "UnstableOffset" not in caplog.text
    publisher.flush(LIMIT_S)
    publisher.commit()
    assert consumer.committed([partition], 10) == {partition: Committed(5)}


def test_a_publisher_fences_the_earlier_one_of_its_name(log: Kafka) -> None:
    topic = log.topic()
    earlier = log.publisher(f"{topic}-tx")
    publish(earlier, one(topic, b"1"))
    earlier.begin()
    earlier.send(one(topic, b"stale"))
    earlier.flush(LIMIT_S)
    later = log.publisher(f"{topic}-tx")
    with pytest.raises(BrokerError):
        earlier.commit()
    with pytest.raises(BrokerError, match="refused after a failure"):
        earlier.begin()
    earlier.abandon()
    publish(later, one(topic, b"2"))
    assert log.values(Partition(topic, 0), 2) == [b"1", b"2"]


def test_records_that_were_not_flushed_are_not_committed(log: Kafka) -> None:
    topic = log.topic()
    publisher = log.publisher(f"{topic}-tx")
    publisher.begin()
    publisher.send(one(topic, b"v"))
    with pytest.raises(BrokerError, match="not flushed"):
        publisher.commit()
    publisher.abandon()


def test_two_members_share_partitions_and_say_what_moved(log: Kafka) -> None:
    topic = log.topic(2)
    first = log.consumer([topic])
    assert len(first.assigned()) == 2
    earlier = first.membership()
    first.changes()
    second = log.consumer([topic], "w1", joined=False)
    with polled(second):
        until(
            lambda: len(first.assigned()) == len(second.assigned()) == 1,
            lambda: first.poll(0.05, 10),
        )
    assert first.assigned() | second.assigned() == {Partition(topic, 0), Partition(topic, 1)}
    changes = first.changes()
    assert changes.revoked == {Partition(topic, 0), Partition(topic, 1)}  # all: it is eager
    assert changes.assigned == first.assigned()
    assert not changes.lost
    assert first.membership().generation > earlier.generation
    assert first.membership().member == earlier.member
    assert first.membership().is_member


def test_cooperative_members_keep_what_need_not_move(log: Kafka) -> None:
    topic = log.topic(2)
    log.fill(topic, [b"%d" % i for i in range(20)], 0)
    log.fill(topic, [b"%d" % i for i in range(20)], 1)
    first = log.consumer([topic], assignor="cooperative-sticky")
    until(lambda: len(first.assigned()) == 2, lambda: first.poll(0.1, 1))
    place(first)
    drain(first, 40)
    first.changes()
    second = log.consumer([topic], "w1", joined=False, assignor="cooperative-sticky")

    def step() -> None:
        assert first.poll(0.05, 10) == []

    with polled(second):
        until(lambda: len(first.assigned()) == len(second.assigned()) == 1, step)
        changes = first.changes()
        assert len(changes.revoked) == 1
        assert not changes.assigned
        assert second.changes().assigned == changes.revoked
        (kept,) = first.assigned()
        log.fill(topic, [b"new"], kept.number)
        assert drain(first, 1) == {kept: [20]}


def test_the_offsets_of_a_member_that_left_are_refused(log: Kafka) -> None:
    topic = log.topic()
    partition = Partition(topic, 0)
    first = log.consumer([topic])
    publisher = log.publisher(f"{topic}-tx")
    membership = first.membership()
    first.close()
    second = log.consumer([topic], "w1")
    commit_offset(log.publisher(f"{topic}-tx1"), second, partition, 9)
    publisher.begin()
    with pytest.raises(BrokerError, match="the group gave the partitions to another worker"):
        publisher.send_offsets({partition: Committed(2)}, membership)
    publisher.abandon()
    assert second.committed([partition], 10) == {partition: Committed(9)}


def test_a_static_member_comes_back_without_a_rebalance(log: Kafka) -> None:
    topic = log.topic(2)
    first = log.consumer([topic], "w0", static_membership=True)
    second = log.consumer([topic], "w1", joined=False, static_membership=True)

    with polled(second):
        until(
            lambda: len(first.assigned()) == len(second.assigned()) == 1,
            lambda: first.poll(0.05, 10),
        )
    held, generation = first.assigned(), first.membership().generation
    second.changes()
    first.close()
    again = log.consumer([topic], "w0", static_membership=True)
    second.poll(0.5, 10)
    assert again.assigned() == held
    assert again.membership().generation == generation
    assert not second.changes()


def test_a_static_member_whose_name_was_taken_cannot_commit(log: Kafka) -> None:
    topic = log.topic()
    partition = Partition(topic, 0)
    replaced = log.consumer([topic], "w0", static_membership=True)
    membership = replaced.membership()
    owner = log.consumer([topic], "w0", static_membership=True)
    commit_offset(log.publisher(f"{topic}-1"), owner, partition, 9)
    publisher = log.publisher(f"{topic}-0")
    publisher.begin()
    with pytest.raises(BrokerError, match="another worker runs under this name"):
        publisher.send_offsets({partition: Committed(2)}, membership)
    assert owner.committed([partition], 10) == {partition: Committed(9)}


def test_an_abandoned_publisher_does_not_keep_its_caller(
    log: Kafka, kafka_to_break: KafkaCluster
) -> None:
    topic = log.topic()
    publisher = log.publisher(f"{topic}-tx")
    publisher.begin()
    publisher.send(one(topic, b"1"))
    publisher.flush(LIMIT_S)
    kafka_to_break.pause()
    publisher.send(one(topic, b"2"))
    start = time.monotonic()
    publisher.abandon()
    assert time.monotonic() - start < 1
    with pytest.raises(BrokerError):
        publisher.commit()


def test_all_go_on_after_the_broker_was_killed_and_came_back(
    kafka_bootstrap: str, kafka_to_break: KafkaCluster
) -> None:
    with ExitStack() as opened:
        logs = [opened.enter_context(kafka_of(kafka_bootstrap, name)) for name in DRIVERS]
        members = [_Member(log) for log in logs]
        kafka_to_break.kill()
        for member in members:
            member.sees_it_gone()
        kafka_to_break.repair()
        for member in members:
            member.goes_on()


class _Member:
    """One client of each kind, ready to read."""

    def __init__(self, log: Kafka) -> None:
        self.log = log
        self.topic = log.topic()
        self.partition = Partition(self.topic, 0)
        self.consumer, self.reader = log.consumer([self.topic]), log.reader(self.partition)
        self.publisher = log.publisher(f"{self.topic}-tx")
        place(self.consumer)

    def sees_it_gone(self) -> None:
        start = time.monotonic()
        assert self.consumer.poll(0.3, 10) == []
        assert len(self.reader.poll(0.3, 10)) == 0
        with pytest.raises(BrokerError, match=self.log.bootstrap):
            self.consumer.bounds([self.partition], 1)
        with pytest.raises(BrokerError, match=self.log.bootstrap) as raised:
            self.consumer.committed([self.partition], 1)
        assert not isinstance(raised.value, OffsetsPendingError)
        self.publisher.abandon()
        assert time.monotonic() - start < 10

    def goes_on(self) -> None:
        publish(self.log.publisher(f"{self.topic}-tx"), one(self.topic, b"after"))
        until(lambda: len(self.reader.poll(0.2, 10)))
        assert drain(self.consumer, 1) == {self.partition: [0]}


def test_a_broker_that_is_not_there_is_said_in_time(log: Kafka) -> None:
    driver = open_driver(
        settings_for("127.0.0.1:9", log.name, request_timeout_s=1, transaction_timeout_s=1), "w0"
    )
    start = time.monotonic()
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9.*check that a broker runs"):
        driver.publisher("nobody")
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9"):
        driver.admin().partitions(["t"], 1)
    assert time.monotonic() - start < 15


def test_clients_that_could_not_connect_leave_no_threads_behind(log: Kafka) -> None:
    driver = open_driver(settings_for("127.0.0.1:9", log.name, request_timeout_s=1), "w0")
    before = threading.active_count()
    with pytest.raises(BrokerError):
        driver.consumer("g", ["t"]).bounds([Partition("t", 0)], 0.1)
    with pytest.raises(BrokerError):
        driver.admin().partitions(["t"], 0.1)
    until(lambda: threading.active_count() <= before)


def test_a_setting_that_the_client_does_not_know_is_named(log: Kafka) -> None:
    with pytest.raises(ParameterError, match=r"no_such_thing") as raised:
        log.driver(consumer={"no_such_thing": "hidden"}).consumer("g", ["t"])
    assert "hidden" not in str(raised.value)


def test_a_setting_that_the_client_refuses_is_said_without_secrets(log: Kafka) -> None:
    names = {
        "kafka-python": ("security_protocol", "sasl_plain_password"),
        "confluent": ("security.protocol", "sasl.password"),
    }
    settings = dict.fromkeys(names[log.name], "hidden")
    with pytest.raises(ParameterError) as raised:
        log.driver(client=settings).admin()
    assert "hidden" not in str(raised.value)


def test_a_topic_that_one_broker_hears_of_late_is_not_missing() -> None:
    looks = iter([{"t": 0}, {"t": 0}, {"t": 4}])
    late = SimpleNamespace(partitions=lambda topics, timeout_s: next(looks))
    assert count_partitions(cast("TopicAdmin", late), ["t"], 1) == {"t": 4}
    assert list(looks) == []


def test_a_topic_that_stays_unknown_counts_as_missing() -> None:
    never = SimpleNamespace(partitions=lambda topics, timeout_s: {"there": 2, "not": 0})
    assert count_partitions(cast("TopicAdmin", never), ["there", "not"], 1)["not"] == 0


def test_topics_are_checked_before_anything_is_read(log: Kafka) -> None:
    events, labels, out = log.topic(2), log.topic(3), log.topic(2)
    settings = settings_for(log.bootstrap, log.name)
    admin = log.admin
    assert check_topics(admin, settings, [events], [out]) == 2
    with pytest.raises(
        SourceError, match=rf"(?s){labels} has 3.*--alter --topic {events} .*ons 3"
    ) as e:
        check_topics(admin, settings, [events, labels], [out])
    assert f"{events} has 2" in str(e.value)
    with pytest.raises(
        SourceError, match=r"(?s)no topic missing.*--create --topic missing .*ions 2"
    ):
        check_topics(admin, settings, [events], ["missing"])
    sticky = settings.model_copy(update={"assignor": "cooperative-sticky"})
    assert check_topics(admin, sticky, [events], [out]) == 2
    with pytest.raises(ConfigError, match="several input topics need range"):
        check_topics(admin, sticky, [events, labels], [out])
