"""Records that no stream should hold: each becomes a dead letter with its reason, or is used.

Live, on real servers: the stream goes on, the offsets pass over it, and the states are exact.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streamadapt.connectors.partition_log import Outgoing, Partition
from streamadapt.events import ORIGINAL_LIMIT_BYTES
from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.redis_server import RedisServer
from tests.faults.chaos.oracle import Oracle, Said
from tests.faults.chaos.world import Site, World

DRIVER = os.environ.get("DRIVER", "kafka-python")
NOON_S = 1_700_000_000
TEN_MB = 10_000_000


def event(name: object, *, second: int = 0, **more: object) -> bytes:
    row = {"id": name, "x0": 0.5, "x1": -1.0, "colour": "red", "at": NOON_S + second}
    return json.dumps(row | more).encode()


LABEL = b'{"id": "%s", "class": "a"}'

# What is sent, and the reason it is refused for; None if it is predicted.
EVENTS: list[tuple[bytes | None, str | None]] = [
    *[(event(f"good {i}", second=i), None) for i in range(20)],
    (None, "tombstone"),
    (b"", "empty"),
    (b"{", "malformed"),
    (b"not json", "malformed"),
    (b'{"id": "open", "x0": 1', "malformed"),
    (b"[" * 100_000, "wrong_type"),
    (b'{"deep": ' + b"[" * 100_000, "malformed"),
    (b'{"id": "nan", "x0": NaN, "x1": 1}', "malformed"),
    (b"\xff\xfe\x00\x01", "not_utf8"),
    (event("wide").decode().encode("utf-16"), "not_utf8"),
    (event("latin", colour="gr\u00fcn").decode("unicode-escape").encode("latin-1"), "not_utf8"),
    (b"[1, 2]", "wrong_type"),
    (b'"text"', "wrong_type"),
    (event("word", x0="much"), "wrong_type"),
    (event("truth", x0=True), "wrong_type"),
    (event("list", x0=[1]), "wrong_type"),
    (event("beyond").replace(b"0.5", b"1e999"), "infinite"),
    (event("huge", x0=1e300), "huge"),
    (event("lacks", x1=None), "missing"),
    (event("when", at="noon"), "bad_time"),
    (event("good 3", second=3), "duplicate"),
    (event("late", second=-100_000), "too_late"),
    (event("early", second=10_000_000), "too_early"),
    (b"x" * TEN_MB, "malformed"),
    (event("y" * TEN_MB), "long_id"),
    (event("large", second=20, note="y" * TEN_MB), None),
    (event("unknown colour", second=21, colour="octarine"), None),
    (event("no colour", second=22, colour=None), None),
    (event("many keys", second=23, **{f"k{i}": i for i in range(2000)}), None),
    *[(event(f"better {i}", second=30 + i), None) for i in range(20)],
]
LABELS: list[tuple[bytes | None, str | None]] = [
    *[(LABEL.replace(b"%s", b"good %d" % i), None) for i in range(20)],
    (None, "tombstone"),
    (b"", "empty"),
    (b"{", "malformed"),
    (b"\xff", "not_utf8"),
    (b'{"id": "good 1", "class": "z"}', "unknown_class"),
    (b'{"id": "good 2", "class": {}}', "wrong_type"),
    (b"z" * TEN_MB, "malformed"),
]
COMMANDS: list[tuple[bytes | None, str | None]] = [
    (None, "tombstone"),
    (b"", "empty"),
    (b"reset", "malformed"),
    (b'{"command": "explode"}', "malformed"),
    (b'{"command": "reset", "learner": "nobody"}', "unknown_learner"),
    (b'{"command": "reset", "learner": "logistic"}', None),
]
CHANGES = {
    "record": {
        "id": "id",
        "time": {"column": "at", "format": "unix_s"},
        "features": {
            "x0": "numeric",
            "x1": {"kind": "numeric", "missing": "reject"},
            "colour": {"kind": "categorical"},
        },
    },
    "labels": {"max_pending": 5000, "max_early": 200, "allowed_lateness_s": 3600,
               "max_ahead_s": 86400},
    "kafka.producer": {"max_request_size": 12 << 20} if DRIVER == "kafka-python" else {},
}  # fmt: skip


@pytest.fixture(scope="module")
def poisoned(
    kafka: KafkaCluster, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A worker that took all of it, and was killed and started again in between."""
    site = Site(kafka, [], redis_server, DRIVER)
    folder: Path = tmp_path_factory.mktemp("poison") / "world"
    world = World(site, folder, f"poison-{DRIVER}", 1, rate=0, slots=1, **CHANGES)
    try:
        send(world, "labels", LABELS)
        send(world, "events", EVENTS)
        send(world, "control", COMMANDS)
        world.fleet.start(world.slots)
        assert not world.oracle.drained(60)
        with world.fleet.left_alone("0") as member:
            member.kill()
        send(world, "events", [(event(f"later {i}", second=60 + i), None) for i in range(20)])
        assert not world.oracle.drained(60)
        assert world.fleet.end() == [0]
        yield world
    finally:
        world.close()
        site.close()


def send(world: World, kind: str, records: list[tuple[bytes | None, str | None]]) -> None:
    kafka = world.oracle.kafka
    settings = kafka.model_copy(update={"producer": {"max_request_size": 12 << 20}})
    producer = type(world.oracle.driver)(settings, "poisoner").producer()  # type: ignore[call-arg]
    values = [value for value, _ in records]
    producer.send(Outgoing(f"{world.name}-{kind}", 0, [b"k"] * len(values), values))
    producer.flush(60)
    producer.close()
    for value, reason in records if kind == "events" else []:
        if reason is None:
            world.feeder.sent.ids[0].add(msgspec.json.decode(value or b"")["id"])
        else:
            world.feeder.sent.poison[0] += 1


def letters(world: World) -> dict[str, Said]:
    """Return {topic/partition/offset of the record: its dead letter}."""
    dead = world.oracle.kafka.dead_letters
    found = [said for n in range(4) for _, said in world.oracle.log.records(Partition(dead, n))]
    return {said.headers["input"].decode(): said for said in found}


@pytest.mark.parametrize("kind", ["events", "labels", "control"])
def test_each_bad_record_is_a_dead_letter_with_its_reason(poisoned: World, kind: str) -> None:
    sent = {"events": EVENTS, "labels": LABELS, "control": COMMANDS}[kind]
    found = letters(poisoned)
    places = [f"{poisoned.name}-{kind}/0/{i}" for i in range(len(sent))]
    told = {i: found[p].headers["reason"].decode() for i, p in enumerate(places) if p in found}
    assert told == {i: reason for i, (_, reason) in enumerate(sent) if reason}


def test_a_dead_letter_carries_the_record_cut_to_a_limit(poisoned: World) -> None:
    i = next(i for i, (value, _) in enumerate(EVENTS) if value and value.startswith(b"xxx"))
    letter = msgspec.json.decode(letters(poisoned)[f"{poisoned.name}-events/0/{i}"].value)
    assert letter["original"] == "x" * ORIGINAL_LIMIT_BYTES
    assert letter["length_bytes"] == TEN_MB


def test_the_stream_goes_on_and_every_state_is_exact(poisoned: World) -> None:
    oracle = Oracle(poisoned.oracle.config)
    verdict = oracle.judge(poisoned.feeder.sent)
    assert verdict.is_clean, "\n".join([verdict.line, *verdict.problems])
    assert verdict.n_events == len(EVENTS) + 20
