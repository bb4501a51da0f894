"""The Kafka of the tests is a real one that survives what is done to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, MessageSizeTooLargeError

from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.owned_process import wait_until
from streamadapt.ops.services.programs import ServiceError
from tests.faults.proxy import TcpProxy

pytestmark = pytest.mark.services

PATIENCE_S = 30
FEW = [b"%d" % i for i in range(100)]


@pytest.fixture(scope="module")
def three(servers: Path) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(servers / "three", 3, heap_mb=384)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def make_topic(cluster: KafkaCluster, name: str, replicas: int = 1, **configs: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    told = {key.replace("_", "."): value for key, value in configs.items()}
    topic = NewTopic(name, 1, replicas, topic_configs=told)
    admin.create_topics([topic], wait_for_metadata=True)
    admin.close()


def write(bootstrap: str, topic: str, values: list[bytes], **options: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", **options)
    try:
        sent = [producer.send(topic, value, partition=0) for value in values]
        for future in sent:
            future.get(PATIENCE_S)
    finally:
        producer.close(timeout=0)


def read(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    values: list[bytes] = []

    def has_all() -> bool:
        records = consumer.poll(timeout_ms=200).get(partition, [])
        values.extend(record.value for record in records)
        return consumer.position(partition) >= end

    assert wait_until(has_all, PATIENCE_S)
    consumer.close()
    return values


def leader_of(cluster: KafkaCluster, topic: str, seen_from: int = 0) -> int:
    """The leader of partition 0, -1 while there is none, or the broker asked knows of none."""
    port = cluster.ports[seen_from].client
    admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
    try:
        described = admin.describe_topics([topic])
    except KafkaError:  # the client asked the broker that is gone
        return -1
    finally:
        admin.close()
    leaders: list[int] = [each["leader_id"] for each in described[0]["partitions"]]
    return leaders[0] if leaders else -1


def first_leader_of(cluster: KafkaCluster, topic: str) -> int:
    """The leader of a topic just made, of which one broker hears later than another."""
    assert wait_until(lambda: leader_of(cluster, topic) != -1, PATIENCE_S)
    return leader_of(cluster, topic)


def test_a_kill_loses_nothing_that_was_acknowledged(kafka_to_break: KafkaCluster) -> None:
    bootstrap = kafka_to_break.bootstrap
    make_topic(kafka_to_break, "kept")
    write(bootstrap, "kept", FEW)
    kafka_to_break.kill(0)
    assert kafka_to_break.running == []
    kafka_to_break.restart(0)
    assert kafka_to_break.bootstrap == bootstrap
    assert read(bootstrap, "kept") == FEW


def test_a_stop_and_a_start_keep_topics_and_address(servers: Path) -> None:
    cluster = KafkaCluster(servers / "twice", heap_mb=256)
    cluster.start()
    try:
        make_topic(cluster, "kept")
        write(cluster.bootstrap, "kept", FEW)
        cluster.stop()
        again = KafkaCluster(servers / "twice", heap_mb=256)
        assert again.bootstrap == cluster.bootstrap
        again.start()
        assert read(again.bootstrap, "kept") == FEW
    finally:
        KafkaCluster(servers / "twice").stop()
    assert cluster.running == []


def test_a_paused_broker_answers_nothing_until_it_goes_on(kafka_to_break: KafkaCluster) -> None:
    make_topic(kafka_to_break, "paused")
    producer = KafkaProducer(bootstrap_servers=kafka_to_break.bootstrap, acks="all")
    producer.send("paused", b"before").get(PATIENCE_S)
    kafka_to_break.pause(0)
    late = producer.send("paused", b"late")
    with pytest.raises(KafkaError):
        late.get(0.5)
    kafka_to_break.resume(0)
    late.get(PATIENCE_S)
    producer.close()
    assert read(kafka_to_break.bootstrap, "paused") == [b"before", b"late"]


def test_clients_behind_the_proxy_stay_behind_it(
    kafka: KafkaCluster, kafka_proxy: TcpProxy
) -> None:
    make_topic(kafka, "proxied")
    producer = KafkaProducer(bootstrap_servers=kafka_proxy.address, acks="all")
    producer.send("proxied", b"through").get(PATIENCE_S)
    kafka_proxy.cut()
    held = producer.send("proxied", b"held")
    with pytest.raises(KafkaError):
        held.get(0.5)
    write(kafka.bootstrap, "proxied", [b"past it"])
    kafka_proxy.heal()
    held.get(PATIENCE_S)
    producer.close()
    assert read(kafka.bootstrap, "proxied") == [b"through", b"past it", b"held"]


def test_a_topic_may_take_ten_megabytes_in_one_record(kafka: KafkaCluster) -> None:
    big = b"x" * 10_000_000
    make_topic(kafka, "big", max_message_bytes=str(11 * 2**20))
    make_topic(kafka, "usual")
    write(kafka.bootstrap, "big", [big], max_request_size=2**24)
    assert read(kafka.bootstrap, "big") == [big]
    with pytest.raises(MessageSizeTooLargeError):
        write(kafka.bootstrap, "usual", [big], max_request_size=2**24)


def test_a_setting_it_does_not_bear_is_shown_from_its_log(servers: Path) -> None:
    cluster = KafkaCluster(servers / "wrong", settings={"num.io.threads": "0"}, heap_mb=256)
    with pytest.raises(ServiceError, match=r"num\.io\.threads"):
        cluster.start()
    assert cluster.running == []


def test_a_folder_of_one_broker_is_not_made_one_of_three(kafka: KafkaCluster) -> None:
    with pytest.raises(ServiceError, match="holds a cluster of 1 brokers, not 3"):
        KafkaCluster(kafka.folder, 3)


def test_three_brokers_go_on_without_their_leader(three: KafkaCluster) -> None:
    make_topic(three, "replicated", replicas=3)
    write(three.bootstrap, "replicated", FEW)
    leader = first_leader_of(three, "replicated")
    three.kill(leader)
    other = (leader + 1) % 3
    assert wait_until(lambda: leader_of(three, "replicated", other) not in (leader, -1), PATIENCE_S)
    write(three.bootstrap, "replicated", FEW)
    three.restart(leader)
    assert three.running == [0, 1, 2]
    assert read(three.bootstrap, "replicated") == FEW + FEW


def test_an_orderly_restart_hands_the_partitions_over(three: KafkaCluster) -> None:
    make_topic(three, "handed", replicas=3)
    leader = first_leader_of(three, "handed")
    three.stop_broker(leader)
    other = (leader + 1) % 3
    assert wait_until(lambda: leader_of(three, "handed", other) not in (leader, -1), PATIENCE_S)
    write(three.bootstrap, "handed", FEW)
    three.repair()
    assert read(three.bootstrap, "handed") == FEW
