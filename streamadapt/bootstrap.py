"""The stationary bootstrap of a mean or a stream, and how long its blocks have to be.

Values next to each other in a stream are alike, so that it is blocks of them that are resampled, at
random places and of random (geometric) length, around the end of the stream (Politis and Romano,
"The stationary bootstrap", JASA 89(428), 1994).
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray, IntArray

__all__ = ["automatic_block_length", "resampled", "resampled_means"]


def automatic_block_length(x: FloatArray) -> float:
    """Return the mean length of blocks that estimates the variance of mean(x) best.

    It grows with how long values stay alike: Politis and White, "Automatic block-length selection
    for the dependent bootstrap", Econometric Reviews 23(1), 2004, with the correction of Patton,
    Politis and White, Econometric Reviews 28(4), 2009.  At least 1 and, as there, at most
    3 sqrt(n) or n / 3; a long series that drifts reaches that end.

    Parameters
    ----------
    x
        A series: float64 [n], all finite.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=10_000)
    >>> automatic_block_length(noise) < 5
    True
    >>> smooth = np.convolve(noise, np.ones(50), "valid")
    >>> automatic_block_length(smooth) > 50
    True
    """
    n = len(x)
    if n < 2 or x.min() == x.max():
        return 1.0
    longest = float(math.ceil(min(3 * math.sqrt(n), n / 3)))
    covariances = _autocovariances(x, _most_lags(n))
    lags = np.arange(1, _bandwidth(covariances, n) + 1)
    # The flat-top window: 1 up to half the bandwidth, then falling to 0 in a straight line.
    weighted = np.minimum(1.0, 2 * (1 - lags / lags[-1])) * covariances[lags]
    slope, level = 2 * float((lags * weighted).sum()), covariances[0] + 2 * float(weighted.sum())
    if level == 0.0:
        return max(1.0, longest)
    return max(1.0, min(longest, float(np.cbrt((slope / level) ** 2 * n))))


def resampled_means(d: FloatArray, block: float, n_resamples: int, seed: int) -> FloatArray:
    """Return the mean of each resample of `d`, whose own mean is 0; blocks are `block` on average.

    As the sum of all of `d` is 0, running sums go on around its end as if it were a ring.  Each
    block is read off them: a resample costs n / block steps, not n.

    Examples
    --------
    >>> d = np.random.default_rng(0).normal(size=10_000)
    >>> means = resampled_means(d - d.mean(), block=1.0, n_resamples=500, seed=0)
    >>> bool(abs(means.std() - 0.01) < 0.001)
    True
    """
    n, rng = len(d), np.random.default_rng(seed)
    sums = np.concatenate([[0.0], np.cumsum(d)[:-1]])
    means = np.empty(n_resamples)
    for i in range(n_resamples):
        lengths = _lengths(rng, n, block)
        starts = rng.integers(n, size=len(lengths))
        means[i] = (sums[(starts + lengths) % n] - sums[starts]).sum() / n
    return means


def resampled(x: FloatArray, block: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Return `n` values of a stationary stream made of blocks of `x`, `block` long on average.

    It may be longer than `x`, which is a ring.

    Examples
    --------
    >>> resampled(np.arange(10.0), 4.0, 8, np.random.default_rng(1)).tolist()
    [6.0, 7.0, 8.0, 9.0, 5.0, 6.0, 0.0, 1.0]
    """
    lengths = _lengths(rng, n, block)
    starts = rng.integers(len(x), size=len(lengths))
    ends = np.cumsum(lengths)
    places = np.arange(n) + np.repeat(starts - ends + lengths, lengths)
    found: FloatArray = x[places % len(x)]
    return found


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


def _most_lags(n: int) -> int:
    return min(n - 1, math.ceil(math.sqrt(n)) + _quiet_lags(n))


def _quiet_lags(n: int) -> int:
    """Return how many lags in a row without correlation mean that there is no more of it."""
    return max(5, math.ceil(math.sqrt(math.log10(n))))


def _bandwidth(covariances: FloatArray, n: int) -> int:
    """Return twice the lag after which nothing is correlated any more, or all lags there are."""
    most, quiet = len(covariances) - 1, _quiet_lags(n)
    correlations = np.abs(covariances[1:]) / covariances[0]
    loud = np.flatnonzero(correlations >= 2 * math.sqrt(math.log10(n) / n)) + 1
    ends = np.append(loud, most + quiet + 1)  # beyond the last lag all is quiet
    before = np.insert(loud, 0, 0)
    last = int(before[np.argmax(ends - before > quiet)])
    return min(2 * max(last, 1), most)


def _autocovariances(x: FloatArray, most: int) -> FloatArray:
    """Return the covariance of `x` with itself 0, 1, ..., `most` places on."""
    n = len(x)
    size = 1 << (n + most).bit_length()  # zeros after the end: it does not meet the beginning
    spectrum = np.fft.rfft(x - x.mean(), size)
    found: FloatArray = np.fft.irfft(np.abs(spectrum) ** 2, size)[: most + 1] / n
    return found
