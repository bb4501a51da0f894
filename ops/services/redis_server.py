"""A real Redis on this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from streamadapt.ops.services.owned_process import OwnedProcess, wait_until
from streamadapt.ops.services.ports import HOST, are_taken, free_ports
from streamadapt.ops.services.programs import ServiceError, find_openssl, find_redis

__all__ = ["RedisServer", "answers_at"]

START_LIMIT_S = 60.0
GRACE_S = 20.0


class RedisServer:
    """A Redis with an append-only file, synced every second, that evicts nothing.

    The folder keeps port, password and data, so that the same server comes back after `stop`,
    after `kill` and in another process.

    Parameters
    ----------
    folder
        For data, log (``log.txt``) and the record of what runs.
    password
        What clients must say; none by default.
    settings
        Lines of redis.conf over those here, as ``{"maxmemory": "50mb"}``.
    tls
        Serve TLS alone, with a certificate made for this server: clients trust ``ca_file``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        settings: dict[str, str] | None = None,
        tls: bool = False,
    ) -> None:
        self.folder = folder.resolve()
        self.settings = dict(settings or {})
        self.process = OwnedProcess(self.folder)
        self.ca_file = self.folder / "certificate.pem"
        self._plan = self.folder / "server.json"
        self._config = self.folder / "redis.conf"
        self._published = False
        self.port, self.password, self.tls = 0, password, tls
        if self._plan.exists():
            self.port, self.password, self.tls = json.loads(self._plan.read_text())
        self.port = self.port or free_ports(1)[0]

    @property
    def url(self) -> str:
        """What clients connect to, password included."""
        password = f":{quote(self.password, safe='')}@" if self.password else ""
        trust = f"?ssl_ca_certs={quote(str(self.ca_file))}" if self.tls else ""
        return f"{'rediss' if self.tls else 'redis'}://{password}{HOST}:{self.port}/0{trust}"

    @property
    def running(self) -> bool:
        """Whether it runs; also when it is paused."""
        return self.process.pid is not None

    def start(self) -> None:
        """Start it and wait until it answers, its data loaded."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._leave_taken_port()
        self._plan.write_text(json.dumps([self.port, self.password, self.tls]))
        self._plan.chmod(0o600)
        if self.tls and not self.ca_file.exists():
            self._make_certificate()
        self._config.touch(mode=0o600)
        self._config.write_text(self._text())
        self.process.start([find_redis(), str(self._config)])
        self.wait_ready()

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Wait until it answers."""
        ready = wait_until(lambda: not self.running or answers_at(self.url), limit_s)
        if not ready or not self.running:
            tail = self.process.log_tail()
            self.stop()
            raise ServiceError(f"Redis does not answer, see {self.process.log}:\n{tail}")

    def stop(self) -> None:
        """End it: it writes what it holds before it goes."""
        self.process.ask_to_end()
        self.process.wait_or_kill(GRACE_S)

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()

    def pause(self) -> None:
        """SIGSTOP it: its connections stay open and nothing is answered."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT it."""
        self.process.resume()

    def repair(self) -> None:
        """Bring it back if a test killed or paused it, and wait until it answers."""
        self.resume()
        if self.running:
            self.wait_ready()
        else:
            self.start()

    def restart(self) -> None:
        """Start it again on its port and data; if it still runs it is stopped before."""
        self.stop()
        self.start()

    def _leave_taken_port(self) -> None:
        """Take a new port if another process took ours, but for one that clients know by now."""
        if not self.running and are_taken([self.port], self._published):
            self.port = free_ports(1)[0]
        self._published = True

    def _text(self) -> str:
        """Return redis.conf."""
        port = {"tls-port": str(self.port), "port": "0"} if self.tls else {"port": str(self.port)}
        lines = {
            **port,
            "bind": HOST,
            "dir": f'"{self.folder}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',  # the append-only file alone is what is tested
            "maxmemory-policy": "noeviction",
            **self._secrets(),
            **self.settings,
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _secrets(self) -> dict[str, str]:
        lines = {"requirepass": json.dumps(self.password)} if self.password else {}
        if not self.tls:
            return lines
        files = {"tls-cert-file": self.ca_file, "tls-key-file": self.folder / "key.pem"}
        files["tls-ca-cert-file"] = self.ca_file
        return lines | {"tls-auth-clients": "no"} | {k: f'"{v}"' for k, v in files.items()}

    def _make_certificate(self) -> None:
        """Make a certificate for this host that signs itself."""
        options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
        names = ["-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}"]
        files = ["-keyout", str(self.folder / "key.pem"), "-out", str(self.ca_file)]
        command = [find_openssl(), *options, *names, *files]
        subprocess.run(command, check=True, capture_output=True)


def answers_at(url: str) -> bool:
    """Return whether a Redis answers at a URL, its data loaded."""
    client = redis.Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except redis.ResponseError as error:  # as "loading": here, but not yet ready
        return "NOAUTH" in str(error)
    except (redis.ConnectionError, redis.TimeoutError):
        return False
    finally:
        client.close()
    return True
