"""Starts several workers as processes of their own, and starts again those that end in trouble."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import structlog

from streamadapt.watchdog import EXIT_STUCK

__all__ = ["SUPERVISOR_VARIABLE", "Supervisor"]

SUPERVISOR_VARIABLE = "STREAMADAPT_SUPERVISOR"
"""Environment variable with the process id of the supervisor, for its workers."""

# Configuration, lost state, missing topics: to start again would end the same way.
_FINAL = frozenset({0, 2, 3, 4})
_LOOK_S = 0.1
_SHORT_LIFE_S = 10.0
_LONGEST_WAIT_S = 30.0
_MOST_DOUBLINGS = 10  # past the longest wait; a thousand of them are too large for a float


@dataclass(slots=True)
class _Slot:
    """A worker's place."""

    name: str
    process: subprocess.Popen[bytes]
    started_s: float
    failures: int = 0
    start_at_s: float | None = None


class Supervisor:
    """Runs this very command as `workers` processes, each in a slot of its own.

    A worker that was killed, was stuck, or lost its broker is started again, at once if it had run
    for a while, else after a pause that doubles.  One that ended for a reason that would be there
    again stops all.

    Parameters
    ----------
    workers
        How many.
    slot
        What their slots begin with; another on each machine, as nobody may share a slot.
    """

    def __init__(self, workers: int, slot: str = "") -> None:
        self._command = [sys.executable, "-m", "streamadapt", *_without_workers(sys.argv[1:])]
        self._stop = False
        self._log = structlog.get_logger(process="supervisor")
        names = [f"{slot}-{i}" if slot else str(i) for i in range(workers)]
        self._slots = [_Slot(name, self._start(name), time.monotonic()) for name in names]

    def stop(self) -> None:
        """Ask all workers to end in order."""
        self._stop = True

    def run(self) -> int:
        """Look after the workers until `stop`, or until one ended for good; return its code."""
        while not self._stop:
            time.sleep(_LOOK_S)
            for slot in self._slots:
                code = self._look(slot)
                if code is not None:
                    self._end()
                    return code
        return self._end()

    def _look(self, slot: _Slot) -> int | None:
        """Start a worker again if it has ended in trouble; return its code if that is no use."""
        now = time.monotonic()
        if slot.start_at_s is not None:
            if now >= slot.start_at_s:
                slot.process, slot.started_s, slot.start_at_s = self._start(slot.name), now, None
            return None
        code = slot.process.poll()
        if code is None:
            return None
        if code in _FINAL:
            self._log.error("worker_ended", slot=slot.name, code=code)
            return code
        slot.failures = slot.failures + 1 if now - slot.started_s < _SHORT_LIFE_S else 0
        doublings = min(slot.failures, _MOST_DOUBLINGS)
        wait_s = min(0.5 * 2**doublings, _LONGEST_WAIT_S) if slot.failures else 0.0
        slot.start_at_s = now + wait_s
        self._log.warning("worker_lost", slot=slot.name, code=code, start_again_in_s=wait_s)
        return None

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        environ = os.environ | {"STREAMADAPT_SLOT": name, SUPERVISOR_VARIABLE: str(os.getpid())}
        # A group of its own: Ctrl-C reaches the supervisor alone, which then asks for an end.
        return subprocess.Popen(self._command, env=environ, start_new_session=True)  # noqa: S603 - our own command

    def _end(self) -> int:
        """Ask all to end, and wait; return the worst of their codes."""
        for slot in self._slots:
            if slot.process.poll() is None:
                slot.process.send_signal(signal.SIGTERM)
        codes = [slot.process.wait() for slot in self._slots]
        return max((code if code >= 0 else EXIT_STUCK) for code in codes)


def _without_workers(arguments: list[str]) -> list[str]:
    """Return the command line without the options that are the supervisor's own."""
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in {"--workers", "--slot"}:
            skip = True
        elif not argument.startswith(("--workers=", "--slot=")):
            kept.append(argument)
    return kept
