"""Redis servers with any options, for the tests of the store: each in a folder, on a free port."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis

__all__ = ["RedisServer", "free_port", "needs_redis", "shared_server"]

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server is installed"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One process; options as on the command line, without the leading dashes."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.folder, self.options = folder, options
        self.port = port or free_port()
        self.socket_path = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        common = ["--bind", "127.0.0.1", "--daemonize", "no", "--dir", str(self.folder)]
        place = ["--port", str(self.port), "--unixsocket", str(self.socket_path), "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *common, *place, *self.options], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError((self.folder / "redis.log").read_text()[-2000:])
            time.sleep(0.02)

    def _answers(self) -> bool:
        # Over the socket file: the port may take TLS only, or belong to a Sentinel.
        try:
            with redis.Redis(unix_socket_path=str(self.socket_path)) as client:
                client.ping()
        except redis.AuthenticationError:
            return True
        except (redis.RedisError, OSError):
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@functools.cache
def shared_server() -> RedisServer:
    """Return one server for all tests of this process that need nothing of their own."""
    if shutil.which("redis-server") is None or os.environ.get("STREAMADAPT_NO_SERVERS") == "1":
        pytest.skip("no redis-server is installed, or none is wanted")
    folder = tempfile.TemporaryDirectory(prefix="redis-")
    server = RedisServer(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.kill)
    return server
