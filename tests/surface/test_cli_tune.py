"""`tune` on the command line: what it says, writes and exits with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from streamadapt.cli import app
from tests.recorded_streams import rows, write_csv

PIPELINE = """\
# a pipeline of mine
name: demo
task: {kind: classification, target: label, classes: ["no", "up: yes"]}
record: {features: {price: numeric, size: numeric}}
learners: {logistic: logistic}  # just one
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    write_csv(tmp_path / "stream.csv", rows(600))
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def tune(*arguments: str) -> Result:
    return run("tune", "pipeline.yaml", "--source", "stream.csv", "--out", "out", *arguments)


def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out/tune.json").read_text())
    return found


def test_a_search_shows_trials_and_tail_and_writes_a_file_that_replays(here: Path) -> None:
    done = tune("--set", "learners.logistic.l2=0.0,5.0", "--metric", "log_loss")
    assert done.exit_code == 0, done.stderr
    for word in ("trial", "log_loss", "as it is", "majority (baseline)", "no trial saw"):
        assert word in done.stdout
    assert [trial["trial"] for trial in results()["trials"]] == [0, 1, 2]
    text = Path("out/best.yaml").read_text()
    assert text.startswith("# a pipeline of mine\n")
    assert "# just one" in text
    assert run("validate", "out/best.yaml").exit_code == 0
    write_csv(here / "head.csv", rows(600)[:420])
    args = ["--source", "head.csv", "--out", "run", "-q"]
    assert run("replay", "out/best.yaml", *args).exit_code == 0
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["learners"]["logistic"]["log_loss"] == results()["best"]["head"]


def test_overrides_of_the_environment_are_in_force_and_in_the_best_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMADAPT__seed", "7")
    assert tune("--set", "learners.logistic.l2=0.0,5.0", "-q").exit_code == 0
    assert results()["config"]["seed"] == 7
    assert "seed: 7" in Path("out/best.yaml").read_text()


def test_a_secret_of_the_environment_is_in_no_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE + "source: {path: '${STREAM}'}\n")
    (here / "hunter2.csv").write_bytes((here / "stream.csv").read_bytes())
    monkeypatch.setenv("STREAM", "hunter2.csv")
    assert tune("--set", "seed=1,2", "-q").exit_code == 0
    for name in ("tune.json", "best.yaml", "search.json", "trials.jsonl"):
        assert "hunter2" not in (here / "out" / name).read_text()
    assert "${STREAM}" in (here / "out" / "best.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (["--set", "learners.logistic.l2=-1,x"], 2, "2 of 3 trials cannot run"),
        (["--set", "learners.logistic.learning_rat=1"], 2, "did you mean 'learning_rate'?"),
        (["--set", "seed=1", "--resume", "--fresh"], 2, "give one of them"),
        (["--set", "seed=1", "--source", "-"], 2, "every trial reads the stream anew"),
        (["--set", "seed=1", "--source", "absent.csv"], 4, "absent.csv"),
        ([], 2, "--set"),
    ],
)
def test_what_is_wrong_exits_with_its_code(
    here: Path, options: list[str], code: int, problem: str
) -> None:
    done = tune(*options)
    assert done.exit_code == code
    assert problem in done.stderr
    assert "Traceback" not in done.output


def test_another_search_cannot_be_resumed_and_exits_with_3(here: Path) -> None:
    assert tune("--set", "seed=1", "-q").exit_code == 0
    done = tune("--set", "seed=2", "--resume")
    assert done.exit_code == 3
    assert "changed since: search" in done.stderr


def test_without_any_source_there_is_nothing_to_search(here: Path) -> None:
    done = run("tune", "pipeline.yaml", "--out", "out", "--set", "seed=1")
    assert done.exit_code == 2
    assert "names no `source`: give --source FILE" in done.stderr
