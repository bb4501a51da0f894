"""The command line: what each command does, says, and exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from streamadapt import __version__
from streamadapt.cli import app, exit_code
from streamadapt.config_schema import json_schema
from streamadapt.errors import (
    ConfigError,
    CorruptStateError,
    LawError,
    ParameterError,
    RetryableError,
    SourceError,
)
from tests.recorded_streams import rows, write_csv

PIPELINE = """\
name: demo
task: {kind: classification, target: label, classes: ["no", "up: yes"]}
record: {features: {price: numeric, size: numeric}}
learners: {logistic: logistic}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Work in a folder with a stream and a pipeline of one learner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    write_csv(tmp_path / "stream.csv", rows(600))
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    yield tmp_path
    structlog.reset_defaults()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def summary(folder: str = "run") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "summary.json").read_text())
    return found


def replay(*arguments: str) -> Result:
    return run("replay", "pipeline.yaml", "--source", "stream.csv", "--out", "run", *arguments)


# Help, version, schema


def test_help_lists_all_commands_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for word in (
        "version",
        "schema",
        "validate",
        "init",
        "replay",
        "topics",
        "produce",
        "tail",
        "check",
        "130  stopped by Ctrl-C",
    ):
        assert word in result.output


@pytest.mark.parametrize("command", ["version", "schema", "validate", "init", "replay", "check"])
def test_every_command_has_help(command: str) -> None:
    assert run(command, "--help").exit_code == 0


def test_version_is_that_of_the_package() -> None:
    result = run("version")
    assert result.output.splitlines()[0] == f"streamadapt {__version__}"
    assert "numba " in result.output


def test_schema_is_printed_as_json() -> None:
    assert json.loads(run("schema").output) == json_schema()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (ParameterError("x"), 2),
        (CorruptStateError("x"), 3),
        (SourceError("x"), 4),
        (LawError("x"), 1),
        (RetryableError("x"), 5),
        (OSError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


# validate


def test_a_right_pipeline_is_said_to_be_right(here: Path) -> None:
    result = run("validate", "pipeline.yaml")
    assert result.exit_code == 0
    assert result.output == (
        "pipeline.yaml: right: classification of label from 2 features by logistic\n"
    )


def test_a_wrong_pipeline_gives_one_message_on_stderr_and_exit_code_2(here: Path) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE + "sed: 3\n")
    result = run("validate", "pipeline.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(
        "streamadapt: pipeline.yaml: 1 mistake\n  line 5, sed = 3: unknown"
    )
    assert "Traceback" not in result.stderr


def test_what_a_constructor_refuses_is_said_with_file_and_line(here: Path) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE.replace("logistic}", "{kind: logistic, l2: -1}}"))
    result = run("validate", "pipeline.yaml")
    assert result.exit_code == 2
    assert "pipeline.yaml: line 4, learners.logistic.l2 = -1" in result.stderr


def test_a_supervisor_says_what_is_wrong_with_file_and_line_too(here: Path) -> None:
    topics = "kafka: {bootstrap: 'h:1', events: e, output: o, dead_letters: d}\n"
    wrong = PIPELINE.replace("logistic}", "{kind: logistic, l2: -1}}")
    (here / "pipeline.yaml").write_text(wrong + topics)
    result = run("run", "pipeline.yaml", "--workers", "2")
    assert result.exit_code == 2
    assert "pipeline.yaml: line 4, learners.logistic.l2 = -1" in result.stderr


def test_debug_shows_where_an_error_comes_from(here: Path) -> None:
    result = run("--debug", "validate", "absent.yaml")
    assert isinstance(result.exception, ConfigError)


def test_the_environment_overrides_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMADAPT__LEARNERS__LOGISTIC__L2", "-1")
    result = run("validate", "pipeline.yaml")
    assert result.exit_code == 2
    assert "l2" in result.stderr


def test_a_source_that_lacks_a_column_is_found_by_validate(here: Path) -> None:
    (here / "pipeline.yaml").write_text(
        PIPELINE.replace("price", "prise") + "source: {path: stream.csv}\n"
    )
    result = run("validate", "pipeline.yaml")
    assert result.exit_code == 4
    assert "no column 'prise'; did you mean 'price'?" in result.stderr


def test_a_source_that_is_elsewhere_is_no_matter_for_validate(here: Path) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE + "source: {path: elsewhere.csv}\n")
    assert run("validate", "pipeline.yaml").exit_code == 0


# init


def test_init_then_validate_then_replay_from_nothing_but_a_file(here: Path) -> None:
    write_csv(here / "big.csv", rows(3000))
    written = run("init", "big.csv", "--target", "label", "-o", "first.yaml")
    assert written.exit_code == 0
    assert "streamadapt replay first.yaml --out run" in written.output
    with (here / "first.yaml").open("a") as file:
        file.write("checkpoint: {every_events: 1000}\n")
    text = (here / "first.yaml").read_text()
    third = "learners:  # by names of your choice; all see the same rows\n"
    assert third in text
    (here / "first.yaml").write_text(
        text.replace(third, third + "  naive: {kind: hoeffding_tree, leaf_prediction: nb}\n")
    )
    assert run("validate", "first.yaml").exit_code == 0

    result = run("replay", "first.yaml", "--out", "run")
    assert result.exit_code == 0, result.stderr
    found = summary()
    assert found["events"] == 3000
    assert found["complete"] is True
    assert found["events_per_s"] > 0
    assert len(found["digest"]) == 64
    assert set(found["learners"]) == {"naive", "tree", "logistic", "majority", "no_change"}
    for metrics in found["learners"].values():
        assert {"accuracy", "kappa"} <= set(metrics)
    assert found["learners"]["tree"]["accuracy"] > found["learners"]["majority"]["accuracy"]
    assert found["counters"]["events"] == 3000
    assert found["seed"] == 0
    assert found["versions"]["streamadapt"] == __version__
    assert found["config"]["learners"]["naive"]["leaf_prediction"] == "nb"
    for word in ("naive", "majority (baseline)", "kappa", "3,000 events"):
        assert word in result.stdout


def test_init_overwrites_nothing_unless_told(here: Path) -> None:
    result = run("init", "stream.csv", "--target", "label")
    assert result.exit_code == 2
    assert "pipeline.yaml is there already: give --force" in result.stderr
    assert (here / "pipeline.yaml").read_text() == PIPELINE
    assert run("init", "stream.csv", "--target", "label", "--force").exit_code == 0
    assert (here / "pipeline.yaml").read_text() != PIPELINE


def test_init_of_a_file_that_is_not_there_exits_with_4_and_writes_nothing(here: Path) -> None:
    result = run("init", "steam.csv", "--target", "label", "-o", "new.yaml")
    assert result.exit_code == 4
    assert "did you mean 'stream.csv'?" in result.stderr
    assert not (here / "new.yaml").exists()


def test_init_of_a_column_that_is_not_there_exits_with_2(here: Path) -> None:
    result = run("init", "stream.csv", "--target", "lable", "-o", "new.yaml")
    assert result.exit_code == 2
    assert "--target lable" in result.stderr


# replay


def test_replay_writes_a_summary_and_prints_the_results(here: Path) -> None:
    result = replay()
    assert result.exit_code == 0, result.stderr
    assert summary()["learners"]["logistic"]["graded"] == 600
    assert "logistic" in result.stdout
    assert "majority (baseline)" in result.stdout


def test_a_quiet_replay_prints_nothing(here: Path) -> None:
    result = replay("--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert summary()["complete"] is True


def test_the_same_replay_twice_has_the_same_digest(here: Path) -> None:
    replay("-q")
    first = summary()["digest"]
    replay("-q", "--fresh")
    assert summary()["digest"] == first


def test_the_source_of_the_pipeline_is_replayed_unless_another_is_named(here: Path) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE + "source: {path: stream.csv}\n")
    assert run("replay", "pipeline.yaml", "--out", "run").exit_code == 0
    assert summary()["source"] == "stream.csv"


def test_without_any_source_replay_exits_with_2(here: Path) -> None:
    result = run("replay", "pipeline.yaml", "--out", "run")
    assert result.exit_code == 2
    assert "pipeline.yaml names no `source`: give --source FILE" in result.stderr


def test_an_override_is_in_force_and_in_the_summary(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMADAPT__seed", "7")
    assert replay("-q").exit_code == 0
    assert summary()["seed"] == summary()["config"]["seed"] == 7


def test_a_secret_of_the_environment_is_not_in_the_summary(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pipeline.yaml").write_text(PIPELINE + "source: {path: '${STREAM}'}\n")
    (here / "hunter2.csv").write_bytes((here / "stream.csv").read_bytes())
    monkeypatch.setenv("STREAM", "hunter2.csv")
    assert replay("-q").exit_code == 0
    assert summary()["config"]["source"]["path"] == "${STREAM}"


def test_a_replay_that_graded_nothing_says_why(here: Path) -> None:
    unknown = [{**row, "label": "never listed"} for row in rows(50)]
    write_csv(here / "stream.csv", unknown)
    assert replay("-q").stderr == (
        "nothing was graded: no label of 50 records was of use (dead letters: 50 unknown_class)\n"
    )
    (here / "stream.csv").write_text(",".join(unknown[0]) + "\n")
    result = replay("-q", "--fresh")
    assert result.exit_code == 0
    assert result.stderr == "nothing was graded: the stream holds no records\n"


def test_metrics_without_a_value_are_null(here: Path) -> None:
    write_csv(here / "stream.csv", [{**row, "label": None} for row in rows(50)])
    assert replay("-q").exit_code == 0
    assert summary()["learners"]["logistic"]["accuracy"] is None


@pytest.mark.parametrize(
    "options", [("--resume", "--fresh"), ("--reset", "logistic"), ("--log-level", "loud")]
)
def test_options_that_do_not_fit_exit_with_2(here: Path, options: tuple[str, ...]) -> None:
    assert replay(*options).exit_code == 2


def test_only_what_there_is_can_be_reset(here: Path) -> None:
    replay("-q")
    result = replay("--resume", "--reset", "forest")
    assert result.exit_code == 2
    assert "--reset forest: there are logistic, majority, no_change" in result.stderr


def test_resuming_with_another_learner_exits_with_3_and_says_what_changed(here: Path) -> None:
    replay("-q")
    (here / "pipeline.yaml").write_text(PIPELINE.replace("logistic}", "{kind: logistic, l2: 0.5}}"))
    result = replay("--resume")
    assert result.exit_code == 3
    assert "logistic" in result.stderr
    assert "--reset logistic" in result.stderr


def test_a_stream_that_is_not_there_exits_with_4(here: Path) -> None:
    result = run("replay", "pipeline.yaml", "--source", "absent.csv", "--out", "run")
    assert result.exit_code == 4
    assert "absent.csv" in result.stderr


def test_a_folder_that_cannot_be_made_exits_with_2_without_a_traceback(here: Path) -> None:
    (here / "file").write_text("")
    result = run("replay", "pipeline.yaml", "--source", "stream.csv", "--out", "file/run")
    assert result.exit_code == 2
    assert result.stderr.startswith("streamadapt: ")
    assert "Traceback" not in result.stderr


def test_a_learner_of_your_own_is_found_in_the_current_folder(here: Path) -> None:
    (here / "my_own_learner.py").write_text(
        "from streamadapt.models import MajorityClass\n"
        "def make(n_features, n_classes):\n    return MajorityClass(n_features, n_classes)\n"
    )
    text = PIPELINE.replace("{logistic: logistic}", "{mine: {python: 'my_own_learner:make'}}")
    (here / "pipeline.yaml").write_text(text)
    assert replay("-q").exit_code == 0
    learners = summary()["learners"]
    assert learners["mine"] == learners["majority"]


# check

CHECKED = """
from streamadapt.detectors import PageHinkley

class Forgetful(PageHinkley):
    def restore(self, state):
        pass

def broken_import():
    pass
"""


def test_check_of_a_sound_class_shows_that_all_laws_hold(here: Path) -> None:
    result = run("check", "streamadapt.detectors:PageHinkley")
    assert result.exit_code == 0, result.output
    assert ", 0 are broken" not in result.stderr
    assert result.stdout.splitlines()[-1].endswith("laws hold, 0 are broken")


def test_check_of_a_broken_class_of_the_current_folder_exits_with_1(here: Path) -> None:
    (here / "my_own_detector.py").write_text(CHECKED)
    result = run("check", "my_own_detector:Forgetful")
    assert result.exit_code == 1
    assert " no " in result.stdout
    assert not result.stdout.splitlines()[-1].endswith(" 0 are broken")


@pytest.mark.parametrize(
    ("name", "code", "problem"),
    [
        ("streamadapt.detectors", 2, "write package.module:factory"),
        ("no_such_module_here:Make", 2, "cannot be imported"),
        ("streamadapt.detectors:Nothing", 2, "cannot be imported"),
        ("fractions:Fraction", 1, "keeps no contract"),
    ],
)
def test_check_of_what_is_none_says_so(here: Path, name: str, code: int, problem: str) -> None:
    result = run("check", name)
    assert result.exit_code == code
    assert problem in result.stderr
    assert "Traceback" not in result.output


# The real command, in its own process

SLOW = """
import time
from pathlib import Path
from streamadapt.models import MajorityClass

class Slow(MajorityClass):
    def run(self, *arguments):
        Path("running").touch()
        time.sleep(1.0)
        return super().run(*arguments)
"""


def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamadapt", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_command_is_installed_and_says_its_version() -> None:
    script = Path(sys.executable).with_name("streamadapt")
    done = subprocess.run([script, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"streamadapt {__version__}\n")


def test_help_loads_none_of_what_is_slow() -> None:
    code = (
        "import sys\nfrom streamadapt.cli import app\n"
        "try:\n    app(['--help'], prog_name='streamadapt')\nexcept SystemExit:\n    pass\n"
        "slow = {'numba', 'numpy', 'river', 'pyarrow', 'pydantic', 'rich', 'yaml'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_replay_without_river_models_does_not_load_river(here: Path) -> None:
    code = (
        "import sys\nfrom streamadapt.cli import app\n"
        "arguments = 'replay pipeline.yaml --source stream.csv --out run -q'.split()\n"
        "try:\n    app(arguments)\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(sorted({'river', 'pandas', 'torch', 'kafka', 'redis'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_sums_up_says_how_to_go_on_and_can(
    here: Path, number: signal.Signals
) -> None:
    replay("-q")
    whole = summary()
    process = interrupted(here, number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    again = "streamadapt replay slow.yaml --source stream.csv --out part --resume"
    assert again in err
    stopped = summary("part")
    assert stopped["complete"] is False
    assert "mine" in out
    process = command(*again.split()[1:], cwd=here)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    ended = summary("part")
    assert (ended["complete"], ended["events"]) == (True, 600)
    assert ended["learners"]["mine"] == whole["learners"]["majority"]


def interrupted(here: Path, number: signal.Signals) -> subprocess.Popen[str]:
    """Start a replay with a slow learner, and send a signal while it learns."""
    (here / "my_slow_learner.py").write_text(SLOW)
    text = PIPELINE.replace("{logistic: logistic}", "{mine: {python: 'my_slow_learner:Slow'}}")
    (here / "slow.yaml").write_text(text)
    process = command("replay", "slow.yaml", "--source", "stream.csv", "--out", "part", cwd=here)
    until = time.monotonic() + 120
    while not (here / "running").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process


def test_a_second_ctrl_c_ends_a_replay_at_once(here: Path) -> None:
    process = interrupted(here, signal.SIGINT)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not (here / "part" / "summary.json").exists()
    go_on = command(
        "replay", "slow.yaml", "--source", "stream.csv", "--out", "part", "--fresh", cwd=here
    )
    _, err = go_on.communicate(timeout=120)
    assert go_on.returncode == 0, err


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    script = f"{sys.executable} -m streamadapt schema | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout == "{\n"


@pytest.mark.parametrize(
    ("written", "asked", "there"),
    [
        ("{}", (), {"predictions.parquet", "report.html"}),
        ("{predictions: false}", (), {"report.html"}),
        ("{predictions: false, report: false}", (), set()),
        ("{predictions: false, report: false}", ("--predictions",), {"predictions.parquet"}),
        ("{report: false}", ("--report", "--no-predictions"), {"report.html"}),
        ("{report: true}", ("--no-report", "--no-predictions"), set()),
    ],
)
def test_the_pipeline_says_what_is_written_and_the_command_has_the_last_word(
    here: Path, written: str, asked: tuple[str, ...], there: set[str]
) -> None:
    (here / "pipeline.yaml").write_text(f"{PIPELINE}outputs: {written}\n")
    assert replay("--quiet", *asked).exit_code == 0
    names = {"predictions.parquet", "report.html"}
    assert {path.name for path in Path("run").iterdir()} & names == there


def test_what_is_written_may_change_between_a_run_and_its_resumption(here: Path) -> None:
    assert replay("--quiet").exit_code == 0
    (here / "pipeline.yaml").write_text(f"{PIPELINE}outputs: {{report: false}}\n")
    assert replay("--quiet", "--resume").exit_code == 0
