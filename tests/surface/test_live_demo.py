"""``make live``: comes up, tells the truth, and leaves nothing behind, also when interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamadapt.ops.services.owned_process import OwnedProcess

ROOT = Path(__file__).parents[2]
N = 1500

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _needs_servers(servers: Path) -> None:
    """Skip where there are to be no servers."""


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("KAFKA_BOOTSTRAP", "REDIS_URL", "STREAMADAPT_SLOT")
    }
    command = [sys.executable, str(ROOT / "ops/live/demo.py"), "--dir", str(folder), *arguments]
    return subprocess.Popen(
        command, env=environ, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def left_running(folder: Path) -> list[int]:
    records = folder.rglob(OwnedProcess.RECORD)
    return [pid for record in records if (pid := OwnedProcess(record.parent).pid) is not None]


def test_the_demo_predicts_each_event_once_and_cleans_up(tmp_path: Path) -> None:
    process = started(tmp_path, "--events", str(N), "--rate", "500")
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert stdout.startswith(f"{N:,} events, {N:,} predictions, each exactly once; accuracy 0.9")
    text = (tmp_path / "predictions.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["id"] for line in lines} == {str(i) for i in range(N)}
    assert (tmp_path / "dead-letters.jsonl").read_text() == ""
    assert left_running(tmp_path) == []


def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path) -> None:
    process = started(tmp_path, "--events", "100000")
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("workers/process.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert left_running(tmp_path)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "everything that was started has been ended" in stderr
    assert left_running(tmp_path) == []
