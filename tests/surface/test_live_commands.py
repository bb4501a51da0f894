"""The commands around a live pipeline, against a real broker: topics, produce, tail, init."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from streamadapt.cli import app
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.partition_log import Driver, Outgoing, Partition
from streamadapt.log_tail import LogTail
from tests.recorded_streams import rows, write_csv

N = 300

PIPELINE = """\
name: {name}
task: {{kind: classification, target: label, classes: ["no", "up: yes"]}}
record:
  id: event
  key: symbol
  time: {{column: at}}
  features: {{price: numeric, size: numeric}}
labels: {{delay: {{events: 5}}}}
learners: {{logistic: logistic}}
kafka:
  bootstrap: "{bootstrap}"
  events: {name}
  output: {name}.predictions
  dead_letters: {name}.dead-letters
  facts: {name}.facts
  control: {name}.control
  labels: {{topic: {name}.labels}}
"""


@dataclass(frozen=True)
class Place:
    """A pipeline of a test's own, and a client of its broker."""

    name: str
    folder: Path
    driver: Driver
    bootstrap: str

    def run(self, command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, [command, str(self.folder / "p.yaml"), *arguments])

    def records(self, topic: str, n_partitions: int) -> dict[int, list[dict[str, Any]]]:
        """Return {partition: its records}."""
        found: dict[int, list[dict[str, Any]]] = {}
        with closing(LogTail(self.driver, {topic: n_partitions}, from_start=True)) as log:
            ends = log.ends(topic)
            while sum(map(len, found.values())) < sum(ends.values()):
                for batch in log.poll(1000):
                    own = found.setdefault(batch.partition.number, [])
                    own += [json.loads(value or b"null") for value in batch.values]
        return found

    def send(self, topic: str, values: list[bytes], headers: list[Any] | None = None) -> None:
        with closing(self.driver.producer()) as producer:
            producer.send(Outgoing(topic, 0, [None] * len(values), values, headers or ()))
            producer.flush(10)


@pytest.fixture
def place(kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    name = f"t{uuid.uuid4().hex[:12]}"
    write_csv(tmp_path / "stream.csv", rows(N))
    (tmp_path / "p.yaml").write_text(PIPELINE.format(name=name, bootstrap=kafka_bootstrap))
    driver = open_driver(KafkaSettings(bootstrap=kafka_bootstrap), "test")
    yield Place(name, tmp_path, driver, kafka_bootstrap)
    structlog.reset_defaults()


def produce(place: Place, *arguments: str) -> Result:
    return place.run("produce", "--source", "stream.csv", *arguments)


# topics


def test_topics_says_what_is_missing_and_makes_it(place: Place) -> None:
    before = place.run("topics")
    assert before.exit_code == 4
    assert before.output.count("MISSING") == 6
    assert f"streamadapt topics {place.folder / 'p.yaml'} --create" in before.output
    made = place.run("topics", "--create", "--partitions", "3")
    assert made.exit_code == 0
    assert made.output.count("3 partitions, made now") == 4
    assert made.output.count("1 partition, made now") == 2
    after = place.run("topics", "--create")
    assert after.exit_code == 0
    assert "made now" not in after.output


def test_a_topic_with_another_number_of_partitions_is_said(place: Place) -> None:
    with closing(place.driver.admin()) as admin:
        admin.create({f"{place.name}.labels": 2, place.name: 3}, {})
    result = place.run("topics", "--create")
    assert result.exit_code == 4
    assert "need the same number of partitions" in result.output


# produce


def test_produce_without_topics_says_how_to_make_them(place: Place) -> None:
    result = produce(place)
    assert result.exit_code == 4
    assert f"streamadapt topics {place.folder / 'p.yaml'} --create" in result.output


def test_produce_sends_events_and_labels_each_once_and_together(place: Place) -> None:
    result = produce(place, "--create-topics", "3")
    assert result.exit_code == 0, result.output
    assert f"sent {N} events and {N} labels to {place.name} (3 partitions)" in result.output
    events = place.records(place.name, 3)
    labels = place.records(f"{place.name}.labels", 3)
    assert sorted(e["event"] for own in events.values() for e in own) == [
        row["event"] for row in rows(N)
    ]
    for number, own in events.items():
        assert {"event", "symbol", "at", "price", "size"} == own[0].keys()
        assert [label["event"] for label in labels[number]] == [event["event"] for event in own]


def test_produce_goes_on_where_it_was_left(place: Place) -> None:
    assert produce(place, "--create-topics", "2", "--records", "100", "-q").exit_code == 0
    assert produce(place, "--skip", "100", "--rate", "5000/s").exit_code == 0
    events = place.records(place.name, 2)
    assert sum(map(len, events.values())) == N


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "fast"], "write 5000/s"),
        (["--rate", "0"], "rate must be above 0"),
        (["--rate", "5", "--speed", "2"], "give one of them"),
        (["--partitions-by", "luck", "--create-topics", "1"], "key, id or round-robin"),
    ],
)
def test_wrong_options_of_produce_are_said(place: Place, arguments: list[str], said: str) -> None:
    result = produce(place, *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_a_stream_without_ids_is_numbered_if_asked(place: Place) -> None:
    bare = [{k: v for k, v in row.items() if k != "event"} for row in rows(20)]
    write_csv(place.folder / "stream.csv", bare)
    refused = produce(place, "--create-topics", "1")
    assert refused.exit_code == 4
    assert "--make-ids numbers the records" in refused.output
    assert produce(place, "--create-topics", "1", "--make-ids").exit_code == 0
    assert [event["event"] for event in place.records(place.name, 1)[0]] == list(
        map(str, range(20))
    )


# tail


def predictions(place: Place, n: int) -> None:
    """Publish what a worker would say of the first n events; the first two answers are wrong."""
    values, headers = [], []
    for i, row in enumerate(rows(n)):
        wrong = "no" if row["label"] != "no" else "up: yes"
        answer = wrong if i < 2 else row["label"]
        values.append(
            json.dumps(
                {
                    "id": row["event"], "key": row["symbol"], "time_us": None,
                    "learner": "logistic", "version": 1, "drifts": 0,
                    "answer": answer, "outputs": {"logistic": [0.25, 0.75]},
                }
            ).encode()
        )  # fmt: skip
        headers.append([("input", f"{place.name}/0/{i}".encode())])
    place.send(f"{place.name}.predictions", values, headers)


def test_tail_shows_predictions_with_their_running_accuracy(place: Place) -> None:
    assert produce(place, "--create-topics", "1", "--records", "10").exit_code == 0
    predictions(place, 10)
    place.send(f"{place.name}.facts", [b'{"kind": "drift", "learner": "logistic", "row": 3}'])
    result = place.run("tail", "--from-start", "--n", "10")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    shown = [line for line in lines if line.startswith("event=")]
    assert len(shown) == 10
    assert shown[0].startswith("event=e000000  key=")
    assert "p=0.750  by=logistic/1  lag=9" in shown[0]
    assert "10 predictions" in result.stderr


def test_tail_as_json_has_one_object_a_line(place: Place) -> None:
    assert produce(place, "--create-topics", "1", "--records", "10").exit_code == 0
    predictions(place, 10)
    result = place.run("tail", "--from-start", "-n", "10", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["id"] for line in told] == [row["event"] for row in rows(10)]
    assert told[3]["lag"] == 6
    assert {line["probability"] for line in told} == {0.75}


def test_tail_without_topics_says_how_to_make_them(place: Place) -> None:
    result = place.run("tail")
    assert result.exit_code == 4
    assert "--create" in result.output


# init


def init(place: Place, *arguments: str) -> Result:
    words = ["init", "--kafka", place.bootstrap, "--topic", place.name, "-o", "new.yaml"]
    return CliRunner().invoke(app, [*words, *arguments])


def test_init_writes_a_pipeline_from_a_look_at_a_topic(place: Place) -> None:
    with closing(place.driver.admin()) as admin:
        admin.create({place.name: 2}, {})
    for number in range(2):
        own = [json.dumps(row).encode() for row in rows(N)[number::2]]
        with closing(place.driver.producer()) as producer:
            producer.send(Outgoing(place.name, number, [None] * len(own), own))
            producer.flush(10)
    result = init(place, "--target", "label")
    assert result.exit_code == 0, result.output
    assert "streamadapt topics new.yaml --create --partitions 2" in result.output
    text = Path("new.yaml").read_text()
    assert f"output: {place.name}.predictions" in text
    assert "kind: classification" in text
    made = CliRunner().invoke(app, ["topics", "new.yaml", "--create", "--partitions", "2"])
    assert made.exit_code == 0, made.output


def test_init_says_what_is_wrong_with_a_topic(place: Place) -> None:
    missing = init(place, "--target", "label")
    assert (missing.exit_code, f"there is no topic {place.name}" in missing.output) == (4, True)
    with closing(place.driver.admin()) as admin:
        admin.create({place.name: 1}, {})
    empty = init(place, "--target", "label")
    assert (empty.exit_code, "holds no records yet" in empty.output) == (4, True)
    place.send(place.name, [b"a,b\xff,c"])
    other = init(place, "--target", "label")
    assert other.exit_code == 4
    assert "none of the last 1 records is a JSON object" in other.output
    place.send(place.name, [b'{"x": 1, "label": "a"}', b'{"x": 2, "label": "b"}'])
    unknown = init(place, "--target", "nothing")
    assert unknown.exit_code == 2
    assert "has columns x, label" in unknown.output


def test_init_wants_a_stream_or_a_topic(place: Place) -> None:
    both = init(place, "stream.csv", "--target", "label")
    neither = CliRunner().invoke(app, ["init", "--target", "label"])
    half = CliRunner().invoke(app, ["init", "--target", "label", "--topic", "t", "stream.csv"])
    assert [each.exit_code for each in (both, neither, half)] == [2, 2, 2]


def test_a_tail_sees_what_comes_after_it_began(place: Place) -> None:
    with closing(place.driver.admin()) as admin:
        admin.create({place.name: 2}, {})
    place.send(place.name, [b"old"])
    with closing(LogTail(place.driver, {place.name: 2}, from_start=False)) as log:
        place.send(place.name, [b"new"])
        batches = []
        while not batches:
            batches = list(log.poll(10))
    assert [(batch.partition, batch.values) for batch in batches] == [
        (Partition(place.name, 0), [b"new"])
    ]
