"""Any learner of this package as a River estimator, with open sets of features and labels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
from river import base

from streamadapt.contracts import FloatArray, Learner, LearningTask, Op
from streamadapt.errors import ParameterError, whole
from streamadapt.models.learner import ArrayLearner
from streamadapt.models.registry import LEARNERS

__all__ = ["ClassifierView", "RegressorView"]


class _Columns:
    """Maps names to columns by first appearance; names new in one row come in sorted order."""

    def __init__(self, max_features: int) -> None:
        self._column: dict[Hashable, int] = {}
        self._max = max_features
        self.n_ignored = 0

    def row(self, x: Mapping[Hashable, object], grow: bool) -> FloatArray:
        """Return float64 [1, max_features]; NaN where x has no number.  Learn names if `grow`."""
        if grow:
            self._grow(x)
        row = np.full((1, self._max), np.nan)
        for name, value in x.items():
            column = self._column.get(name)
            if column is not None:
                row[0, column] = _number(value)
        return row

    def _grow(self, x: Mapping[Hashable, object]) -> None:
        for name in sorted((name for name in x if name not in self._column), key=repr):
            if len(self._column) < self._max:
                self._column[name] = len(self._column)
            else:
                self.n_ignored += 1


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan


class _View:
    """What both views share: the learner and its columns."""

    _task: LearningTask

    def _make(
        self,
        learner: str | Callable[..., Learner],
        params: Mapping[str, Any] | None,
        max_features: int,
        *n_classes: int,
    ) -> None:
        self.learner = learner
        self.params = params
        self.max_features = whole("max_features", max_features, 1, 1_000_000)
        if isinstance(learner, str) and learner not in LEARNERS:
            raise ParameterError(f"learner = {learner!r} is not one of {sorted(LEARNERS)}")
        make = LEARNERS[learner] if isinstance(learner, str) else learner
        self._learner: ArrayLearner | Learner = make(
            self.max_features, *n_classes, **(params or {})
        )
        if self._learner.learning_task != self._task:
            raise ParameterError(f"learner = {learner!r} is not for {self._task}")
        self._columns = _Columns(self.max_features)

    @property
    def n_ignored_features(self) -> int:
        """Values, in rows learned, of features that came after `max_features` others."""
        return self._columns.n_ignored

    def _predicted(self, x: Mapping[Hashable, object]) -> FloatArray:
        row = self._columns.row(x, grow=False)
        P = self._learner.run(np.array([Op.PREDICT], np.int8), row, np.zeros(1, np.int64))
        return P.reshape(-1)

    def _learn(self, x: Mapping[Hashable, object], target: float, weight: float) -> None:
        row = self._columns.row(x, grow=True)
        ops, y = np.array([Op.LEARN], np.int8), np.array([target])
        self._learner.run(ops, row, y, np.array([weight]))


class ClassifierView(_View, base.Classifier):
    """A classifier of this package as a River classifier.

    Parameters
    ----------
    learner
        Kind of a registered classifier, or what makes one from (n_features, n_classes, **params).
    params
        Further parameters of the learner.
    max_features
        Width of its rows.  Features take columns by first appearance in a learned row; later ones
        are ignored and counted in ``n_ignored_features``.  Absent ones, and values that are no
        numbers, are missing.
    max_classes
        Number of its classes.  Labels take classes by first appearance; rows with later ones are
        ignored and counted in ``n_ignored_labels``.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics
    >>> evaluate.progressive_val_score(
    ...     datasets.Phishing().take(300), ClassifierView("logistic"), metrics.Accuracy()
    ... ).get() > 0.8
    True
    """

    _task = LearningTask.CLASSIFICATION

    def __init__(
        self,
        learner: str | Callable[..., Learner] = "logistic",
        params: dict[str, Any] | None = None,
        max_features: int = 64,
        max_classes: int = 16,
    ) -> None:
        self.max_classes = whole("max_classes", max_classes, 2, 1_000_000)
        self._make(learner, params, max_features, self.max_classes)
        self._class: dict[Hashable, int] = {}
        self.n_ignored_labels = 0

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        for kind, made in LEARNERS.items():
            if made.learning_task == cls._task:
                yield {"learner": kind}

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[Any, Any], y: Hashable, w: float = 1.0) -> None:
        """Learn one row with any hashable label."""
        if y not in self._class:
            if len(self._class) == self.max_classes:
                self.n_ignored_labels += 1
                return
            self._class[y] = len(self._class)
        self._learn(x, self._class[y], w)

    def predict_proba_one(self, x: dict[Any, Any], **_: object) -> dict[Any, float]:
        """Return {label: probability} over the labels seen so far; empty before the first."""
        shares = self._predicted(x)[: len(self._class)].tolist()
        total = sum(shares)
        if not total > 0.0:
            return {label: 1.0 / len(self._class) for label in self._class}
        return {label: share / total for label, share in zip(self._class, shares, strict=True)}


class RegressorView(_View, base.Regressor):
    """A regressor of this package as a River regressor.

    Parameters
    ----------
    learner
        Kind of a registered regressor, or what makes one from (n_features, **params).
    params
        Further parameters of the learner.
    max_features
        Width of its rows; see `ClassifierView`.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics
    >>> evaluate.progressive_val_score(
    ...     datasets.TrumpApproval(), RegressorView("linear"), metrics.MAE()
    ... ).get() < 0.5
    True
    """

    _task = LearningTask.REGRESSION

    def __init__(
        self,
        learner: str | Callable[..., Learner] = "linear",
        params: dict[str, Any] | None = None,
        max_features: int = 64,
    ) -> None:
        self._make(learner, params, max_features)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        for kind, made in LEARNERS.items():
            if made.learning_task == cls._task:
                yield {"learner": kind}

    def learn_one(self, x: dict[Any, Any], y: float, w: float = 1.0) -> None:
        """Learn one row."""
        self._learn(x, float(y), w)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the prediction for one row."""
        return float(self._predicted(x)[0])
