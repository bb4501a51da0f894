"""The laws of a source: each takes a factory that opens the same records at their start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sized
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamadapt.events import Records, Reject, Source
from streamadapt.law_evidence import require, same_bits

__all__ = ["SOURCE_LAWS"]

Open = Callable[[], Source]

_MANY = 100_000
"""Records that laws read of a source at most."""


@dataclass
class _Taken:
    """All that a source gave, put together from its polls."""

    rows: list[NDArray[np.generic]] = field(default_factory=list)
    names: set[tuple[str, ...]] = field(default_factory=set)
    texts: list[tuple[str | None, ...]] = field(default_factory=list)
    originals: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, records: Records) -> None:
        times = [] if records.times_us is None else [records.times_us.astype(np.int64)]
        numbers = [values.view(np.int64) for values in records.numbers.values()]
        self.rows.append(np.column_stack([records.positions, *times, *numbers]).astype(np.int64))
        self.names.add((*records.numbers, *records.texts))
        texts = [records.texts[name] for name in records.texts]
        self.texts += zip(*texts, strict=True)
        self.originals += [records.original(i) for i in range(len(records))]
        self.rejects += records.rejects
        self.counts.update(records.counts)

    def positions(self) -> NDArray[np.int64]:
        """Return the positions of records and rejects, sorted."""
        places = [rows[:, 0] for rows in self.rows]
        rejected = np.array([r.position for r in self.rejects], np.int64)
        return np.sort(np.concatenate([*places, rejected])).astype(np.int64)


def _polls(source: Source, size: int | None) -> Iterator[Records]:
    """Poll to the end, or for many records, by `size` or random sizes; check each poll."""
    rng = np.random.default_rng(5)
    start = source.position()
    while source.position() - start < _MANY:
        most = int(rng.integers(1, 60)) if size is None else size
        before = source.position()
        records = source.poll(most)
        if records is None:
            require(source.position() == before, "the end moved the position")
            return
        n = len(records) + len(records.rejects)
        require(n <= most, f"poll({most}) gave {n} records")
        moved = source.position() - before
        require(moved == n, f"{n} records moved the position by {moved}")
        yield records


def _take(source: Source, size: int | None = 500) -> _Taken:
    taken = _Taken()
    for records in _polls(source, size):
        taken.add(records)
    return taken


def _same(a: _Taken, b: _Taken, how: str) -> None:
    require(len(a.names | b.names) <= 1, f"columns {how}: {a.names} and {b.names}")
    if a.rows and b.rows:
        same_bits(np.concatenate(a.rows), np.concatenate(b.rows), f"numbers {how}")
    for name in ("texts", "originals", "rejects"):
        x, y = getattr(a, name), getattr(b, name)
        first = next((i for i, (u, v) in enumerate(zip(x, y, strict=False)) if u != v), len(x))
        require(x == y, f"{name} {how}: {len(x)} and {len(y)}, the first other one is {first}")
    require(a.counts == b.counts, f"counts {how}: {dict(a.counts)} and {dict(b.counts)}")


def a_position_counts_all_records(make: Open) -> None:
    """From 0, one for each record or reject, none twice, none left out."""
    with closing(make()) as source:
        require(source.position() == 0, f"the first position is {source.position()}")
        taken = _take(source)
        positions = taken.positions()
        require(len(positions) > 0, "there is no record to test with")
        same_bits(positions, np.arange(len(positions), dtype=np.int64), "positions")


def cutting_the_polls_changes_no_record(make: Open) -> None:
    """In polls of 1, 7, random and very many: just the same records and rejects."""
    with closing(make()) as source:
        whole = _take(source)
    for size in (1, 7, _MANY, None):
        with closing(make()) as source:
            _same(whole, _take(source, size), f"in polls of {size or 'random numbers of'}")


def seeking_goes_on_with_the_very_next_record(make: Open) -> None:
    """To any position, forward and back, in a source that was opened later."""
    with closing(make()) as source:
        n = len(_take(source).positions())
    for position in sorted({0, 1, 2, n // 3, n // 2, n - 1, n}):
        with closing(make()) as there, closing(make()) as sought:
            first = _take_n(there, position)
            sought.seek(there.position())
            require(sought.position() == position, f"seek({position}) is at {sought.position()}")
            rest = _take(there)
            _same(rest, _take(sought), f"after seek({position})")
            sought.seek(0)
            _same(first, _take_n(sought, position), f"sought back to 0, up to {position}")


def _take_n(source: Source, n: int) -> _Taken:
    taken = _Taken()
    while source.position() < n:
        records = source.poll(min(50, n - source.position()))
        require(records is not None, f"the end came before record {n}")
        if records is not None:
            taken.add(records)
    return taken


def the_end_is_for_ever(make: Open) -> None:
    """After None comes None; only seeking back leads to records again."""
    with closing(make()) as source:
        taken = _take(source)
        for _ in range(3):
            require(source.poll(10) is None, "there are records after the end")
        source.seek(0)
        _same(taken, _take(source), "after the end, sought back to 0")


def every_record_is_whole(make: Open) -> None:
    """All columns are n long, and the original of each row is bytes, also after later polls."""
    with closing(make()) as source:
        kept = list(_polls(source, 50))
        for records in kept:
            columns: list[Sized] = [
                *records.numbers.values(),
                *records.texts.values(),
                records.positions,
            ]
            columns += [] if records.times_us is None else [records.times_us]
            lengths = {len(column) for column in columns}
            require(lengths == {len(records)}, f"columns of {sorted(lengths)} values in one poll")
            for name, values in records.numbers.items():
                require(values.dtype == np.float64, f"column {name!r} is {values.dtype}")
        late = [records.original(i) for records in kept for i in range(len(records))]
    with closing(make()) as source:
        require(late == _take(source).originals, "originals are others when asked for later")


SOURCE_LAWS = (
    a_position_counts_all_records,
    cutting_the_polls_changes_no_record,
    seeking_goes_on_with_the_very_next_record,
    the_end_is_for_ever,
    every_record_is_whole,
)
