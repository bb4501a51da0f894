"""`calibrate` on the command line: what it says, writes and exits with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from streamadapt.cli import app
from streamadapt.cli_calibrate import put_text
from streamadapt.config_file import load_config
from tests.recorded_streams import rows, write_csv

PIPELINE = """\
# a pipeline of mine
name: demo
task: {kind: classification, target: label, classes: ["no", "up: yes"]}
record: {features: {price: numeric, size: numeric}}
learners: {logistic: {kind: logistic, watch: {drift: ddm}}}  # just one
"""


def noisy_rows(n: int) -> list[dict[str, Any]]:
    """Return rows of which a fifth has the wrong label."""
    is_wrong = np.random.default_rng(5).random(n) < 0.2
    other = {"no": "up: yes", "up: yes": "no"}
    return [
        row | {"label": other[row["label"]]} if wrong else row
        for row, wrong in zip(rows(n), is_wrong.tolist(), strict=True)
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    write_csv(tmp_path / "stream.csv", noisy_rows(2_000))
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def calibrate(n: int, *arguments: str) -> Result:
    asked = ["--mean-time-between-false-alarms", str(n), *arguments]
    return CliRunner().invoke(app, ["calibrate", "pipeline.yaml", "--source", "stream.csv", *asked])


def drift_threshold(path: Path) -> float:
    learner = load_config(path, {}).learners["logistic"]
    return float(learner.watch.drift.drift_threshold)  # type: ignore[attr-defined]


def test_it_says_value_times_and_delays_and_changes_no_file(here: Path) -> None:
    done = calibrate(300, "--change", "0.2", "--change", "0.95")
    assert done.exit_code == 0, done.stderr
    for word in (
        "learners.logistic.watch.drift.drift_threshold: ",
        "(as it is: 3)",
        "300 asked for",
        "95 % interval",
        "by +0.2: ",
        "by +0.95: the mean cannot change so far",
    ):
        assert word in done.stdout
    assert (here / "pipeline.yaml").read_text() == PIPELINE


def test_write_sets_it_in_the_file_whose_comments_stay(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMADAPT__seed", "7")
    assert calibrate(300, "-o", "other.yaml").exit_code == 0
    assert (here / "pipeline.yaml").read_text() == PIPELINE
    assert calibrate(300, "--write").exit_code == 0
    text = (here / "pipeline.yaml").read_text()
    assert text == (here / "other.yaml").read_text()
    assert text.startswith("# a pipeline of mine\n")
    assert "# just one" in text
    assert "seed" not in text
    assert drift_threshold(here / "pipeline.yaml") != 3.0


def test_the_seed_decides_what_is_drawn(here: Path) -> None:
    said = [calibrate(300, "--seed", seed).stdout for seed in ("0", "0", "1")]
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["5000"], "too few to say what comes once in 5,000: at least 5,000 are needed"),
        (["300", "--skip", "2000"], "the stream has no loss to learn from"),
        (["300", "--learner", "tree"], "those with a drift detector are logistic"),
        (["300", "--detector", "warning"], "no learner has a `watch` with a `warning` detector"),
        (["300", "--write", "-o", "x.yaml"], "give one of them"),
        (["3"], "10"),
        (["300", "--source", "absent.csv"], "absent.csv"),
    ],
)
def test_what_cannot_be_calibrated_is_said(here: Path, options: list[str], problem: str) -> None:
    done = calibrate(int(options[0]), *options[1:])
    assert done.exit_code in (2, 4)
    assert problem in " ".join(done.stderr.replace("│", " ").split())


def test_a_detector_without_a_threshold_is_named(here: Path) -> None:
    text = PIPELINE.replace("{drift: ddm}", "{signal: features, drift: kernel_two_sample}")
    (here / "pipeline.yaml").write_text(text)
    done = calibrate(300)
    assert done.exit_code == 2
    named = "learners.logistic.watch.drift: kernel_two_sample names no threshold"
    assert named in done.stderr.replace("\n", " ")


def test_limits_of_the_paper_cannot_be_set(here: Path) -> None:
    text = PIPELINE.replace("{drift: ddm}", "{drift: {kind: ecdd, limits: paper}}")
    (here / "pipeline.yaml").write_text(text)
    done = calibrate(300)
    assert done.exit_code == 2
    assert "the paper's limits are for 100, 400, 1000 alone" in done.stderr.replace("\n", " ")


def test_labels_that_no_one_can_use_are_said(here: Path) -> None:
    lines = (here / "stream.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines]
    place = cells[0].index("label")
    for row in cells[1:]:
        row[place] = ""
    (here / "stream.csv").write_text("\n".join(",".join(row) for row in cells))
    done = calibrate(300)
    assert done.exit_code == 2
    assert "the stream has no loss to learn from" in done.stderr


def test_a_full_disk_leaves_the_pipeline_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real.yaml").write_text(PIPELINE)
    (tmp_path / "real.yaml").chmod(0o640)
    link = tmp_path / "pipeline.yaml"
    link.symlink_to("real.yaml")
    write = Path.write_text

    def full(self: Path, text: str, **options: Any) -> int:
        write(self, text[:7], **options)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            put_text(link, "name: other\n")
    assert link.read_text() == PIPELINE
    put_text(link, "name: other\n")
    assert (tmp_path / "real.yaml").read_text() == "name: other\n"
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipeline.yaml", "real.yaml"]


def test_what_nobody_else_may_read_cannot_be_read_while_it_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "pipeline.yaml"
    target.write_text(PIPELINE)
    target.chmod(0o600)
    write, modes = Path.write_text, []

    def watched(self: Path, text: str, **options: Any) -> int:
        n = write(self, text, **options)
        modes.append(self.stat().st_mode & 0o777)
        return n

    monkeypatch.setattr(Path, "write_text", watched)
    put_text(target, "name: other\n")
    assert modes == [0o600]
