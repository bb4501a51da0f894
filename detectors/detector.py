"""What all array detectors share: checked arguments, counters, one kernel call per block."""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import BoolArray, FloatArray, IntArray, SignArray
from streamadapt.errors import CorruptStateError, IncompatibleStateError, ParameterError, checked
from streamadapt.state import State, Value

__all__ = [
    "ALARM",
    "ALARM_NOW",
    "LIMIT",
    "NO_ALARM",
    "N_SEEN",
    "N_SKIPPED",
    "ArrayDetector",
    "checked",
]

LIMIT = 1e100
"""Values beyond it are skipped like inf: their squares would overflow and blind a detector."""

# The first places of every detector's counters, int64, and the values of counters[ALARM].
ALARM, N_SEEN, N_SKIPPED = 0, 1, 2
NO_ALARM, ALARM_NOW = 0, 1


class ArrayDetector(abc.ABC):
    """A detector over arrays: subclasses run one kernel over a block of values.

    Values that are NaN, infinite or beyond `LIMIT` are counted in ``n_skipped``, raise no alarm
    and change nothing else.  After `update` or `update_many`, ``directions`` int8 [n] tells for
    each value 1 for an alarm because the values rose, -1 because they fell, else 0.

    Parameters
    ----------
    n_counts
        Length of the int64 counters, of which the first three are common to all detectors.
    n_sums
        Length of the float64 running sums.
    """

    kind: ClassVar[str]
    state_version: ClassVar[int] = 1
    parameter_names: ClassVar[tuple[str, ...]]

    def __init__(self, n_counts: int, n_sums: int) -> None:
        self._counts: IntArray = np.zeros(n_counts, np.int64)
        self._sums: FloatArray = np.zeros(n_sums)
        self._single: FloatArray = np.empty(1)
        self.directions: SignArray = np.zeros(0, np.int8)

    @abc.abstractmethod
    def _run(self, xs: FloatArray, flags: SignArray) -> None:
        """Take `xs` in order; write into `flags` int8 [n] the sign of each alarm, or 0."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last value raised an alarm; a skipped value never does."""
        return bool(self._counts[ALARM] == ALARM_NOW)

    @property
    def warning_detected(self) -> bool:
        """Always False: the method has no warning zone."""
        return False

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
        self._single[0] = x
        self.directions = np.empty(1, np.int8)
        self._run(self._single, self.directions)

    def update_many(self, xs: ArrayLike) -> BoolArray:
        """Take values float64 [n] in order; return bool [n], True where an alarm was raised.

        Raises
        ------
        ParameterError
            If `xs` is not one-dimensional.
        """
        values = np.require(xs, np.float64, ["C", "W"])
        if values.ndim != 1:
            raise ParameterError(f"xs has shape {values.shape}, expected (n,)")
        self.directions = np.empty(len(values), np.int8)
        self._run(values, self.directions)
        alarms: BoolArray = self.directions != 0
        return alarms

    def state(self) -> State:
        """Return parameters, counters, sums and pools, as copies."""
        return State(self.kind, self.state_version, self._values())

    def restore(self, state: State) -> None:
        """Become what `state` describes, or raise `StateError` and stay unchanged."""
        state.expect(self.kind, self.state_version)
        mine, theirs = self._parameters(), state.child("parameters")
        if theirs.digest() != mine.digest():
            raise IncompatibleStateError(
                f"{self.kind}: state of {dict(theirs.values)} cannot restore {dict(mine.values)}"
            )
        self._adopt(state)

    def _parameters(self) -> State:
        return State("parameters", 1, {name: getattr(self, name) for name in self.parameter_names})

    def _values(self) -> dict[str, Value]:
        return {
            "parameters": self._parameters(),
            "counts": self._counts.copy(),
            "sums": self._sums.copy(),
        }

    def _adopt(self, state: State) -> None:
        """Take over the arrays of a `state` that fits, after checking them."""
        self._counts, self._sums = self._arrays(state, len(self._counts))

    def _arrays(self, state: State, n_counts: int) -> tuple[IntArray, FloatArray]:
        counts, sums = state.integers("counts"), state.floats("sums")
        if counts.shape != (n_counts,) or sums.shape != self._sums.shape or counts.min() < 0:
            raise CorruptStateError(f"{self.kind}: counters or sums do not fit")
        return counts, sums
