"""Prequential evaluation: each prediction is kept, and graded when its label has come."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from streamadapt.contracts import FloatArray, IntArray, LearningTask
from streamadapt.labels import Ops
from streamadapt.metrics_kernels import settle_classes, settle_numbers
from streamadapt.state import State

__all__ = ["ClassGrades", "Grades", "NumberGrades", "grades_for"]

_NAN = float("nan")


class Grades(Protocol):
    """Keeps predictions by slot until their labels come, and sums up how good they were."""

    def settle(self, ops: Ops, P: FloatArray) -> tuple[FloatArray, IntArray]:
        """Take the predictions of `ops`; return losses and places of those graded now."""
        ...

    def drop_held(self) -> None:
        """Forget predictions that wait for their label: whoever made them is gone."""
        ...

    def metrics(self) -> dict[str, float]:
        """Return the metrics over all graded predictions; NaN where there are none."""
        ...

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions; `live_slots` gives their order."""
        ...

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        ...


class ClassGrades:
    """Accuracy, Cohen's kappa and log loss of class probabilities.

    Cohen's kappa is (p_o - p_e) / (1 - p_e) with p_o the accuracy and p_e the agreement by chance
    of the two margins (Cohen 1960); it is 0 where p_e is 1, as in River.
    """

    def __init__(self, n_slots: int, n_classes: int) -> None:
        self._held = np.zeros((n_slots, n_classes))
        self.confusion = np.zeros((n_classes, n_classes), np.int64)
        self._sums = np.zeros(2)

    def settle(self, ops: Ops, P: FloatArray) -> tuple[FloatArray, IntArray]:
        """Take predictions [n, k]; the loss is 1 where the most probable class was wrong."""
        loss, row = np.empty(len(ops)), np.empty(len(ops), np.int64)
        n = settle_classes(
            ops.op,
            ops.slot,
            ops.y,
            ops.graded,
            P,
            self._held,
            self.confusion,
            self._sums,
            loss,
            row,
        )
        return loss[:n], row[:n]

    def drop_held(self) -> None:
        """Forget waiting predictions; their labels will count as ``ungraded``."""
        self._held[:] = np.nan

    def metrics(self) -> dict[str, float]:
        """Return accuracy, kappa and log_loss."""
        n = int(self.confusion.sum())
        counts = {"graded": n, "ungraded": int(self._sums[1])}
        if n == 0:
            return {"accuracy": _NAN, "kappa": _NAN, "log_loss": _NAN, **counts}
        p_o = int(np.trace(self.confusion)) / n
        p_e = float(self.confusion.sum(0) @ self.confusion.sum(1)) / n**2
        kappa = (p_o - p_e) / (1 - p_e) if p_e < 1 else 0.0
        return {"accuracy": p_o, "kappa": kappa, "log_loss": float(self._sums[0]) / n, **counts}

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions."""
        return State(
            "class_grades",
            1,
            {
                "held": self._held[live_slots],
                "confusion": self.confusion.copy(),
                "sums": self._sums.copy(),
            },
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        self._held[live_slots] = state.expect("class_grades", 1).floats("held")
        self.confusion = state.integers("confusion")
        self._sums = state.floats("sums")


class NumberGrades:
    """Mean absolute error, root mean squared error and R2 of numbers."""

    def __init__(self, n_slots: int) -> None:
        self._held = np.zeros((n_slots, 1))
        self._sums = np.zeros(6)

    def settle(self, ops: Ops, P: FloatArray) -> tuple[FloatArray, IntArray]:
        """Take predictions [n, 1]; the loss is the absolute error."""
        loss, row = np.empty(len(ops)), np.empty(len(ops), np.int64)
        n = settle_numbers(
            ops.op, ops.slot, ops.y, ops.graded, P, self._held, self._sums, loss, row
        )
        return loss[:n], row[:n]

    def drop_held(self) -> None:
        """Forget waiting predictions; their labels will count as ``ungraded``."""
        self._held[:] = np.nan

    def metrics(self) -> dict[str, float]:
        """Return mae, rmse and r2."""
        n, absolute, squared, _, spread, ungraded = self._sums.tolist()
        counts = {"graded": int(n), "ungraded": int(ungraded)}
        if n == 0:
            return {"mae": _NAN, "rmse": _NAN, "r2": _NAN, **counts}
        r2 = 1 - squared / spread if spread > 0 else 0.0
        return {"mae": absolute / n, "rmse": (squared / n) ** 0.5, "r2": r2, **counts}

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions."""
        return State(
            "number_grades", 1, {"held": self._held[live_slots], "sums": self._sums.copy()}
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        self._held[live_slots] = state.expect("number_grades", 1).floats("held")
        self._sums = state.floats("sums")


def grades_for(task: LearningTask, n_slots: int, n_outputs: int) -> Grades:
    """Return the grades that fit what a learner's output means."""
    if task is LearningTask.CLASSIFICATION:
        return ClassGrades(n_slots, n_outputs)
    return NumberGrades(n_slots)
