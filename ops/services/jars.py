"""The broker's jars: fetched through Maven, kept in a cache, checked each time they are used."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from streamadapt.ops.services.locks import locked
from streamadapt.ops.services.programs import ServiceError, find_maven, say

__all__ = ["cache_folder", "fetch", "pin", "sums_of", "verified_jars", "wrong_jars"]

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
SUMS = HERE / "jars.sha256"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_LIMIT_S = 900


def cache_folder() -> Path:
    """Return the folder in which downloads are kept; it need not exist."""
    own = os.environ.get("STREAMADAPT_SERVICES_CACHE")
    if own:
        return Path(own)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "streamadapt" / "services"


def verified_jars(sums: Path = SUMS) -> Path:
    """Return a folder that holds exactly the jars listed in `sums`, each with its SHA-256.

    Jars that are missing or differ are fetched, and once more past Maven's own store if what
    came from there differs too.

    Raises
    ------
    ServiceError
        When a jar still differs, or cannot be fetched.
    """
    listed = _read(sums)
    version = hashlib.sha256(sums.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"kafka-{version}"
    with locked(cache_folder()):
        if not folder.exists():
            say("fetching Kafka's jars through Maven (43 MB, once) ...")
            _replace(folder, listed, past_store=False)
        wrong = wrong_jars(folder, listed)
        if wrong:
            say(f"{folder}: wrong sum of {', '.join(wrong)}; fetching again")
            _replace(folder, listed, past_store=True)
            wrong = wrong_jars(folder, listed)
        if wrong:
            shutil.rmtree(folder)
            raise ServiceError(
                f"{', '.join(wrong)} as fetched through Maven does not have the SHA-256 that"
                f" {sums.name} lists: do not run it, and look at the mirror in Maven's settings"
            )
    return folder


def wrong_jars(folder: Path, listed: dict[str, str]) -> list[str]:
    """Return the names that differ from the list: changed, missing or not in it."""
    found = sums_of(folder)
    return sorted(name for name in listed | found if listed.get(name) != found.get(name))


def sums_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder by its name."""
    return {path.name: _sum(path) for path in sorted(folder.iterdir())}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(sums: Path) -> dict[str, str]:
    pairs = (line.split() for line in sums.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def _replace(folder: Path, listed: dict[str, str], *, past_store: bool) -> None:
    """Fetch into a folder beside, then rename it: nobody ever sees half of the jars."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        fetched = Path(scratch, "jars")
        fetch(fetched, store=Path(scratch, "store") if past_store else None)
        if wrong_jars(fetched, listed) and folder.exists():
            return
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        fetched.rename(folder)


def fetch(folder: Path, *, store: Path | None = None) -> None:
    """Copy the jars of pom.xml into `folder`, through Maven's own store or an empty one."""
    options = [f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    if store is not None:
        options.append(f"-Dmaven.repo.local={store}")
    command = [find_maven(), "-q", "-B", "-f", str(POM), COPY, *options]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False
    )
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[:3]
        raise ServiceError(f"Maven could not fetch Kafka's jars: {' '.join(last)}")


def pin() -> None:
    """Write jars.sha256 anew from what pom.xml asks for; for whoever changes a version."""
    with tempfile.TemporaryDirectory() as scratch:
        fetch(Path(scratch, "jars"), store=Path(scratch, "store"))
        found = sums_of(Path(scratch, "jars"))
    SUMS.write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()))
