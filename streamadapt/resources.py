"""Speed and memory of a run over time: a few hundred samples, however long it takes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

__all__ = ["Resources", "memory_bytes"]

_MOST = 400
_STATM = Path("/proc/self/statm")


class Resources:
    """Samples of the process, by the wall clock; no part of any state.

    Parameters
    ----------
    every_s
        Least time between two samples; doubled whenever there are too many.
    """

    def __init__(self, every_s: float = 0.05) -> None:
        self._every_s = every_s
        self._began_s = self._next_s = time.perf_counter()
        self.samples: list[tuple[float, int, int]] = []

    def sample(self, position: int) -> None:
        """Note seconds, records taken and bytes held, if it is time to."""
        now = time.perf_counter()
        if now < self._next_s:
            return
        self._next_s = now + self._every_s
        self.samples.append((now - self._began_s, position, memory_bytes()))
        if len(self.samples) > _MOST:
            self.samples = self.samples[::2]
            self._every_s *= 2

    def table(self) -> dict[str, list[float]]:
        """Return ``seconds``, ``records`` taken and ``memory_bytes`` of each sample."""
        names = ("seconds", "records", "memory_bytes")
        return {name: [row[i] for row in self.samples] for i, name in enumerate(names)}


def memory_bytes() -> int:
    """Return how much memory this process holds now; where that is not told, held at most."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
