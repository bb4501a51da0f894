"""McNemar's test: of two learners with 0/1 losses, which is right where the other is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streamadapt.comparison import Losses, loss_difference
from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.errors import checked

__all__ = ["McNemar", "McNemarWindows", "mcnemar", "mcnemar_windows"]

# Below so many rows on which just one of the two is right, the test is exact.
_FEW = 25


@dataclass(frozen=True, slots=True)
class McNemar:
    """On how many rows just one of two learners was wrong, and how likely such a lead is by chance.

    ``p_value`` is two-sided.
    """

    only_first_wrong: int
    only_second_wrong: int
    p_value: float


def mcnemar(losses: Losses, others: Losses) -> McNemar:
    """Test whether two learners are wrong equally often, by 0/1 losses on the same rows [n].

    Rows on which both are right, or both wrong, tell nothing; on the others each learner should be
    wrong as often as heads come up (McNemar, "Note on the sampling error of the difference between
    correlated proportions or percentages", Psychometrika 12(2), 1947).  Of fewer than 25 such rows
    the probability is the exact binomial one, else that of chi squared with Edwards' continuity
    correction.  Rows count as independent: over a long stream ask `paired_difference`, or
    `mcnemar_windows`.

    Examples
    --------
    >>> mcnemar(np.array([1.0, 1, 1, 1, 1, 1, 0]), np.array([0.0, 0, 0, 0, 0, 1, 0]))
    McNemar(only_first_wrong=5, only_second_wrong=0, p_value=0.0625)
    """
    d = loss_difference(losses, others)
    first, second = int((d > 0).sum()), int((d < 0).sum())
    return McNemar(first, second, _p_value(first, second))


@dataclass(frozen=True, slots=True)
class McNemarWindows:
    """McNemar's test in each window of a stream: where along it one learner was better.

    ``end`` int64 [w] is the last row of each window; the counts are int64 [w], ``p_value`` float64
    [w] is two-sided and corrected for the number of windows (Holm, "A simple sequentially rejective
    multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979).
    """

    end: IntArray
    only_first_wrong: IntArray
    only_second_wrong: IntArray
    p_value: FloatArray

    def wins(self, level: float = 0.95) -> tuple[int, int, int]:
        """Return in how many windows the first was better, the second was, and neither surely."""
        sure: BoolArray = self.p_value < 1 - level
        lead = np.sign(self.only_second_wrong - self.only_first_wrong)
        first, second = int((sure & (lead > 0)).sum()), int((sure & (lead < 0)).sum())
        return first, second, len(sure) - first - second


def mcnemar_windows(losses: Losses, others: Losses, window: int = 1_000) -> McNemarWindows:
    """Test by windows of `window` rows, the last one as long as what is left; see `mcnemar`.

    Raises
    ------
    ParameterError
        If the lengths differ, there are no rows, or `window` is below 1.

    Examples
    --------
    >>> first, second = np.zeros(3_000), np.zeros(3_000)
    >>> first[:100] = 1  # wrong at the beginning
    >>> second[2_000:2_100] = 1  # wrong at the end
    >>> mcnemar_windows(first, second).wins()
    (1, 1, 1)
    """
    checked("window", window, 1, math.inf)
    d = np.nan_to_num(loss_difference(losses, others), nan=0.0)  # a row not graded decides nothing
    checked("number of paired losses", len(d), 1, math.inf)
    starts = np.arange(0, len(d), window)
    lost, won = (np.add.reduceat(side, starts, dtype=np.int64) for side in (d > 0, d < 0))
    p = [_p_value(a, b) for a, b in zip(lost.tolist(), won.tolist(), strict=True)]
    return McNemarWindows(np.append(starts[1:], len(d)) - 1, lost, won, _holm(np.array(p)))


def _p_value(a: int, b: int) -> float:
    """Two-sided probability of a split at least as uneven as a to b, if both are as likely."""
    n = a + b
    if n < _FEW:
        tail = sum(math.comb(n, i) for i in range(min(a, b) + 1))
        return min(1.0, math.ldexp(tail, 1 - n))
    chi_squared = max(0, abs(a - b) - 1) ** 2 / n
    return math.erfc(math.sqrt(chi_squared / 2))  # one degree of freedom


def _holm(p: FloatArray) -> FloatArray:
    """Return p-values corrected for their number, in the order given."""
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return corrected
