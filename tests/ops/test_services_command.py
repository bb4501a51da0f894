"""``services.py`` from a shell: what it starts, finds again and stops."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamadapt.ops.services.redis_server import RedisServer, answers_at

pytestmark = pytest.mark.services

PROGRAM = Path(__file__).parents[2] / "ops" / "services" / "services.py"


def run(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("KAFKA_BOOTSTRAP", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, str(PROGRAM), *arguments],
        cwd=place,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def up(servers: Path, tmp_path: Path) -> Iterator[str]:
    """The line that `up` printed."""
    done = run(tmp_path, "up", "--redis-only")
    yield done.stdout
    run(tmp_path, "down")
    assert done.returncode == 0, done.stderr


def url_in(line: str) -> str:
    return line.strip().removeprefix("export ").removeprefix("REDIS_URL=")


def test_up_prints_where_it_is_and_outlives_the_command(up: str) -> None:
    assert up.startswith("REDIS_URL=redis://127.0.0.1:")
    assert answers_at(url_in(up))


def test_a_shell_can_evaluate_it(up: str, tmp_path: Path) -> None:
    exported = run(tmp_path, "up", "--redis-only", "--export").stdout
    shell = ["sh", "-c", f"{exported}\nsh -c 'echo $REDIS_URL'"]
    assert subprocess.run(shell, capture_output=True, text=True).stdout.strip() == url_in(up)


def test_up_again_finds_what_runs(up: str, tmp_path: Path) -> None:
    pid = RedisServer(tmp_path / ".services" / "redis").process.pid
    assert run(tmp_path, "up", "--redis-only").stdout == up
    assert RedisServer(tmp_path / ".services" / "redis").process.pid == pid


def test_down_stops_its_own_and_no_other(up: str, tmp_path: Path) -> None:
    other = RedisServer(tmp_path / "other")
    other.start()
    try:
        assert run(tmp_path, "down").returncode == 0
        assert not answers_at(url_in(up))
        assert answers_at(other.url)
    finally:
        other.stop()


def test_status_tells_what_runs(up: str, tmp_path: Path) -> None:
    told = run(tmp_path, "status", "--redis-only")
    assert told.returncode == 0
    assert "redis: runs, pid " in told.stdout
    run(tmp_path, "down")
    told = run(tmp_path, "status", "--redis-only")
    assert told.returncode == 1
    assert "redis: stopped" in told.stdout


def test_down_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "down").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_the_environment_names_is_used_and_not_stopped(up: str, tmp_path: Path) -> None:
    url = url_in(up)
    used = run(tmp_path, "up", "--redis-only", "--dir", "mine", REDIS_URL=url)
    assert url_in(used.stdout) == url
    run(tmp_path, "down", "--dir", "mine", REDIS_URL=url)
    assert answers_at(url)


def test_what_the_environment_names_must_answer(tmp_path: Path) -> None:
    address = {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "REDIS_URL": "redis://:secret@127.0.0.1:1"}
    for only, name in (("--kafka-only", "KAFKA_BOOTSTRAP"), ("--redis-only", "REDIS_URL")):
        done = run(tmp_path, "up", only, **address)
        assert done.returncode == 1
        assert name in done.stderr
        assert "unset that" in done.stderr
        assert "secret" not in done.stderr
        assert "Traceback" not in done.stderr
