"""A detector on the rows themselves: fed by the task, told of and reacted upon like the others."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamadapt.build import build_task
from streamadapt.config_file import parse_config
from streamadapt.connectors import CSVSource
from streamadapt.contracts import Detector, Learner
from streamadapt.detectors import FeatureAlarm, KernelTwoSample, PageHinkley
from streamadapt.errors import ConfigError
from streamadapt.models import MajorityClass
from streamadapt.pipeline import Fact, Lane, Watch
from streamadapt.replay import Replay, ReplayOptions
from streamadapt.task import Task

N, CHANGE = 3000, 1500
PIPELINE = """
name: demo
task: {kind: classification, target: label, classes: ["no", "yes"]}
record: {features: {a: numeric, b: numeric, c: numeric}}
labels: {delay: {events: 40}}
learners:
  tree:
    kind: hoeffding_tree
    watch:
      signal: features
      warning: {kind: kernel_two_sample, reference_size: 300, window_size: 50, alpha: 0.01}
      drift: {kind: kernel_two_sample, reference_size: 300, window_size: 100}
      on_drift: [alert, swap]
"""


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Write rows whose ``b`` moves in the middle; the label depends on ``a`` alone."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, 3))
    X[CHANGE:, 1] += 1.5
    lines = ["a,b,c,label"]
    for i, (a, b, c) in enumerate(X.tolist()):
        # Some rows have a gap: they are predicted, and the detector skips them.
        lines.append(
            f"{a:.6f},{'' if i % 97 == 5 else f'{b:.6f}'},{c:.6f},{'no' if a < 0 else 'yes'}"
        )
    path = tmp_path / "stream.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def task_of(text: str = PIPELINE) -> Task:
    return build_task(parse_config(text, {}), {})


def played(stream: Path, cuts: list[int], task: Task) -> list[Fact]:
    facts: list[Fact] = []
    with closing(CSVSource(stream, task.schema)) as source:
        place = 0
        while (records := source.poll(cuts[place % len(cuts)])) is not None:
            facts += task.run(records).facts
            place += 1
    return facts


def test_a_feature_that_moves_is_heard_and_reacted_upon(stream: Path) -> None:
    facts = played(stream, [500], task_of())
    drift = next(fact for fact in facts if fact.kind == "drift")
    assert isinstance(drift.alarm, FeatureAlarm)
    assert (drift.alarm.index, drift.alarm.feature) == (drift.row, 1)
    assert CHANGE < drift.row < CHANGE + 250
    assert {"warning", "alert", "swap"} <= {fact.kind for fact in facts}


def test_how_the_stream_is_cut_changes_nothing(stream: Path) -> None:
    def order(facts: list[Fact]) -> list[str]:
        return sorted(map(repr, facts))

    whole = task_of()
    facts = played(stream, [N], whole)
    for cuts in ([1], [64], [7, 500, 1, 130]):
        cut = task_of()
        assert order(played(stream, cuts, cut)) == order(facts)
        assert cut.state().digest() == whole.state().digest()


@pytest.mark.parametrize("n", [0, 130, 299, 1530, 1700])
def test_a_restored_task_goes_on_bit_for_bit(stream: Path, n: int) -> None:
    whole, first, second = task_of(), task_of(), task_of()
    facts = played(stream, [N], whole)
    with closing(CSVSource(stream, first.schema)) as source:
        early = []
        if n and (records := source.poll(n)) is not None:
            early = first.run(records).facts
        second.restore(first.state())
        assert second.state().digest() == first.state().digest()
        records = source.poll(N)
        assert records is not None
        late = second.run(records).facts
    assert sorted(map(repr, early + late)) == sorted(map(repr, facts))
    assert second.state().digest() == whole.state().digest()


def lines(stream: Path, text: str, **options: Any) -> list[dict[str, Any]]:
    out = stream.parent / "out"
    config = parse_config(text, {})
    with closing(Replay(config, stream, out, {}, ReplayOptions(fresh=True, **options))) as run:
        run.run()
    return [json.loads(line) for line in (out / "drifts.jsonl").read_text().splitlines()]


def test_drifts_tell_which_feature_moved(stream: Path) -> None:
    found = next(line for line in lines(stream, PIPELINE) if line["kind"] == "drift")
    assert found["detector"] == "kernel_two_sample"
    assert (found["feature"], found["direction"], found["age"]) == ("b", "other", 100)
    assert found["shift"] > 1.0
    assert found["statistic"] > found["threshold"]
    assert found["p_value"] < 1e-4


def test_features_alone_are_short_for_the_usual_detector(stream: Path) -> None:
    head = PIPELINE.partition("    watch:")[0]
    short = lines(stream, head + "    watch: features\n")
    usual = "    watch: {signal: features, drift: {kind: kernel_two_sample}}\n"
    assert short == lines(stream, head + usual)
    assert {line["kind"] for line in short} == {"drift"}


def test_labels_have_no_part_in_it(stream: Path) -> None:
    text = stream.read_text().replace(",yes", ",").replace(",no", ",")
    bare = stream.with_name("bare.csv")
    bare.write_text(text)
    assert [f.row for f in played(bare, [500], task_of()) if f.kind == "drift"] == [
        f.row for f in played(stream, [500], task_of()) if f.kind == "drift"
    ]


def majority() -> Learner:
    return MajorityClass(3, 2)


def test_detectors_and_signals_must_fit() -> None:
    def rows() -> KernelTwoSample:
        return KernelTwoSample(3)

    def numbers() -> Detector:
        return PageHinkley()

    Lane("lane", majority, 1, Watch(rows, signal="features"))
    with pytest.raises(ConfigError, match="drift detector takes rows: give it `signal: features`"):
        Lane("lane", majority, 1, Watch(rows))
    with pytest.raises(ConfigError, match="drift detector takes numbers, not rows"):
        Lane("lane", majority, 1, Watch(numbers, signal="features"))
    with pytest.raises(ConfigError, match="warning detector takes numbers, not rows"):
        Lane("lane", majority, 1, Watch(rows, numbers, signal="features"))


def test_a_wrong_parameter_is_said_where_it_stands() -> None:
    with pytest.raises(ConfigError, match=r"learners\.tree\.watch\.drift.*alpha = 2"):
        task_of(PIPELINE.replace("window_size: 100", "window_size: 100, alpha: 2"))


def test_the_file_never_says_how_many_features_there_are() -> None:
    with pytest.raises(ConfigError, match="n_features"):
        task_of(PIPELINE.replace("window_size: 100", "n_features: 3"))
