"""Speed and memory of a run over time: a few hundred samples, however long it takes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

__all__ = ["RESOURCES_FILE", "Resources", "memory_bytes"]

RESOURCES_FILE = "resources.json"

_MOST = 400
_STATM = Path("/proc/self/statm")


class Resources:
    """Samples of the process, by the wall clock; no part of any state, but kept beside it.

    A run that is resumed goes on where its last checkpoint was: what came after is not shown, nor
    the time in which nothing ran.

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
        self._thin()

    def table(self) -> dict[str, list[float]]:
        """Return ``seconds``, ``records`` taken and ``memory_bytes`` of each sample."""
        names = ("seconds", "records", "memory_bytes")
        return {name: [row[i] for row in self.samples] for i, name in enumerate(names)}

    def save(self, folder: Path) -> None:
        """Write the table into `RESOURCES_FILE`: whole, or as it was before."""
        path = folder / RESOURCES_FILE
        new = path.with_suffix(".json.new")
        new.write_bytes(msgspec.json.encode(self.table()))
        new.replace(path)

    def resume(self, folder: Path, position: int) -> None:
        """Go on from what was saved in `folder`, up to `position`; anew if it is damaged."""
        try:
            table = msgspec.json.decode((folder / RESOURCES_FILE).read_bytes(), type=_Table)
        except (OSError, msgspec.MsgspecError):
            return
        rows = zip(table.seconds, table.records, table.memory_bytes, strict=False)
        self.samples = [row for row in rows if row[1] <= position]
        if self.samples:
            self._began_s = time.perf_counter() - self.samples[-1][0]
        while self.samples and self._every_s * _MOST < self.samples[-1][0]:
            self._every_s *= 2
        self._thin()

    def _thin(self) -> None:
        while len(self.samples) > _MOST:
            self.samples = self.samples[::2]
            self._every_s *= 2


class _Table(msgspec.Struct):
    """What is saved."""

    seconds: list[float]
    records: list[int]
    memory_bytes: list[int]


def memory_bytes() -> int:
    """Return how much memory this process holds now; where that is not told, held at most."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
