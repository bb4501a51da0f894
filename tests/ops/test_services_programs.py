"""A program that is missing is said in one sentence, with what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamadapt.ops.services import programs
from streamadapt.ops.services.programs import ServiceError, find_java, find_maven, find_redis

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(programs, "SYSTEMD", tmp_path / "no-systemd")
    return tmp_path


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def installer(path: Path) -> None:
    """An apt-get whose every package is a redis-server, and that keeps a list."""
    place = f"{path}/redis-server"
    script(
        path / "apt-get",
        f"echo $2 >> {path}/asked\nprintf '#!/bin/sh\\n' > {place}\n/bin/chmod +x {place}",
    )


@pytest.mark.parametrize(
    ("find", "words"),
    [
        (find_java, "no java on PATH, .* install openjdk-17-jre-headless"),
        (find_maven, "no mvn on PATH, .* install maven"),
        (find_redis, "no redis-server on PATH: install redis-server"),
    ],
    ids=["java", "maven", "redis"],
)
@pytest.mark.usefixtures("path")
def test_what_is_missing_is_said(find: object, words: str) -> None:
    assert callable(find)
    with pytest.raises(ServiceError, match=words) as error:
        find()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["java", "mvn", "redis-server"])
def test_the_command_says_it_in_one_line(tmp_path: Path, missing: str) -> None:
    if missing != "java":
        script(tmp_path / "bin" / "java", "echo 'openjdk version \"17.0.1\"' >&2")
    only = "--redis-only" if missing == "redis-server" else "--kafka-only"
    command = [sys.executable, str(ROOT / "ops/services/services.py"), "up", only]
    kept = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    kept["STREAMADAPT_SERVICES_CACHE"] = str(tmp_path / "cache")
    done = subprocess.run(command, env=kept, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"services: no {missing} on PATH" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("says", "version"), [("11.0.2", "11"), ("1.8.0_392", "8")])
def test_a_java_that_is_too_old_is_named(path: Path, says: str, version: str) -> None:
    script(path / "java", f"echo 'openjdk version \"{says}\"' >&2")
    with pytest.raises(ServiceError, match=f"is Java {version}, and Kafka needs 17"):
        find_java()


def test_java_home_goes_before_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(path / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    script(path / "home" / "bin" / "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    monkeypatch.setenv("JAVA_HOME", str(path / "home"))
    assert find_java() == str(path / "home" / "bin" / "java")


def test_root_has_it_installed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer(path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_redis() == str(path / "redis-server")
    assert (path / "asked").read_text().split() == ["update", "install"]


def test_others_are_asked_to_install_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer(path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServiceError, match="install redis-server"):
        find_redis()
    assert not (path / "asked").exists()


def test_nothing_is_installed_where_it_would_start_a_service(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer(path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "SYSTEMD", path)
    with pytest.raises(ServiceError, match="install redis-server"):
        find_redis()
    assert not (path / "asked").exists()
