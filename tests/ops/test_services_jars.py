"""A jar is run only if it has the sum that is listed for it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from streamadapt.ops.services import jars
from streamadapt.ops.services.programs import ServiceError

GOOD = {"broker.jar": b"the broker", "log.jar": b"its log"}


class Maven:
    """What is fetched from the store and past it, and how often."""

    def __init__(self) -> None:
        self.store = dict(GOOD)
        self.origin = dict(GOOD)
        self.fetched: list[str] = []

    def __call__(self, folder: Path, *, store: Path | None = None) -> None:
        self.fetched.append("store" if store is None else "origin")
        folder.mkdir()
        for name, data in (self.store if store is None else self.origin).items():
            (folder / name).write_bytes(data)


@pytest.fixture
def maven(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maven:
    maven = Maven()
    monkeypatch.setattr(jars, "fetch", maven)
    monkeypatch.setenv("STREAMADAPT_SERVICES_CACHE", str(tmp_path / "cache"))
    return maven


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "jars.sha256"
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in GOOD.items()]
    path.write_text("".join(lines))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_jars_are_fetched_once(maven: Maven, sums: Path) -> None:
    folder = jars.verified_jars(sums)
    assert jars.verified_jars(sums) == folder
    assert contents(folder) == GOOD
    assert maven.fetched == ["store"]


@pytest.mark.parametrize("harm", ["changed", "missing", "foreign"])
def test_a_cache_that_differs_is_fetched_again_past_the_store(
    maven: Maven, sums: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = jars.verified_jars(sums)
    if harm == "changed":
        (folder / "broker.jar").write_bytes(b"the broker, and more")
    elif harm == "missing":
        (folder / "log.jar").unlink()
    else:
        (folder / "foreign.jar").write_bytes(b"would be on the class path too")
    assert contents(jars.verified_jars(sums)) == GOOD
    assert maven.fetched == ["store", "origin"]
    assert "wrong sum of" in capsys.readouterr().err


def test_a_store_that_differs_is_gone_past(maven: Maven, sums: Path) -> None:
    maven.store["log.jar"] = b"cut off"
    assert contents(jars.verified_jars(sums)) == GOOD
    assert maven.fetched == ["store", "origin"]


def test_jars_that_differ_at_their_origin_are_refused_by_name(maven: Maven, sums: Path) -> None:
    maven.store["log.jar"] = maven.origin["log.jar"] = b"somebody else's"
    with pytest.raises(ServiceError, match=r"log\.jar .* does not have the SHA-256") as error:
        jars.verified_jars(sums)
    assert "broker.jar" not in str(error.value)
    assert maven.fetched == ["store", "origin"]
    assert list(jars.cache_folder().glob("kafka-*")) == []


def test_a_good_cache_stays_when_a_fetch_fails(
    maven: Maven, sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = jars.verified_jars(sums)
    (folder / "log.jar").unlink()

    def fail(folder: Path, *, store: Path | None = None) -> None:
        raise ServiceError("away")

    monkeypatch.setattr(jars, "fetch", fail)
    with pytest.raises(ServiceError, match="away"):
        jars.verified_jars(sums)
    assert contents(folder) == {"broker.jar": GOOD["broker.jar"]}
    assert [path.name for path in jars.cache_folder().glob(".fetch-*")] == []


def test_runs_at_the_same_time_fetch_once(maven: Maven, sums: Path) -> None:
    threads = [threading.Thread(target=jars.verified_jars, args=(sums,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert maven.fetched == ["store"]


def test_maven_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvn = tmp_path / "mvn"
    mvn.write_text("#!/bin/sh\necho '[ERROR] Could not transfer artifact'\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ServiceError, match="Could not transfer artifact"):
        jars.fetch(tmp_path / "jars")


def test_the_list_names_the_versions_of_the_pom() -> None:
    names = [line.split()[1] for line in jars.SUMS.read_text().splitlines()]
    assert names == sorted(names, key=str.encode)
    assert {"kafka_2.13-4.1.1.jar", "slf4j-simple-1.7.36.jar"} <= set(names)
    for version in ("4.1.1", "1.7.36"):
        assert f"<version>{version}</version>" in jars.POM.read_text()
