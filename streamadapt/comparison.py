"""Paired comparison of learners by their losses on the same rows: which differences are real.

`paired_difference` tells the difference of mean losses with an interval; `mcnemar` and
`mcnemar_windows` ask, of 0/1 losses, which of two learners is right where the other is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.errors import ParameterError, checked

__all__ = [
    "Difference", "McNemar", "McNemarWindows", "mcnemar", "mcnemar_windows", "paired_difference",
]  # fmt: skip

Losses: TypeAlias = FloatArray | BoolArray

# Below so many rows on which just one of the two is right, McNemar's test is exact.
_FEW = 25


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean loss of a learner less that of another one, with an interval for it.

    ``n`` rows were compared, in resamples made of blocks of ``block`` rows on average.
    """

    mean: float
    low: float
    high: float
    level: float
    n: int
    block: float

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0.0 or self.high < 0.0

    def __str__(self) -> str:
        verdict = "real" if self.is_real else "not told from 0"
        return f"{self.mean:+.4g} [{self.low:+.4g}, {self.high:+.4g}], {verdict}"


def paired_difference(
    losses: Losses,
    others: Losses,
    *,
    level: float = 0.95,
    block: float | None = None,
    n_resamples: int = 1_000,
    seed: int = 0,
) -> Difference:
    """Return mean(losses) - mean(others) with an interval by the stationary bootstrap.

    Losses of neighbouring rows are alike, so rows are resampled in blocks, at random places and
    of random (geometric) length, around the end of the stream (Politis and Romano, "The stationary
    bootstrap", JASA 89(428), 1994); the interval is that between the quantiles of the resampled
    means.  Each block is read off running sums: a resample costs n / block steps, not n.

    Parameters
    ----------
    losses, others
        Losses of two learners on the same rows: float64 [n]; rows where one of them is not finite
        are left out.
    level
        Share of intervals that should cover the true difference.
    block
        Mean length of a block, in rows; by default n^(1/3).  Give a larger one where losses
        depend on each other for longer: too short blocks make too narrow intervals.
    n_resamples
        Resamples.
    seed
        Equal seeds give equal intervals.

    Raises
    ------
    ParameterError
        If the lengths differ, fewer than two rows are left, or a parameter is out of bounds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = (rng.random((2, 5_000)) < [[0.30], [0.25]]).astype(float)
    >>> found = paired_difference(wrong[0], wrong[1])
    >>> found.is_real, found.low < 0.05 < found.high
    (True, True)
    >>> paired_difference(wrong[0], wrong[0]).is_real
    False
    """
    d = _paired(losses, others)
    n = int(checked("number of paired losses", len(d), 2, math.inf))
    checked("level", level, 0.5, 1.0 - 1e-6)
    checked("n_resamples", n_resamples, 10, 1_000_000)
    block = checked("block", n ** (1 / 3) if block is None else block, 1.0, n)
    means = _resampled(d - d.mean(), block, n_resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist()
    mean = float(d.mean())
    return Difference(mean, mean + low, mean + high, level, n, block)


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
    d = _paired(losses, others)
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
    d = np.nan_to_num(_difference(losses, others), nan=0.0)  # a row not graded decides nothing
    checked("number of paired losses", len(d), 1, math.inf)
    starts = np.arange(0, len(d), window)
    lost, won = (np.add.reduceat(side, starts, dtype=np.int64) for side in (d > 0, d < 0))
    p = [_p_value(a, b) for a, b in zip(lost.tolist(), won.tolist(), strict=True)]
    return McNemarWindows(np.append(starts[1:], len(d)) - 1, lost, won, _holm(np.array(p)))


def _difference(losses: Losses, others: Losses) -> FloatArray:
    """Return losses - others [n], NaN where one of them is not finite."""
    losses, others = np.asarray(losses, np.float64), np.asarray(others, np.float64)
    if losses.ndim != 1 or losses.shape != others.shape:
        raise ParameterError(f"losses of shapes {losses.shape} and {others.shape} are not paired")
    both = np.isfinite(losses) & np.isfinite(others)
    d: FloatArray = np.subtract(losses, others, out=np.full(len(both), np.nan), where=both)
    return d


def _paired(losses: Losses, others: Losses) -> FloatArray:
    d = _difference(losses, others)
    found: FloatArray = d[~np.isnan(d)]
    return found


def _resampled(d: FloatArray, block: float, n_resamples: int, seed: int) -> FloatArray:
    """Return the mean of each resample of `d`, whose own mean is 0.

    So the sum of all of `d` is 0, and running sums go on around its end as if it were a ring.
    """
    n, rng = len(d), np.random.default_rng(seed)
    sums = np.concatenate([[0.0], np.cumsum(d)[:-1]])
    means = np.empty(n_resamples)
    for i in range(n_resamples):
        lengths = _lengths(rng, n, block)
        starts = rng.integers(n, size=len(lengths))
        means[i] = (sums[(starts + lengths) % n] - sums[starts]).sum() / n
    return means


def _lengths(rng: np.random.Generator, n: int, block: float) -> IntArray:
    """Return random lengths of blocks, of mean `block`, that are n rows together."""
    n_blocks = math.ceil(n / block)
    lengths = rng.geometric(1 / block, n_blocks + math.ceil(3 * math.sqrt(n_blocks)))
    while (total := np.cumsum(lengths))[-1] < n:
        lengths = np.concatenate([lengths, rng.geometric(1 / block, n_blocks)])
    last = int(np.searchsorted(total, n))
    lengths[last] -= total[last] - n
    found: IntArray = lengths[: last + 1]
    return found


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
