"""What each key's last rows were: lags and rolling statistics, bounded over keys."""

from __future__ import annotations

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
    PLAN_FIELDS,
    SEEN,
    SLOTS_USED,
    run_rows,
    summarise_rings,
)
from streamadapt.key_table import KeyTable
from streamadapt.state import State, Value
from streamadapt.window_kernels import BLOCK, BLOCK_FIELDS

__all__ = ["KeyHistory", "plan_lines"]

_PLACES = ("mean", "std", "min", "max", "sum")


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
        self._adopt(KeyTable.empty(max_keys))

    @property
    def n_evicted(self) -> int:
        """Keys forgotten so far."""
        return self._keys.n_evicted

    @property
    def n_keys(self) -> int:
        """Keys remembered now."""
        return int(self._keys.meta[SLOTS_USED])

    def extend(self, keys: IntArray, V: FloatArray, X: FloatArray) -> None:
        """Append rows V float64 [n, S] of keys int64 [n]; fill the derived columns of X [n, d]."""
        row = 0
        while row < len(keys):
            k = self._keys
            row = run_rows(
                row, keys, V, X, self.plan, self._rings, self._blocks, k.table, k.slots, k.meta
            )
            if row < len(keys):
                rings, blocks = self._rings, self._blocks
                self._adopt(k.grown())
                self._rings[: len(rings)], self._blocks[: len(blocks)] = rings, blocks

    def state(self) -> State:
        """Return the keys by last use, oldest first, each with the rows that can still matter.

        Rows seen are reduced to what decides the future: all up to the reach, then their place in
        a block.
        """
        order = self._keys.order()
        seen = self._keys.slots[order, SEEN]
        at = seen[:, None] - self._reach + np.arange(self._reach)
        rings = self._rings[order[:, None], :, at & (self._depth - 1)]  # [keys, reach, S]
        values: dict[str, Value] = {
            "hashes": self._keys.slots[order, HASH],
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
            hashes.shape == seen.shape == (len(hashes),)
            and bool((seen == self._canonical(seen)).all() and (seen >= 0).all())
            and values.shape == (held.sum(), self.n_sources)
        )
        if not fits:
            raise IncompatibleStateError("history: keys and rows do not fit each other")
        keys = KeyTable.of(hashes, self.max_keys)
        keys.slots[: len(hashes), SEEN] = seen
        keys.meta[EVICTIONS] = state.integer("evicted")
        self._adopt(keys)
        slot = np.repeat(np.arange(len(hashes)), held)
        first = np.repeat(seen - np.cumsum(held), held)
        self._rings[slot, :, (first + np.arange(len(slot))) & (self._depth - 1)] = values
        if self._blocked:
            summarise_rings(self._reach, self._rings, self._blocks, keys.slots, keys.meta)

    def _canonical(self, seen: IntArray) -> IntArray:
        period = BLOCK if self._blocked else 1
        full = -(-self._reach // period) * period
        return np.where(seen < self._reach, seen, full + seen % period)

    def _adopt(self, keys: KeyTable) -> None:
        n_slots, n_blocks = len(keys.slots), self._depth // BLOCK if self._blocked else 0
        self._keys = keys
        self._rings = np.full((n_slots, self.n_sources, self._depth), np.nan)
        self._blocks = np.zeros((n_slots, self.n_sources, n_blocks, BLOCK_FIELDS))
