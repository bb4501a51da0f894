"""Prequential evaluation: each prediction is kept, and graded when its label has come.

Each lane's grades are there three times: over all rows, by windows over time (`Grades.series`), and
fading (`Grades.fading`).
"""

from __future__ import annotations

from typing import Protocol

from streamadapt.class_metrics import ClassGrades
from streamadapt.contracts import FloatArray, IntArray, LearningTask
from streamadapt.evaluation import DEFAULT_EVALUATION, Evaluation
from streamadapt.labels import Ops
from streamadapt.number_metrics import NumberGrades
from streamadapt.state import State

__all__ = ["ClassGrades", "Evaluation", "Grades", "NumberGrades", "grades_for"]


class Grades(Protocol):
    """Keeps predictions by slot until their labels come, and sums up how good they were."""

    @property
    def confusion(self) -> IntArray | None:
        """How many of which class (row) were taken for which (column); None for numbers."""
        ...

    def settle(self, ops: Ops, P: FloatArray, first_row: int) -> tuple[FloatArray, IntArray]:
        """Take the predictions of `ops`; return losses and places of those graded now.

        `first_row` is the row of the first of `ops` in the pipeline.
        """
        ...

    def drop_held(self) -> None:
        """Forget predictions that wait for their label: whoever made them is gone."""
        ...

    def metrics(self) -> dict[str, float]:
        """Return the metrics over all graded predictions; NaN where there are none."""
        ...

    def fading(self) -> dict[str, float]:
        """Return the metrics in which old rows count for less and less; NaN where none is."""
        ...

    def series(self) -> dict[str, FloatArray | IntArray]:
        """Return the metrics over time: one value for each window, at most 1,000.

        ``row`` int64 [p] is the pipeline's row that a window ends at, ``graded`` int64 [p] the
        number of rows it graded, the metrics are float64 [p].
        """
        ...

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions; `live_slots` gives their order."""
        ...

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        ...


def grades_for(
    task: LearningTask, n_slots: int, n_outputs: int, evaluation: Evaluation = DEFAULT_EVALUATION
) -> Grades:
    """Return the grades that fit what a learner's output means.

    Raises
    ------
    ParameterError
        If `evaluation` asks for a rolling AUC of other than two classes.
    """
    if task is LearningTask.CLASSIFICATION:
        return ClassGrades(n_slots, n_outputs, evaluation)
    return NumberGrades(n_slots, evaluation)
