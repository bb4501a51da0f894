"""The contracts: what learners, detectors, sources, sinks and stores promise, and what they do not.

A promise here is a law: `streamadapt.laws` tests it on everything registered, and
``streamadapt check package.module:Factory`` tests it on a class of your own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from streamadapt.state import State

__all__ = [
    "LEARN",
    "PREDICT",
    "PREDICT_LEARN",
    "Adaptable",
    "Alarm",
    "BoolArray",
    "Detector",
    "FloatArray",
    "Forgets",
    "HasAlarms",
    "HasFeatures",
    "HasIntervals",
    "HasLogits",
    "IntArray",
    "Learner",
    "LearningTask",
    "LevelArray",
    "Op",
    "OpArray",
    "Reporter",
    "Sink",
    "State",
    "Store",
    "TakesBits",
]

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
OpArray: TypeAlias = NDArray[np.int8]
LevelArray: TypeAlias = NDArray[np.int8]


class Op(IntEnum):
    """What to do with one row; bit 1 asks for a prediction, bit 2 for learning, in this order."""

    PREDICT = 1
    LEARN = 2
    PREDICT_LEARN = 3


# Plain ints, for kernels.
PREDICT, LEARN, PREDICT_LEARN = 1, 2, 3


class LearningTask(StrEnum):
    """What a learner's output means: k class probabilities, or one number."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class Learner(Protocol):
    """A model that predicts and learns from rows, in arrival order.

    It promises: the same rows in the same order give the same bits, however they are cut into
    calls; a prediction changes nothing and depends on no later row; memory is bounded; no row of
    float64, be it NaN or inf, raises or poisons the state (a row or value it cannot use is
    skipped); ``restore(state())`` goes on bit for bit.  It knows no clock, no network, no
    environment, and takes randomness only from its seed.

    It does not promise thread safety, nor that learning is independent of the rows' order.
    """

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        ...

    @property
    def n_outputs(self) -> int:
        """Width k of a prediction: the number of classes, or 1."""
        ...

    @property
    def learning_task(self) -> LearningTask:
        """What a prediction means."""
        ...

    def run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray | None = None
    ) -> FloatArray:
        """Predict with, and learn from, n rows in order.

        Parameters
        ----------
        ops
            int8 [n], values of `Op`.
        X
            float64 [n, d].  NaN is a missing value.
        y
            [n]: int64 class indices in 0..k-1, or float64 targets.  Read only where a row learns;
            a label that is no class (-1, say) or not finite is skipped.
        w
            float64 [n] sample weights, not negative; all 1 if left out.

        Returns
        -------
        float64 [n, k]: class probabilities (each row sums to 1) or the predicted number; NaN in
        the rows that do not predict.
        """
        ...

    def adapt(self, X: FloatArray) -> None:
        """Adapt to rows X float64 [n, d] without labels; most learners do nothing."""
        ...

    def state(self) -> State:
        """Return all that is needed to go on, as data; later learning does not change it."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        ...


@runtime_checkable
class Forgets(Protocol):
    """A learner that can be told that the past counts for less."""

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much from now on."""
        ...


@runtime_checkable
class HasFeatures(Protocol):
    """A learner with a hidden representation, for memories and drift tests."""

    def features(self, X: FloatArray) -> FloatArray:
        """Return the representation float64 [n, m] of rows X [n, d]; changes nothing."""
        ...


@runtime_checkable
class HasLogits(Protocol):
    """A classifier whose probabilities are ``softmax(logits)``, for label-free adaptation."""

    def logits(self, X: FloatArray) -> FloatArray:
        """Return float64 [n, k] for rows X [n, d]; changes nothing."""
        ...


@runtime_checkable
class Adaptable(HasLogits, Protocol):
    """A classifier with an affine map ``x * scale + shift`` before its logits."""

    def affine(self) -> tuple[FloatArray, FloatArray]:
        """Return copies of (scale [m], shift [m])."""
        ...

    def set_affine(self, scale: FloatArray, shift: FloatArray) -> None:
        """Replace the affine map; identity is (ones, zeros)."""
        ...


@runtime_checkable
class HasIntervals(Protocol):
    """A regressor that says how sure it is."""

    def interval(self, X: FloatArray, coverage: float) -> FloatArray:
        """Return float64 [n, 2] (low, high) meant to hold the target with rate `coverage`."""
        ...


class Detector(Protocol):
    """Watches a stream of numbers (mostly errors) and raises alarms.

    It promises: the same values give the same alarms however they are cut into calls; bounded
    memory; NaN and inf are counted in ``n_skipped`` and otherwise change nothing; huge values
    raise nothing, unless it `TakesBits`;
    ``restore(state())`` goes on bit for bit.  After an alarm it has already reset what it must
    to go on; the caller need do nothing.
    """

    @property
    def n_skipped(self) -> int:
        """How many values were skipped, because they were NaN or infinite."""
        ...

    @property
    def drift_detected(self) -> bool:
        """Whether the last value raised an alarm."""
        ...

    @property
    def warning_detected(self) -> bool:
        """Whether the detector is in its warning zone; always False for methods without one."""
        ...

    def update(self, x: float) -> None:
        """Take one value."""
        ...

    def update_many(self, xs: FloatArray) -> BoolArray:
        """Take float64 [n] values in order; return bool [n], True where an alarm was raised."""
        ...

    def state(self) -> State:
        """Return all that is needed to go on, as data."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a detector knows of one alarm.

    Examples
    --------
    >>> alarm = Alarm(index=99, statistic=4.0, threshold=3.0, size=0.5, direction=1, age=20)
    >>> alarm.change_point
    80
    """

    index: int
    """Place of the value that raised it, among those of the call."""
    statistic: float
    """What the method computed, which passed the ``threshold``."""
    threshold: float
    """What the statistic was compared with."""
    size: float
    """Estimated change of the mean of the values, in their own unit: new level less old."""
    direction: int
    """1 for a rise, -1 for a fall; ``size`` never has the other sign.

    0 where the values changed in another way.
    """
    age: int
    """How many usable values the new level is old, by estimate, the alarm's own included."""
    p_value: float | None = None
    """How probable such a statistic is without a change, at most; None if the method says nothing.

    The detector's docstring says of what it is a probability: of a test, or as a bound.
    """

    @property
    def change_point(self) -> int:
        """Estimated index of the first value of the new level; negative: before this call.

        Counts as if every value since were usable.
        """
        return self.index - self.age + 1


@runtime_checkable
class HasAlarms(Protocol):
    """A detector that says where each alarm came from and how far the values moved."""

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms of the last call of ``update`` or ``update_many``, in order."""
        ...


@runtime_checkable
class TakesBits(Protocol):
    """A detector for 0 and 1 alone.

    It promises: any other finite value is a `ParameterError`, and then nothing of the call's
    values is taken.  NaN and inf are skipped, as by every detector.
    """

    takes_bits: bool
    """True."""


class Store(Protocol):
    """Keeps immutable blobs under names.

    It promises: a blob that `put` returned for survives the process; a blob is whole or absent;
    `put` of the same name again replaces it; names are listed in order.  It does not promise to
    be fast, nor to be shared by processes that write the same name.
    """

    def put(self, name: str, blob: bytes) -> None:
        """Write `blob` under `name`; when this returns, the blob survives a crash."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return the blob, or None if there is none."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Remove blobs; absent ones are no error."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that start with `prefix`, sorted."""
        ...

    def holds(self, names: Collection[str]) -> set[str]:
        """Return those of `names` under which a whole blob is, without reading blobs."""
        ...

    def close(self) -> None:
        """Release what is held; nothing may be called after it."""
        ...


@runtime_checkable
class HasNeighbours(Protocol):
    """A store on a server: others write to it as well, and it may be wiped or replaced."""

    def identity(self) -> str | None:
        """Return what changes when blobs may have been lost; None if that cannot be told."""
        ...

    def age_s(self, name: str) -> float | None:
        """Return seconds since the blob was last written or read, at least; None if unknown."""
        ...

    def sweep(self, grace_s: float) -> int:
        """Delete what writes left behind that ended midway, so long ago; return how many."""
        ...


class Sink(Protocol):
    """Takes records out, in order, and can be cut back to an earlier position.

    It promises: after ``flush`` the records written survive the process; ``truncate(p)`` with an
    earlier ``position()`` p leaves exactly what had been written then, so that a resumed run
    writes nothing twice.
    """

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records, in order."""
        ...

    def flush(self) -> None:
        """Make all that was written survive a crash."""
        ...

    def position(self) -> int:
        """Return a number that `truncate` understands, for all that was written so far."""
        ...

    def truncate(self, position: int) -> None:
        """Drop all that was written after `position`."""
        ...

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        ...


class Reporter(Protocol):
    """Is told facts by tasks and workers; what becomes of them is the operator's choice.

    Calls must be cheap and must not raise.  Nothing that is reported flows back into a task.
    """

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`."""
        ...

    def gauge(self, name: str, value: float) -> None:
        """Say what `name` is now."""
        ...

    def note(self, fact: str, fields: Mapping[str, object]) -> None:
        """Say that something happened, e.g. a drift, a reaction, a checkpoint."""
        ...
