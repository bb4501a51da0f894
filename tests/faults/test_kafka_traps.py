"""Traps of the two Kafka clients: each is shown on the bare client, and avoided by the driver.

Where a test of a bare client fails, that client has changed: read docs/exactly_once.md before the
rule that answers it is given up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import confluent_kafka as librdkafka
import pytest
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import CommitFailedError, KafkaConnectionError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streamadapt.connectors.partition_log import (
    BrokerError,
    Committed,
    GroupConsumer,
    Membership,
    OffsetsPendingError,
    Partition,
)
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
    until,
)
from tests.faults import kafka_bare as bare
from tests.faults.proxy import TcpProxy


@pytest.fixture(params=DRIVERS)
def log(request: pytest.FixtureRequest, kafka_bootstrap: str) -> Iterator[Kafka]:
    with kafka_of(kafka_bootstrap, request.param) as kafka:
        yield kafka


@pytest.fixture
def plain(kafka_bootstrap: str) -> Iterator[Kafka]:
    """What makes topics and looks at results, for tests of bare clients."""
    with kafka_of(kafka_bootstrap, "kafka-python") as kafka:
        yield kafka


def rdkafka_producer(bootstrap: str, name: str, **more: int) -> librdkafka.Producer:
    settings = {"bootstrap.servers": bootstrap, "transactional.id": name, "log_level": 0}
    quick = {"transaction.timeout.ms": 5000, "socket.timeout.ms": 3000}
    producer = librdkafka.Producer({**settings, **quick, **more})
    producer.init_transactions(LIMIT_S)
    return producer


def at(offset: int) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, "", -1)


# A: partitions kept across a lost membership


class Notes(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.gone: list[object] = []

    def on_partitions_revoked(self, revoked: object) -> None:
        self.gone.append(revoked)

    def on_partitions_assigned(self, assigned: object) -> None:
        pass

    def on_partitions_lost(self, lost: object) -> None:
        self.gone.append(lost)


def test_a_bare_kafka_python_member_keeps_partitions_when_it_is_evicted_while_it_joins(
    plain: Kafka,
) -> None:
    topic, notes = plain.topic(4), Notes()
    sticky = {
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "heartbeat_interval_ms": 200,
        "auto_offset_reset": "earliest",
    }
    with bare.consumer(plain.bootstrap, plain.group, **sticky) as member:
        member.subscribe([topic], listener=notes)
        until(member.assignment, lambda: member.poll(2000))
        silent = plain.consumer([topic], "w1", joined=False, assignor="cooperative-sticky")
        with polled(silent):
            until(
                lambda: len(member.assignment()) == len(silent.assigned()) == 2,
                lambda: member.poll(50),
            )
            until(lambda: member.group_metadata().state == "<stable>", lambda: member.poll(50))
        held, earlier = member.assignment(), member.group_metadata().member_id
        notes.gone.clear()
        third = plain.consumer([topic], "w2", joined=False, assignor="cooperative-sticky")
        with polled(third):
            until(lambda: member._coordinator.rejoining, lambda: member.poll(50))
            bare.evict(plain.bootstrap, plain.group, earlier)
            until(lambda: member.group_metadata().member_id != earlier, lambda: member.poll(50))
            assert member.assignment() == held
            assert notes.gone == []


def test_a_member_that_is_evicted_while_it_joins_says_that_it_lost_its_partitions(
    log: Kafka,
) -> None:
    topic = log.topic(4)
    sticky = {"assignor": "cooperative-sticky", "session_timeout_s": 1.5}
    member = log.consumer([topic], **sticky)
    silent = log.consumer([topic], "w1", joined=False, **sticky)
    with polled(silent):
        until(
            lambda: len(member.assigned()) == len(silent.assigned()) == 2,
            lambda: member.poll(0.05, 1),
        )
        for _ in range(10):
            member.poll(0.05, 1)
    held, earlier = member.assigned(), member.membership()
    member.changes()
    third = log.consumer([topic], "w2", joined=False, **sticky)
    with polled(third):
        for _ in range(20):
            member.poll(0.05, 1)
        bare.evict(log.bootstrap, log.group, earlier.member)
        lost: set[Partition] = set()
        until(
            lambda: lost == held,
            lambda: (member.poll(0.05, 1), lost.update(member.changes().lost)),
        )
        assert member.membership().member != earlier.member


# B: a membership that is read at commit time may fence nothing


def test_a_bare_kafka_python_commit_of_an_evicted_member_is_taken_without_any_check(
    plain: Kafka,
) -> None:
    topic = plain.topic()
    partition = Partition(topic, 0)
    with (
        bare.consumer(plain.bootstrap, plain.group, heartbeat_interval_ms=200) as evicted,
        bare.producer(plain.bootstrap, f"{topic}-0") as producer,
    ):
        evicted.subscribe([topic])
        until(evicted.assignment, lambda: evicted.poll(2000))
        before = evicted.group_metadata()
        bare.evict(plain.bootstrap, plain.group, before.member_id)
        until(lambda: evicted.group_metadata().generation_id == -1, lambda: time.sleep(0.05))
        owner = plain.consumer([topic], "w1")
        commit_offset(plain.publisher(f"{topic}-1"), owner, partition, 9)
        producer.begin_transaction()
        with pytest.raises(CommitFailedError):
            producer.send_offsets_to_transaction({TopicPartition(*partition): at(2)}, before)
        producer.abort_transaction()
    with bare.producer(plain.bootstrap, f"{topic}-0") as producer:
        producer.begin_transaction()
        producer.send_offsets_to_transaction(
            {TopicPartition(*partition): at(2)}, evicted.group_metadata()
        )
        producer.commit_transaction()
    assert owner.committed([partition], 10) == {partition: Committed(2)}  # 9 went back to 2


def test_a_bare_librdkafka_commit_of_an_evicted_member_is_refused(plain: Kafka) -> None:
    topic = plain.topic()
    settings = {"bootstrap.servers": plain.bootstrap, "group.id": plain.group}
    quick = {"session.timeout.ms": 1500, "heartbeat.interval.ms": 200, "log_level": 0}
    evicted = librdkafka.Consumer({**settings, **quick})
    evicted.subscribe([topic])
    until(evicted.assignment, lambda: evicted.poll(0.05))
    member = evicted.memberid()
    bare.evict(plain.bootstrap, plain.group, member)
    until(lambda: evicted.memberid() != member, lambda: time.sleep(0.05))
    now = evicted.consumer_group_metadata()
    assert now == bare.token(plain.group, generation=1)  # no member, but still a generation
    producer = rdkafka_producer(plain.bootstrap, topic)
    producer.begin_transaction()
    with pytest.raises(librdkafka.KafkaException, match="Unknown member"):
        producer.send_offsets_to_transaction([librdkafka.TopicPartition(topic, 0, 2)], now, LIMIT_S)
    evicted.close()


def test_a_bare_librdkafka_commit_of_nobody_is_taken_without_any_check(plain: Kafka) -> None:
    topic = plain.topic()
    partition = Partition(topic, 0)
    owner = plain.consumer([topic], "w1")
    commit_offset(plain.publisher(f"{topic}-1"), owner, partition, 9)
    producer = rdkafka_producer(plain.bootstrap, f"{topic}-0")
    producer.begin_transaction()
    place = librdkafka.TopicPartition(*partition, 2)
    producer.send_offsets_to_transaction([place], bare.token(plain.group), LIMIT_S)
    producer.commit_transaction(LIMIT_S)
    assert owner.committed([partition], 10) == {partition: Committed(2)}


def test_a_publisher_refuses_the_offsets_of_an_evicted_member(log: Kafka) -> None:
    topic = log.topic()
    partition = Partition(topic, 0)
    member = log.consumer([topic], session_timeout_s=1.5)
    before = member.membership()
    bare.evict(log.bootstrap, log.group, before.member)
    owner = log.consumer([topic], "w1")
    commit_offset(log.publisher(f"{topic}-1"), owner, partition, 9)
    # Not polled since, so the snapshot is of the member that it was: the broker knows it no more.
    stale = log.publisher(f"{topic}-0")
    stale.begin()
    with pytest.raises(BrokerError, match="restore from what is committed"):
        stale.send_offsets({partition: Committed(2)}, member.membership())
    for nobody in (Membership(-1, "", bare.nobody(log.group)), Membership(3, "", None)):
        publisher = log.publisher(f"{topic}-0")
        publisher.begin()
        with pytest.raises(BrokerError, match="this worker is not in the group"):
            publisher.send_offsets({partition: Committed(2)}, nobody)
    assert owner.committed([partition], 10) == {partition: Committed(9)}


# C: offsets of a failed transaction leak into the next one


def test_bare_kafka_python_commits_offsets_of_the_transaction_that_was_aborted(
    plain: Kafka,
) -> None:
    topic = plain.topic(2)
    first, second = Partition(topic, 0), Partition(topic, 1)
    with bare.producer(plain.bootstrap, topic) as producer:
        producer.begin_transaction()
        with pytest.raises(CommitFailedError):
            producer.send_offsets_to_transaction(
                {TopicPartition(*first): at(8)}, bare.nobody(plain.group, 99, "stranger")
            )
        producer.abort_transaction()
        producer.begin_transaction()
        producer.send_offsets_to_transaction(
            {TopicPartition(*second): at(1)}, bare.nobody(plain.group)
        )
        producer.commit_transaction()
    found = plain.consumer([topic], joined=False).committed([first, second], 10)
    assert found == {first: Committed(8), second: Committed(1)}  # 8 was aborted


def test_bare_librdkafka_forgets_the_offsets_of_the_transaction_that_was_aborted(
    plain: Kafka,
) -> None:
    topic = plain.topic(2)
    first, second = Partition(topic, 0), Partition(topic, 1)
    producer = rdkafka_producer(plain.bootstrap, topic)
    producer.begin_transaction()
    with pytest.raises(librdkafka.KafkaException):
        producer.send_offsets_to_transaction(
            [librdkafka.TopicPartition(*first, 8)], bare.token(plain.group, 99, "stranger"), LIMIT_S
        )
    producer.abort_transaction(LIMIT_S)
    producer.begin_transaction()
    producer.send_offsets_to_transaction(
        [librdkafka.TopicPartition(*second, 1)], bare.token(plain.group), LIMIT_S
    )
    producer.commit_transaction(LIMIT_S)
    found = plain.consumer([topic], joined=False).committed([first, second], 10)
    assert found == {first: None, second: Committed(1)}


def test_a_publisher_is_of_no_use_after_an_error(log: Kafka) -> None:
    topic = log.topic()
    publisher = log.publisher(topic)
    publisher.begin()
    with pytest.raises(BrokerError):
        publisher.send_offsets({Partition(topic, 0): Committed(8)}, Membership(-1, "", None))
    for call in (
        publisher.begin,
        publisher.commit,
        lambda: publisher.flush(1),
        lambda: publisher.send(one(topic, b"v")),
    ):
        with pytest.raises(BrokerError, match="refused after a failure"):
            call()
    publisher.abandon()
    publisher.abandon()
    publish(log.publisher(topic), one(topic, b"v"))
    assert log.values(Partition(topic, 0), 1) == [b"v"]


# D: the broker checks membership, not ownership


def test_the_broker_takes_offsets_of_a_partition_that_another_member_owns(log: Kafka) -> None:
    topic = log.topic(2)
    first = log.consumer([topic])
    second = log.consumer([topic], "w1", joined=False)
    with polled(second):
        until(
            lambda: len(first.assigned()) == len(second.assigned()) == 1,
            lambda: first.poll(0.05, 1),
        )
    (foreign,) = second.assigned()
    # Nothing but this tells the worker to drop its task in time:
    assert foreign in first.changes().revoked
    assert foreign not in first.assigned()
    commit_offset(log.publisher(topic), first, foreign, 4)
    assert second.committed([foreign], 10) == {foreign: Committed(4)}


# E: a consumer that reads uncommitted records sees stale offsets


def test_bare_kafka_python_gives_stale_offsets_unless_it_reads_committed(plain: Kafka) -> None:
    topic = plain.topic()
    partition = TopicPartition(topic, 0)
    with (
        bare.producer(plain.bootstrap, topic) as producer,
        bare.consumer(plain.bootstrap, plain.group, isolation_level="read_uncommitted") as consumer,
    ):
        producer.begin_transaction()
        producer.send_offsets_to_transaction({partition: at(5)}, bare.nobody(plain.group))
        assert consumer.committed(partition, timeout_ms=5000) is None  # although 5 is on its way
        producer.commit_transaction()


def test_bare_librdkafka_gives_stale_offsets_unless_it_reads_committed(plain: Kafka) -> None:
    topic = plain.topic()
    place = librdkafka.TopicPartition(topic, 0, 5)
    producer = rdkafka_producer(plain.bootstrap, topic)
    producer.begin_transaction()
    producer.send_offsets_to_transaction([place], bare.token(plain.group), LIMIT_S)
    consumer = librdkafka.Consumer(
        {
            "bootstrap.servers": plain.bootstrap,
            "group.id": plain.group,
            "isolation.level": "read_uncommitted",
        }
    )
    (found,) = consumer.committed([librdkafka.TopicPartition(topic, 0)], 5)
    assert found.offset < 0
    consumer.close()
    producer.commit_transaction(LIMIT_S)


def test_a_consumer_waits_for_offsets_that_are_on_their_way(log: Kafka) -> None:
    topic = log.topic()
    partition = Partition(topic, 0)
    owner = log.consumer([topic])
    publisher = log.publisher(topic)
    publisher.begin()
    publisher.send_offsets({partition: Committed(5)}, owner.membership())
    publisher.flush(LIMIT_S)
    with pytest.raises(OffsetsPendingError):
        owner.committed([partition], 0.5)
    publisher.commit()
    assert owner.committed([partition], 10) == {partition: Committed(5)}


# F: a commit that raises may have happened


def test_a_commit_that_raised_has_happened_all_the_same(log: Kafka, kafka_proxy: TcpProxy) -> None:
    topic = log.topic()
    with kafka_of(kafka_proxy.address, log.name) as behind:
        quick = {"request_timeout_s": 1.0, "transaction_timeout_s": 1.5, "delivery_timeout_s": 2.0}
        publisher = behind.publisher(topic, **quick)
        publisher.begin()
        publisher.send(one(topic, b"there"))
        publisher.flush(LIMIT_S)
        kafka_proxy.delay(1300)  # the request arrives, its answer comes too late
        commit = bare.Call(publisher.commit)
        assert commit.ended(20)
        publisher.abandon()
        kafka_proxy.heal()
    assert isinstance(commit.error, BrokerError)
    assert log.values(Partition(topic, 0), 1) == [b"there"]


# G: records that were given up do not fail their transaction


def test_bare_kafka_python_commits_a_transaction_without_the_records_it_gave_up(
    plain: Kafka, kafka_proxy: TcpProxy
) -> None:
    topic = plain.topic()
    quick = {**bare.QUICK, "delivery_timeout_ms": 1200}
    with bare.producer(kafka_proxy.address, topic, **quick) as producer:
        producer.begin_transaction()
        producer.send(topic, b"first", partition=0).get(10)
        kafka_proxy.cut()
        future = producer.send(topic, b"given up", partition=0)
        with pytest.raises(KafkaTimeoutError):
            future.get(10)
        kafka_proxy.heal()
        commit = bare.Call(producer.commit_transaction)
        assert commit.ended(20)
        assert commit.error is None
    plain.fill(topic, [b"last"])
    assert plain.values(Partition(topic, 0), 2) == [b"first", b"last"]


def test_bare_librdkafka_does_not_commit_a_transaction_without_the_records_it_gave_up(
    plain: Kafka, kafka_proxy: TcpProxy
) -> None:
    topic = plain.topic()
    producer = rdkafka_producer(kafka_proxy.address, topic, **{"delivery.timeout.ms": 1200})
    producer.begin_transaction()
    producer.produce(topic, b"first", partition=0)
    assert producer.flush(10) == 0
    kafka_proxy.cut()
    producer.produce(topic, b"given up", partition=0)
    assert producer.flush(10) == 0  # "nothing left" says nothing of what arrived
    kafka_proxy.heal()
    with pytest.raises(librdkafka.KafkaException, match="failed delivery"):
        producer.commit_transaction(10)


def test_a_publisher_does_not_commit_without_the_records_that_were_given_up(
    log: Kafka, kafka_proxy: TcpProxy
) -> None:
    topic = log.topic()
    with kafka_of(kafka_proxy.address, log.name) as behind:
        quick = {"request_timeout_s": 1.0, "delivery_timeout_s": 2.0, "transaction_timeout_s": 4.0}
        publisher = behind.publisher(topic, **quick)
        publisher.begin()
        publisher.send(one(topic, b"first"))
        publisher.flush(LIMIT_S)
        kafka_proxy.cut()
        publisher.send(one(topic, b"given up"))
        with pytest.raises(BrokerError, match="flush"):
            publisher.flush(10)
        kafka_proxy.heal()
        with pytest.raises(BrokerError, match="refused after a failure"):
            publisher.commit()
        publisher.abandon()
    publish(log.publisher(topic), one(topic, b"last"))
    assert log.values(Partition(topic, 0), 1) == [b"last"]


# H: a commit may never return


def test_a_bare_kafka_python_commit_never_returns_once_its_request_was_dropped(
    plain: Kafka,
) -> None:
    topic = plain.topic()
    with bare.producer(plain.bootstrap, topic) as producer:
        producer.begin_transaction()
        producer.send(topic, b"v", partition=0).get(10)
        _drop_one_request(producer)
        assert not bare.Call(producer.commit_transaction).ended(2)


def _drop_one_request(producer: object) -> None:
    """Let the client find its broker gone at one certain moment, as when that is killed."""
    client = producer._sender._client  # type: ignore[attr-defined]
    await_ready = client.await_ready

    def gone_once(*_: object, **__: object) -> None:
        client.await_ready = await_ready
        raise KafkaConnectionError("gone")

    client.await_ready = gone_once


def test_a_publisher_whose_commit_hangs_can_be_abandoned(plain: Kafka) -> None:
    topic = plain.topic()
    publisher = plain.publisher(topic)
    publisher.begin()
    publisher.send(one(topic, b"1"))
    publisher.flush(LIMIT_S)
    _drop_one_request(publisher._producer)  # type: ignore[attr-defined]
    commit = bare.Call(publisher.commit)
    assert not commit.ended(2)
    publisher.abandon()
    publish(plain.publisher(topic), one(topic, b"2"))
    assert plain.values(Partition(topic, 0), 1) == [b"2"]


def test_a_librdkafka_commit_to_a_broker_that_is_gone_ends_in_time(
    kafka_bootstrap: str, kafka_proxy: TcpProxy
) -> None:
    with (
        kafka_of(kafka_bootstrap, "confluent") as log,
        kafka_of(kafka_proxy.address, "confluent") as behind,
    ):
        topic = log.topic()
        publisher = behind.publisher(topic, request_timeout_s=1.0, transaction_timeout_s=1.5)
        publisher.begin()
        publisher.send(one(topic, b"1"))
        publisher.flush(LIMIT_S)
        kafka_proxy.cut()
        start = time.monotonic()
        with pytest.raises(BrokerError):
            publisher.commit()
        assert time.monotonic() - start < 10
        publisher.abandon()
        kafka_proxy.heal()


# And two more, found by the tests of the drivers


def test_a_bare_kafka_python_join_that_ends_between_polls_is_never_taken_up(plain: Kafka) -> None:
    topic = plain.topic(2)
    quick = {"heartbeat_interval_ms": 200, "auto_offset_reset": "earliest"}
    with bare.consumer(
        plain.bootstrap,
        plain.group,
        partition_assignment_strategy=[RangePartitionAssignor],
        **quick,
    ) as member:
        member.subscribe([topic])
        # A poll that is shorter than a join under load would meet the trap here already.
        until(member.assignment, lambda: member.poll(2000))
        other = plain.consumer([topic], "w1", joined=False)
        with polled(other):
            until(lambda: len(member.assignment()) == 1, lambda: member.poll(2000))
        _join_between_polls(member, other)
        for _ in range(20):
            member.poll(50)
        assert member.group_metadata().state == "<rebalancing>"
        assert not member._coordinator.need_rejoin()


def test_a_join_that_ends_between_polls_is_taken_up(plain: Kafka) -> None:
    topic = plain.topic(2)
    member = plain.consumer([topic])
    other = plain.consumer([topic], "w1", joined=False)
    with polled(other):
        until(lambda: len(member.assigned()) == 1, lambda: member.poll(0.05, 1))
    _join_between_polls(member._consumer, other)  # type: ignore[attr-defined]
    with polled(other):
        until(member.assigned, lambda: member.poll(0.05, 1))


def _join_between_polls(member: Any, other: GroupConsumer) -> None:
    """Let a join begin in one poll, as if partitions had been added, and end before the next."""
    member._coordinator._assignment_snapshot = {}
    member.poll(50)
    with polled(other):
        until(lambda: member._coordinator._join_task.is_done, lambda: time.sleep(0.01))


def test_a_bare_kafka_python_partition_that_was_paused_between_polls_stays_silent(
    plain: Kafka,
) -> None:
    topic = plain.topic(2)
    for number in (0, 1):
        plain.fill(topic, [b"%d" % i for i in range(100)], number)
    with bare.consumer(plain.bootstrap, plain.group, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        found: dict[TopicPartition, list[object]] = {}
        until(lambda: found, lambda: found.update(consumer.poll(200, max_records=10)))
        (paused,) = found
        consumer.pause(paused)
        rest = 0
        while rest < 100:
            rest += sum(map(len, consumer.poll(200, max_records=1000).values()))
        consumer.resume(paused)
        assert consumer.poll(2000) == {}
        assert consumer.position(paused) == 10  # of 100


def test_a_partition_that_was_paused_between_polls_goes_on(log: Kafka) -> None:
    topic = log.topic(2)
    for number in (0, 1):
        log.fill(topic, [b"%d" % i for i in range(100)], number)
    consumer = log.consumer([topic])
    place(consumer)
    found = drain(consumer, 10, most=10)
    (paused,) = found
    (other,) = consumer.assigned() - {paused}
    consumer.pause([paused])
    assert drain(consumer, 100) == {other: list(range(100))}
    consumer.resume([paused])
    assert drain(consumer, 90) == {paused: list(range(10, 100))}
