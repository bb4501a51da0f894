"""Stores and sinks: the same tests over every one, then what only the SQLite file must bear."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamadapt.connectors.memory import MemorySink, MemoryStore
from streamadapt.connectors.sqlite import SQLiteStore
from streamadapt.contracts import Store
from streamadapt.errors import ConfigError, CorruptStateError, ParameterError, RetryableError
from streamadapt.laws import check

Open = Callable[[], Store]


def memory(_: Path) -> Open:
    blobs: dict[str, bytes] = {}
    return lambda: MemoryStore(blobs)


def sqlite(folder: Path) -> Open:
    return lambda: SQLiteStore(folder / "state.sqlite", busy_timeout_s=0.1)


# A store to come needs one line here: a function from a folder to what opens the same place.
STORES: list[Callable[[Path], Open]] = [memory, sqlite]


@pytest.fixture(params=STORES, ids=lambda make: make.__name__)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    make: Callable[[Path], Open] = request.param
    return make(tmp_path)


@pytest.fixture
def store(opened: Open) -> Iterator[Store]:
    with closing(opened()) as store:
        yield store


def test_the_laws_of_stores_hold(opened: Open) -> None:
    assert [result for result in check(opened) if not result.ok] == []


def test_a_blob_of_twenty_megabytes_is_got_as_it_was_put(store: Store) -> None:
    blob = os.urandom(1 << 20) * 20
    store.put("large", blob)
    assert store.get("large") == blob
    store.put("large", b"small")
    assert store.get("large") == b"small"


ODD = st.text(st.sampled_from("a%_*?[\\/'\"\0 é😀\U0010ffff\ud7ff\ue000Aé"), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(ODD, max_size=12), prefix=ODD)
def test_prefixes_of_odd_characters_mean_themselves(
    store: Store, names: set[str], prefix: str
) -> None:
    store.delete(store.names())
    for name in names:
        store.put(name, name.encode())
    assert store.names(prefix) == sorted(name for name in names if name.startswith(prefix))
    assert all(store.get(name) == name.encode() for name in names)


def test_many_names_are_deleted_at_once_and_absent_ones_are_no_error(store: Store) -> None:
    names = [f"task/{i:04d}" for i in range(2000)]
    for name in names[:20]:
        store.put(name, b"x")
    store.delete(names[1:])
    assert store.names() == names[:1]


def test_what_is_put_by_one_opening_is_seen_by_another(opened: Open) -> None:
    with closing(opened()) as one, closing(opened()) as other:
        one.put("a", b"1")
        assert other.get("a") == b"1"
        other.put("a", b"2")
        assert one.get("a") == b"2"


def test_a_blob_given_as_another_kind_of_bytes_comes_back_as_bytes(store: Store) -> None:
    buffer = bytearray(b"blob")
    store.put("a", buffer)  # type: ignore[arg-type]
    buffer[:] = b"else"
    assert store.get("a") == b"blob"


# The SQLite file.

PUT_AND_DIE = """
import os, signal, sys
from streamadapt.connectors.sqlite import SQLiteStore
store = SQLiteStore(sys.argv[1])
for i in range(5):
    store.put(f"task/{i}", bytes([i]) * 300_000)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def test_what_put_returned_for_survives_a_kill(path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", PUT_AND_DIE, str(path)], check=False)
    assert child.returncode == -signal.SIGKILL
    with SQLiteStore(path) as store:
        assert [store.get(name) for name in store.names()] == [
            bytes([i]) * 300_000 for i in range(5)
        ]


def test_every_commit_is_synced_to_the_disk(path: Path) -> None:
    with SQLiteStore(path) as store:
        rows = [
            store._connection.execute(f"PRAGMA {p}").fetchone()
            for p in ("synchronous", "journal_mode")
        ]
    assert rows == [(2,), ("wal",)]


def test_the_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "state.sqlite"
    with SQLiteStore(str(path)) as store:
        store.put("a", b"1")
    assert path.is_file()


def test_a_path_that_cannot_be_used_is_said_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "state.sqlite", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            SQLiteStore(path)


def test_a_file_that_cannot_be_written_is_said_with_the_path(path: Path) -> None:
    with SQLiteStore(path) as store:
        store._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(ConfigError, match=str(path)):
            store.put("a", b"1")


def test_a_file_that_is_no_database_is_said_with_the_path(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(CorruptStateError, match=str(path)):
        SQLiteStore(path)


def test_damage_inside_the_file_is_said_with_the_path(path: Path) -> None:
    with SQLiteStore(path) as store:
        for i in range(200):
            store.put(f"task/{i}", bytes(1000))
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    with pytest.raises(CorruptStateError, match=str(path)), SQLiteStore(path) as store:
        store.get("task/7")


def test_a_lock_that_stays_is_a_reason_to_try_again_later(path: Path) -> None:
    with SQLiteStore(path, busy_timeout_s=0.05) as store, closing(sqlite3.connect(path)) as other:
        store.put("a", b"1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match=str(path)):
            store.put("a", b"2")
        with pytest.raises(RetryableError, match=str(path)):
            store.delete(["a"])
        assert store.get("a") == b"1"
        other.rollback()
        store.put("a", b"3")
        assert store.get("a") == b"3"


def test_a_lock_that_goes_in_time_is_waited_for(path: Path) -> None:
    with SQLiteStore(path, busy_timeout_s=30.0) as store:
        other = sqlite3.connect(path, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.rollback)
        timer.start()
        store.put("a", b"1")
        assert store.get("a") == b"1"
        timer.join()
        other.close()


def test_a_full_disk_is_a_reason_to_try_again_later(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.put("a", b"1")
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(RetryableError, match="full"):
            store.put("b", bytes(1 << 20))
        assert (store.get("a"), store.get("b")) == (b"1", None)


def test_a_failed_delete_deletes_nothing(path: Path) -> None:
    with SQLiteStore(path) as store:
        for name in "ab":
            store.put(name, b"1")
        with pytest.raises(sqlite3.ProgrammingError):
            store.delete(["a", ("no", "name")])  # type: ignore[list-item]
        assert store.names() == ["a", "b"]


def test_it_is_used_from_one_thread(path: Path) -> None:
    problems: list[BaseException] = []

    def elsewhere(store: SQLiteStore) -> None:
        try:
            store.names()
        except sqlite3.ProgrammingError as error:
            problems.append(error)

    with SQLiteStore(path) as store:
        thread = threading.Thread(target=elsewhere, args=(store,))
        thread.start()
        thread.join()
    assert len(problems) == 1


def test_the_space_of_deleted_blobs_is_used_again(path: Path) -> None:
    with SQLiteStore(path) as store:
        for i in range(12):
            store.put(f"task/{i}", bytes([i]) * 1_000_000)
            store.delete([f"task/{i - 2}"])
    assert path.stat().st_size < 5_000_000


@pytest.mark.parametrize("timeout_s", [-1.0, float("nan"), 1e9])
def test_a_timeout_that_makes_no_sense_is_refused(path: Path, timeout_s: float) -> None:
    with pytest.raises(ParameterError, match="busy_timeout_s"):
        SQLiteStore(path, busy_timeout_s=timeout_s)


# The sink in memory.


def test_the_laws_of_sinks_hold_in_memory() -> None:
    records: list[dict[str, object]] = []
    results = check(lambda: MemorySink(records), read=lambda: list(records))
    assert [result for result in results if not result.ok] == []


def test_only_flushed_records_would_survive_a_crash() -> None:
    sink = MemorySink()
    sink.write([{"id": 1}, {"id": 2}])
    assert sink.n_flushed == 0
    sink.flush()
    sink.write([{"id": 3}])
    assert sink.n_flushed == 2
    sink.truncate(1)
    assert (sink.n_flushed, sink.records) == (1, [{"id": 1}])


def test_a_sink_keeps_what_a_record_was_when_it_was_written() -> None:
    sink, record = MemorySink(), {"id": 1}
    sink.write([record])
    record["id"] = 2
    assert sink.records == [{"id": 1}]


@pytest.mark.parametrize("position", [-1, 1])
def test_a_sink_is_not_cut_back_to_where_it_never_was(position: int) -> None:
    with pytest.raises(ParameterError, match="position"):
        MemorySink().truncate(position)
