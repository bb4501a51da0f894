"""Paired comparison of learners by their losses on the same rows: which differences are real.

`paired_difference` tells the difference of mean losses with an interval; `RunningDifference` does
so for streams that memory cannot hold.  See `streamadapt.mcnemar` for tests of 0/1 losses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from streamadapt.bootstrap import automatic_block_length, resampled_means
from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.errors import ParameterError, checked

__all__ = ["Difference", "Losses", "RunningDifference", "loss_difference", "paired_difference"]

Losses: TypeAlias = FloatArray | BoolArray


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


class RunningDifference:
    """The difference of two learners' losses, block of rows by block, in bounded memory.

    Differences are kept row by row for `most` rows; then each two neighbours become one sum, and so
    on, so that a sum always stands for 2^k rows.  Blocks of the bootstrap are made of whole sums.
    However the rows are cut into calls of `add`, the result is the same, bit for bit.

    Parameters
    ----------
    most
        Sums held, an even number: 8 bytes each.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = (rng.random((2, 5_000)) < [[0.30], [0.25]]).astype(float)
    >>> running = RunningDifference()
    >>> for part in np.split(wrong, 5, axis=1):
    ...     running.add(part[0], part[1])
    >>> running.difference() == paired_difference(wrong[0], wrong[1])
    True
    """

    def __init__(self, most: int = 1 << 17) -> None:
        if most < 2 or most % 2:
            raise ParameterError(f"most = {most}: must be an even number from 2 on")
        self.n = 0
        self._rows_of_sum = 1
        self._sums: FloatArray = np.empty(most)
        self._n_sums = 0
        self._rest: FloatArray = np.empty(0)  # rows of a sum that is not full yet

    def add(self, losses: Losses, others: Losses) -> None:
        """Take the next rows [n] of both; those where one is not finite are left out.

        Raises
        ------
        ParameterError
            If the lengths differ.
        """
        d = np.concatenate([self._rest, _paired(losses, others)])
        self.n += len(d) - len(self._rest)
        while len(d) >= self._rows_of_sum:
            room = len(self._sums) - self._n_sums
            k = min(room, len(d) // self._rows_of_sum)
            rows, d = d[: k * self._rows_of_sum], d[k * self._rows_of_sum :]
            new = rows.reshape(k, self._rows_of_sum).sum(axis=1)
            self._sums[self._n_sums : self._n_sums + k] = new
            self._n_sums += k
            if self._n_sums == len(self._sums):
                self._n_sums //= 2
                self._sums[: self._n_sums] = self._sums.reshape(-1, 2).sum(axis=1)
                self._rows_of_sum *= 2
        self._rest = d.copy()

    def difference(
        self,
        *,
        level: float = 0.95,
        block: float | None = None,
        n_resamples: int = 1_000,
        seed: int = 0,
    ) -> Difference:
        """Return mean(losses) - mean(others) with its interval; see `paired_difference`.

        Raises
        ------
        ParameterError
            If there are fewer than two rows, or a parameter is out of bounds.
        """
        n = int(checked("number of paired losses", self.n, 2, math.inf))
        checked("level", level, 0.5, 1.0 - 1e-6)
        checked("n_resamples", n_resamples, 10, 1_000_000)
        sums, rows = self._all_sums()
        mean = float(sums.sum() / n)
        d = sums - rows * mean
        if block is None:
            # The cube root is enough for rows that hardly depend on each other, and costs little.
            length = max(automatic_block_length(d), n ** (1 / 3) / self._rows_of_sum)
        else:
            length = max(1.0, checked("block", block, 1.0, n) / self._rows_of_sum)
        means = resampled_means(d, length, n_resamples, seed) * (len(d) / n)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist()
        return Difference(mean, mean + low, mean + high, level, n, length * self._rows_of_sum)

    def by_parts(self, n_parts: int = 20) -> FloatArray:
        """Return the mean difference in each of `n_parts` parts of the stream, or of fewer."""
        sums, rows = self._all_sums()
        starts = np.unique(np.arange(n_parts) * len(sums) // n_parts)[: len(sums)]
        found: FloatArray = np.add.reduceat(sums, starts) / np.add.reduceat(rows, starts)
        return found

    def _all_sums(self) -> tuple[FloatArray, FloatArray]:
        """Return the sums, and of how many rows each is; the last one may be of fewer."""
        sums = self._sums[: self._n_sums]
        rows = np.full(self._n_sums, float(self._rows_of_sum))
        if len(self._rest):
            sums, rows = np.append(sums, self._rest.sum()), np.append(rows, len(self._rest))
        return sums, rows


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

    Losses of neighbouring rows are alike, so rows are resampled in blocks; the interval is that
    between the quantiles of the resampled means.  See `streamadapt.bootstrap`.

    Parameters
    ----------
    losses, others
        Losses of two learners on the same rows: float64 [n]; rows where one of them is not finite
        are left out.
    level
        Share of intervals that should cover the true difference.
    block
        Mean length of a block, in rows; by default n^(1/3), or as long as the correlation of the
        differences asks for (`automatic_block_length`).  Too short ones make too narrow intervals.
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
    running = RunningDifference(most=2 * len(losses) + 2)  # never full: no rows are put together
    running.add(losses, others)
    return running.difference(level=level, block=block, n_resamples=n_resamples, seed=seed)


def loss_difference(losses: Losses, others: Losses) -> FloatArray:
    """Return losses - others [n], NaN where one of them is not finite.

    Raises
    ------
    ParameterError
        If the lengths differ.

    Examples
    --------
    >>> loss_difference(np.array([1.0, 1.0]), np.array([0.0, np.nan]))
    array([ 1., nan])
    """
    losses, others = np.asarray(losses, np.float64), np.asarray(others, np.float64)
    if losses.ndim != 1 or losses.shape != others.shape:
        raise ParameterError(f"losses of shapes {losses.shape} and {others.shape} are not paired")
    both = np.isfinite(losses) & np.isfinite(others)
    d: FloatArray = np.subtract(losses, others, out=np.full(len(both), np.nan), where=both)
    return d


def _paired(losses: Losses, others: Losses) -> FloatArray:
    d = loss_difference(losses, others)
    found: FloatArray = d[~np.isnan(d)]
    return found
