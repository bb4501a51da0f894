"""Learning under wrong labels: rows whose loss is unusually large are not learned."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import (
    LEARN,
    PREDICT,
    FloatArray,
    Forgets,
    Learner,
    LearningTask,
    OpArray,
)
from streamadapt.errors import checked, whole
from streamadapt.models.learner import as_numbers, as_rows, check_lengths
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["ForgettingRobustLearner", "RobustLearner", "learning_robustly"]

_LIMIT = 1e100
_LEAST_SHARE = 1e-12
_ONE = np.ones(1)


class RobustLearner:
    """A learner that leaves out rows whose loss is far above what losses are now.

    After the idea of Adaptive-k (E. Dedeoglu, H. T. Kesgin and M. F. Amasyali, "A robust
    optimization method for label noisy datasets based on adaptive threshold: Adaptive-k",
    arXiv 2203.14165): a row is learned if its loss is below a threshold that follows the losses.
    There it is theirs of a mini-batch; here, row by row, it is the fading mean of all losses,
    learned or not, plus some fading deviations.  While most losses of late are above it, as after a
    drift, all rows are learned.  The loss is the log loss of the label, or the absolute
    error.  The first `window` / 5 rows are all learned.

    Every row that is learned is a call of the learner of its own: some 10 us each.

    Parameters
    ----------
    make
        Gives the learner.
    window
        About how many rows mean and deviation of the losses follow.
    deviations
        The threshold lies so many of them above the mean.
    most_left_out
        If lately (`window` / 10 rows) a larger share had large losses, it is a drift.

    Examples
    --------
    >>> from streamadapt.models import PassiveAggressiveClassifier
    >>> rng = np.random.default_rng(1)
    >>> X = rng.normal(size=(3000, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> told = np.where(rng.random(3000) < 0.2, 1 - y, y)
    >>> plain = PassiveAggressiveClassifier(2, 2)
    >>> robust = RobustLearner(lambda: PassiveAggressiveClassifier(2, 2))
    >>> for learner in (plain, robust):
    ...     _ = learner.run(np.full(3000, 2, np.int8), X, told)
    >>> ask = np.ones(3000, np.int8)
    >>> wrong = [(m.run(ask, X, y).argmax(axis=1) != y).mean() for m in (plain, robust)]
    >>> bool(wrong[1] < wrong[0] / 2)
    True
    """

    def __init__(
        self,
        make: Callable[[], Learner],
        window: int = 500,
        deviations: float = 1.5,
        most_left_out: float = 0.4,
    ) -> None:
        self._learner = make()
        self.window = whole("window", window, 10, 10**9)
        self.deviations = checked("deviations", deviations, 0.0, 1e6)
        self.most_left_out = checked("most_left_out", most_left_out, 0.0, 1.0)
        self._fade = 1.0 - 1.0 / self.window
        self._fade_recent = 1.0 - 1.0 / max(self.window / 10.0, 5.0)
        # Of losses evidence, mean, variance; share of large ones lately; rows with one, left out.
        self._losses = np.zeros(6)

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return self._learner.n_features

    @property
    def n_outputs(self) -> int:
        """Width k of a prediction."""
        return self._learner.n_outputs

    @property
    def learning_task(self) -> LearningTask:
        """What a prediction means."""
        return self._learner.learning_task

    @property
    def n_left_out(self) -> int:
        """Rows that were not learned because their loss was too large."""
        return int(self._losses[5])

    @property
    def n_skipped(self) -> int:
        """Rows that the learner could not learn; 0 if it does not count them."""
        return int(getattr(self._learner, "n_skipped", 0))

    @property
    def threshold(self) -> float:
        """The loss above which a row is left out; infinite while there are few."""
        _, mean, variance, _, n, _ = self._losses.tolist()
        if n < self.window / 5:
            return math.inf
        return float(mean + self.deviations * math.sqrt(variance))

    def run(
        self, ops: OpArray, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None
    ) -> FloatArray:
        """Predict and learn n rows in order; see `streamadapt.contracts.Learner.run`.

        Raises
        ------
        ParameterError
            If shapes do not fit, or labels are words; nothing has been learned then.
        """
        rows, labels, codes = as_rows(X, self.n_features), np.asarray(y), np.asarray(ops)
        labels = labels if labels.dtype.kind in "iubf" else as_numbers(labels)
        weights = np.ones(len(rows)) if w is None else np.asarray(w, np.float64)
        check_lengths(len(rows), ops=codes, y=labels, w=weights)
        P = np.full((len(rows), self.n_outputs), np.nan)
        predicts, learns = np.array([PREDICT], np.int8), np.array([LEARN], np.int8)
        for i, op in enumerate(codes.tolist()):
            row, label, weight = rows[i : i + 1], labels[i : i + 1], weights[i : i + 1]
            guess = self._learner.run(predicts, row, label, _ONE)
            if op & PREDICT:
                P[i] = guess[0]
            if op & LEARN and self._takes(self._loss(guess[0], label, weight[0])):
                self._learner.run(learns, row, label, weight)
        return P

    def _loss(self, guess: FloatArray, label: NDArray[np.generic], weight: float) -> float:
        """Return the loss of one row, NaN if it is for the learner to say what is wrong with it."""
        target = float(label[0])
        if not (0.0 < weight <= _LIMIT and abs(target) <= _LIMIT):
            return math.nan
        if self.learning_task is LearningTask.REGRESSION:
            return abs(target - float(guess[0]))
        if not (0 <= target < self.n_outputs and target == math.floor(target)):
            return math.nan
        return -math.log(max(float(guess[int(target)]), _LEAST_SHARE))

    def _takes(self, loss: float) -> bool:
        """Return whether a row of this loss is learned, and let the threshold follow it."""
        if not loss <= _LIMIT:
            return True
        is_large = loss > self.threshold
        evidence, mean, variance, lately, n, n_left_out = self._losses.tolist()
        lately += (1.0 - self._fade_recent) * (is_large - lately)
        takes = not is_large or lately > self.most_left_out
        evidence = self._fade * evidence + 1.0
        deviation = loss - mean
        mean += deviation / evidence
        variance = (1.0 - 1.0 / evidence) * (variance + deviation * deviation / evidence)
        self._losses[:] = evidence, mean, variance, lately, n + 1.0, n_left_out + (not takes)
        return takes

    def adapt(self, X: FloatArray) -> None:
        """Let the learner adapt, if it can."""
        self._learner.adapt(X)

    def state(self) -> State:
        """Return the learner's state and what is known of its losses."""
        values: dict[str, Value] = {"learner": self._learner.state(), "losses": self._losses.copy()}
        return State("robust", 1, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        losses = finite_floats(state.expect("robust", 1), "losses", (6,))
        self._learner.restore(state.child("learner"))
        self._losses = losses


class ForgettingRobustLearner(RobustLearner):
    """The same around a learner that can forget."""

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much from now on."""
        if isinstance(self._learner, Forgets):
            self._learner.forget(factor)


def learning_robustly(
    make: Callable[[], Learner],
    window: int = 500,
    deviations: float = 1.5,
    most_left_out: float = 0.4,
) -> RobustLearner:
    """Return a `RobustLearner` around what `make` gives; it forgets if that does."""
    kind = ForgettingRobustLearner if isinstance(make(), Forgets) else RobustLearner
    return kind(make, window, deviations, most_left_out)
