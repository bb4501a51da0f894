"""A proposed pipeline file is valid, runs, and says why it is as it is."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamadapt.config import Config
from streamadapt.config_file import parse_config
from streamadapt.errors import ConfigError
from streamadapt.replay import Replay
from streamadapt.scaffold import scaffold
from tests.recorded_streams import WRITERS, rows, write_csv


def proposed(path: Path, target: str) -> Config:
    return parse_config(scaffold(path, target), {}, "proposed")


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "stream.csv"
    write_csv(path, rows())
    return path


@pytest.mark.parametrize("target", ["label", "up", "open", "next"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_proposed_pipeline_replays_its_stream_without_a_dead_letter(
    tmp_path: Path, name: str, target: str
) -> None:
    path = tmp_path / name
    WRITERS[name](path, rows())
    replay = Replay(proposed(path, target), path, tmp_path / "run", {})
    summary: dict[str, Any] = replay.run()
    replay.close()
    assert summary["events"] == 600
    assert [counter for counter in summary["counters"] if counter.startswith("rejected")] == []
    assert len(summary["learners"]) == 4


def test_all_records_that_proposed_columns_hold_are_features_and_no_others(stream: Path) -> None:
    config = proposed(stream, "label")
    features = {name: spec.kind for name, spec in config.record.features.items()}
    assert features == {
        "price": "numeric",
        "size": "numeric",
        "side": "categorical",
        "symbol": "categorical",
        "open": "boolean",
        "up": "numeric",
        "next": "numeric",
    }
    assert config.record.time is not None
    assert config.record.time.column == "at"


def test_few_texts_get_a_column_each_and_many_are_hashed(stream: Path) -> None:
    features: dict[str, Any] = proposed(stream, "label").record.features
    assert features["side"].encoding == "one_hot"
    assert features["side"].values == ("buy", "hold: no", "sell")
    assert (features["symbol"].encoding, features["symbol"].buckets) == ("hash", 128)


def test_many_texts_that_come_often_are_told_by_their_labels(stream: Path) -> None:
    for target in ("label", "next"):
        means = [spec.model_dump() for spec in proposed(stream, target).derived]
        assert means == [{"kind": "target_mean", "of": "symbol", "smoothing": 20.0}]


@pytest.mark.parametrize(
    ("n", "n_texts", "n_classes"), [(600, 20, 2), (400, 100, 2), (600, 100, 11)]
)
def test_no_label_is_told_by_few_texts_by_rare_ones_or_where_there_are_many_classes(
    tmp_path: Path, n: int, n_texts: int, n_classes: int
) -> None:
    records = [{"c": f"c{i % n_texts}", "y": f"y{i % n_classes}"} for i in range(n)]
    write_csv(tmp_path / "a.csv", records)
    assert proposed(tmp_path / "a.csv", "y").derived == ()


def test_long_texts_of_many_sorts_are_counted_by_word(tmp_path: Path) -> None:
    records = [
        {"note": f"link {i % 30} is {'down'[i % 2 :]} again", "n": i % 3, "y": i % 2}
        for i in range(120)
    ]
    write_csv(tmp_path / "a.csv", records)
    replay = Replay(proposed(tmp_path / "a.csv", "y"), tmp_path / "a.csv", tmp_path / "run", {})
    summary: dict[str, Any] = replay.run()
    replay.close()
    assert summary["events"] == 120
    features = proposed(tmp_path / "a.csv", "y").record.features
    assert {name: spec.kind for name, spec in features.items()} == {"note": "text", "n": "numeric"}


@pytest.mark.parametrize(
    ("target", "classes"),
    [("label", ("no", "up: yes")), ("up", ("0", "1")), ("open", ("False", "True")), ("next", ())],
)
def test_few_values_are_classes_and_many_numbers_are_not(
    stream: Path, target: str, classes: tuple[str, ...]
) -> None:
    config = proposed(stream, target)
    assert config.task.classes == classes
    assert config.task.kind == ("classification" if classes else "regression")
    assert list(config.learners) == ["tree", "logistic" if classes else "linear"]
    watched = [name for name, learner in config.learners.items() if getattr(learner, "watch", None)]
    assert watched == ["tree"]


def test_labels_come_at_once_and_baselines_run_beside(stream: Path) -> None:
    config = proposed(stream, "label")
    assert (config.labels.delay.events, config.labels.delay.seconds) == (0, 0)
    assert config.baselines is True


def test_comments_name_ids_keys_and_what_is_no_feature(stream: Path) -> None:
    text = scaffold(stream, "label")
    assert "# id: event " in text
    assert "# key: symbol " in text
    assert "# venue holds one and the same value: no feature" in text
    assert "# row holds row numbers: no feature" in text
    assert "# unix holds times: no feature as such" in text
    assert "# empty holds nothing: no feature" in text


def test_the_alternatives_in_comments_are_valid_too(stream: Path) -> None:
    lines = scaffold(stream, "next").splitlines()
    wanted = ("  # id:", "  # key: symbol", "  # mine:", "  #   python:")
    on = [line.replace("# ", "", 1) if line.startswith(wanted) else line for line in lines]
    on = [line.replace("  # - {", "  - {", 1).replace("COLUMN", "price") for line in on]
    config = parse_config("\n".join(on), {}, "uncommented")
    assert (config.record.id, config.record.key) == ("event", "symbol")
    assert [spec.kind for spec in config.derived] == [
        "target_mean", "lag", "rolling", "calendar", "difference", "ewm", "scale",
        "rate", "time_since_last", "count", "fourier", "hash",
    ]  # fmt: skip
    assert "mine" in config.learners


def test_a_time_column_with_gaps_is_not_the_event_time(tmp_path: Path) -> None:
    records = [{**row, "at": None if i == 5 else row["at"]} for i, row in enumerate(rows())]
    write_csv(tmp_path / "a.csv", [{k: v for k, v in r.items() if k != "unix"} for r in records])
    assert proposed(tmp_path / "a.csv", "label").record.time is None


ODD = [
    "on",
    "no",
    "a: b",
    "1",
    "#x",
    "é 😀",
    'say "hi"',
    "back\\slash",
    "x" * 200,
    "null",
    "- a",
    "{a}",
    "line\nend",
]


def test_names_and_classes_of_any_characters_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "odd, no. 1.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*ODD, "true"])
        for i in range(60):
            writer.writerow([*(f"{i * 7 % 11}.5" for _ in ODD), ODD[i % len(ODD)]])
    config = proposed(path, "true")
    assert list(config.record.features) == ODD
    assert sorted(config.task.classes) == sorted(set(ODD) - {"null"})  # in CSV: missing
    assert config.task.target == "true"


def test_the_file_is_plain_yaml_for_any_reader(stream: Path) -> None:
    tree = yaml.safe_load(scaffold(stream, "label"))
    assert tree["task"]["classes"] == ["no", "up: yes"]
    assert tree["name"] == "stream"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("lable", "--target lable: .* has columns event, row, at"),
        ("venue", "--target venue: it holds one and the same value, nothing to predict"),
        ("event", "--target event: it holds texts that are all different"),
        ("at", "--target at: it holds times"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(
    stream: Path, target: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        scaffold(stream, target)


def test_a_stream_without_a_feature_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"y": i % 2, "c": 1} for i in range(50)])
    with pytest.raises(ConfigError, match="no column but the target can be a feature"):
        scaffold(tmp_path / "a.csv", "y")
