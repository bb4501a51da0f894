"""Stores, sinks and sources that each break one law."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from streamadapt.events import Records
from tests.laws.breakers import Breakers
from tests.laws.sound_storage import DictStore, ListSink, TextSource

STORES, SINKS, SOURCES = Breakers(), Breakers(), Breakers()


@STORES.breaks("a_blob_is_got_as_it_was_put")
class DropsEmptyBlobs(DictStore):
    def get(self, name: str) -> bytes | None:
        return super().get(name) or None


@STORES.breaks("a_blob_is_got_as_it_was_put", UnicodeDecodeError)
class KeepsTexts(DictStore):
    def put(self, name: str, blob: bytes) -> None:
        super().put(name, blob.decode().encode())


@STORES.breaks("a_blob_is_got_as_it_was_put", KeyError)
class RaisesOnAbsentBlobs(DictStore):
    def get(self, name: str) -> bytes | None:
        return self.blobs[name]


@STORES.breaks("putting_again_replaces")
class KeepsTheFirst(DictStore):
    def put(self, name: str, blob: bytes) -> None:
        self.blobs.setdefault(name, blob)


@STORES.breaks("what_is_deleted_is_gone_and_nothing_else")
class DeletesByPrefix(DictStore):
    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            super().delete(self.names(name[:-5]))


@STORES.breaks("what_is_deleted_is_gone_and_nothing_else", KeyError)
class RaisesOnAbsentNames(DictStore):
    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            del self.blobs[name]


@STORES.breaks("names_are_sorted_and_prefixes_are_taken_literally")
class ListsInOrderOfWriting(DictStore):
    def names(self, prefix: str = "") -> list[str]:
        return [name for name in self.blobs if name.startswith(prefix)][::-1]


@STORES.breaks("names_are_sorted_and_prefixes_are_taken_literally")
class IgnoresCase(DictStore):
    def names(self, prefix: str = "") -> list[str]:
        return [n for n in super().names() if n.lower().startswith(prefix.lower())]


@STORES.breaks("names_are_sorted_and_prefixes_are_taken_literally")
class TakesPatterns(DictStore):
    def names(self, prefix: str = "") -> list[str]:
        return fnmatch.filter(super().names(), prefix + "*")


@STORES.breaks("a_blob_survives_closing")
class LosesAllWhenClosed(DictStore):
    def __init__(self, blobs: dict[str, bytes]) -> None:
        super().__init__(dict(blobs))


@STORES.breaks("it_tells_which_names_it_holds")
class HoldsWhatItEverHeld(DictStore):
    def __init__(self, blobs: dict[str, bytes]) -> None:
        super().__init__(blobs)
        self.ever: set[str] = set()

    def put(self, name: str, blob: bytes) -> None:
        super().put(name, blob)
        self.ever.add(name)

    def holds(self, names: Collection[str]) -> set[str]:
        return self.ever & set(names)


@STORES.breaks("it_tells_which_names_it_holds")
class TakesEmptyBlobsForNone(DictStore):
    def holds(self, names: Collection[str]) -> set[str]:
        return {name for name in names if self.blobs.get(name)}


@SINKS.breaks("positions_grow_with_what_is_written")
class CountsCalls(ListSink):
    calls = 0

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        super().write(records)
        self.calls += 1

    def position(self) -> int:
        return self.calls


@SINKS.breaks("records_are_kept_in_order")
class DropsFalseValues(ListSink):
    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        super().write([{k: v for k, v in r.items() if v is not None} for r in records])


@SINKS.breaks("truncating_leaves_what_was_written_till_then")
class CutsOneTooMany(ListSink):
    def truncate(self, position: int) -> None:
        super().truncate(max(0, position - 1))


@SINKS.breaks("truncating_leaves_what_was_written_till_then")
class KeepsWhatWasNotFlushed(ListSink):
    """Records that wait in its buffer survive a truncation."""

    def __init__(self, lines: list[Mapping[str, object]]) -> None:
        super().__init__(lines)
        self.waiting: list[Mapping[str, object]] = []

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        self.waiting += records

    def flush(self) -> None:
        self.lines += self.waiting
        self.waiting = []

    def position(self) -> int:
        return len(self.lines) + len(self.waiting)

    def close(self) -> None:
        self.flush()


@SINKS.breaks("a_sink_opened_again_goes_on_at_its_position")
class StartsAtZero(ListSink):
    def __init__(self, lines: list[Mapping[str, object]]) -> None:
        super().__init__(lines)
        self.start = len(lines)

    def position(self) -> int:
        return super().position() - self.start

    def truncate(self, position: int) -> None:
        super().truncate(position + self.start)


@SOURCES.breaks("a_position_counts_all_records")
class CountsFromOne(TextSource):
    def position(self) -> int:
        return super().position() + 1


@SOURCES.breaks("a_position_counts_all_records")
class DropsBadLines(TextSource):
    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        records.rejects = []
        return records


@SOURCES.breaks("cutting_the_polls_changes_no_record")
class NumbersEachPollAnew(TextSource):
    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        records.texts = {"text": [str(i) for i in range(len(records))]}
        return records


@SOURCES.breaks("cutting_the_polls_changes_no_record")
class GuessesTypesByPoll(TextSource):
    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        records.numbers["x"] = np.where(len(records) > 5, records.numbers["x"], 0.0)
        return records


@SOURCES.breaks("seeking_goes_on_with_the_very_next_record")
class SeeksToTheRowAfter(TextSource):
    def seek(self, position: int) -> None:
        self.next = position + (position > 100)

    def position(self) -> int:
        return self.next


@SOURCES.breaks("seeking_goes_on_with_the_very_next_record")
class RemembersAcrossSeeks(TextSource):
    total = 0.0

    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        x = np.nancumsum(records.numbers["x"]) + self.total
        self.total = float(x[-1]) if len(x) else self.total
        records.numbers["x"] = x
        return records


@SOURCES.breaks("the_end_is_for_ever")
class StartsAgainAfterTheEnd(TextSource):
    def poll(self, max_records: int) -> Records | None:
        records = super().poll(max_records)
        if records is None:
            self.at_end = not getattr(self, "at_end", False)
            if not self.at_end:
                self.next = 0
                return super().poll(max_records)
        return records


@SOURCES.breaks("every_record_is_whole")
class ForgetsOriginals(TextSource):
    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        self.latest = [self.lines[i].encode() for i in records.positions]
        records.original = lambda i: self.latest[i]
        return records


@SOURCES.breaks("every_record_is_whole")
class LosesACell(TextSource):
    def decode(self, start: int, stop: int) -> Records:
        records = super().decode(start, stop)
        records.texts = {**records.texts, "key": ["a"]}
        return records
