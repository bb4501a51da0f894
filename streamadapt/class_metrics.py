"""Metrics of class probabilities.

Where River has a metric, this one equals it: ``accuracy`` (River's Accuracy),
``balanced_accuracy`` (BalancedAccuracy: the mean recall of the classes that came), ``kappa``
(CohenKappa), ``log_loss`` (CrossEntropy: probabilities clipped to 1e-15..1-1e-15, so equal to
LogLoss but for predictions beyond these), ``f1`` (F1 of the second of two classes), ``f1_macro``
(MacroF1: over the classes that came or were said) and ``rolling_auc`` (RollingROCAUC: 0 where only
one class is in the window; equal scores of unlike labels count half here, while River 0.26 rounds
these halves down to whole pairs).  As there, a share of nothing is 0 and a kappa over a chance of 1
is 0.  Only where no row was graded all are NaN, where River says 0 or raises.

``kappa_m`` and ``kappa_temporal`` compare the accuracy with that of a baseline as Cohen's kappa
does with chance: (p - p_b) / (1 - p_b).  The baselines are those of MOA's
BasicClassificationPerformanceEvaluator: the class most frequent among the labels graded so far,
this one included, the first of equals (Bifet, De Francisci Morales, Read, Holmes and Pfahringer,
"Efficient online evaluation of big data stream classifiers", KDD 2015), and the label graded last,
at first class 0 (Zliobaite, Bifet, Read, Pfahringer and Holmes, "Evaluation methods and decision
theory for classification of streaming data with temporal dependence", Machine Learning 98(3),
2015).  MOA divides by zero where the baseline is always right; here that gives 0.  Windows and
fading weigh what the same baselines got right there.

``brier`` is the mean squared distance of the probabilities from the truth, summed over the classes
(Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78(1),
1950); for two classes half of that, the usual (p - y)^2.
"""

from __future__ import annotations

import numpy as np

from streamadapt import metrics_kernels as k
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import checked
from streamadapt.evaluation import DEFAULT_EVALUATION, Evaluation
from streamadapt.labels import Ops
from streamadapt.state import State
from streamadapt.window_metrics import Tally, named, ratio

__all__ = ["ClassGrades"]


class ClassGrades:
    """Grades of class probabilities.

    Parameters
    ----------
    n_slots
        Slots of the label join; a prediction waits in its slot for the label.
    n_classes
        Classes; a prediction is a row of as many probabilities.
    evaluation
        Windows, fading, and whether there is a rolling AUC.

    Raises
    ------
    ParameterError
        If ``rolling_auc`` is asked for and there are not two classes.

    Examples
    --------
    >>> grades = ClassGrades(1, 2)
    >>> def grade(truth, p):
    ...     one = np.zeros(1, np.int64)
    ...     ops = Ops(np.full(1, 3, np.int8), one, np.full(1, truth), one, np.ones(1, bool))
    ...     return grades.settle(ops, np.array([[1 - p, p]]), 0)[0]
    >>> grade(1.0, 0.75), grade(0.0, 0.75)
    (array([0.]), array([1.]))
    >>> grades.metrics()["accuracy"], grades.metrics()["brier"]
    (0.5, 0.3125)
    """

    def __init__(
        self, n_slots: int, n_classes: int, evaluation: Evaluation = DEFAULT_EVALUATION
    ) -> None:
        self._n_recent = evaluation.rolling_auc or 0
        if self._n_recent:
            checked("n_classes (rolling_auc is for two)", n_classes, 2, 2)
        self._k = n_classes
        self._held = np.zeros((n_slots, n_classes))
        self._confusion = np.zeros((n_classes, n_classes), np.int64)
        self._recent = np.zeros((self._n_recent, 2))
        self._tally = Tally(k.TABLE + 3 * n_classes, evaluation)

    @property
    def confusion(self) -> IntArray:
        """How many of which class (row) were taken for which (column): int64 [k, k]."""
        return self._confusion.copy()

    def settle(self, ops: Ops, P: FloatArray, first_row: int) -> tuple[FloatArray, IntArray]:
        """Take predictions [n, k]; the loss is 1 where the most probable class was wrong."""
        loss, row = np.empty(len(ops)), np.empty(len(ops), np.int64)
        tally, at, n = self._tally, 0, 0
        while at < len(ops):
            at, n = k.settle_classes(
                ops.op, ops.slot, ops.y, ops.graded, P, self._held, self._confusion,
                tally.rows, tally.cursor, self._recent, tally.growth, first_row, at, n, loss, row,
            )  # fmt: skip
            if self._n_recent:
                self._keep_auc()
        return loss[:n], row[:n]

    def drop_held(self) -> None:
        """Forget waiting predictions; their labels will count as ``ungraded``."""
        self._held[:] = np.nan

    def metrics(self) -> dict[str, float]:
        """Return the metrics over all graded rows."""
        values = self._values(self._tally.total())
        if self._n_recent:
            values["rolling_auc"] = np.array(self._auc())
        counts = {"graded": int(self._confusion.sum()), "ungraded": self._tally.ungraded}
        return {name: float(value) for name, value in values.items()} | counts

    def fading(self) -> dict[str, float]:
        """Return the metrics in which old rows count for less and less."""
        return {name: float(v) for name, v in self._values(self._tally.faded()).items()}

    def series(self) -> dict[str, FloatArray | IntArray]:
        """Return {metric: float64 [p]} by window, with ``row`` of its end and rows ``graded``."""
        windows = self._tally.windows()
        values = self._values(windows)
        if self._n_recent:
            values["rolling_auc"] = auc = windows[:, k.AUC].copy()
            auc[int(self._tally.cursor[k.N_POINTS]) :] = self._auc()  # of the window under way
        return named(windows, values)

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions."""
        return State(
            "class_grades",
            2,
            {
                "held": self._held[live_slots],
                "confusion": self._confusion.copy(),
                "tally": self._tally.state(),
                "recent": self._recent[self._recent_order()],
            },
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        self._held[live_slots] = state.expect("class_grades", 2).floats("held")
        self._confusion = state.integers("confusion")
        self._tally.restore(state.child("tally"))
        self._recent[self._recent_order()] = state.floats("recent")

    def _recent_order(self) -> IntArray:
        """Return the places of the rolling window, oldest first."""
        n = int(self._tally.cursor[k.N_RECENT])
        order: IntArray = np.arange(max(0, n - self._n_recent), n) % max(1, self._n_recent)
        return order

    def _keep_auc(self) -> None:
        """Write the rolling AUC to the window that has just ended, if one has."""
        rows, n_points = self._tally.rows, int(self._tally.cursor[k.N_POINTS])
        if n_points and rows[k.NOW, k.N] == 0:
            rows[k.POINTS + n_points - 1, k.AUC] = self._auc()

    def _auc(self) -> float:
        """Return the share of pairs of unlike labels whose scores are in order."""
        truth, score = self._recent[self._recent_order()].T
        return _auc(truth == 1.0, score)

    def _values(self, sums: FloatArray) -> dict[str, FloatArray]:
        """Return the metrics of sums [..., width]: each [...]."""
        n = sums[..., k.N]
        hits, truths, said = (
            sums[..., k.TABLE + i * self._k : k.TABLE + (i + 1) * self._k] for i in range(3)
        )
        accuracy = ratio(hits.sum(-1), n)
        shares = ratio(truths, n[..., None]), ratio(said, n[..., None])
        recall, precision = ratio(hits, truths, empty=0.0), ratio(hits, said, empty=0.0)
        f1 = ratio(2.0 * precision * recall, precision + recall, empty=0.0)
        values = {
            "accuracy": accuracy,
            "balanced_accuracy": ratio(recall.sum(-1), (truths > 0.0).sum(-1)),
            "kappa": _beyond(accuracy, (shares[0] * shares[1]).sum(-1)),
            "kappa_m": _beyond(accuracy, ratio(sums[..., k.MAJORITY], n)),
            "kappa_temporal": _beyond(accuracy, ratio(sums[..., k.NO_CHANGE], n)),
            "log_loss": ratio(sums[..., k.LOG_LOSS], n),
            "brier": ratio(sums[..., k.BRIER], n * (2.0 if self._k == 2 else 1.0)),
        }
        if self._k == 2:
            values["f1"] = np.where(n > 0.0, f1[..., 1], np.nan)
        return values | {"f1_macro": ratio(f1.sum(-1), ((truths + said) > 0.0).sum(-1))}


def _beyond(accuracy: FloatArray, chance: FloatArray) -> FloatArray:
    """Return how far an accuracy is on its way from that of a baseline to 1."""
    return ratio(accuracy - chance, 1.0 - chance, empty=0.0)


def _auc(is_positive: np.ndarray, score: FloatArray) -> float:
    """Area under the ROC curve by midranks (Mann and Whitney 1947), 0 where a class is missing."""
    n_positive = int(is_positive.sum())
    pairs = n_positive * (len(score) - n_positive)
    if not pairs:
        return 0.0
    _, place, times = np.unique(score, return_inverse=True, return_counts=True)
    midrank = np.cumsum(times) - (times - 1) / 2
    above = midrank[place[is_positive]].sum() - n_positive * (n_positive + 1) / 2
    return float(above / pairs)
