"""What all array detectors share: checked arguments, counters, one kernel call per block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import Alarm, BoolArray, FloatArray, IntArray, LevelArray
from streamadapt.detectors.detector_kernels import (
    ALARM,
    ALARM_NOW,
    ALARMED,
    N_FIELDS,
    N_SEEN,
    N_SKIPPED,
    WARNED,
    WARNING,
    first_that_is_no_bit,
)
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, IncompatibleStateError, ParameterError
from streamadapt.jit import Kernel
from streamadapt.state import State, Value

__all__ = ["ArrayDetector", "BitDetector", "alarm_of", "values_of"]

_BLOCK_VALUES = 65_536  # bounds the room for alarms: 56 bytes a value
_NO_ROWS: FloatArray = np.empty((0, N_FIELDS))


class ArrayDetector:
    """A detector over arrays: subclasses name one kernel that runs over a block of values.

    Values that are NaN, infinite or beyond `LIMIT` are counted in ``n_skipped``, raise no alarm
    and change nothing else.

    The kernel takes ``(xs, levels, rows, params, counts, sums, *more)`` and returns the number of
    alarms: ``xs`` float64 [n] are the values, ``levels`` int8 [n] come as zeros and take `ALARMED`
    and `WARNED` bits, ``rows`` float64 [n, N_FIELDS] come with any content and take one row for
    each alarm (`note_alarm`), ``params`` and ``more`` are arguments of this constructor, and
    ``counts`` and ``sums`` are the state that it changes.  A method that keeps state in ``more``
    overrides `_state_values` and `_adopt`, which writes into the arrays.

    Parameters
    ----------
    params
        The method's parameters as its kernel takes them, float64.
    n_counts
        Length of the int64 counters, of which the first `N_COMMON` are common to all detectors.
    n_sums
        Length of the float64 running sums.
    more
        Arrays that the kernel takes after these, such as a window.
    """

    kind: ClassVar[str]
    state_version: ClassVar[int] = 1
    parameter_names: ClassVar[tuple[str, ...]]
    kernel: ClassVar[Kernel]
    alarm_threshold: ClassVar[Threshold | None] = None
    """What is to be set for fewer or more alarms; None where nothing can be."""

    def __init__(
        self,
        params: Sequence[float],
        n_counts: int,
        n_sums: int,
        more: tuple[NDArray[np.generic], ...] = (),
    ) -> None:
        self._counts: IntArray = np.zeros(n_counts, np.int64)
        self._sums: FloatArray = np.zeros(n_sums)
        # What the kernel takes besides a block; these very arrays for the detector's life, so that
        # the arguments of a call with one value are put together once.
        self._memory = (np.array(params, np.float64), self._counts, self._sums, *more)
        one = np.empty(1), np.zeros(1, np.int8), np.empty((1, N_FIELDS))
        self._one: tuple[Any, ...] = (*one, *self._memory)
        self._forget_last_call()

    @property
    def drift_detected(self) -> bool:
        """Whether the last value raised an alarm; a skipped value never does."""
        return bool(self._counts[ALARM] == ALARM_NOW)

    @property
    def warning_detected(self) -> bool:
        """Whether the detector is in its warning zone; False where the method has none."""
        return bool(self._counts[WARNING])

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms of the last call of `update` or `update_many`, in order."""
        return [alarm_of(row) for row in self._rows[: self._n_alarms].tolist()]

    @property
    def warnings(self) -> BoolArray:
        """`warning_detected` after each value of the last call, bool [n]."""
        flags: BoolArray = self._levels & WARNED != 0
        return flags

    @property
    def n_seen(self) -> int:
        """How many usable values were ever taken; an alarm does not reset it."""
        return int(self._counts[N_SEEN])

    @property
    def n_skipped(self) -> int:
        """How many values were ever skipped: NaN, infinite or beyond `LIMIT`."""
        return int(self._counts[N_SKIPPED])

    def update(self, x: float) -> None:
        """Take one value."""
        one = self._one
        one[0][0] = x
        self._levels, self._rows = one[1], one[2]
        self._levels[0] = 0
        self._n_alarms = type(self).kernel(*one)

    def update_many(self, xs: ArrayLike) -> BoolArray:
        """Take values float64 [n] in order; return bool [n], True where an alarm was raised.

        Raises
        ------
        ParameterError
            If `xs` is not one-dimensional.
        """
        values = values_of(xs)
        self._levels = np.zeros(len(values), np.int8)
        if len(values) <= _BLOCK_VALUES:
            self._rows = self._block(values, self._levels)
        else:
            self._rows = self._blocks(values)
        self._n_alarms = len(self._rows)
        alarms: BoolArray = (self._levels & ALARMED).view(np.bool_)
        return alarms

    def _block(self, values: FloatArray, levels: LevelArray) -> FloatArray:
        """Take `values`, write their `levels`; return the rows of the alarms."""
        # Every value may raise an alarm; a page that none is written to costs nothing.
        room = np.empty((len(values), N_FIELDS))
        n = type(self).kernel(values, levels, room, *self._memory)
        return room[:n].copy() if n else _NO_ROWS

    def _blocks(self, values: FloatArray) -> FloatArray:
        found = []
        for start in range(0, len(values), _BLOCK_VALUES):
            block = slice(start, start + _BLOCK_VALUES)
            rows = self._block(values[block], self._levels[block])
            rows[:, 0] += start  # the index in the whole call
            found.append(rows)
        return np.concatenate(found)

    def state(self) -> State:
        """Return parameters, counters, sums and pools, as copies."""
        return State(self.kind, self.state_version, self._state_values())

    def restore(self, state: State) -> None:
        """Become what `state` describes, or raise `StateError` and stay unchanged."""
        state.expect(self.kind, self.state_version)
        mine, theirs = self._parameters(), state.child("parameters")
        if theirs.digest() != mine.digest():
            raise IncompatibleStateError(
                f"{self.kind}: state of {dict(theirs.values)} cannot restore {dict(mine.values)}"
            )
        self._adopt(state)
        self._forget_last_call()

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return what the kernel takes besides a block: parameters, counters, sums, windows.

        They are those that the detector works on, not copies.
        """
        return self._memory

    def _forget_last_call(self) -> None:
        self._n_alarms = 0
        self._levels, self._rows = np.zeros(0, np.int8), _NO_ROWS

    def _parameters(self) -> State:
        return State("parameters", 1, {name: getattr(self, name) for name in self.parameter_names})

    def _state_values(self) -> dict[str, Value]:
        return {
            "parameters": self._parameters(),
            "counts": self._counts.copy(),
            "sums": self._sums.copy(),
        }

    def _adopt(self, state: State) -> None:
        """Take over the arrays of a `state` that fits, after checking them."""
        self._counts[:], self._sums[:] = self._arrays(state, len(self._counts))

    def _arrays(self, state: State, n_counts: int) -> tuple[IntArray, FloatArray]:
        counts, sums = state.integers("counts"), state.floats("sums")
        if counts.shape != (n_counts,) or sums.shape != self._sums.shape or counts.min() < 0:
            raise CorruptStateError(f"{self.kind}: counters or sums do not fit")
        return counts, sums


class BitDetector(ArrayDetector):
    """A detector for a stream of 0 (right) and 1 (wrong), as a classifier's losses are.

    Any other finite value is an error, and then nothing of the call's values is taken.
    """

    takes_bits: Literal[True] = True

    def update(self, x: float) -> None:
        """Take one value.

        Raises
        ------
        ParameterError
            If it is neither 0 nor 1, nor skipped because it is NaN or infinite.
        """
        if x != 0 and x != 1 and math.isfinite(x):
            raise ParameterError(f"x = {x!r}: {self.kind} takes 0 and 1 alone")
        ArrayDetector.update(self, x)  # super() would cost a tenth of the call

    def update_many(self, xs: ArrayLike) -> BoolArray:
        """Take values float64 [n] in order; return bool [n], True where an alarm was raised.

        Raises
        ------
        ParameterError
            If `xs` is not one-dimensional or holds a finite value that is neither 0 nor 1; then
            none is taken.
        """
        values = values_of(xs)
        i = first_that_is_no_bit(values)
        if i < len(values):
            raise ParameterError(f"xs[{i}] = {values[i]!s}: {self.kind} takes 0 and 1 alone")
        return super().update_many(values)


def values_of(xs: ArrayLike) -> FloatArray:
    """Return `xs` as a kernel takes it, float64 [n], writable and in one piece.

    Raises
    ------
    ParameterError
        If it is not one-dimensional.
    """
    if isinstance(xs, np.ndarray) and xs.dtype == np.float64 and xs.ndim == 1 and xs.flags.carray:
        return xs  # the usual case, five times as fast as np.require
    values = np.require(xs, np.float64, ["C", "W"])
    if values.ndim != 1:
        raise ParameterError(f"xs has shape {values.shape}, expected (n,)")
    return values


def alarm_of(row: list[float]) -> Alarm:
    """Return what a row that `note_alarm` wrote says."""
    index, statistic, threshold, size, direction, age, p_value = row
    probability = None if math.isnan(p_value) else p_value
    return Alarm(int(index), statistic, threshold, size, int(direction), int(age), probability)
