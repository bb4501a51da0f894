"""Deletes the checkpoints that no commit can name any more, and lists those of other tasks."""

from __future__ import annotations

import re
from collections.abc import Collection

from streamadapt.checkpoint_names import Bases, bases_of, chain, chains, key_of, position_of
from streamadapt.contracts import HasNeighbours, Store
from streamadapt.errors import checked

__all__ = ["stands", "sweep", "tasks"]

_KEY = re.compile(r"(.*)/[0-9]{20}:[0-9a-f]{16}(~.*)?", re.DOTALL)


def sweep(store: Store, task: str, named: Collection[str], grace_s: float) -> list[str]:
    """Delete the checkpoints of `task` that no commit can name any more; return their names.

    What is left behind: blobs of transactions that were aborted, of workers that died between
    writing a blob and naming it, or that wrote on after they were fenced.

    It is safe while others write, and whoever calls it, because of what writers keep to:

    - A commit names checkpoints that the last one named, or new ones, at its own position.  The
      committed position never falls.  So a blob that is not among `named`, and is before the
      newest of them, will never be named.  What `named` build on is kept with them.
    - A blob at that position or after it may be one whose commit is on its way.  It is deleted only
      if the store can tell that nobody wrote or read it for `grace_s`: choose longer than a commit
      may take, its retries included.  What such a blob builds on is kept as well.
    - If `named` is empty, or the newest of them is not whole in the store, nothing is deleted: an
      operator may have to choose among what is left.

    Parameters
    ----------
    store
        The store of the checkpoints.
    task
        The task's name.
    named
        The names in the last committed transaction of this task, read with ``read_committed``.
    grace_s
        How long a blob stays that might yet be named, in seconds.
    """
    checked("grace_s", grace_s, 0.0, float("inf"))
    bases = bases_of(task, store.names(f"{task}/"))
    newest = max(named, key=position_of, default=None)
    if newest is None or not _is_whole(store, task, chain(newest, bases), bases):
        return []
    spare = [
        name
        for name in bases
        if name not in named
        and (position_of(name) < position_of(newest) or _is_old(store, task, name, bases, grace_s))
    ]
    kept = chains([name for name in bases if name not in spare], bases)
    gone = [name for name in spare if name not in kept]
    store.delete([key_of(task, name, bases[name]) for name in gone])
    return gone


def tasks(store: Store) -> dict[str, int]:
    """Return the tasks of all checkpoints in a store, and how many each has.

    Checkpoints of partitions or pipelines that are no more are found so; whether they may go is a
    person's decision.

    Examples
    --------
    >>> from streamadapt.connectors.memory import MemoryStore
    >>> store = MemoryStore({key_of("clicks-0", f"{n}:0123456789abcdef"): b"" for n in (1, 2)})
    >>> tasks(store)
    {'clicks-0': 2}
    """
    found: dict[str, int] = {}
    for key in store.names():
        if match := _KEY.fullmatch(key):
            found[match[1]] = found.get(match[1], 0) + 1
    return found


def stands(store: Store, task: str, name: str) -> bool:
    """Return whether a checkpoint is in the store, with all that it builds on."""
    bases = bases_of(task, store.names(f"{task}/"))
    return _is_whole(store, task, chain(name, bases), bases)


def _is_whole(store: Store, task: str, links: list[str], bases: Bases) -> bool:
    keys = {key_of(task, link, bases[link]) for link in links}
    return bool(links) and bases[links[-1]] is None and store.holds(keys) == keys


def _is_old(store: Store, task: str, name: str, bases: Bases, grace_s: float) -> bool:
    if not isinstance(store, HasNeighbours):
        return False
    age_s = store.age_s(key_of(task, name, bases[name]))
    return age_s is not None and age_s > grace_s
