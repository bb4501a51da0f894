"""A store, a sink and a source that keep every law, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from streamadapt.events import Records, Reject

Blobs = dict[str, bytes]
Lines = list[Mapping[str, object]]


class DictStore:
    """Blobs in a dictionary that outlives it."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs

    def put(self, name: str, blob: bytes) -> None:
        self.blobs[name] = blob

    def get(self, name: str) -> bytes | None:
        return self.blobs.get(name)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self.blobs.pop(name, None)

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def holds(self, names: Collection[str]) -> set[str]:
        return {name for name in names if name in self.blobs}

    def close(self) -> None:
        pass


class ListSink:
    """Records in a list that outlives it."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        self.lines += records

    def flush(self) -> None:
        pass

    def position(self) -> int:
        return len(self.lines)

    def truncate(self, position: int) -> None:
        del self.lines[position:]

    def close(self) -> None:
        pass


class TextSource:
    """One number a line; what is no number is a reject."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.next = 0

    def poll(self, max_records: int) -> Records | None:
        if self.next >= len(self.lines):
            return None
        start = self.next
        self.next = min(len(self.lines), start + max_records)
        return self.decode(start, self.next)

    def decode(self, start: int, stop: int) -> Records:
        good = [i for i in range(start, stop) if self.is_number(self.lines[i])]
        bad = [i for i in range(start, stop) if not self.is_number(self.lines[i])]
        return Records(
            positions=np.array(good, np.int64),
            numbers={"x": np.array([float(self.lines[i]) for i in good])},
            texts={"text": [self.lines[i] for i in good]},
            times_us=np.array(good, np.int64) * 1000,
            original=lambda i: self.lines[good[i]].encode(),
            rejects=[Reject(i, "wrong_type", "x", self.lines[i].encode()) for i in bad],
            counts={"nan": sum(self.lines[i] == "nan" for i in good)},
        )

    def is_number(self, text: str) -> bool:
        return text.replace(".", "").replace("nan", "0").isdigit()

    def position(self) -> int:
        return self.next

    def seek(self, position: int) -> None:
        self.next = position

    def close(self) -> None:
        pass


LINES = [str(i / 4) for i in range(300)]
LINES[17:300:17] = ["nan", "", "seven"] * 5 + ["nan", "nan"]
