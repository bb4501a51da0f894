"""A bank: one detector for each of many keys, in one array, with one kernel call for a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import Alarm, BoolArray, FloatArray, IntArray, LevelArray
from streamadapt.detectors.bank_kernels import bank_kernel, first_outside
from streamadapt.detectors.detector import ArrayDetector, BitDetector, alarm_of, values_of
from streamadapt.detectors.detector_kernels import (
    ALARMED,
    N_FIELDS,
    N_SEEN,
    N_SKIPPED,
    WARNING,
    first_that_is_no_bit,
)
from streamadapt.detectors.page_hinkley import PageHinkley
from streamadapt.detectors.page_hinkley_bank_kernels import (
    page_hinkley_at_all_keys,
    page_hinkley_at_keys,
)
from streamadapt.errors import CorruptStateError, IncompatibleStateError, ParameterError, whole
from streamadapt.state import State

__all__ = ["DetectorBank"]

_BLOCK_VALUES = 65_536
_MAX_KEYS = 10_000_000
_WORDS_A_LINE = 8  # of cache, and of a block of a delta


class DetectorBank:
    """Detectors of one method with the same parameters, one for each key 0..n_keys-1.

    Each raises the very alarms that a detector of its own would raise on the values of its key.
    Its state is one row of an array, padded to lines of 64 bytes, so the delta of a checkpoint
    holds the rows of keys that took a value, and no others.  Nothing grows.

    Methods that keep a window, such as ADWIN, have no row of a fixed width and cannot be banked.

    Parameters
    ----------
    detector
        One such detector, fresh; it is copied, not used.
    n_keys
        How many keys there are.

    Raises
    ------
    ParameterError
        If the method keeps more than counters and sums, or the detector has seen values.

    Examples
    --------
    >>> from streamadapt.detectors import PageHinkley
    >>> bank = DetectorBank(PageHinkley(threshold=10.0), n_keys=3)
    >>> keys = np.tile([2, 0], 200)  # key 2 jumps in the middle, key 0 does not
    >>> xs = np.where((keys == 2) & (np.arange(400) >= 200), 1.0, 0.0)
    >>> np.flatnonzero(bank.update(keys, xs)).tolist(), bank.alarm_keys.tolist()
    ([220], [2])
    >>> bank.n_seen.tolist()
    [200, 0, 200]
    """

    state_version = 1

    def __init__(self, detector: ArrayDetector, n_keys: int) -> None:
        self.n_keys = whole("n_keys", n_keys, 1, _MAX_KEYS)
        self._params, counts, sums, *more = detector.arrays()
        if more:
            raise ParameterError(f"{detector.kind} keeps a window: it has no row of a fixed width")
        if counts.any():
            raise ParameterError("the detector of a bank must be fresh, this one has seen values")
        self._sample = detector
        self._n_counts, self._n_sums = len(counts), len(sums)
        n_words = len(counts) + len(sums)
        self._rows = np.zeros((self.n_keys, -(-n_words // _WORDS_A_LINE) * _WORDS_A_LINE))
        self._rows[:, len(counts) : n_words] = sums
        is_page_hinkley = isinstance(detector, PageHinkley)
        self._run = page_hinkley_at_keys if is_page_hinkley else bank_kernel(type(detector).kernel)
        self._forget_last_call()

    @property
    def kind(self) -> str:
        """Name of the state: that of the method, and that it is a bank."""
        return f"{self._sample.kind}_bank"

    @property
    def n_seen(self) -> IntArray:
        """How many usable values each key ever had, int64 [n_keys]."""
        return self._rows[:, N_SEEN].astype(np.int64)

    @property
    def n_skipped(self) -> int:
        """How many values of all keys were ever skipped: NaN, infinite or beyond `LIMIT`."""
        return int(self._rows[:, N_SKIPPED].sum())

    @property
    def skipped(self) -> IntArray:
        """How many values of each key were ever skipped, int64 [n_keys]."""
        return self._rows[:, N_SKIPPED].astype(np.int64)

    @property
    def in_warning_zone(self) -> BoolArray:
        """Which keys are in their warning zone, bool [n_keys]."""
        flags: BoolArray = self._rows[:, WARNING] != 0
        return flags

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms of the last call, in order; ``age`` counts the values of the key alone.

        So ``change_point`` says nothing here.
        """
        return [alarm_of(row) for row in self._alarms.tolist()]

    @property
    def alarm_keys(self) -> IntArray:
        """The key of each alarm of the last call, int64 [n_alarms]."""
        return self._alarm_keys.copy()

    def update(self, keys: ArrayLike, xs: ArrayLike) -> BoolArray:
        """Take values float64 [n] in order, each at its key; return bool [n], True at alarms.

        Raises
        ------
        ParameterError
            If both are not of one length, a key is not in 0..n_keys-1, or the method takes 0 and 1
            alone and a finite value is neither; then none is taken.
        """
        values = self._checked(values_of(xs))
        places = self._places(keys, len(values))
        levels, found = np.zeros(len(values), np.int8), []
        for start in range(0, len(values), _BLOCK_VALUES):
            block = slice(start, start + _BLOCK_VALUES)
            rows = self._taken(places[block], values[block], levels[block])
            rows[:, 0] += start
            found.append(rows)
        self._note(found)
        self._alarm_keys = places[self._alarms[:, 0].astype(np.int64)]
        return _flags(levels)

    def update_all(self, X: ArrayLike) -> BoolArray:
        """Take one value of every key at each of t ticks, float64 [t, n_keys]; return bool alike.

        The same as `update` with keys 0..n_keys-1 at the first tick, then at the second, and so
        on: the index of an alarm is ``tick * n_keys + key``.

        Raises
        ------
        ParameterError
            If `X` has another shape, or the method takes 0 and 1 alone and a finite value is
            neither; then none is taken.
        """
        ticks = np.require(X, np.float64, ["C", "W"])
        if ticks.ndim != 2 or ticks.shape[1] != self.n_keys:
            raise ParameterError(f"X has shape {ticks.shape}, expected (t, {self.n_keys})")
        if self._run is not page_hinkley_at_keys:
            keys = np.tile(np.arange(self.n_keys), len(ticks))
            return self.update(keys, ticks.reshape(-1)).reshape(ticks.shape)
        levels, found = np.zeros(ticks.shape, np.int8), []
        n_ticks = max(1, 16 * _BLOCK_VALUES // self.n_keys)  # a call: room for alarms is bounded
        for start in range(0, len(ticks), n_ticks):
            block = slice(start, start + n_ticks)
            room = np.empty((ticks[block].size, N_FIELDS))
            n = page_hinkley_at_all_keys(
                ticks[block], levels[block], room, self._params, self._rows
            )
            rows = room[np.argsort(room[:n, 0])]
            rows[:, 0] += start * self.n_keys
            found.append(rows)
        self._note(found)
        self._alarm_keys = self._alarms[:, 0].astype(np.int64) % self.n_keys
        return _flags(levels)

    def state(self) -> State:
        """Return the parameters, and a row for each key, as copies."""
        return State(
            self.kind,
            self.state_version,
            {"parameters": self._parameters(), "rows": self._rows.copy()},
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes, or raise `StateError` and stay unchanged."""
        theirs = state.expect(self.kind, self.state_version).child("parameters")
        mine = self._parameters()
        if theirs.digest() != mine.digest():
            raise IncompatibleStateError(
                f"{self.kind}: state of {dict(theirs.values)} cannot restore {dict(mine.values)}"
            )
        rows = state.floats("rows")
        counts = rows[..., : self._n_counts]
        if rows.shape != self._rows.shape or not np.all((counts >= 0) & (counts % 1 == 0)):
            raise CorruptStateError(f"{self.kind}: its rows are not those of {self.n_keys} keys")
        self._rows = np.ascontiguousarray(rows)
        self._forget_last_call()

    def _parameters(self) -> State:
        names = self._sample.parameter_names
        own = {name: getattr(self._sample, name) for name in names}
        return State("parameters", 1, own | {"n_keys": self.n_keys})

    def _checked(self, values: FloatArray) -> FloatArray:
        if isinstance(self._sample, BitDetector):
            i = first_that_is_no_bit(values)
            if i < len(values):
                kind = self._sample.kind
                raise ParameterError(f"xs[{i}] = {values[i]!s}: {kind} takes 0 and 1 alone")
        return values

    def _places(self, keys: ArrayLike, n: int) -> IntArray:
        given = np.asarray(keys)
        if given.shape != (n,) or (n and given.dtype.kind not in "iu"):
            raise ParameterError(
                f"keys are {given.dtype} of shape {given.shape}, expected whole numbers ({n},)"
            )
        places = np.require(given, np.int64, ["C", "W"])
        i = first_outside(places, self.n_keys)
        if i < n:
            raise ParameterError(f"keys[{i}] = {places[i]} is not in 0..{self.n_keys - 1}")
        return places

    def _taken(self, keys: IntArray, values: FloatArray, levels: LevelArray) -> FloatArray:
        room = np.empty((len(values), N_FIELDS))
        sizes = self._n_counts, self._n_sums
        n = self._run(keys, values, levels, room, self._params, self._rows, *sizes)
        return room[:n].copy()

    def _note(self, found: list[FloatArray]) -> None:
        self._alarms = np.concatenate([np.empty((0, N_FIELDS)), *found])

    def _forget_last_call(self) -> None:
        self._alarms, self._alarm_keys = np.empty((0, N_FIELDS)), np.zeros(0, np.int64)


def _flags(levels: LevelArray) -> BoolArray:
    flags: BoolArray = (levels & ALARMED).view(np.bool_)
    return flags
