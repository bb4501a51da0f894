"""Processes that work on tasks beside each other; one that dies takes only its own task with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

__all__ = ["Failed", "Processes"]

Given = TypeVar("Given")
Made = TypeVar("Made")

_LOOK_S = 0.1  # how soon a `stop` is heeded
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a task came to nothing."""

    reason: str


class Processes(Generic[Given, Made]):
    """Runs `work` in up to `n` processes, started when they are needed and kept until closed.

    They are spawned, not forked: threads and locks of this process are no matter.  They end when
    this process does, however it ends.

    Parameters
    ----------
    work
        A function of a module, so that another process finds it.
    n
        Most processes at a time.
    """

    def __init__(self, work: Callable[[Given], Made], n: int) -> None:
        self._work, self._n = work, n
        self._idle: list[_Process] = []
        self._busy: dict[_Process, int] = {}
        self._stop = False

    def stop(self) -> None:
        """Let `run` end soon, without the tasks that are not done; safe in a signal handler."""
        self._stop = True

    def start(self) -> None:
        """Start all processes now, so that they load what they import while others work."""
        while len(self._idle) + len(self._busy) < self._n:
            self._idle.insert(0, _Process(self._work))  # the last one is asked first

    def run(
        self, tasks: Sequence[Given], at_once: int | None = None
    ) -> Iterator[tuple[int, Made | Failed]]:
        """Give (place among `tasks`, result) for each, as they are done.

        Parameters
        ----------
        tasks
            What each process is given, one at a time.
        at_once
            Most tasks at a time, if fewer than there may be processes.
        """
        most, todo = min(self._n, at_once or self._n), list(range(len(tasks)))[::-1]
        while (todo or self._busy) and not self._stop:
            while todo and len(self._busy) < most:
                process = self._idle.pop() if self._idle else _Process(self._work)
                self._busy[process] = todo.pop()
                process.give(tasks[self._busy[process]])
            for process in self._answering():
                answer = process.answer()
                place = self._busy.pop(process)
                if process.is_alive:
                    self._idle.append(process)
                yield place, answer

    def close(self) -> None:
        """End all processes, at once."""
        for process in [*self._idle, *self._busy]:
            process.end()
        self._idle, self._busy = [], {}

    def _answering(self) -> list[_Process]:
        """Return those that have answered or died, in the order in which they were given work."""
        ready = wait([process.connection for process in self._busy], _LOOK_S)
        return [process for process in self._busy if process.connection in ready]


class _Process:
    """One process and the line to it."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.is_alive = True
        with _InterruptsIgnored():  # Ctrl-C reaches all: it is for the parent to end the others
            self._process.start()
        theirs.close()  # else its end would never be seen here

    def give(self, task: object) -> None:
        with suppress(BrokenPipeError):  # died while idle: `answer` says so
            self.connection.send(task)

    def answer(self) -> Any:  # noqa: ANN401 - what the work returns
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join(_END_S)
            self.is_alive = False
            self.connection.close()
            return Failed(_end_of(self._process.exitcode))

    def end(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.join(_END_S)


class _InterruptsIgnored:
    def __enter__(self) -> None:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *error: object) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._before)


def _end_of(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; maybe the machine ran out of memory" if -code == signal.SIGKILL else ""
        return f"the process was ended by {name}{hint}"
    return f"the process ended with exit code {code}"


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Do tasks until the parent closes the line or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        answer: object
        try:
            answer = work(task)
        except Exception as error:  # whatever a learner of the user's does
            answer = Failed(f"{type(error).__name__}: {error}")
        connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
