"""What all array learners share: checked arguments, the thin forms of `run`, River's verbs."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, IntArray, LearningTask, Op, OpArray
from streamadapt.errors import ParameterError, whole
from streamadapt.state import State

__all__ = [
    "ArrayClassifier",
    "ArrayLearner",
    "ArrayRegressor",
    "as_numbers",
    "as_rows",
    "check_lengths",
]


def as_rows(X: ArrayLike, n_features: int) -> FloatArray:
    """Return X as a C-contiguous, writable float64 [n, n_features] array; a copy only if need be.

    Kernels are compiled for exactly this kind of array.

    Raises
    ------
    ParameterError
        If X has another shape.
    """
    rows = np.require(X, np.float64, ["C", "W"])
    if rows.ndim != 2 or rows.shape[1] != n_features:
        raise ParameterError(f"X has shape {rows.shape}, expected (n, {n_features})")
    return rows


def check_lengths(n: int, **given: NDArray[np.generic]) -> None:
    """Refuse arrays that are not [n], by their names.

    Raises
    ------
    ParameterError
        If one has another shape.
    """
    for name, array in given.items():
        if array.shape != (n,):
            raise ParameterError(f"{n} rows, but {name} has shape {array.shape}, expected ({n},)")


class ArrayLearner(abc.ABC):
    """A learner over rows of floats; subclasses fill P in `_run` and give their state.

    Parameters
    ----------
    n_features
        Width d of a row, at least 1.
    n_outputs
        Width k of a prediction.
    """

    learning_task: ClassVar[LearningTask]
    state_version: ClassVar[int] = 1

    def __init__(self, n_features: int, n_outputs: int) -> None:
        self.n_features = whole("n_features", n_features, 1, 1_000_000)
        self.n_outputs = n_outputs
        self.feature_names: tuple[str, ...] | None = None

    @abc.abstractmethod
    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        """Do the work of `run` on checked arguments; P comes filled with NaN."""

    @abc.abstractmethod
    def _targets(self, y: ArrayLike) -> NDArray[np.generic]:
        """Return y in the one dtype that the kernels take."""

    @abc.abstractmethod
    def state(self) -> State:
        """Return all that is needed to go on, as data."""

    @abc.abstractmethod
    def restore(self, state: State) -> None:
        """Become what `state` describes."""

    def run(
        self, ops: OpArray, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None
    ) -> FloatArray:
        """Predict and learn n rows in order; see `streamadapt.contracts.Learner.run`."""
        rows = as_rows(X, self.n_features)
        n = len(rows)
        codes = np.require(ops, np.int8, ["C", "W"])
        targets = self._targets(y)
        weights = np.ones(n) if w is None else np.require(w, np.float64, ["C", "W"])
        check_lengths(n, ops=codes, y=targets, w=weights)
        P = np.full((n, self.n_outputs), np.nan)
        if n:
            self._run(codes, rows, targets, weights, P)
        return P

    def predict(self, X: ArrayLike) -> FloatArray:
        """Return predictions [n, k] for X [n, d]; changes nothing."""
        rows = as_rows(X, self.n_features)
        return self._all(Op.PREDICT, rows, np.zeros(len(rows)), None)

    def learn(self, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None) -> None:
        """Learn X [n, d] with labels y [n], in order."""
        self._all(Op.LEARN, as_rows(X, self.n_features), y, w)

    def test_then_train(self, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None) -> FloatArray:
        """Predict each row, then learn it, in order; return the predictions [n, k]."""
        return self._all(Op.PREDICT_LEARN, as_rows(X, self.n_features), y, w)

    def adapt(self, X: ArrayLike) -> None:  # noqa: B027 - most learners do nothing here
        """Do nothing: this learner cannot use rows without labels."""

    def _all(self, op: Op, rows: FloatArray, y: ArrayLike, w: ArrayLike | None) -> FloatArray:
        return self.run(np.full(len(rows), op, np.int8), rows, y, w)

    def _row(self, x: Mapping[str, float] | Sequence[float]) -> FloatArray:
        if not isinstance(x, Mapping):
            return np.asarray(x, np.float64).reshape(1, -1)
        if self.feature_names is None:
            raise ParameterError("set feature_names before giving rows as mappings")
        return np.array([[x.get(name, np.nan) for name in self.feature_names]], np.float64)


def as_numbers(labels: ArrayLike) -> FloatArray:
    """Return labels as float64.

    Raises
    ------
    ParameterError
        If one is a word, or no float can hold it.
    """
    try:
        return np.asarray(labels, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"labels are numbers, classes from 0 on: {error}") from None


class ArrayClassifier(ArrayLearner):
    """A learner of class probabilities.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes, at least 2; labels are 0..k-1.
    """

    learning_task = LearningTask.CLASSIFICATION

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__(n_features, whole("n_classes", n_classes, 2, 1_000_000))

    @property
    def n_classes(self) -> int:
        """Number of classes, the width of a prediction."""
        return self.n_outputs

    def _targets(self, y: ArrayLike) -> IntArray:
        labels = np.asarray(y)
        if (
            labels.dtype.kind not in "iub"
        ):  # a float label that is no small whole number is no class
            values = as_numbers(labels)
            is_class = (values >= 0) & (values < self.n_outputs) & (values == np.floor(values))
            labels = np.where(is_class, values, -1)
        return np.require(labels, np.int64, ["C", "W"])

    def predict_proba_one(self, x: Mapping[str, float] | Sequence[float]) -> dict[int, float]:
        """Return {class: probability} for one row."""
        return dict(enumerate(self.predict(self._row(x))[0].tolist()))

    def predict_one(self, x: Mapping[str, float] | Sequence[float]) -> int:
        """Return the most probable class of one row."""
        return int(self.predict(self._row(x))[0].argmax())

    def learn_one(self, x: Mapping[str, float] | Sequence[float], y: int, w: float = 1.0) -> None:
        """Learn one row."""
        self.learn(self._row(x), [y], [w])


class ArrayRegressor(ArrayLearner):
    """A learner of one number."""

    learning_task = LearningTask.REGRESSION

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features, 1)

    def _targets(self, y: ArrayLike) -> FloatArray:
        return np.require(as_numbers(y), np.float64, ["C", "W"])

    def predict_one(self, x: Mapping[str, float] | Sequence[float]) -> float:
        """Return the prediction for one row."""
        return float(self.predict(self._row(x))[0, 0])

    def learn_one(self, x: Mapping[str, float] | Sequence[float], y: float, w: float = 1.0) -> None:
        """Learn one row."""
        self.learn(self._row(x), [y], [w])
