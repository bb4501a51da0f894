"""The programs that servers are made of: found, or installed where that is asked of nobody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from streamadapt.errors import FatalError

__all__ = ["ServiceError", "find_java", "find_maven", "find_openssl", "find_redis", "say"]

JAVA_MIN = 17  # what Kafka 4 asks for
INSTALL_LIMIT_S = 900
SYSTEMD = Path("/run/systemd/system")  # there while systemd runs the machine


class ServiceError(FatalError):
    """A server for tests cannot be had; the text is one sentence that says what to do."""


def say(text: str) -> None:
    """Tell a person what goes on; standard output is for the shell."""
    print(text, file=sys.stderr, flush=True)


def find_java() -> str:
    """Return the path of a Java that can run Kafka: of JAVA_HOME, else on PATH, else installed."""
    home = os.environ.get("JAVA_HOME")
    own = Path(home, "bin", "java") if home else None
    path = str(own) if own and own.exists() else shutil.which("java")
    path = path or _installed("java", "openjdk-17-jre-headless")
    if path is None:
        raise ServiceError(
            f"no java on PATH, and Kafka needs Java {JAVA_MIN} or newer:"
            f" install openjdk-17-jre-headless (Debian) or set JAVA_HOME"
        )
    version = _java_version(path)
    if version < JAVA_MIN:
        raise ServiceError(
            f"{path} is Java {version}, and Kafka needs {JAVA_MIN} or newer:"
            f" install openjdk-17-jre-headless (Debian) or set JAVA_HOME"
        )
    return path


def _java_version(path: str) -> int:
    """Return the major version, 0 where it cannot be read; Java 8 calls itself 1.8."""
    done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else 0


def find_maven() -> str:
    """Return the path of Maven, which fetches the broker's jars."""
    path = shutil.which("mvn") or _installed("mvn", "maven")
    if path is None:
        raise ServiceError("no mvn on PATH, and Kafka's jars come through it: install maven")
    return path


def find_redis() -> str:
    """Return the path of the Redis server."""
    path = shutil.which("redis-server") or _installed("redis-server", "redis-server")
    if path is None:
        raise ServiceError("no redis-server on PATH: install redis-server (Debian) or redis")
    return path


def find_openssl() -> str:
    """Return the path of OpenSSL, which makes the certificate of a Redis with TLS."""
    path = shutil.which("openssl")
    if path is None:
        raise ServiceError("no openssl on PATH, and a Redis with TLS needs a certificate")
    return path


def _installed(program: str, package: str) -> str | None:
    """Install Debian's `package` where we may; return the path of `program`, or None.

    Never on a machine that systemd runs: there the package would start a service of its own,
    and nothing here would stop it.
    """
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0 or SYSTEMD.exists():
        return None
    say(f"installing {package} ...")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(
            [apt, "-qq", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            timeout=INSTALL_LIMIT_S,
            check=False,  # what counts is whether the program is there then
        )
    return shutil.which(program)
