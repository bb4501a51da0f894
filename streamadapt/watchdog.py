"""A deadline around calls that may block for ever: past it the process ends, to be started again.

Some calls of Kafka's clients take no time-out, and have been seen to hang after a broker's death.
No thread can be interrupted in them; and to go on without knowing what became of a transaction
would be worse than to end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["EXIT_STUCK", "Watchdog"]

EXIT_STUCK = 5
"""Exit code of a process that was stuck in a call: start it again."""

_LOOK_S = 0.1


def _end(call: str, after_s: float) -> None:
    os.write(2, f"streamadapt: {call} did not return in {after_s:.0f} s: ending\n".encode())
    os._exit(EXIT_STUCK)


class Watchdog:
    """Ends the process if a guarded call outlives its deadline.

    Parameters
    ----------
    end
        What to do then, given the call's name and the time it had.

    Examples
    --------
    >>> seen = []
    >>> dog = Watchdog(lambda call, after_s: seen.append(call))
    >>> with dog.guard("a quick call", 5):
    ...     pass
    >>> with dog.guard("a slow call", 0.01):
    ...     time.sleep(0.4)
    >>> dog.close()
    >>> seen
    ['a slow call']
    """

    def __init__(self, end: Callable[[str, float], None] = _end) -> None:
        self._end = end
        self._guarded: dict[int, tuple[str, float, float]] = {}  # by thread
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def guard(self, call: str, seconds: float) -> Iterator[None]:
        """Let the body take `seconds` at most; inside it, other guards of its thread count."""
        thread = threading.get_ident()
        outer = self._guarded.get(thread)
        self._guarded[thread] = (call, time.monotonic() + seconds, seconds)
        try:
            yield
        finally:
            if outer is None:
                self._guarded.pop(thread, None)
            else:
                self._guarded[thread] = outer

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_S):
            now = time.monotonic()
            for thread, (call, due_s, seconds) in list(self._guarded.items()):
                if now > due_s:
                    self._guarded.pop(thread, None)
                    self._end(call, seconds)
