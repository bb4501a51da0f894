"""A recorded stream as messages: labels come where and when replay would have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.config import Config
from streamadapt.config_file import parse_config
from streamadapt.connectors.key_partition import partition_of
from streamadapt.errors import ConfigError
from streamadapt.events import Source
from streamadapt.production import Message, Production, Spread
from streamadapt.recorded import recorded_stream
from tests.recorded_streams import rows, write_csv

N = 60

PIPELINE = """\
name: p
task: {{kind: classification, target: label, classes: ["no", "up: yes"]}}
record:
  id: event
  key: symbol
  time: {{column: at}}
  features: {{price: numeric, size: numeric}}
labels: {{delay: {delay}}}
learners: {{logistic: logistic}}
kafka:
  bootstrap: "h:1"
  events: e
  output: o
  dead_letters: d
{labels}"""


def config(delay: str = "{events: 3}", labels: bool = True) -> Config:
    topic = "  labels: {topic: l}\n" if labels else ""
    return parse_config(PIPELINE.format(delay=delay, labels=topic), {}, "p.yaml")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream in which record 10 cannot be decoded, 11 has no id, 12 no label, 13 a new class."""
    records = rows(N)
    records[10]["price"] = "many"
    records[11]["event"] = None
    records[12]["label"] = None
    records[13]["label"] = "sideways"
    path = tmp_path_factory.mktemp("stream") / "a.csv"
    write_csv(path, records)
    return path


def source(own: Config, path: Path) -> Source:
    """Open a stream; one that nobody closes is closed when its test is over."""
    OPEN.append(recorded_stream(own, path))
    return OPEN[-1]


OPEN: list[Source] = []


def close_all() -> None:
    while OPEN:
        OPEN.pop().close()


def produced(
    own: Config, path: Path, cuts: list[int] | None = None, spread: Spread = "key"
) -> list[Message]:
    production = Production(own, 4, spread)
    found, stream = [], source(own, path)
    sizes = iter(cuts or [])
    while (records := stream.poll(next(sizes, N))) is not None:
        found += production.messages(records)
    close_all()
    return found + production.rest()


def told(message: Message) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(message.value)
    return value


def test_all_records_become_events_in_order_also_what_is_none(stream: Path) -> None:
    messages = produced(config(), stream)
    events = [message for message in messages if not message.is_label]
    assert [event.place for event in events] == list(range(N))
    assert b"many" in events[10].value


def test_a_label_comes_right_after_the_event_of_its_turn(stream: Path) -> None:
    messages = produced(config("{events: 3}"), stream)
    ids = [told(m)["event"] if m.is_label else m.place for m in messages[:9]]
    assert ids == [0, 1, 2, 3, "e000000", 4, "e000001", 5, "e000002"]
    assert "label" not in told(messages[0])


def test_records_that_are_none_do_not_count_for_the_delay(stream: Path) -> None:
    messages = produced(config("{events: 3}"), stream)
    at = {told(m)["event"]: m.place for m in messages if m.is_label}
    assert at["e000009"] == 14  # 10 and 11 are dead letters, in replay as well


def test_a_label_later_by_event_time_comes_before_the_first_event_that_is_later(
    stream: Path,
) -> None:
    messages = produced(config("{seconds: 90}"), stream)  # an event a minute
    ids = [told(m)["event"] if m.is_label else m.place for m in messages[:6]]
    assert ids == [0, 1, "e000000", 2, "e000001", 3]


def test_labels_without_delay_come_right_after_their_events(stream: Path) -> None:
    messages = produced(config("{events: 0}"), stream)
    ids = [told(m)["event"] if m.is_label else m.place for m in messages[:4]]
    assert ids == [0, "e000000", 1, "e000001"]


def test_unknown_classes_are_sent_and_absent_labels_are_not(stream: Path) -> None:
    labels = {told(m)["event"]: told(m)["label"] for m in produced(config(), stream) if m.is_label}
    assert labels["e00000d"] == "sideways"
    assert "e00000c" not in labels
    assert len(labels) == N - 3


def test_a_label_stands_in_the_partition_of_its_event_under_its_key(stream: Path) -> None:
    messages = [m for m in produced(config(), stream) if m.place not in (10, 11) or m.is_label]
    events = {told(m)["event"]: m for m in messages if not m.is_label and m.place != 10}
    labels = [m for m in messages if m.is_label]
    assert labels
    for label in labels:
        event = events[told(label)["event"]]
        assert (label.partition, label.key) == (event.partition, event.key)
        assert label.key is not None
        assert label.partition == partition_of(label.key, 4)


def test_without_a_topic_of_labels_they_stand_in_their_events(stream: Path) -> None:
    messages = produced(config(labels=False), stream)
    assert not any(message.is_label for message in messages)
    assert told(messages[0])["label"] in ("no", "up: yes")


def test_round_robin_goes_by_position(stream: Path) -> None:
    messages = produced(config(labels=False), stream, spread="round-robin")
    assert [message.partition for message in messages] == [i % 4 for i in range(N)]


@given(
    st.lists(st.integers(1, 20), max_size=30), st.sampled_from(["{events: 3}", "{seconds: 200}"])
)
def test_however_the_stream_is_cut_the_messages_are_the_same(
    stream: Path, cuts: list[int], delay: str
) -> None:
    own = config(delay)
    assert produced(own, stream, cuts) == produced(own, stream)


def test_ids_can_be_made_of_positions(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{k: v for k, v in r.items() if k != "event"} for r in rows(9)])
    own = config()
    bare = own.model_copy(update={"record": own.record.model_copy(update={"id": None})})
    records = source(bare, tmp_path / "a.csv").poll(9)
    assert records is not None
    production = Production(own, 2, "key", make_ids=True)
    close_all()
    messages = production.messages(records) + production.rest()
    assert [told(m)["event"] for m in messages if not m.is_label] == list(map(str, range(9)))
    assert [told(m)["event"] for m in messages if m.is_label] == list(map(str, range(9)))


def test_partitions_by_a_column_that_is_not_named_are_refused() -> None:
    own = config()
    bare = own.model_copy(update={"record": own.record.model_copy(update={"key": None})})
    with pytest.raises(ConfigError, match=r"names no record\.key"):
        Production(bare, 2, "key")
