"""Every law of a store, sink or source holds for a sound one, and fails for one that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streamadapt.laws import Law, check, laws_for
from tests.laws.breakers import Breakers
from tests.laws.broken_storage import SINKS, SOURCES, STORES
from tests.laws.sound_storage import LINES, DictStore, Lines, ListSink, TextSource

CASES = [
    (kind, law, broken)
    for kind, breakers in (("store", STORES), ("sink", SINKS), ("source", SOURCES))
    for law, broken in breakers.pairs
]


def _opener(kind: str, cls: Callable[..., Any]) -> tuple[Callable[[], Any], Callable[[], Lines]]:
    """Return (open the same place again and again, read it back)."""
    place: Any = {"store": {}, "sink": [], "source": LINES}[kind]
    return (lambda: cls(place)), (lambda: list(place))


def _laws(kind: str, cls: Callable[..., Any]) -> tuple[dict[str, Law], Callable[[], Any]]:
    make, read = _opener(kind, cls)
    laws: Sequence[Law] = laws_for(make(), read if kind == "sink" else None)
    return {law.__name__: law for law in laws}, make


@pytest.mark.parametrize(
    ("kind", "sound"), [("store", DictStore), ("sink", ListSink), ("source", TextSource)]
)
def test_a_sound_one_keeps_every_law(kind: str, sound: Callable[..., Any]) -> None:
    make, read = _opener(kind, sound)
    results = check(make, read if kind == "sink" else None)
    assert len(results) >= 4
    assert [result for result in results if not result.ok] == []


@pytest.mark.parametrize(
    ("kind", "law", "broken"), CASES, ids=STORES.ids() + SINKS.ids() + SOURCES.ids()
)
def test_a_broken_one_is_caught_by(kind: str, law: str, broken: Callable[..., Any]) -> None:
    breakers: Breakers = {"store": STORES, "sink": SINKS, "source": SOURCES}[kind]
    laws, make = _laws(kind, broken)
    with pytest.raises(breakers.caught_as(broken)):
        laws[law](make)


@pytest.mark.parametrize(
    ("kind", "sound", "breakers"),
    [("store", DictStore, STORES), ("sink", ListSink, SINKS), ("source", TextSource, SOURCES)],
)
def test_every_law_has_one_that_breaks_it(
    kind: str, sound: Callable[..., Any], breakers: Breakers
) -> None:
    assert set(_laws(kind, sound)[0]) == {law for law, _ in breakers.pairs}


def test_without_a_reader_the_positions_of_a_sink_are_still_tested() -> None:
    place: Lines = []
    results = check(lambda: ListSink(place))
    assert [result.ok for result in results] == [True] * 3


def test_the_laws_of_a_store_leave_its_other_names_alone() -> None:
    blobs = {"z": b"mine", "law": b"mine too"}
    assert all(result.ok for result in check(lambda: DictStore(blobs)))
    assert blobs == {"z": b"mine", "law": b"mine too"}
