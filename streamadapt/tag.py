"""The tag: what stands beside a committed offset, so that Kafka alone says which state is valid.

It names the last few checkpoints, oldest first, and for tasks with several inputs the order in
which records were taken since each of them, run-length coded: ``12e3l`` is twelve events, then
three labels.  Version 1 reads::

    1|500:0123456789abcdef;12e3l|515:fedcba9876543210;40e

Until there is a checkpoint, the first entry is where the task began, with nothing learned:
``@e=0,l=0;12e3l``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from streamadapt.errors import CorruptStateError, IncompatibleStateError

__all__ = ["KINDS", "LIMIT_CHARS", "Entry", "Tag", "coded", "decoded", "origin_name", "origin_of"]

KINDS = "elc"
"""One letter for each input: events, labels, control."""

LIMIT_CHARS = 3_500
"""The longest tag: a broker takes 4,096 bytes by default (``offset.metadata.max.bytes``)."""

_VERSION = "1"
_RUN = re.compile(r"([1-9][0-9]*)([elc])")
_NAME = re.compile(r"[0-9]{1,19}:[0-9a-f]{16}|@[elc]=[0-9]+(,[elc]=[0-9]+)*")

Run = tuple[str, int]
"""An input's letter, and how many records were taken from it at a stretch."""


@dataclass(slots=True)
class Entry:
    """A checkpoint's name, and what was taken after it until the next one.

    A checkpoint that is still being written has the name ``""``: until it is there, what was taken
    after it counts as taken after the one before.
    """

    name: str
    order: list[Run]
    chars: int = field(init=False)
    """Length of the order as text; kept, as it is asked for at every turn."""

    def __post_init__(self) -> None:
        """Count."""
        self.chars = len(coded(self.order))

    @property
    def is_origin(self) -> bool:
        """Whether it stands for the beginning, where nothing was learned."""
        return self.name.startswith("@")

    def take(self, kind: str, n: int) -> None:
        """Note that `n` more records came from `kind`."""
        if n and self.order and self.order[-1][0] == kind:
            before = self.order.pop()[1]
            self.chars -= len(str(before)) + 1
            n += before
        if n:
            self.order.append((kind, n))
            self.chars += len(str(n)) + 1

    def take_all(self, order: Iterable[Run]) -> None:
        """Note that records came in this order."""
        for kind, n in order:
            self.take(kind, n)


@dataclass(slots=True)
class Tag:
    """The entries, oldest first; the last one's order ends where the offsets are committed.

    Examples
    --------
    >>> tag = Tag([Entry(origin_name({"e": 0}), [])])
    >>> tag.entries[-1].take("e", 3)
    >>> tag.entries[-1].take("e", 2)
    >>> tag.text(ordered=True), Tag.read(tag.text(ordered=True)) == tag
    ('1|@e=0;5e', True)
    >>> Tag.read("not ours")
    Traceback (most recent call last):
    streamadapt.errors.CorruptStateError: tag 'not ours': not one of this service's
    """

    entries: list[Entry]

    @property
    def names(self) -> list[str]:
        """Names of the checkpoints, newest first."""
        return [e.name for e in reversed(self.entries) if e.name and not e.is_origin]

    @property
    def is_named(self) -> bool:
        """Whether it says at all how to come by the state."""
        return bool(self.entries[0].name)

    @property
    def length(self) -> int:
        """How long the text is at most, orders included."""
        return 1 + sum(len(entry.name) + 2 + entry.chars for entry in self.entries)

    def text(self, ordered: bool) -> str:
        """Return the tag as text; without orders where all records come by one input."""
        named = _named(self.entries)
        return "|".join(
            [_VERSION, *(f"{e.name};{coded(e.order) if ordered else ''}" for e in named)]
        )

    def forget(self, names: Collection[str]) -> None:
        """Take names out: what was taken after them counts as taken after the one before.

        Raises `CorruptStateError` if nothing is left to begin from.
        """
        for entry in self.entries:
            entry.name = "" if entry.name in names else entry.name
        if not self.entries[0].name:
            raise CorruptStateError("tag: its oldest checkpoint cannot be taken out")
        self.entries = _named(self.entries)

    def drop(self, entry: Entry) -> None:
        """Take out an entry that gets no name: there may be many while the store is away."""
        place = next(i for i, each in enumerate(self.entries) if each is entry)
        if place:
            for kind, n in entry.order:
                self.entries[place - 1].take(kind, n)
            del self.entries[place]

    def keep(self, n: int) -> None:
        """Leave the newest `n` named entries, and what is after them."""
        named = [i for i, entry in enumerate(self.entries) if entry.name][-n:]
        self.entries = self.entries[named[0] if named else 0 :]

    @property
    def since_first(self) -> list[Run]:
        """What was taken after the oldest entry."""
        runs = Entry("", [])
        for entry in self.entries:
            runs.take_all(entry.order)
        return runs.order

    def since(self, name: str) -> list[Run]:
        """Return what was taken after the checkpoint `name`."""
        place = [entry.name for entry in self.entries].index(name)
        return Tag(self.entries[place:]).since_first

    @classmethod
    def read(cls, text: str) -> Tag:
        """Return the tag that a text is.

        Raises
        ------
        CorruptStateError
            If it is none of this service's.
        IncompatibleStateError
            If a newer release wrote it.
        """
        version, *parts = text.split("|")
        if version.isdigit() and version != _VERSION:
            raise IncompatibleStateError(f"tag {text[:80]!r}: written by a newer release")
        entries = [
            Entry(name, decoded(order)) for name, _, order in (p.partition(";") for p in parts)
        ]
        if version != _VERSION or not entries or not all(_NAME.fullmatch(e.name) for e in entries):
            raise CorruptStateError(f"tag {text[:80]!r}: not one of this service's")
        return cls(entries)


def _named(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with a name, each with what was taken until the next such."""
    named: list[Entry] = []
    for entry in entries:
        if entry.name:
            named.append(Entry(entry.name, list(entry.order)))
        else:
            named[-1].take_all(entry.order)
    return named


def coded(order: Iterable[Run]) -> str:
    """Return an order as text.

    >>> coded([("e", 12), ("l", 3)]), decoded("12e3l")
    ('12e3l', [('e', 12), ('l', 3)])
    """
    return "".join(f"{n}{kind}" for kind, n in order)


def decoded(text: str) -> list[Run]:
    """Return the order that a text is; raises `CorruptStateError` if it is none."""
    runs = [(kind, int(n)) for n, kind in _RUN.findall(text)]
    if coded(runs) != text:
        raise CorruptStateError(f"order {text[:80]!r}: not a run-length code like 12e3l")
    return runs


def origin_name(offsets: dict[str, int]) -> str:
    """Return the name of the state in which nothing was learned, at these offsets.

    >>> origin_name({"e": 5, "l": 7}), origin_of("@e=5,l=7")
    ('@e=5,l=7', {'e': 5, 'l': 7})
    """
    return "@" + ",".join(f"{kind}={offsets[kind]}" for kind in KINDS if kind in offsets)


def origin_of(name: str) -> dict[str, int]:
    """Return the offsets in such a name."""
    pairs = (part.split("=") for part in name[1:].split(","))
    return {kind: int(offset) for kind, offset in pairs}
