"""Generated streams in pipeline files and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from streamadapt.cli import app
from streamadapt.config_file import parse_config
from streamadapt.connectors.generators import SEA, ConceptDrift
from streamadapt.errors import ConfigError, IncompatibleStateError
from streamadapt.generate import asked_stream
from streamadapt.replay import Replay, ReplayOptions

PIPELINE = """
name: demo
task: {kind: classification, target: class, classes: [groupA, groupB]}
record: {features: {attrib1: numeric, attrib2: numeric, attrib3: numeric}}
learners: {logistic: logistic}
checkpoint: {every_events: 1000}
"""
SOURCE = """
source:
  generator: {kind: sea, seed: 7}
  rows: 5000
  drifts: [{to: {kind: sea, function: 4, seed: 8}, position: 2000, width: 300, seed: 9}]
"""


def _stream() -> ConceptDrift:
    return ConceptDrift(SEA(seed=7), SEA(4, seed=8), position=2000, width=300, seed=9)


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def _replayed(text: str, source: Path | None, out: Path, **options: Any) -> dict[str, Any]:
    replay = Replay(parse_config(text, {}), source, out, {}, ReplayOptions(**options))
    summary = replay.run()
    replay.close()
    return summary


def test_a_pipeline_file_describes_a_stream_with_drifts() -> None:
    config = parse_config(PIPELINE + SOURCE, {})
    assert config.source is not None
    assert config.source.generated is not None
    X, y = config.source.generated.make().rows(5000)
    X2, y2 = _stream().rows(5000)
    assert X.tobytes() == X2.tobytes()
    assert y.tobytes() == y2.tobytes()


def test_a_replay_of_a_generator_is_that_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    drift = "{to: {kind: sea, function: 4, seed: 8}, position: 2000, width: 300, seed: 9}"
    options = ["--rows", "5000", "-p", "seed=7", "--drift", drift, "-o", str(path)]
    result = _run("generate", "sea", *options)
    assert result.exit_code == 0, result.output
    from_file = _replayed(PIPELINE, path, tmp_path / "file")
    generated = _replayed(PIPELINE + SOURCE, None, tmp_path / "generated")
    assert generated["digest"] == from_file["digest"]
    assert generated["events"] == 5000
    assert generated["source"] == "generated"


def test_an_interrupted_replay_of_a_generator_goes_on(tmp_path: Path) -> None:
    whole = _replayed(PIPELINE + SOURCE, None, tmp_path / "whole", poll_records=700)
    replay = Replay(
        parse_config(PIPELINE + SOURCE, {}),
        None,
        tmp_path / "part",
        {},
        ReplayOptions(poll_records=700),
    )
    replay.run(on_progress=lambda n: replay.stop() if n > 2000 else None)
    replay.close()
    resumed = _replayed(PIPELINE + SOURCE, None, tmp_path / "part", resume=True)
    assert resumed["resumed_from"] == 2100
    assert resumed["digest"] == whole["digest"]


def test_another_generated_stream_is_not_resumed(tmp_path: Path) -> None:
    replay = Replay(
        parse_config(PIPELINE + SOURCE, {}), None, tmp_path, {}, ReplayOptions(poll_records=700)
    )
    replay.run(on_progress=lambda n: replay.stop())
    replay.close()
    other = PIPELINE + SOURCE.replace("seed: 7", "seed: 6")
    with pytest.raises(IncompatibleStateError, match="source"):
        _replayed(other, None, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{}", "name either a `path` or a `generator`"),
        ("{path: a.csv, generator: sea, rows: 5}", "name either"),
        ("{generator: sea}", "needs `rows`"),
        ("{path: a.csv, rows: 5}", "go with a `generator`"),
        ("{generator: see, rows: 5}", "did you mean 'sea'"),
        ("{generator: {kind: sea, functoin: 2}, rows: 5}", "did you mean 'function'"),
    ],
)
def test_mistakes_in_the_file_are_said(source: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_config(f"{PIPELINE}source: {source}\n", {})


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{generator: {kind: sea, function: 9}, rows: 5}", "source.generator.function = 9"),
        (
            "{generator: sea, rows: 5, drifts: [{to: led, position: 3}]}",
            "source.drifts.0: a sea cannot drift to a led",
        ),
        ("{generator: led, rows: 5}", "has no column 'attrib1'"),
    ],
)
def test_validate_tries_the_generator(source: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(f"{PIPELINE}source: {source}\n")
    result = _run("validate", str(path))
    assert result.exit_code in {2, 4}
    assert problem in result.stderr


def test_generate_keeps_a_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    result = _run("generate", "sea", "-o", str(path))
    assert result.exit_code == 2
    assert path.read_text() == "mine"
    assert _run("generate", "sea", "-n", "3", "-o", str(path), "--force").exit_code == 0
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["seas"], "did you mean 'sea'"),
        (["sea", "-p", "function"], "write name=value"),
        (["sea", "-p", "function=x"], "source.generator.function = 'x'"),
        (["sea", "--rows", "0"], "source.rows = 0"),
        (["sea", "--drift", "{to: sea}"], "position: missing"),
    ],
)
def test_wrong_options_exit_with_2(options: list[str], problem: str, tmp_path: Path) -> None:
    result = _run("generate", *options, "-o", str(tmp_path / "rows.csv"))
    assert result.exit_code == 2
    assert problem in result.stderr


def test_parameters_are_read_as_yaml() -> None:
    stream = asked_stream("sea", ["balance_classes=true", "seed=-3"], 10, []).make()
    assert stream.rows(9)[0].tobytes() == SEA(balance_classes=True, seed=-3).rows(9)[0].tobytes()
    assert np.isfinite(stream.rows(5)[0]).all()
