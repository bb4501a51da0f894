"""What is ended is what was started, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamadapt.ops.services.leftovers import session_folder
from streamadapt.ops.services.owned_process import OwnedProcess, started_at, wait_until
from streamadapt.ops.services.ports import EPHEMERAL, free_ports, is_free, listens
from streamadapt.ops.services.programs import ServiceError

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('here', flush=True); time.sleep(600)",
]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[OwnedProcess]:
    process = OwnedProcess(tmp_path / "sleeper")
    process.start(SLEEP)
    yield process
    process.kill()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def end(process: OwnedProcess, grace_s: float = 10) -> None:
    process.ask_to_end()
    process.wait_or_kill(grace_s)


def test_only_its_own_process_is_ended(sleeper: OwnedProcess, tmp_path: Path) -> None:
    other = OwnedProcess(tmp_path / "other")
    other.start(SLEEP)
    end(other)
    assert other.pid is None
    assert sleeper.pid is not None


def test_another_object_ends_it_by_the_record(sleeper: OwnedProcess) -> None:
    again = OwnedProcess(sleeper.folder)
    assert again.pid == sleeper.pid
    end(again)
    assert sleeper.pid is None


def test_a_pid_that_passed_to_another_process_is_left_alone(
    sleeper: OwnedProcess, tmp_path: Path
) -> None:
    stale = OwnedProcess(tmp_path / "stale")
    stale.folder.mkdir()
    record = {"pid": sleeper.pid, "started": "1 ticks after boot of yesterday"}
    (stale.folder / OwnedProcess.RECORD).write_text(json.dumps(record))
    assert stale.pid is None
    end(stale)
    stale.kill()
    assert sleeper.pid is not None


@pytest.mark.parametrize("text", ["", "{", '{"pid": 4194304, "started": "then"}'])
def test_a_stale_record_is_no_process_and_no_hindrance(tmp_path: Path, text: str) -> None:
    (tmp_path / OwnedProcess.RECORD).write_text(text)
    process = OwnedProcess(tmp_path)
    assert process.pid is None
    process.start(SLEEP)
    assert process.pid is not None
    process.kill()


def test_a_process_that_does_not_hear_is_killed(tmp_path: Path) -> None:
    process = OwnedProcess(tmp_path)
    process.start(DEAF)
    assert wait_until(lambda: "here" in process.log_tail(), 30)
    end(process, grace_s=0.2)
    assert process.pid is None


def test_a_paused_process_stands_still_and_can_be_ended(tmp_path: Path) -> None:
    process = OwnedProcess(tmp_path)
    process.start(SLEEP)
    pid = process.pid
    assert pid is not None
    process.pause()
    assert wait_until(lambda: state_of(pid) == "T", 10)
    process.resume()
    assert wait_until(lambda: state_of(pid) != "T", 10)
    process.pause()
    end(process)
    assert process.pid is None


def test_a_second_start_is_refused(sleeper: OwnedProcess) -> None:
    with pytest.raises(ServiceError, match="runs already"):
        sleeper.start(SLEEP)


def test_what_ended_and_was_not_read_yet_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert wait_until(lambda: started_at(child.pid) is None, 30)


@pytest.mark.skipif(sys.platform != "linux", reason="the call that ends one thread is Linux's")
def test_a_process_lives_until_its_last_thread_has_ended() -> None:
    begin = (
        "import ctypes, platform, sys, threading\n"
        "threading.Thread(target=sys.stdin.read).start()\n"
        "print('here', flush=True)\n"
        "exit_thread = {'x86_64': 60, 'aarch64': 93}[platform.machine()]\n"
        "ctypes.CDLL(None).syscall(exit_thread, 0)\n"
    )
    command = [sys.executable, "-c", begin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        assert wait_until(lambda: state_of(child.pid) == "Z", 30)
        assert started_at(child.pid) is not None
        assert child.stdin is not None
        child.stdin.close()
        assert wait_until(lambda: started_at(child.pid) is None, 30)


def test_a_killed_session_leaves_nothing_running(tmp_path: Path) -> None:
    begin = (
        "from pathlib import Path; import signal, sys, os\n"
        "from streamadapt.ops.services.leftovers import session_folder\n"
        "from streamadapt.ops.services.owned_process import OwnedProcess\n"
        "folder = session_folder(Path(sys.argv[1]))\n"
        "OwnedProcess(folder / 'server').start(sys.argv[2:])\n"
        "print(folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", begin, str(tmp_path), *SLEEP]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(done.stdout.strip())
    orphan = OwnedProcess(folder / "server")
    assert orphan.pid is not None
    mine = session_folder(tmp_path)
    assert orphan.pid is None
    assert not folder.exists()
    session_folder(tmp_path)
    assert mine.exists()


def test_ports_are_free_different_and_not_for_outgoing_connections() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(is_free(port) for port in ports)
    if EPHEMERAL.exists():
        assert max(ports) < max(int(EPHEMERAL.read_text().split()[0]), 32_768)


def test_a_port_in_use_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
        assert listens("127.0.0.1", port)
    assert is_free(port)
    assert not listens("127.0.0.1", port)


def test_the_process_outlives_a_signal_to_our_terminal(sleeper: OwnedProcess) -> None:
    assert sleeper.pid is not None
    assert os.getsid(sleeper.pid) != os.getsid(0)
