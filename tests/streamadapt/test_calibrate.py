"""Calibration: what the detector hears in a replay, and whose false alarms decide."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamadapt.build import build_task
from streamadapt.calibrate import Calibrated, Calibration, Watched, heard
from streamadapt.config import Config
from streamadapt.config_file import parse_config
from streamadapt.contracts import IntArray
from streamadapt.errors import ConfigError
from streamadapt.feed import POLL_RECORDS, Feed, delay_of, opened_source
from tests.streams import CLASSIFY, FORECAST, write_classes, write_series

RECORDER = """
import numpy as np
from streamadapt.detectors import CUSUM
from streamadapt.detectors.threshold import Threshold

HEARD = []

class Recorder(CUSUM):
    def update_many(self, xs):
        HEARD.append(np.array(xs))
        return super().update_many(xs)

def make(threshold=50.0):
    return Recorder(threshold=threshold)

class Own(CUSUM):
    def __init__(self, threshold=50.0):
        super().__init__(threshold=threshold)
"""


MAJORITY = """
name: n
task: {kind: classification, target: label, classes: ["no", "yes"]}
record: {features: {a: numeric}}
learners: {m: {kind: majority, watch: {drift: adwin}}}
"""


def write_labels(folder: Path, labels: IntArray) -> Path:
    path = folder / "labels.csv"
    path.write_text("a,label\n" + "".join(f"1.0,{('no', 'yes')[y]}\n" for y in labels.tolist()))
    return path


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "recorder_of_mine", raising=False)
    (tmp_path / "recorder_of_mine.py").write_text(RECORDER)
    import recorder_of_mine  # type: ignore[import-not-found]

    return recorder_of_mine


def text_with(watch: str, delay: int = 60) -> str:
    head = CLASSIFY.partition("learners:")[0]
    learner = f"learners: {{tree: {{kind: hoeffding_tree, max_size: 1.0, watch: {watch}}}}}\n"
    return f"{head}labels: {{delay: {{events: {delay}}}}}\n{learner}"


def calibrated(config: Config, path: Path, between: int, **options: Any) -> Calibrated:
    watched = Watched.of(config, {}, None, "drift")
    return Calibration(config, watched, path, between).run({}, **options)


@pytest.mark.parametrize("signal", ["loss", "uncertainty"])
def test_it_learns_from_the_very_values_that_the_detector_hears(
    tmp_path: Path, recorder: Any, signal: str
) -> None:
    path = write_classes(tmp_path / "stream.csv", 1200)
    watch = f"{{signal: {signal}, drift: {{python: 'recorder_of_mine:make'}}, on_drift: [reset]}}"
    config = parse_config(text_with(watch), {})
    task = build_task(config, {})
    recorder.HEARD.clear()
    with closing(opened_source(config, path)) as source:
        feed = Feed(config, task, delay_of(config, path), source)
        while not feed.ended:
            feed.step(POLL_RECORDS)
    told = np.concatenate(recorder.HEARD)
    asked = parse_config(
        text_with(watch.replace("recorder_of_mine:make", "recorder_of_mine:Own")), {}
    )
    watched = Watched.of(asked, {}, "tree", "drift")
    assert heard(config, path, watched, {})["tree"].tolist() == told.tolist()
    assert len(told) > 1000


def test_your_own_detector_is_set_by_the_threshold_that_its_class_names(
    tmp_path: Path, recorder: Any
) -> None:
    labels = np.random.default_rng(0).integers(2, size=2000)
    config = parse_config(MAJORITY.replace("adwin", "{python: 'recorder_of_mine:Own'}"), {})
    found = calibrated(config, write_labels(tmp_path, labels), 300)
    assert found.path == "learners.m.watch.drift.params.threshold"
    assert found.value != found.given == 50.0


def test_of_a_forecast_the_horizon_with_the_most_false_alarms_decides(tmp_path: Path) -> None:
    path = write_series(tmp_path / "series.csv", 1500)
    text = FORECAST.replace("{kind: linear}", "{kind: linear, watch: {drift: page_hinkley}}")
    config = parse_config(text, {})
    both = calibrated(config, path, 150)
    values = []
    for horizon in (1, 3):
        one = parse_config(text.replace("[1, 3]", f"[{horizon}]"), {})
        values.append(calibrated(one, path, 150).value)
    assert both.value == max(values)
    assert both.lane == f"linear@{(1, 3)[values.index(max(values))]}"


def test_values_that_nothing_can_be_learned_from_are_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path, np.ones(500, np.int64))
    with pytest.raises(ConfigError, match="m: each loss is 0: nothing is learned from it"):
        calibrated(parse_config(MAJORITY, {}), path, 100)
    path.write_text("a,label\n")
    with pytest.raises(ConfigError, match="m: the stream has no loss to learn from"):
        calibrated(parse_config(MAJORITY, {}), path, 100)


def test_a_detector_on_rows_is_refused(tmp_path: Path) -> None:
    config = parse_config(text_with("features"), {})
    with pytest.raises(ConfigError, match="kernel_two_sample names no threshold"):
        Watched.of(config, {}, None, "drift")


def test_a_threshold_stays_on_its_side_of_the_warnings() -> None:
    config = parse_config(text_with("{drift: {kind: stepd, alpha_warning: 0.01}}"), {})
    assert Watched.of(config, {}, None, "drift").threshold.high == 0.01
    config = parse_config(text_with("{drift: rddm}"), {})
    assert Watched.of(config, {}, None, "drift").threshold.low == 1.773


def test_alike_values_need_a_longer_stream(tmp_path: Path) -> None:
    labels = np.repeat(np.random.default_rng(0).integers(2, size=20), 60)
    config = parse_config(MAJORITY.replace("adwin", "page_hinkley"), {})
    with pytest.raises(ConfigError, match="in a row are alike, are too few to say what comes"):
        calibrated(config, write_labels(tmp_path, labels), 100)
