"""The Redis store on real servers: what it keeps, and what it says when one fails it."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamadapt.checkpoint import CheckpointStore
from streamadapt.connectors import RedisStore
from streamadapt.connectors.redis import CHUNK_BYTES
from streamadapt.connectors.redis_address import PASSWORD_VARIABLE
from streamadapt.contracts import HasNeighbours
from streamadapt.errors import (
    ConfigError,
    MissingStateError,
    ParameterError,
    RetryableError,
    StoreAwayError,
    StoreError,
    StoreRefusedError,
)
from streamadapt.laws import check
from streamadapt.state import State
from tests.redis_server import RedisServer, free_port, needs_redis

pytestmark = needs_redis

SECRET = "open-sesame-7"
Serve = Callable[..., RedisServer]


@pytest.fixture(scope="module")
def shared(servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    # Not the session's own: that one has an append-only file, and these tests wipe theirs.
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def serve(servers: Path, tmp_path: Path) -> Iterator[Serve]:
    started: list[RedisServer] = []

    def start(*options: str, port: int = 0) -> RedisServer:
        folder = tmp_path / f"redis-{len(started)}"
        folder.mkdir()
        started.append(RedisServer(folder, *options, port=port))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def store(shared: RedisServer) -> Iterator[RedisStore]:
    with RedisStore(shared.url) as store:
        store._client.flushall()
        yield store


def keys(store: RedisStore) -> list[str]:
    return sorted(key.decode() for key in store._client.keys("*"))


# What it keeps.


def test_the_laws_of_stores_hold(shared: RedisServer) -> None:
    results = check(lambda: RedisStore(shared.url))
    assert [result for result in results if not result.ok] == []


def test_it_is_one_of_the_stores_that_others_write_to(store: RedisStore) -> None:
    assert isinstance(store, HasNeighbours)


@pytest.mark.parametrize("n_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 20 << 20])
def test_blobs_of_any_number_of_chunks_are_got_as_they_were_put(
    store: RedisStore, n_bytes: int
) -> None:
    blob = os.urandom(n_bytes)
    store.put("task/a", blob)
    assert store.get("task/a") == blob
    assert store.holds(["task/a"]) == {"task/a"}


ODD = st.text(st.sampled_from("a%_*?[]{}\\/'\"\0: é😀\U0010ffff"), max_size=4)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.sets(ODD, max_size=10), prefix=ODD)
def test_odd_names_mean_themselves(store: RedisStore, names: set[str], prefix: str) -> None:
    store.delete(store.names())
    for name in sorted(names):
        store.put(name, name.encode())
    assert store.names(prefix) == sorted(name for name in names if name.startswith(prefix))
    assert all(store.get(name) == name.encode() for name in names)
    assert store.holds([*names, "absent"]) == names


def test_all_keys_of_a_task_are_in_one_slot_and_begin_with_the_prefix(store: RedisStore) -> None:
    store.put("clicks-0/1", b"x" * (CHUNK_BYTES + 1))
    store.identity()
    identity, manifest, chunks = sorted(keys(store), key=lambda key: (key[0] == "{", key))
    assert manifest == "{streamadapt:clicks-0}:blobs"
    assert chunks.startswith("{streamadapt:clicks-0}:chunks:clicks-0/1:")
    assert identity == "streamadapt:identity"


def test_two_prefixes_on_one_server_do_not_see_each_other(shared: RedisServer) -> None:
    with RedisStore(shared.url, prefix="a") as one, RedisStore(shared.url, prefix="b") as other:
        one.put("task/1", b"1")
        assert (other.get("task/1"), other.names(), other.names("task/")) == (None, [], [])


def test_nothing_is_left_of_what_was_replaced_or_deleted(store: RedisStore) -> None:
    for blob in (b"1" * 3_000_000, b"2", b"2"):
        store.put("task/a", blob)
    assert len(keys(store)) == 2
    store.delete(["task/a"])
    assert keys(store) == []


def test_equal_blobs_under_two_names_are_deleted_apart(store: RedisStore) -> None:
    for name in ("task/a", "task/b", "other/a"):
        store.put(name, b"same")
    store.delete(["task/a"])
    assert (store.get("task/b"), store.get("other/a")) == (b"same", b"same")


def test_a_write_that_ended_midway_is_never_seen(store: RedisStore) -> None:
    calls = store._client.hset

    def dies(key: str, field: str, value: Any) -> Any:
        if field == "2":
            raise redis.ConnectionError("gone")
        return calls(key, field, value)

    store._client.hset = dies
    with pytest.raises(StoreAwayError):
        store.put("task/a", os.urandom(4 * CHUNK_BYTES))
    store._client.hset = calls
    assert (store.get("task/a"), store.names(), store.holds(["task/a"])) == (None, [], set())
    assert len(keys(store)) == 1
    assert store.sweep(grace_s=60.0) == 0
    time.sleep(2.1)  # the server counts idle time in whole seconds
    assert store.sweep(grace_s=0.0) == 1
    assert keys(store) == []


def test_sweeping_leaves_what_is_there(store: RedisStore) -> None:
    store.put("task/a", b"x")
    time.sleep(2.1)
    assert store.age_s("task/a") == pytest.approx(2.0, abs=1.5)
    assert store.sweep(grace_s=0.0) == 0
    assert store.get("task/a") == b"x"
    assert store.age_s("task/absent") is None


@pytest.mark.parametrize("what", ["a chunk", "all chunks", "part of a chunk", "the manifest"])
def test_a_blob_that_is_not_whole_is_not_there(store: RedisStore, what: str) -> None:
    store.put("task/a", os.urandom(3 * CHUNK_BYTES))
    manifest, chunks = keys(store)
    damage: dict[str, Callable[[], object]] = {
        "a chunk": lambda: store._client.hdel(chunks, "1"),
        "all chunks": lambda: store._client.delete(chunks),
        "part of a chunk": lambda: store._client.hset(chunks, "1", b"short"),
        "the manifest": lambda: store._client.hset(manifest, "task/a", b"{}"),
    }
    damage[what]()
    assert store.get("task/a") is None
    if what != "part of a chunk":
        assert store.holds(["task/a"]) == set()
    store.put("task/a", b"again")
    assert store.get("task/a") == b"again"


def test_chunks_lost_while_writing_make_the_write_fail(store: RedisStore) -> None:
    calls = store._client.pipeline

    def wiped(**options: Any) -> Any:
        store._client.flushall()
        return calls(**options)

    store._client.pipeline = wiped
    with pytest.raises(StoreAwayError, match="lost"):
        store.put("task/a", b"x")
    store._client.pipeline = calls
    assert store.get("task/a") is None


def test_a_blob_replaced_while_it_is_read_is_read_whole(store: RedisStore) -> None:
    store.put("task/a", b"old")
    read = store._read
    looks: list[str] = []

    def replaced(key: str, manifest: Any) -> bytes | None:
        looks.append(key)
        if len(looks) == 1:
            store.put("task/a", b"new")
        return read(key, manifest)

    store._read = replaced  # type: ignore[method-assign]
    assert store.get("task/a") == b"new"


def test_two_threads_that_take_turns_may_use_one_store(store: RedisStore) -> None:
    for i in range(3):
        thread = threading.Thread(target=store.put, args=(f"task/{i}", b"x"))
        thread.start()
        thread.join()
    assert len(store.names("task/")) == 3


# A server that was wiped, killed, or is another one.


def test_a_wiped_server_is_noticed_and_written_again(store: RedisStore) -> None:
    checkpoints = CheckpointStore(store, "clicks-0", deltas=16)
    before = store.identity()
    assert before == store.identity() is not None
    names = [checkpoints.save(i, State("k", 1, {"t": "x" * 9999, "n": i}), {}) for i in (1, 2)]
    store._client.flushall()
    assert store.identity() != before
    assert store.holds([f"clicks-0/{name}" for name in names]) == set()
    with pytest.raises(MissingStateError):
        checkpoints.load(names[1])
    name = checkpoints.save(3, State("k", 1, {"t": "x" * 9999, "n": 3}), {})
    assert CheckpointStore(store, "clicks-0").load(name).state.integer("n") == 3


def test_what_put_returned_for_survives_a_kill_of_a_server_that_syncs_always(serve: Serve) -> None:
    server = serve("--appendonly", "yes", "--appendfsync", "always")
    with RedisStore(server.url) as store:
        blob = os.urandom(3 * CHUNK_BYTES)
        store.put("task/a", blob)
        before = store.identity()
        server.kill()
        with pytest.raises(StoreAwayError):
            store.get("task/a")
        server.start()
        assert store.get("task/a") == blob
        assert store.identity() not in (None, before)


def test_a_server_that_lost_everything_is_another_one(serve: Serve) -> None:
    server = serve()
    with RedisStore(server.url) as store:
        store.put("task/a", b"x")
        before = store.identity()
        server.kill()
        server.start()
        assert store.identity() != before
        assert (store.get("task/a"), store.names()) == (None, [])


# What it says when a server fails it.


@contextmanager
def black_hole() -> Iterator[int]:
    """Accept connections, read, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def test_a_server_that_never_answers_is_given_up_in_bounded_time() -> None:
    with black_hole() as port:
        start = time.monotonic()
        with pytest.raises(StoreAwayError, match=f"127.0.0.1:{port}.*does not answer"):
            RedisStore(f"redis://:{SECRET}@127.0.0.1:{port}", timeout_s=0.2)
        took_s = time.monotonic() - start
    # Three attempts of 0.2 s; the client's own ten retries of 5 s would take a minute.
    assert 0.6 <= took_s < 5.0


def test_a_call_that_failed_is_tried_so_often_and_no_more(store: RedisStore) -> None:
    calls: list[str] = []
    hget = store._client.hget

    def fails(key: str, name: str) -> Any:
        calls.append(name)
        if len(calls) < 3:
            raise redis.ConnectionError("gone")
        return hget(key, name)

    store._client.hget = fails
    assert store.get("task/a") is None
    assert len(calls) == 3
    store._client.hget = lambda *_: calls.append("") or fails_for_good()
    calls.clear()
    with pytest.raises(StoreAwayError, match="gone for good"):
        store.get("task/a")
    assert len(calls) == 3


def fails_for_good() -> None:
    raise redis.TimeoutError("gone for good")


def test_a_server_that_falls_silent_is_given_up_and_found_again(serve: Serve) -> None:
    server = serve()
    with RedisStore(server.url, timeout_s=0.2) as store:
        store.put("task/a", b"x")
        with RedisStore(server.url) as other:
            other._client.client_pause(3000)
        with pytest.raises(RetryableError):
            store.get("task/a")
        time.sleep(3.0)
        assert store.get("task/a") == b"x"


def test_no_server_is_said_with_its_address() -> None:
    port = free_port()
    with pytest.raises(StoreAwayError, match=f"redis://127.0.0.1:{port}: it cannot be reached"):
        RedisStore(f"redis://ann:{SECRET}@127.0.0.1:{port}")


def test_a_full_server_is_said_and_works_on_when_it_has_room(serve: Serve) -> None:
    server = serve("--maxmemory", "20mb", "--maxmemory-policy", "noeviction")
    with RedisStore(server.url) as store:
        store.put("task/a", os.urandom(5 << 20))
        with pytest.raises(StoreAwayError, match="full: raise maxmemory"):
            store.put("task/b", os.urandom(40 << 20))
        assert store.names() == ["task/a"]
        time.sleep(2.1)
        assert store.sweep(grace_s=0.0) == 1
        store.put("task/b", b"small")
        assert store.holds(["task/a", "task/b"]) == {"task/a", "task/b"}


def test_a_replica_that_takes_no_writes_is_said(serve: Serve) -> None:
    primary = serve()
    replica = serve("--replicaof", "127.0.0.1", str(primary.port))
    with RedisStore(replica.url) as store, pytest.raises(StoreAwayError, match="replica"):
        store.put("task/a", b"x")


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_server_that_may_evict_state_is_refused(serve: Serve, policy: str) -> None:
    server = serve("--maxmemory-policy", policy)
    with pytest.raises(StoreRefusedError, match=f"{policy}.*noeviction"):
        RedisStore(server.url)
    with RedisStore(server.url, check_server=False) as store:
        store.put("task/a", b"x")


def test_a_server_that_evicts_only_what_expires_is_taken(serve: Serve) -> None:
    with RedisStore(serve("--maxmemory-policy", "volatile-lru").url) as store:
        store.put("task/a", b"x")
        assert store._client.ttl(keys(store)[0]) == -1


def test_passwords_are_asked_for_checked_and_never_said(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("--requirepass", SECRET)
    place = f"127.0.0.1:{server.port}"
    with pytest.raises(StoreRefusedError, match=f"asks for a password.*{PASSWORD_VARIABLE}"):
        RedisStore(server.url)
    with pytest.raises(StoreRefusedError, match="password is wrong") as caught:
        RedisStore(f"redis://:wrong-{SECRET}@{place}")
    assert SECRET not in str(caught.value)
    with RedisStore(f"redis://:{SECRET}@{place}") as store:
        store.put("task/a", b"x")
        assert SECRET not in repr(store) + str(store.address) + repr(store.address)
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    with RedisStore(server.url) as store:
        assert store.get("task/a") == b"x"


def test_a_user_with_few_rights_is_told_which_it_lacks(serve: Serve) -> None:
    server = serve(*["--user", "ann", "on", ">pw", "~*", "+@read", "+@connection"])
    with pytest.raises(StoreRefusedError, match=r"INFO.*check_server: false"):
        RedisStore(f"redis://ann:pw@127.0.0.1:{server.port}")
    with (
        RedisStore(f"redis://ann:pw@127.0.0.1:{server.port}", check_server=False) as store,
        pytest.raises(StoreRefusedError, match="may not do that"),
    ):
        store.put("task/a", b"x")


def test_the_rights_that_are_asked_for_are_enough(serve: Serve) -> None:
    rights = "~streamadapt:* ~{streamadapt:* +@read +@write +@connection +@transaction +info"
    server = serve(*f"--user ann on >pw {rights}".split())
    results = check(lambda: RedisStore(f"redis://ann:pw@127.0.0.1:{server.port}"))
    assert [result for result in results if not result.ok] == []
    with RedisStore(f"redis://ann:pw@127.0.0.1:{server.port}") as store:
        store.put("task/a", b"x")
        assert store.identity() == store.identity() is not None
        assert store.age_s("task/a") is not None
        assert store.sweep(60.0) == 0


def test_a_user_who_may_not_ask_for_info_has_an_identity_all_the_same(serve: Serve) -> None:
    server = serve(*["--user", "ann", "on", ">pw", "~*", "+@all", "-info"])
    url = f"redis://ann:pw@127.0.0.1:{server.port}"
    with RedisStore(url, check_server=False) as store:
        before = store.identity()
        assert before is not None
        with RedisStore(server.url) as admin:
            admin._client.flushall()
        assert store.identity() != before


def test_names_that_are_no_text_hide_none_of_ours(store: RedisStore) -> None:
    store.put("task/a", b"blob")
    store._client.hset("{streamadapt:task}:blobs", b"task/\xff", b"?")
    store._client.hset(b"{streamadapt:\xff}:chunks:\xff:0", "0", b"?")
    assert store.names("task/") == ["task/a", "task/\ufffd"]
    assert store.names() == ["task/a", "task/\ufffd"]
    assert store.sweep(0.0) == 0


def test_keys_of_another_program_are_said(store: RedisStore) -> None:
    store._client.set("{streamadapt:task}:blobs", "something else")
    with pytest.raises(StoreRefusedError, match="another prefix"):
        store.get("task/a")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db:6379",
        f"http://:{SECRET}@db",
        f"redis://:{SECRET}@db:port",
        f"redis://:{SECRET}@db/zero",
        f"redis://:{SECRET}@db?ca=/x",
        f"rediss://:{SECRET}@db?timeout=1",
        f"redis+sentinel://:{SECRET}@db",
        f"redis://:{SECRET}@[db",
        f"redis://:12#{SECRET}@db",
        f"redis://:{SECRET}@one,two",
        f"redis+cluster://:{SECRET}@one,two/3",
        f"redis+cluster://:{SECRET}@one,two?db=3",
    ],
)
def test_a_wrong_url_is_said_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="wrong Redis URL") as caught:
        RedisStore(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": "{a}"},
        {"prefix": ""},
        {"timeout_s": 0.0},
        {"retries": -1},
        {"connect_timeout_s": float("nan")},
    ],
)
def test_parameters_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        RedisStore("redis://localhost", **wrong)


# Other ways to a server.


def test_a_socket_file_is_an_address(shared: RedisServer) -> None:
    with RedisStore(f"unix://{shared.socket_path}?db=1") as store:
        store.put("task/a", b"x")
        assert store.get("task/a") == b"x"
        assert str(store.address) == f"unix://{shared.socket_path}"


def test_databases_are_kept_apart(shared: RedisServer) -> None:
    with RedisStore(f"{shared.url}/2") as two, RedisStore(f"{shared.url}?db=3") as three:
        two.put("task/a", b"x")
        assert three.get("task/a") is None
    with pytest.raises(StoreRefusedError, match="database"):
        RedisStore(f"{shared.url}/99")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        f"-keyout {tmp_path}/key.pem -out {tmp_path}/cert.pem".split(),
        check=True,
        capture_output=True,
    )
    return tmp_path / "cert.pem"


def test_tls_is_spoken_and_certificates_are_checked(serve: Serve, certificate: Path) -> None:
    key, port = certificate.with_name("key.pem"), free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    serve("--tls-port", str(port), *files, "--tls-ca-cert-file", str(certificate))
    url = f"rediss://127.0.0.1:{port}"
    with RedisStore(f"{url}?ca={certificate}&cert={certificate}&key={key}") as store:
        store.put("task/a", b"x")
        assert store.get("task/a") == b"x"
    long = f"ssl_ca_certs={certificate}&ssl_certfile={certificate}&ssl_keyfile={key}"
    with RedisStore(f"{url}?{long}") as store:
        assert store.get("task/a") == b"x"
    with pytest.raises(StoreRefusedError, match="TLS"):
        RedisStore(f"{url}?cert={certificate}&key={key}")  # whose authority nobody knows
    with pytest.raises(StoreError):
        RedisStore(f"{url}?ca={certificate}")  # the server wants to see one as well
    with pytest.raises(ConfigError, match=r"absent\.pem"):
        RedisStore(f"{url}?ca={certificate.with_name('absent.pem')}")
    with pytest.raises(StoreError):
        RedisStore(f"redis://127.0.0.1:{port}", timeout_s=0.5)


def test_the_primary_is_found_through_a_sentinel(serve: Serve, tmp_path: Path) -> None:
    primary, port = serve(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor main 127.0.0.1 {primary.port} 1\n")
    folder = tmp_path / "sentinel"
    folder.mkdir()
    command = ["redis-server", str(config), "--sentinel", "--port", str(port), "--dir", str(folder)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log) as sentinel:
        try:
            with closing(_eventually(f"redis+sentinel://127.0.0.1:{port}/main")) as store:
                store.put("task/a", b"x")
                with RedisStore(primary.url) as direct:
                    assert direct.get("task/a") == b"x"
            with pytest.raises(StoreAwayError):
                RedisStore(f"redis+sentinel://127.0.0.1:{port}/other")
        finally:
            sentinel.kill()


def _eventually(url: str) -> RedisStore:
    for _ in range(100):
        try:
            return RedisStore(url)
        except StoreAwayError:
            time.sleep(0.05)
    return RedisStore(url)


def test_the_laws_hold_on_a_cluster(serve: Serve) -> None:
    server = serve("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with redis.Redis(port=server.port) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        deadline = time.monotonic() + 30
        while client.cluster("info")["cluster_state"] != "ok":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    url = f"redis+cluster://127.0.0.1:{server.port}"
    assert [result for result in check(lambda: RedisStore(url)) if not result.ok] == []
    with RedisStore(url) as store:
        for i in range(20):
            store.put(f"task-{i}/a", os.urandom(2 * CHUNK_BYTES))
        assert store.names() == sorted(f"task-{i}/a" for i in range(20))
        assert len(store.holds(store.names())) == 20
        assert store.identity() == store.identity() is not None
        store.delete(store.names())
        assert (store.names(), store.sweep(0.0)) == ([], 0)
