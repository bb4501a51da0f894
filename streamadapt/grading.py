"""How good published predictions are, told while labels come: a join in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

__all__ = ["RunningGrade", "is_number"]

_MOST_WAITING = 200_000
_RECENT = 1000
_HUGE = 1e300  # larger ones, which JSON may hold, cannot be added up


class RunningGrade:
    """Compares answers with labels, whichever comes first; each event once.

    Classes are right or wrong; of numbers the absolute error is taken.

    Parameters
    ----------
    is_classification
        Whether answers are classes.
    most_waiting
        Answers without a label, and labels without an answer, that are kept; the oldest go first.

    Examples
    --------
    >>> grade = RunningGrade(is_classification=True)
    >>> for event, answer, label in [(1, "a", "a"), (2, "b", "a"), (3, "a", None)]:
    ...     grade.answered(event, answer)
    ...     grade.labelled(event, label)
    >>> grade.n, grade.mean, grade.recent
    (2, 0.5, 0.5)
    """

    def __init__(self, is_classification: bool, most_waiting: int = _MOST_WAITING) -> None:
        self.is_classification = is_classification
        self.n = 0
        self._sum = 0.0
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._most_waiting = most_waiting
        self._answers: dict[Hashable, Any] = {}
        self._labels: dict[Hashable, Any] = {}

    @property
    def name(self) -> str:
        """What `mean` is."""
        return "accuracy" if self.is_classification else "mean absolute error"

    @property
    def mean(self) -> float | None:
        """Over all graded answers; None before the first."""
        return self._sum / self.n if self.n else None

    @property
    def recent(self) -> float | None:
        """Over the last 1000."""
        return sum(self._recent) / len(self._recent) if self._recent else None

    def answered(self, event: Hashable, answer: Any) -> None:  # noqa: ANN401 - a class or a number
        """Take an answer."""
        if event in self._labels:
            self._grade(answer, self._labels.pop(event))
        else:
            self._keep(self._answers, event, answer)

    def labelled(self, event: Hashable, label: Any) -> None:  # noqa: ANN401 - a class or a number
        """Take a label; None is none."""
        if label is None or label != label:
            return
        if event in self._answers:
            self._grade(self._answers.pop(event), label)
        else:
            self._keep(self._labels, event, label)

    def _keep(self, waiting: dict[Hashable, Any], event: Hashable, value: Any) -> None:  # noqa: ANN401
        waiting[event] = value
        if len(waiting) > self._most_waiting:
            del waiting[next(iter(waiting))]

    def _grade(self, answer: Any, label: Any) -> None:  # noqa: ANN401 - classes or numbers
        if not self.is_classification and not (is_number(answer) and is_number(label)):
            return  # no prediction, or none of ours
        value = float(answer == label) if self.is_classification else abs(answer - label)
        self.n += 1
        self._sum += value
        self._recent.append(value)


def is_number(value: object) -> bool:
    """Whether a value read from a topic is a number; NaN and infinities stand there as null."""
    is_one = isinstance(value, float | int) and not isinstance(value, bool)
    return is_one and abs(value) < _HUGE  # type: ignore[arg-type]
