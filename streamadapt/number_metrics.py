"""Metrics of predicted numbers.

Where River has a metric, this one equals it: ``mae`` (River's MAE), ``rmse`` (RMSE), ``r2`` (R2: 0
where the labels do not differ, or there is one only) and ``mape`` (MAPE: in percent; a label of 0
adds nothing, but counts as a row).

``pinball`` is the loss that a quantile q makes least: a label above the prediction costs q times
the distance, one below 1 - q times (Koenker and Bassett, "Regression quantiles", Econometrica
46(1), 1978); for the median that is half the absolute error.  River has no such metric; its
``optim.losses.Quantile(q)`` gives the loss of 1 - q.  ``nrmse``, which River does not have either,
is the RMSE over the absolute mean of the labels, as usual for traffic and loads; NaN where that
mean is 0.

Where no row was graded all are NaN; River says 0.  A prediction that is not finite, or off by
1e100 or more, or for a label of that size, counts as none (``ungraded``), and one row adds at most
1e102 percent to ``mape``: else one of them would make all sums infinite for good.
"""

from __future__ import annotations

import numpy as np

from streamadapt import metrics_kernels as k
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.evaluation import DEFAULT_EVALUATION, Evaluation
from streamadapt.labels import Ops
from streamadapt.state import State
from streamadapt.window_metrics import Tally, named, ratio

__all__ = ["NumberGrades"]


class NumberGrades:
    """Grades of predicted numbers.

    Parameters
    ----------
    n_slots
        Slots of the label join; a prediction waits in its slot for the label.
    evaluation
        Windows, fading, and the quantile of the pinball loss.

    Examples
    --------
    >>> grades = NumberGrades(1)
    >>> one = np.zeros(1, np.int64)
    >>> ops = Ops(np.full(1, 3, np.int8), one, np.full(1, 8.0), one, np.ones(1, bool))
    >>> grades.settle(ops, np.array([[6.0]]), 0)
    (array([2.]), array([0]))
    >>> grades.metrics()["mape"]
    25.0
    """

    def __init__(self, n_slots: int, evaluation: Evaluation = DEFAULT_EVALUATION) -> None:
        self._held = np.zeros((n_slots, 1))
        self._tally = Tally(k.NUMBER_COLUMNS, evaluation)
        self._quantile = evaluation.quantile

    @property
    def confusion(self) -> None:
        """Numbers have none."""
        return None

    def settle(self, ops: Ops, P: FloatArray, first_row: int) -> tuple[FloatArray, IntArray]:
        """Take predictions [n, 1]; the loss is the absolute error."""
        loss, row = np.empty(len(ops)), np.empty(len(ops), np.int64)
        tally = self._tally
        n = k.settle_numbers(
            ops.op, ops.slot, ops.y, ops.graded, P, self._held,
            tally.rows, tally.cursor, self._quantile, tally.growth, first_row, loss, row,
        )  # fmt: skip
        return loss[:n], row[:n]

    def drop_held(self) -> None:
        """Forget waiting predictions; their labels will count as ``ungraded``."""
        self._held[:] = np.nan

    def metrics(self) -> dict[str, float]:
        """Return the metrics over all graded rows."""
        total = self._tally.total()
        counts = {"graded": int(total[k.N]), "ungraded": self._tally.ungraded}
        return {name: float(value) for name, value in _values(total).items()} | counts

    def fading(self) -> dict[str, float]:
        """Return the metrics in which old rows count for less and less."""
        return {name: float(v) for name, v in _values(self._tally.faded()).items()}

    def series(self) -> dict[str, FloatArray | IntArray]:
        """Return {metric: float64 [p]} by window, with ``row`` of its end and rows ``graded``."""
        windows = self._tally.windows()
        return named(windows, _values(windows))

    def state(self, live_slots: IntArray) -> State:
        """Return sums and waiting predictions."""
        return State(
            "number_grades", 2, {"held": self._held[live_slots], "tally": self._tally.state()}
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; the label join is restored already."""
        self._held[live_slots] = state.expect("number_grades", 2).floats("held")
        self._tally.restore(state.child("tally"))


def _values(sums: FloatArray) -> dict[str, FloatArray]:
    """Return the metrics of sums [..., width]: each [...]."""
    n, squared, spread = sums[..., k.N], sums[..., k.SQUARED], sums[..., k.SPREAD]
    rmse = np.sqrt(ratio(squared, n))
    r2 = np.where(spread > 0.0, 1.0 - ratio(squared, spread), 0.0)
    return {
        "mae": ratio(sums[..., k.ABSOLUTE], n),
        "rmse": rmse,
        "nrmse": ratio(rmse, np.abs(sums[..., k.MEAN])),
        "mape": 100.0 * ratio(sums[..., k.RELATIVE], n),
        "r2": np.where(n > 0.0, r2, np.nan),
        "pinball": ratio(sums[..., k.PINBALL], n),
    }
