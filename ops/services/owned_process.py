"""A server process that is ours: started, signalled and ended by its own pid and by no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from streamadapt.ops.services.programs import ServiceError

__all__ = ["FREED_S", "OwnedProcess", "started_at", "wait_until"]

POLL_S = 0.02
FREED_S = 5.0
"""How long the port of a process that was killed may stay taken, by threads that end later."""
KILL_LIMIT_S = 30

# By pid, whichever object started them: an exit code that nobody reads is a process left over.
CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


def started_at(pid: int) -> str | None:
    """Return when the process began, in words that no later owner of the pid can repeat.

    None where there is no such process, or only its unread exit code is left of it.
    """
    if Path("/proc/self/stat").exists():
        return _linux_start(pid)
    done = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat=,lstart="], capture_output=True, text=True, check=False
    )
    state, _, since = done.stdout.strip().partition(" ")
    return None if not since or state.startswith("Z") else since.strip()


def _linux_start(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # also when it ends while being read
        return None
    fields = stat.rpartition(")")[2].split()  # a name may hold spaces and brackets
    state, n_threads, ticks = fields[0], int(fields[17]), fields[19]
    if state == "X" or (state == "Z" and n_threads <= 1):  # else its other threads still work
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{ticks} ticks after boot {boot}"


def _read_exit_codes() -> None:
    """Let go of children that have ended, also of those that another process has ended."""
    for pid, child in list(CHILDREN.items()):
        if child.poll() is not None:
            CHILDREN.pop(pid, None)


def _stands_still(pid: int) -> bool:
    """Whether all threads are stopped; each stops when it is next seen to, not at once."""
    try:
        stats = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread that ended meanwhile: look again
        return False
    return all(stat.rpartition(")")[2].split()[0] in ("T", "t", "Z") for stat in stats)


def wait_until(true: Callable[[], bool], limit_s: float) -> bool:
    """Return whether it became true in time."""
    deadline = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


class OwnedProcess:
    """A process whose pid and start time stand in a file, so that another process can end it.

    Parameters
    ----------
    folder
        Where it works; gets ``process.json`` and ``log.txt``.
    """

    RECORD = "process.json"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self._record = folder / self.RECORD

    @property
    def pid(self) -> int | None:
        """The pid, while the recorded process itself runs; a pid that passed on is not it."""
        _read_exit_codes()
        try:
            record = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return None
        pid = int(record["pid"])
        return pid if started_at(pid) == record["started"] else None

    def start(self, command: list[str]) -> None:
        """Start it, apart from the terminal: Ctrl-C is not for servers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.pid is not None:
            raise ServiceError(f"{command[0]} runs already in {self.folder} (pid {self.pid})")
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        CHILDREN[child.pid] = child
        record = {"pid": child.pid, "started": started_at(child.pid)}
        part = self._record.with_suffix(".part")
        part.write_text(json.dumps(record))
        part.replace(self._record)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; return whether there was a process to send it to."""
        pid = self.pid
        if pid is None:
            return False
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return True
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            if self.pid != pid:  # the descriptor holds the process: from here no reuse
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True

    def ask_to_end(self) -> None:
        """SIGTERM, and SIGCONT: a stopped process would not hear it."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, from when this returns."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.pid is None or _stands_still(self.pid), FREED_S)

    def resume(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if not wait_until(lambda: self.pid is None, KILL_LIMIT_S):
            raise ServiceError(f"pid {self.pid} of {self.folder} does not end")
        self._record.unlink(missing_ok=True)

    def wait_or_kill(self, grace_s: float) -> None:
        """Wait for the end that was asked for; kill when it does not come."""
        wait_until(lambda: self.pid is None, grace_s)
        self.kill()

    def log_tail(self, n_lines: int = 15) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-n_lines:])
