"""What each key remembers in a few numbers: weighted means, rates, counts, running scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Remembered, Scale
from streamadapt.errors import IncompatibleStateError
from streamadapt.features_kernels import EVICTIONS, HASH
from streamadapt.key_table import KeyTable
from streamadapt.memory_kernels import (
    AT,
    COUNT,
    MEAN,
    MEMORY_FIELDS,
    QUARTILES,
    QUARTILES_SIZE,
    RANGE,
    RATE,
    RECURSION,
    ROWS,
    SINCE,
    SIZE,
    run_memories,
)
from streamadapt.state import State

__all__ = ["KeyMemory", "Line"]

_FRESH: dict[int, tuple[float, ...]] = {
    MEAN: (0.0, np.nan, 0.0),
    RATE: (0.0,),
    SINCE: (),
    RANGE: (np.inf, -np.inf),
    QUARTILES: (0.0,) * QUARTILES_SIZE,
}
_MOMENTS = ("mean", "std", "var", "standard")

Line = tuple[Remembered, int, bool, int]
"""A feature, its source's place (-1: none), whether the row's own value is known, its column."""


class KeyMemory:
    """A row of numbers for each key, and the columns derived from it.

    Keys are 64-bit hashes.  Beyond `max_keys` the key that was used least recently is forgotten;
    should it come back, it starts anew.

    Parameters
    ----------
    lines
        The features.
    max_keys
        Most keys remembered.

    Examples
    --------
    >>> memory = KeyMemory([(Scale(of="x", method="min_max"), 0, True, 0)], 10)
    >>> X = np.empty((3, 1))
    >>> memory.extend(np.zeros(3, int), np.zeros(3, int), np.array([[1.0], [3.0], [2.0]]), X)
    >>> X.ravel()
    array([0. , 1. , 0.5])
    """

    def __init__(self, lines: Sequence[Line], max_keys: int) -> None:
        self.max_keys = max_keys
        fresh: list[float] = [np.nan]
        plan, params = [], []
        for spec, source, current, column in lines:
            recursion, first, param = _recursion(spec)
            places = [recursion, source, int(current), len(fresh), len(first)]
            plan.append([*places, *_columns(spec, column)])
            params.append(param)
            fresh.extend(first)
        self.plan = np.array(plan, np.int64).reshape(-1, MEMORY_FIELDS)
        self._params = np.array(params, np.float64).reshape(-1, 2)
        self._fresh = np.array(fresh)
        self._adopt(KeyTable.empty(max_keys))

    @property
    def n_evicted(self) -> int:
        """Keys forgotten so far."""
        return self._keys.n_evicted

    def extend(self, keys: IntArray, times_us: IntArray, V: FloatArray, X: FloatArray) -> None:
        """Take in rows V float64 [n, S] of keys and times int64 [n]; fill their columns of X."""
        row = 0
        while row < len(keys):
            k = self._keys
            row = run_memories(
                row, keys, times_us, V, X, self.plan, self._params, self._fresh,
                self._memory, k.table, k.slots, k.meta,
            )  # fmt: skip
            if row < len(keys):
                memory = self._memory
                self._adopt(k.grown())
                self._memory[: len(memory)] = memory

    def state(self) -> State:
        """Return the keys by last use, oldest first, with what each remembers."""
        order = self._keys.order()
        return State(
            "key_memory",
            1,
            {
                "hashes": self._keys.slots[order, HASH],
                "memory": self._canonical(self._memory[order]),
                "rows": int(self._keys.meta[ROWS]),
                "evicted": self.n_evicted,
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        state.expect("key_memory", 1)
        hashes, memory = state.integers("hashes"), state.floats("memory")
        rows, evicted = state.integer("rows"), state.integer("evicted")
        if memory.shape != (len(hashes), len(self._fresh)) or not self._is_canonical(memory):
            raise IncompatibleStateError("key_memory: the numbers do not fit the features")
        self._adopt(KeyTable.of(hashes, self.max_keys))
        self._memory[: len(memory)] = memory
        self._keys.meta[ROWS], self._keys.meta[EVICTIONS] = rows, evicted

    def _adopt(self, keys: KeyTable) -> None:
        self._keys = keys
        self._memory = np.zeros((len(keys.slots), len(self._fresh)))

    def _canonical(self, memory: FloatArray) -> FloatArray:
        """Turn all rings of counts so that they start at 0, with nothing behind their end."""
        for at, size in self.plan[self.plan[:, RECURSION] == COUNT][:, [AT, SIZE]].tolist():
            places = np.arange(size - 2)
            head, held = memory[:, at].astype(np.int64), memory[:, at + 1]
            ring = memory[:, at + 2 : at + size]
            turned = np.take_along_axis(ring, (head[:, None] + places) % (size - 2), axis=1)
            memory[:, at + 2 : at + size] = np.where(places < held[:, None], turned, 0.0)
            memory[:, at] = 0.0
        return memory

    def _is_canonical(self, memory: FloatArray) -> bool:
        """Whether no place or number in a row can lead a kernel outside its arrays."""
        for at, size in self.plan[self.plan[:, RECURSION] == COUNT][:, [AT, SIZE]].tolist():
            held = memory[:, at + 1]
            if (memory[:, at] != 0.0).any() or not ((held >= 0) & (held <= size - 2)).all():
                return False
        n = memory[:, self.plan[self.plan[:, RECURSION] == QUARTILES][:, AT]]
        return bool((n >= 0).all())


def _recursion(spec: Remembered) -> tuple[int, tuple[float, ...], tuple[float, float]]:
    """Return which recursion, the numbers it starts from, and its parameters."""
    recursion, params = SINCE, (0.0, 0.0)
    match spec:
        case ExponentiallyWeighted(half_life=length, unit=unit):
            recursion = MEAN
            params = (length, 0.5 ** (1.0 / length) if unit == "rows" else 0.0)
        case Rate(half_life_s=length):
            recursion, params = RATE, (length, 0.0)
        case Count(window=window, unit=unit, most=most):
            by = (window, 1.0) if unit == "rows" else (window * 1e6, 0.0)
            return COUNT, (0.0,) * (most + 2), by
        case Scale(method="standard"):
            recursion, params = MEAN, (np.inf, 1.0)
        case Scale(method=method):
            recursion = RANGE if method == "min_max" else QUARTILES
    return recursion, _FRESH[recursion], params


def _columns(spec: Remembered, column: int) -> list[int]:
    """Return where the recursion's outputs go."""
    columns = [column, -1, -1, -1]
    if isinstance(spec, ExponentiallyWeighted):
        columns = [-1] * len(_MOMENTS)
        for j, name in enumerate(spec.statistics):
            columns[_MOMENTS.index(name)] = column + j
    elif isinstance(spec, Scale) and spec.method == "standard":
        columns = [-1, -1, -1, column]
    return columns
