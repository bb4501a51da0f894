"""Names of checkpoints, their keys in a store, and the chains in which deltas build on others.

A checkpoint's name is ``position:digest``.  Its key is ``task/position:digest``, with the position
padded so that a store's order of keys is that of positions.  The key of a delta ends with ``~`` and
the name it builds on: chains are seen in a listing, without reading a blob.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from streamadapt.errors import MissingStateError

__all__ = ["MAX_POSITION", "Bases", "bases_of", "chain", "chains", "key_of", "position_of"]

Bases: TypeAlias = Mapping[str, "str | None"]
"""Names of checkpoints, oldest first, each with the name it builds on; None for a full one."""

MAX_POSITION = 10**19 - 1

_NAME = re.compile(r"(0|[1-9][0-9]{0,18}):([0-9a-f]{16})")
_KEY_END = re.compile(rf"([0-9]{{20}}):([0-9a-f]{{16}})(?:~({_NAME.pattern}))?")


def key_of(task: str, name: str, base: str | None = None) -> str:
    """Return the key of a checkpoint, or of a delta that builds on `base`.

    Raises
    ------
    MissingStateError
        If `name` is not the name of a checkpoint.

    Examples
    --------
    >>> key_of("clicks", "7:0123456789abcdef")
    'clicks/00000000000000000007:0123456789abcdef'
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise MissingStateError(f"{name!r} is not the name of a checkpoint")
    end = "" if base is None else f"~{base}"
    return f"{task}/{int(match[1]):020d}:{match[2]}{end}"


def bases_of(task: str, keys: Iterable[str]) -> dict[str, str | None]:
    """Return the checkpoints of `task` among sorted keys, with what each builds on.

    Examples
    --------
    >>> bases_of("t", [key_of("t", "7:" + "0" * 16), key_of("t", "9:" + "1" * 16, "7:" + "0" * 16)])
    {'7:0000000000000000': None, '9:1111111111111111': '7:0000000000000000'}
    """
    ends = (_KEY_END.fullmatch(key.removeprefix(f"{task}/")) for key in keys)
    return {f"{int(m[1])}:{m[2]}": m[3] for m in ends if m}


def chain(name: str, bases: Bases) -> list[str]:
    """Return `name`, what it builds on, and so on to the full one, or to the first that lacks."""
    links: list[str] = []
    link: str | None = name
    while link is not None and link in bases and link not in links:
        links.append(link)
        link = bases[link]
    return links


def chains(names: Collection[str], bases: Bases) -> set[str]:
    """Return all that some of `names` need, themselves among it."""
    return {link for name in names for link in chain(name, bases)}


def position_of(name: str) -> int:
    """Return the position in a name; -1 if it is not the name of a checkpoint."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else -1
