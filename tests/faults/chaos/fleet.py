"""Workers as processes in slots, started again when they end in trouble, as a supervisor would."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from streamadapt.watchdog import EXIT_STUCK

ROOT = Path(__file__).parents[3]
_END_LIMIT_S = 40.0
_STARTED_AGAIN = {EXIT_STUCK, -signal.SIGKILL}


class Member:
    """One process of a slot."""

    def __init__(self, folder: Path, pipeline: Path, slot: str, bug: str, serial: int) -> None:
        self.slot = slot
        self.log = folder / f"worker-{slot}.{serial}.log"
        self.orders = folder / f"orders-{slot}.{serial}"
        command = [sys.executable, "-W", "ignore", "-m", "tests.faults.chaos.member"]
        command += [str(pipeline), slot, str(self.orders), *([bug] if bug else [])]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"PYTHONFAULTHANDLER": "1"},
            )  # fmt: skip

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def order(self, what: str, moment: str) -> None:
        """Let it stop or kill itself when it comes to that moment."""
        part = self.orders.with_suffix(".part")
        part.write_text(f"{what} {moment}")
        part.rename(self.orders)

    def obeyed(self, limit_s: float) -> bool:
        """Wait until it did; False if it did not come to that moment."""
        deadline = time.monotonic() + limit_s
        while self.orders.exists():
            if time.monotonic() > deadline or not self.lives:
                self.orders.unlink(missing_ok=True)
                return False
            time.sleep(0.005)
        return True

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()


class Fleet:
    """Keeps one living worker in each slot, but where a fault asks it not to."""

    def __init__(
        self, folder: Path, pipeline: Path, tell: Callable[[str], None], bug: str = ""
    ) -> None:
        self._folder, self._pipeline, self._bug, self._tell = folder, pipeline, bug, tell
        self.members: dict[str, Member] = {}
        self._all: list[Member] = []
        self.exits: Counter[int] = Counter()
        self._left_alone: set[str] = set()
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="fleet")

    def start(self, slots: list[str]) -> None:
        for slot in slots:
            self.begin(slot)
        self._thread.start()

    def begin(self, slot: str) -> Member:
        """Start a new process in a slot, whatever became of the one before."""
        with self._lock:
            member = Member(self._folder, self._pipeline, slot, self._bug, len(self._all))
            self.members[slot] = member
            self._all.append(member)
            return member

    @contextlib.contextmanager
    def left_alone(self, slot: str):  # noqa: ANN201
        """Start nothing in this slot meanwhile; one that is missing afterwards is started."""
        with self._lock:
            self._left_alone.add(slot)
        try:
            yield self.members[slot]
        finally:
            with self._lock:
                self._left_alone.discard(slot)

    def forget(self, slot: str) -> None:
        """Look after a slot no more, if it is still there."""
        with self._lock:
            self.members.pop(slot, None)

    def retire(self, slot: str) -> None:
        """End a slot for good, in order."""
        with self._lock:
            member = self.members.pop(slot)
        self._end([member])

    def end(self) -> list[int]:
        """Ask all to end in order; return their codes."""
        self._stopped.set()
        self._thread.join()
        return self._end([self.members[slot] for slot in sorted(self.members)])

    def kill(self) -> None:
        """Leave nothing behind."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        for member in self._all:
            member.kill()

    def _end(self, members: list[Member]) -> list[int]:
        for member in members:
            member.signal(signal.SIGTERM)
        codes = []
        for member in members:
            try:
                codes.append(member.process.wait(_END_LIMIT_S))
            except subprocess.TimeoutExpired:
                member.signal(signal.SIGABRT)  # its log then shows where it hangs
                time.sleep(0.5)
                member.kill()
                self._tell(f"slot {member.slot} did not end in {_END_LIMIT_S:.0f} s: {member.log}")
                codes.append(-signal.SIGABRT)
        return codes

    def _look_after(self) -> None:
        while not self._stopped.wait(0.05):
            with self._lock:
                gone = [m for s, m in self.members.items()
                        if s not in self._left_alone and not m.lives]  # fmt: skip
                for member in gone:
                    code = member.process.returncode
                    self.exits[code] += 1
                    if code not in _STARTED_AGAIN:
                        self._tell(f"slot {member.slot} ended with {code}: {member.log}")
                    self.begin(member.slot)
