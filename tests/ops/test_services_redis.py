"""The Redis of the tests keeps its data, its port and its word."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from streamadapt.ops.services.ports import listens
from streamadapt.ops.services.programs import ServiceError
from streamadapt.ops.services.redis_server import RedisServer

pytestmark = pytest.mark.services


def client(url: str, **options: object) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


@pytest.fixture
def protected(servers: Path, tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", password='p@ss "w:o/r%d')
    server.start()
    yield server
    server.stop()


def test_a_kill_loses_nothing_that_was_acknowledged(redis_to_break: RedisServer) -> None:
    url = redis_to_break.url
    with client(url) as before:
        before.set("kept", b"\x00 state")
    redis_to_break.kill()
    assert not redis_to_break.running
    redis_to_break.restart()
    assert redis_to_break.url == url
    with client(url) as after:
        assert after.get("kept") == b"\x00 state"


def test_a_paused_server_lets_clients_wait(redis_to_break: RedisServer) -> None:
    with client(redis_to_break.url, socket_timeout=0.2) as waiting:
        waiting.ping()
        redis_to_break.pause()
        with pytest.raises(redis.TimeoutError):
            waiting.ping()
        redis_to_break.resume()
    with client(redis_to_break.url) as again:
        assert again.ping()


def test_it_is_safe_for_checkpoints(redis_server: RedisServer) -> None:
    with client(redis_server.url) as server:
        told = server.config_get("appendonly", "appendfsync", "maxmemory-policy")
    assert told == {
        "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction",
    }  # fmt: skip


def test_a_password_is_asked_for_and_stands_in_the_url(protected: RedisServer) -> None:
    with client(protected.url) as knows:
        assert knows.ping()
    with (
        client(f"redis://127.0.0.1:{protected.port}") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_another_process_finds_port_and_password_in_the_folder(protected: RedisServer) -> None:
    again = RedisServer(protected.folder)
    assert again.url == protected.url
    assert again.running
    again.stop()
    assert not protected.running


def test_the_password_is_nobody_elses_to_read(protected: RedisServer) -> None:
    files = [path for path in protected.folder.rglob("*") if path.is_file()]
    secret = [p for p in files if b"w:o/r%d" in p.read_bytes()]
    assert {path.name for path in secret} == {"server.json", "redis.conf"}
    assert [path.name for path in secret if path.stat().st_mode & 0o077] == []


def test_settings_go_over_the_defaults(servers: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path, settings={"maxmemory": "3mb", "maxmemory-policy": "allkeys-lru"})
    server.start()
    try:
        with client(server.url) as full:
            assert full.config_get("maxmemory")["maxmemory"] == str(3 * 2**20)
            assert full.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
    finally:
        server.stop()


def test_tls_is_served_to_those_who_trust_its_certificate(servers: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path, tls=True)
    server.start()
    try:
        with client(server.url) as trusting:
            assert trusting.ping()
        with (
            client(server.url.partition("?")[0]) as wary,
            pytest.raises(redis.ConnectionError, match="certificate"),
        ):
            wary.ping()
    finally:
        server.stop()


def test_a_setting_it_does_not_know_is_shown_from_its_log(servers: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path, settings={"no-such-setting": "1"})
    with pytest.raises(ServiceError, match="no-such-setting"):
        server.start()
    assert not server.running


def test_a_port_that_was_taken_is_left(servers: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    with socket.create_server(("127.0.0.1", server.port)):
        taken = server.port
        server.start()
        try:
            assert server.port != taken
            assert listens("127.0.0.1", server.port)
        finally:
            server.stop()


def _taking(port: int) -> socket.socket:
    """Listen at a port as soon as its last owner has let go of it."""
    for _ in range(200):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        time.sleep(0.05)
    raise AssertionError(f"port {port} stays taken")


def test_a_port_that_clients_know_is_not_left_in_silence(servers: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    server.kill()
    with _taking(server.port), pytest.raises(ServiceError, match="taken by another process"):
        server.start()
