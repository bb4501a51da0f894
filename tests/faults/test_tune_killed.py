"""A search killed without warning, again and again, ends like one that never was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.streams import CLASSIFY, write_classes

TRIALS = 7


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    write_classes(folder / "stream.csv", 12_000)
    (folder / "pipeline.yaml").write_text(CLASSIFY)
    return folder


def command(out: str, *more: str) -> list[str]:
    search = ["--set", "learners.tree.grace_period=20..400", "--random", str(TRIALS - 1)]
    files = ["pipeline.yaml", "--source", "stream.csv", "--out", out, "--processes", "2"]
    return [sys.executable, "-m", "streamadapt", "tune", *files, *search, "--quiet", *more]


def finish(place: Path, out: str, *more: str) -> bytes:
    done = subprocess.run(command(out, *more), cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (place / out / "tune.json").read_bytes() + (place / out / "best.yaml").read_bytes()


@pytest.fixture(scope="module")
def expected(place: Path) -> bytes:
    return finish(place, "whole")


def n_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def start_until(place: Path, out: str, n: int) -> subprocess.Popen[str]:
    """Start or resume in a session of its own; return once `n` trials are done."""
    process = subprocess.Popen(
        command(out, "--resume"), cwd=place, text=True, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while n_lines(place / out / "trials.jsonl") < n and time.monotonic() < deadline:
        assert process.poll() is None, "it was over too soon"
        time.sleep(0.005)
    return process


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return list(map(int, found))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_end(pids: list[int]) -> bool:
    """Whether all end within seconds: some have to notice first that their parent is gone."""
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(is_running, pids))


def test_three_kills_change_nothing(place: Path, expected: bytes) -> None:
    for n in (1, 3, 5):
        process = start_until(place, "killed", n)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    trials = place / "killed" / "trials.jsonl"
    before = n_lines(trials)
    assert 5 <= before < TRIALS
    assert finish(place, "killed", "--resume") == expected
    lines = [json.loads(line) for line in trials.read_text().splitlines()]
    assert sorted(line["trial"] for line in lines) == list(range(TRIALS)), "none ran twice"


def test_no_child_outlives_a_search_that_is_killed(place: Path) -> None:
    process = start_until(place, "orphans", 1)
    pids = children(process.pid)
    assert len(pids) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert all_end(pids)


def test_ctrl_c_says_how_to_go_on(place: Path, expected: bytes) -> None:
    process = start_until(place, "interrupted", 2)
    pids = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "streamadapt tune pipeline.yaml --source stream.csv --out interrupted --resume" in said
    assert "Traceback" not in said
    assert all_end(pids)
    assert not (place / "interrupted" / "tune.json").exists()
    assert finish(place, "interrupted", "--resume") == expected
