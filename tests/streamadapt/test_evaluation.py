"""What the pipeline file says about evaluation reaches every lane, and keeps the laws of a task."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from streamadapt.build import PIPELINE, build_task, fingerprints
from streamadapt.config import Config
from streamadapt.connectors import open_source
from streamadapt.delay import DelayedLabels
from streamadapt.envelope import decode, encode
from streamadapt.errors import ConfigError
from streamadapt.pipeline import Fact
from streamadapt.task import Task
from tests.streams import CLASSIFY, FORECAST, config, write_classes, write_series

SETTINGS = {
    "evaluation__window": "7",
    "evaluation__fading": "0.9",
    "labels__delay__seconds": "40",
}
PIPELINES = {
    "classes": config(CLASSIFY, evaluation__rolling_auc="40", **SETTINGS),
    "forecast": config(FORECAST, evaluation__window="7", evaluation__quantile="0.9"),
}


@pytest.fixture(params=PIPELINES)
def stream(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Config, Path]:
    write = write_series if request.param == "forecast" else write_classes
    return PIPELINES[request.param], write(tmp_path / "stream.csv")


def run(settings: Config, path: Path, *polls: int, blob_at: int = -1) -> tuple[Task, list[Fact]]:
    """Return the task after all records; at the poll `blob_at` another one takes over."""
    task, facts = build_task(settings, {}), []
    delay, source = (
        DelayedLabels(settings.labels.delay),
        open_source(path, settings.schema_of_records()),
    )
    for i, size in enumerate(cycle(polls)):
        if i == blob_at:
            blob = encode(task.state(), {})
            task = build_task(settings, {})
            task.restore(decode(blob).state)
        records = source.poll(size)
        if records is None:
            source.close()
            return task, facts
        facts += task.process(delay.interleave(task.take(records)[0]), records).facts
    raise AssertionError


def lanes(task: Task) -> dict[str, dict[str, np.ndarray]]:
    return {
        lane.name: lane.grades.series() for track in task.tracks for lane in track.pipeline.lanes
    }


def test_cuts_and_restores_change_neither_windows_nor_digest(stream: tuple[Config, Path]) -> None:
    whole, _ = run(*stream, 10_000)
    cut, _ = run(*stream, 13, 1, 300, blob_at=11)
    assert whole.state().digest() == cut.state().digest()
    assert whole.metrics() == cut.metrics()
    assert all(metrics["graded"] > 1_000 for metrics in whole.metrics().values())
    for name, series in lanes(whole).items():
        for column, values in series.items():
            assert values.tobytes() == lanes(cut)[name][column].tobytes(), (name, column)


def test_windows_are_on_the_same_rows_as_drifts(tmp_path: Path) -> None:
    settings = config(CLASSIFY, evaluation__window="100", baselines="false")
    task, facts = run(settings, write_classes(tmp_path / "s.csv", dirty=False), 10_000)
    series = lanes(task)["tree"]
    assert series["row"].tolist() == list(range(99, 3_000, 100))  # labels at once: a row an event
    turn = 1_500
    drift = min(f.row for f in facts if (f.kind, f.lane) == ("drift", "tree") and f.row >= turn)
    worst = int(series["row"][series["accuracy"].argmin()])
    assert turn <= worst <= drift + 100
    assert series["accuracy"][series["row"] < turn][5:].min() > series["accuracy"].min() + 0.2


def test_the_quantile_of_the_file_weighs_the_pinball_loss(tmp_path: Path) -> None:
    path = write_series(tmp_path / "s.csv")
    found = [
        run(config(FORECAST, evaluation__quantile=q), path, 10_000)[0].metrics()["linear@1"]
        for q in ("0.1", "0.5", "0.9")
    ]
    low, half, high = (metrics["pinball"] for metrics in found)
    assert half == pytest.approx(found[0]["mae"] / 2, rel=1e-12)
    assert low + high == pytest.approx(2 * half, rel=1e-12)  # q d and (1 - q) d are d together


def test_another_window_is_another_pipeline_to_resume() -> None:
    ours, other = (fingerprints(config(CLASSIFY, evaluation__window=w)) for w in ("50", "60"))
    assert {name for name in ours if ours[name] != other[name]} == {PIPELINE}


def test_a_rolling_auc_is_for_two_classes() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.rolling_auc = 100: .* two classes"):
        config(FORECAST, evaluation__rolling_auc="100")


@pytest.mark.parametrize(
    ("name", "value"),
    [("window", "0"), ("fading", "0"), ("fading", "1.1"), ("rolling_auc", "1"), ("quantile", "1")],
)
def test_what_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"evaluation.{name}"):
        config(CLASSIFY, **{f"evaluation__{name}": value})
