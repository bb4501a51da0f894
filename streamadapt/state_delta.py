"""What changed from one state to the next, as data: for checkpoints that cost what was touched.

A delta is a state itself.  Values stand in it by their path, the names from the root joined as in
RFC 6901 (``/`` in a name is ``~1``, ``~`` is ``~0``), so it is never nested deeper than three.
Arrays are compared as bytes, in blocks of 64 (`streamadapt.array_patch`): no component need tell
what it touched, and none that forgets to can do harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, TypeAlias

import numpy as np

from streamadapt.array_patch import alike, patch, patched
from streamadapt.errors import CorruptStateError
from streamadapt.state import State, Value, same_bits
from streamadapt.state_tree import MAX_DEPTH

__all__ = ["apply", "delta"]

_Flat: TypeAlias = dict[str, Value]


def delta(old: State, new: State) -> State:
    """Return what makes `new` of `old`.

    Takes about the time of reading both once.  It may share arrays with `new`.

    Examples
    --------
    >>> old = State("bank", 1, {"rows": np.zeros((1000, 64)), "n": 7})
    >>> rows = np.zeros((1000, 64))
    >>> rows[500] = 1.0
    >>> new = State("bank", 1, {"rows": rows, "n": 8})
    >>> change = delta(old, new)
    >>> new.nbytes(), change.nbytes()
    (512008, 568)
    >>> apply(old, change).digest() == new.digest()
    True
    """
    before, after = dict(_flat(old)), dict(_flat(new))
    whole: _Flat = {}
    patches: _Flat = {}
    for path, value in after.items():
        was = before.get(path)
        if isinstance(was, np.ndarray) and isinstance(value, np.ndarray) and alike(was, value):
            change = patch(was, value)
            if change is None:
                continue
            if change.nbytes() < value.nbytes:
                patches[path] = change
                continue
        elif path in before and same_bits(was, value):
            continue
        whole[path] = value
    gone: _Flat = {path: None for path in before if path not in after}
    parts = {"gone": gone, "patches": patches, "whole": whole}
    return State("delta", 1, {name: State(name, 1, part) for name, part in parts.items()})


def apply(old: State, *deltas: State) -> State:
    """Return the state that `deltas`, one after the other, make of `old`, which stays as it is.

    Arrays that no delta touched are those of `old`.

    Raises
    ------
    IncompatibleStateError
        If one is no delta, or is of another release.
    CorruptStateError
        If one does not fit the state that it is applied to.
    """
    flat = dict(_flat(old))
    own: set[str] = set()  # paths of arrays that were copied: later deltas patch them in place
    for change in deltas:
        _take(change.expect("delta", 1), flat, own)
    return _grown(flat)


def _take(change: State, flat: _Flat, own: set[str]) -> None:
    for path in change.child("gone").values:
        if path not in flat:
            _corrupt(f"{path!r} is to go, and is not there")
        del flat[path]
    for path, value in change.child("whole").values.items():
        flat[path] = value
        own.discard(path)
    for path in change.child("patches").values:
        was = flat.get(path)
        if not isinstance(was, np.ndarray):
            _corrupt(f"{path!r} is to be patched, and is no array")
        flat[path] = patched(was, change.child("patches").child(path), in_place=path in own)
        own.add(path)


def _flat(state: State, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield all values by path; a state comes before what it holds, and without it."""
    yield path, State(state.kind, state.version)
    for name, value in state.values.items():
        inner = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(value, State):
            yield from _flat(value, inner)
        else:
            yield inner, value


def _grown(flat: _Flat) -> State:
    """Undo `_flat`, whatever the order of paths."""
    inside: dict[str, dict[str, Value]] = {}
    root: Value = None
    for path in sorted(flat, key=_depth):
        value = flat[path]
        if isinstance(value, State):
            inside[path] = {}
            value = State(value.kind, value.version, inside[path])
        parent, _, name = path.rpartition("/")
        if not path:
            root = value
        elif path[0] == "/" and parent in inside and _depth(path) <= MAX_DEPTH:
            inside[parent][name.replace("~1", "/").replace("~0", "~")] = value
        else:
            _corrupt(f"{path!r} is in no state")
    return root if isinstance(root, State) else _corrupt("it leaves no state")


def _depth(path: str) -> int:
    return path.count("/")


def _corrupt(why: str) -> NoReturn:
    raise CorruptStateError(f"a delta that does not fit its base: {why}")
