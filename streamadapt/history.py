"""What each key's last rows were: lags and rolling statistics, bounded over keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived import Lag, Rolling
from streamadapt.errors import IncompatibleStateError
from streamadapt.features_kernels import (
    CURRENT,
    EVICTIONS,
    HASH,
    LAG_COLUMN,
    LENGTH,
    META_FIELDS,
    NEWER,
    NEWEST,
    OLDER,
    OLDEST,
    PLAN_FIELDS,
    SEEN,
    SLOT_FIELDS,
    SLOTS_LIMIT,
    SLOTS_USED,
    rebuild,
    run_rows,
)
from streamadapt.state import State, Value
from streamadapt.window_kernels import BLOCK, BLOCK_FIELDS

__all__ = ["KeyHistory", "plan_lines"]

_PLACES = ("mean", "std", "min", "max", "sum")
_FIRST_SLOTS = 16


def plan_lines(
    spec: Lag | Rolling, source: int, holds_current: bool, column: int
) -> list[list[int]]:
    """Return the kernel's plan for one feature whose output starts at `column`."""
    nowhere = [-1] * len(_PLACES)
    if isinstance(spec, Lag):
        return [[source, step, 0, column + j, *nowhere] for j, step in enumerate(spec.steps)]
    columns = nowhere.copy()
    for j, name in enumerate(spec.statistics):
        columns[_PLACES.index(name)] = column + j
    return [[source, spec.window, int(holds_current), -1, *columns]]


@dataclass(slots=True)
class _Arrays:
    """The kernels' arrays, for a number of slots; see `streamadapt.features_kernels`."""

    rings: FloatArray
    blocks: FloatArray
    table: IntArray
    slots: IntArray
    meta: IntArray


class KeyHistory:
    """The last rows of each key, in ring buffers, and the columns derived from them.

    Keys are 64-bit hashes.  Beyond `max_keys` the key that was used least recently is forgotten;
    should it come back, it starts anew.  Memory grows with the keys that came, up to
    ``max_keys * n_sources * depth * 8`` bytes, where depth is the power of two above the longest
    lag or window.

    Parameters
    ----------
    plan
        int64 [p, 9], lines of `plan_lines`.
    n_sources
        Width S of the rows that are remembered.
    max_keys
        Most keys remembered.

    Examples
    --------
    >>> history = KeyHistory(np.array(plan_lines(Lag(of="x", steps=(1,)), 0, True, 0)), 1, 10)
    >>> X = np.empty((3, 1))
    >>> history.extend(np.array([7, 8, 7]), np.array([[1.0], [2.0], [3.0]]), X)
    >>> X.ravel()
    array([nan, nan,  1.])
    """

    def __init__(self, plan: IntArray, n_sources: int, max_keys: int) -> None:
        self.plan = np.require(plan, np.int64, ["C", "W"]).reshape(-1, PLAN_FIELDS)
        self.n_sources = n_sources
        self.max_keys = max_keys
        lags = self.plan[:, LAG_COLUMN] >= 0
        lengths = self.plan[:, LENGTH]
        # Past rows that a coming row may read; a window that holds the current row reads one less.
        self._reach = int((lengths - np.where(lags, 0, self.plan[:, CURRENT])).max())
        self._blocked = bool((lengths[~lags] > BLOCK).any())
        self._depth = 1 << self._reach.bit_length()
        self._arrays = self._empty(min(_FIRST_SLOTS, max_keys))

    @property
    def n_evicted(self) -> int:
        """Keys forgotten so far."""
        return int(self._arrays.meta[EVICTIONS])

    @property
    def n_keys(self) -> int:
        """Keys remembered now."""
        return int(self._arrays.meta[SLOTS_USED])

    def extend(self, keys: IntArray, V: FloatArray, X: FloatArray) -> None:
        """Append rows V float64 [n, S] of keys int64 [n]; fill the derived columns of X [n, d]."""
        row = 0
        while row < len(keys):
            a = self._arrays
            row = run_rows(row, keys, V, X, self.plan, a.rings, a.blocks, a.table, a.slots, a.meta)
            if row < len(keys):
                self._grow()

    def state(self) -> State:
        """Return the keys by last use, oldest first, each with the rows that can still matter.

        Rows seen are reduced to what decides the future: all up to the reach, then their place in
        a block.
        """
        order = self._order()
        seen = self._arrays.slots[order, SEEN]
        at = seen[:, None] - self._reach + np.arange(self._reach)
        rings = self._arrays.rings[order[:, None], :, at & (self._depth - 1)]  # [keys, reach, S]
        values: dict[str, Value] = {
            "hashes": self._arrays.slots[order, HASH],
            "seen": self._canonical(seen),
            "values": rings[at >= 0],
            "evicted": self.n_evicted,
        }
        return State("history", 1, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        state.expect("history", 1)
        hashes, seen, values = (
            state.integers("hashes"),
            state.integers("seen"),
            state.floats("values"),
        )
        held = np.minimum(seen, self._reach)
        fits = (
            hashes.shape == seen.shape == (len(np.unique(hashes)),)
            and len(hashes) <= self.max_keys
            and bool((seen == self._canonical(seen)).all() and (seen >= 0).all())
            and values.shape == (held.sum(), self.n_sources)
        )
        if not fits:
            raise IncompatibleStateError("history: keys and rows do not fit each other or max_keys")
        arrays = self._empty(max(len(hashes), min(_FIRST_SLOTS, self.max_keys)))
        slot = np.repeat(np.arange(len(hashes)), held)
        first = np.repeat(seen - np.cumsum(held), held)
        arrays.rings[slot, :, (first + np.arange(len(slot))) & (self._depth - 1)] = values
        arrays.slots[: len(hashes), HASH] = hashes
        arrays.slots[: len(hashes), SEEN] = seen
        arrays.meta[EVICTIONS] = state.integer("evicted")
        _link_in_order(arrays, len(hashes))
        self._adopt(arrays)

    def _canonical(self, seen: IntArray) -> IntArray:
        period = BLOCK if self._blocked else 1
        full = -(-self._reach // period) * period
        return np.where(seen < self._reach, seen, full + seen % period)

    def _order(self) -> IntArray:
        """Slots by last use, oldest first."""
        newer = self._arrays.slots[:, NEWER].tolist()
        order, slot = [], int(self._arrays.meta[OLDEST])
        while slot >= 0:
            order.append(slot)
            slot = newer[slot]
        return np.array(order, np.int64)

    def _empty(self, capacity: int) -> _Arrays:
        n_blocks = self._depth // BLOCK if self._blocked else 0
        meta = np.zeros(META_FIELDS, np.int64)
        meta[SLOTS_LIMIT], meta[NEWEST], meta[OLDEST] = self.max_keys, -1, -1
        return _Arrays(
            rings=np.full((capacity, self.n_sources, self._depth), np.nan),
            blocks=np.zeros((capacity, self.n_sources, n_blocks, BLOCK_FIELDS)),
            table=np.full(2 << capacity.bit_length(), -1, np.int64),
            slots=np.full((capacity, SLOT_FIELDS), -1, np.int64),
            meta=meta,
        )

    def _grow(self) -> None:
        used = len(self._arrays.slots)
        arrays = self._empty(min(2 * used, self.max_keys))
        arrays.rings[:used] = self._arrays.rings
        arrays.slots[:used] = self._arrays.slots
        arrays.meta[:] = self._arrays.meta
        self._adopt(arrays)

    def _adopt(self, arrays: _Arrays) -> None:
        rebuild(self._reach, arrays.rings, arrays.blocks, arrays.table, arrays.slots, arrays.meta)
        self._arrays = arrays


def _link_in_order(arrays: _Arrays, n_keys: int) -> None:
    """Make slots 0..n_keys-1 used, the last one most recently."""
    places = np.arange(n_keys)
    arrays.slots[:n_keys, OLDER] = places - 1
    arrays.slots[:n_keys, NEWER] = places + 1
    if n_keys:
        arrays.slots[n_keys - 1, NEWER] = -1
        arrays.meta[[SLOTS_USED, NEWEST, OLDEST]] = n_keys, n_keys - 1, 0
