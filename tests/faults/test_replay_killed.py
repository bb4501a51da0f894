"""A replay killed without warning, again and again, ends like one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.streams import CLASSIFY, write_classes

KILLS = 10


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    write_classes(folder / "stream.csv", 60_000)
    late = "labels: {delay: {events: 200}}\ncheckpoint: {every_events: 2000, every_s: 0.05}\n"
    (folder / "pipeline.yaml").write_text(CLASSIFY + late)
    return folder


def command(place: Path, out: str, *more: str) -> list[str]:
    files = ["pipeline.yaml", "--source", "stream.csv", "--out", out]
    return [sys.executable, "-m", "streamadapt", "replay", *files, "--quiet", *more]


def run(place: Path, out: str, *more: str) -> dict[str, Any]:
    done = subprocess.run(command(place, out, *more), cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads((place / out / "summary.json").read_text())
    return summary


@pytest.fixture(scope="module")
def expected(place: Path) -> dict[str, Any]:
    return run(place, "whole")


def kill_once(place: Path, out: str, after_s: float) -> bool:
    """Start or resume; SIGKILL `after_s` after the first checkpoint shows; tell if it was alive."""
    state = place / out / "state.sqlite"
    before = state.stat().st_mtime_ns if state.exists() else 0
    process = subprocess.Popen(command(place, out, "--resume"), cwd=place)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        wal = state.with_name(state.name + "-wal")
        if wal.exists() and wal.stat().st_size > 0 and wal.stat().st_mtime_ns > before:
            break
        time.sleep(0.005)
    time.sleep(after_s)
    alive = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return alive


def test_ten_kills_at_random_points_change_nothing(place: Path, expected: dict[str, Any]) -> None:
    chance = random.Random(11)
    alive = [kill_once(place, "killed", chance.uniform(0, 0.25)) for _ in range(KILLS)]
    summary = run(place, "killed", "--resume")
    assert sum(alive) >= 3, "the runs were over before they could be killed"
    assert summary["digest"] == expected["digest"]
    assert summary["learners"] == expected["learners"]
    assert summary["counters"] == expected["counters"]
    for name in (
        "dead_letters.jsonl", "drifts.jsonl", "alerts.jsonl", "predictions.parquet",
    ):  # fmt: skip
        assert (place / "killed" / name).read_bytes() == (place / "whole" / name).read_bytes()


def test_ten_runs_killed_once_each_end_the_same(place: Path, expected: dict[str, Any]) -> None:
    chance = random.Random(12)
    for i in range(KILLS):
        kill_once(place, f"once{i}", chance.uniform(0, 0.3))
        assert run(place, f"once{i}", "--resume")["digest"] == expected["digest"]


def test_an_interrupted_run_says_so_and_can_be_resumed(
    place: Path, expected: dict[str, Any]
) -> None:
    process = subprocess.Popen(command(place, "interrupted"), cwd=place)
    first_checkpoint = place / "interrupted" / "state.sqlite-wal"
    while process.poll() is None and not (
        first_checkpoint.exists() and first_checkpoint.stat().st_size > 100_000
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    code = process.wait()
    summary = json.loads((place / "interrupted" / "summary.json").read_text())
    assert code == 130
    assert summary["complete"] is False
    assert run(place, "interrupted", "--resume")["digest"] == expected["digest"]
