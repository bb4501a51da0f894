"""One Kafka broker with its folder: formatted once, started as often as asked."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamadapt.ops.services.broker_settings import properties
from streamadapt.ops.services.owned_process import OwnedProcess, wait_until
from streamadapt.ops.services.ports import HOST
from streamadapt.ops.services.programs import ServiceError

__all__ = ["Broker", "Java"]

FORMAT_LIMIT_S = 60
ANSWER_LIMIT_S = 2.0
LOG_FORMAT = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)
# key, version, correlation id, no client id: a broker answers it once it is let into the cluster
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)


@dataclass(frozen=True)
class Java:
    """How brokers are run: the program, the folder of jars, the JVM's options."""

    program: str
    jars: Path
    options: tuple[str, ...]

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs a class of the jars."""
        return [self.program, *self.options, "-cp", f"{self.jars}/*", *LOG_FORMAT, *arguments]


class Broker(OwnedProcess):
    """A broker process; ``data`` and ``server.properties`` stand in its folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self._properties = folder / "server.properties"

    def prepare(self, java: Java, cluster_id: str, settings: Mapping[str, str]) -> None:
        """Write its settings, and format its data folder if that was not done yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(properties(settings))
        if (self.data / "meta.properties").exists():
            return
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"]
        done = subprocess.run(
            java.command(*tool, str(self._properties)),
            capture_output=True,
            text=True,
            timeout=FORMAT_LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"formatting {self.data} failed:\n{done.stdout}{done.stderr}")

    def launch(self, java: Java) -> None:
        """Start it, without waiting."""
        self.start(java.command("kafka.Kafka", str(self._properties)))

    def wait_ready(self, port: int, limit_s: float) -> None:
        """Wait until it answers at `port`; it does so only once the cluster let it in."""
        if not wait_until(lambda: self.pid is None or answers(port), limit_s):
            raise ServiceError(f"no answer after {limit_s} s, see {self.log}:\n{self.log_tail()}")
        if self.pid is None:
            raise ServiceError(f"the broker ended, see {self.log}:\n{self.log_tail()}")


def answers(port: int) -> bool:
    """Return whether a broker serves requests at a port of this machine."""
    try:
        with socket.create_connection((HOST, port), ANSWER_LIMIT_S) as connection:
            connection.settimeout(ANSWER_LIMIT_S)
            connection.sendall(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
            return len(connection.recv(4)) == 4
    except OSError:
        return False
