"""The laws of stores and sinks: each takes a factory that opens the same place again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from streamadapt.contracts import Sink, Store
from streamadapt.law_evidence import require

__all__ = ["READ_BACK_LAWS", "SINK_LAWS", "STORE_LAWS", "Read"]

Open = Callable[[], Store]
OpenSink = Callable[[], Sink]
Read = Callable[[], Sequence[Mapping[str, object]]]
"""Reads back all records that are in a sink's place."""

_PREFIX = "law/"
"""All names that laws use; they are deleted before and after, and no other is touched."""

_BLOBS = (b"", b"\0", bytes(range(256)) * 3, b"'; DROP TABLE blobs; --", b"\xff" * 1_000_000)


@contextmanager
def _opened(make: Open) -> Iterator[Store]:
    with closing(make()) as store:
        store.delete(store.names(_PREFIX))
        try:
            yield store
        finally:
            store.delete(store.names(_PREFIX))


def a_blob_is_got_as_it_was_put(make: Open) -> None:
    """Empty, binary and of a megabyte; what is not there is None."""
    with _opened(make) as store:
        for i, blob in enumerate(_BLOBS):
            store.put(f"{_PREFIX}{i}", blob)
        for i, blob in enumerate(_BLOBS):
            got = store.get(f"{_PREFIX}{i}")
            require(got == blob, f"blob {i} of {len(blob)} bytes came back as {_brief(got)}")
            require(isinstance(got, bytes), f"blob {i} came back as {type(got).__name__}")
        absent = store.get(_PREFIX + "absent")
        require(absent is None, f"an absent blob is {_brief(absent)} instead of None")


def _brief(blob: bytes | None) -> str:
    return "None" if blob is None else f"{len(blob)} bytes {blob[:20]!r}"


def putting_again_replaces(make: Open) -> None:
    """Only the last blob of a name is there; it is listed once; other names keep theirs."""
    with _opened(make) as store:
        for blob in (b"longer than the next", b"new", b"new"):
            store.put(_PREFIX + "a", blob)
        store.put(_PREFIX + "b", b"other")
        got = store.get(_PREFIX + "a")
        require(got == b"new", f"after putting again: {_brief(got)}")
        names = store.names(_PREFIX)
        require(names == [_PREFIX + "a", _PREFIX + "b"], f"after putting again: {names}")


def what_is_deleted_is_gone_and_nothing_else(make: Open) -> None:
    """Absent names, and none at all, are no error."""
    with _opened(make) as store:
        for name in "abcd":
            store.put(_PREFIX + name, name.encode())
        store.delete([])
        store.delete([_PREFIX + "b", _PREFIX + "absent", _PREFIX + "d"])
        names = store.names(_PREFIX)
        require(names == [_PREFIX + "a", _PREFIX + "c"], f"after deleting b and d: {names}")
        require(store.get(_PREFIX + "b") is None, "a deleted blob is still there")
        store.put(_PREFIX + "b", b"again")
        require(store.get(_PREFIX + "b") == b"again", "a deleted name cannot be put again")


def names_are_sorted_and_prefixes_are_taken_literally(make: Open) -> None:
    """By code points; ``%``, ``_``, ``*``, ``?``, ``[`` and upper case mean but themselves."""
    endings = [
        "10",
        "9",
        "A",
        "a",
        "a%",
        "aa",
        "a*c",
        "a?c",
        "a[bc]",
        "a_c",
        "a\\c",
        "abc",
        "é",
        "😀",
    ]
    with _opened(make) as store:
        for ending in endings:
            store.put(_PREFIX + ending, b"x")
        for prefix in ("", "a", "A", "a%", "a_", "a*", "a?", "a[bc", "a\\", "é", "nothing"):
            want = sorted(_PREFIX + e for e in endings if e.startswith(prefix))
            names = store.names(_PREFIX + prefix)
            require(names == want, f"names({_PREFIX + prefix!r}) are {names} instead of {want}")
        everything = store.names()
        require(everything == sorted(everything), "names() are not sorted")
        require(set(store.names(_PREFIX)) <= set(everything), "names() lacks some names")


def a_blob_survives_closing(make: Open) -> None:
    """In a place that is opened again there is what was put, and not what was deleted."""
    with _opened(make) as store:
        store.put(_PREFIX + "kept", b"blob")
        store.put(_PREFIX + "gone", b"blob")
        store.delete([_PREFIX + "gone"])
    with closing(make()) as store:
        store.put(_PREFIX + "kept", b"blob")
        store.put(_PREFIX + "gone", b"blob")
        store.delete([_PREFIX + "gone"])
    with closing(make()) as store:
        names, got = store.names(_PREFIX), store.get(_PREFIX + "kept")
        store.delete(names)
    require(names == [_PREFIX + "kept"], f"opened again, the names are {names}")
    require(got == b"blob", f"opened again, the blob is {_brief(got)}")


def it_tells_which_names_it_holds(make: Open) -> None:
    """Of those it is asked for, those with a blob, be it empty; not the deleted ones."""
    with _opened(make) as store:
        for name in "abc":
            store.put(_PREFIX + name, b"" if name == "a" else b"x")
        store.delete([_PREFIX + "b"])
        for asked, want in (("", ""), ("abcd", "ac"), ("bd", ""), ("c", "c")):
            held = store.holds([_PREFIX + name for name in asked])
            wanted = {_PREFIX + name for name in want}
            require(held == wanted, f"asked for {list(asked)} it holds {sorted(held)}")


STORE_LAWS = (
    a_blob_is_got_as_it_was_put,
    putting_again_replaces,
    what_is_deleted_is_gone_and_nothing_else,
    names_are_sorted_and_prefixes_are_taken_literally,
    a_blob_survives_closing,
    it_tells_which_names_it_holds,
)


def _records(start: int, stop: int) -> list[dict[str, object]]:
    """Return records of what predictions are made of; texts hold line ends, quotes and emoji."""
    text = 'a "quoted"\nline, é 😀'
    return [
        {"position": i, "value": i / 3, "key": f"{text} {i}", "label": None, "drift": i % 2 == 0}
        for i in range(start, stop)
    ]


def positions_grow_with_what_is_written(make: OpenSink, read: Read | None = None) -> None:
    """And writing nothing, or flushing, moves none."""
    with closing(make()) as sink:
        places = [sink.position()]
        for start, stop in ((0, 1), (1, 4), (4, 204)):
            sink.write(_records(start, stop))
            places.append(sink.position())
        require(places == sorted(set(places)), f"positions are {places}")
        sink.write([])
        sink.flush()
        require(sink.position() == places[-1], "it moved without a record")
        sink.truncate(places[0])


def records_are_kept_in_order(make: OpenSink, read: Read) -> None:
    """All that was written and flushed is there, once, as it was."""
    before = list(read())
    with closing(make()) as sink:
        start = sink.position()
        for a, b in ((0, 3), (3, 3), (3, 10)):
            sink.write(_records(a, b))
        sink.flush()
        _holds(read, before, 10, "after writing")
        sink.truncate(start)
        sink.flush()
        _holds(read, before, 0, "after truncating to the start")


def truncating_leaves_what_was_written_till_then(make: OpenSink, read: Read | None = None) -> None:
    """Back at an earlier position, other records take the place of those that were dropped."""
    before = list(read()) if read else []
    with closing(make()) as sink:
        start = sink.position()
        sink.write(_records(0, 5))
        middle = sink.position()
        for flushed in (False, True):
            sink.write(_records(70, 90))
            if flushed:
                sink.flush()
            sink.truncate(middle)
            require(sink.position() == middle, f"{sink.position()} after truncate({middle})")
        sink.write(_records(5, 7))
        sink.flush()
        _holds(read, before, 7, "after truncating and writing")
        sink.truncate(start)


def a_sink_opened_again_goes_on_at_its_position(make: OpenSink, read: Read | None = None) -> None:
    """And can be cut back to a position of an earlier opening, as after a crash."""
    before = list(read()) if read else []
    with closing(make()) as sink:
        start = sink.position()
        sink.write(_records(0, 5))
        sink.flush()
        middle = sink.position()
        sink.write(_records(70, 90))
        end = sink.position()
    with closing(make()) as sink:
        require(sink.position() == end, f"opened again at {sink.position()}, closed at {end}")
        sink.truncate(middle)
        sink.write(_records(5, 12))
    _holds(read, before, 12, "after opening again, truncating and writing")
    with closing(make()) as sink:
        sink.truncate(start)


def _holds(read: Read | None, before: list[Mapping[str, object]], n: int, when: str) -> None:
    """Raise unless `before` and then records 0..n-1 are read back; positions alone if no `read`."""
    if read is not None:
        there, wanted = list(read()), [*before, *_records(0, n)]
        pairs = enumerate(zip(there, wanted, strict=False))
        other = next((f"record {i} is {a}" for i, (a, b) in pairs if a != b), "no other differs")
        require(there == wanted, f"{when}: {len(there)} records, not {len(wanted)}; {other}")


SINK_LAWS = (
    positions_grow_with_what_is_written,
    truncating_leaves_what_was_written_till_then,
    a_sink_opened_again_goes_on_at_its_position,
)
"""Laws that also take `read`, and without it test positions alone."""

READ_BACK_LAWS = (records_are_kept_in_order,)
"""Laws that need `read`."""
