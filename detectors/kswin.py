"""KSWIN: the newest values of a window against a random sample of those before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE, LIMIT, N_COMMON
from streamadapt.detectors.kswin_kernels import DISTANCE, HELD, NEXT, ks_probability, kswin_run
from streamadapt.detectors.mersenne_kernels import N_WORDS, seeded
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, ParameterError, checked, whole
from streamadapt.state import State, Value

__all__ = ["KSWIN"]

_LEAST_STATISTIC = 0.1  # River asks for more than that, whatever the probability


class KSWIN(ArrayDetector):
    """Raises an alarm when the newest values are distributed otherwise than those before.

    With every value the newest `stat_size` of a sliding window are compared with as many random
    ones of the rest, by the exact two-sample test of Kolmogorov and Smirnov.  It also notices a
    change of spread or shape.  With the same seed the alarms are River's 0.26.1, to the index.  As
    there, and other than in the paper, which keeps the newest values, the window is empty after
    an alarm and the generator starts anew; and no alarm has a statistic of 0.1 or less.

    An alarm's statistic is the distance of the two distribution functions, its threshold the least
    distance that is an alarm, its p-value that of the test; ``size`` is the mean of the newest
    values less that of all before, with ``direction`` 0 if they are equal, and ``age`` is
    `stat_size`.  There is no warning zone.

    Parameters
    ----------
    alpha
        The probability in [0, 1] that is small enough for an alarm; as every value is a test,
        below 0.01.
    window_size
        Length of the window: at least twice `stat_size`, so that the rest holds a sample.
    stat_size
        Size of both samples, up to 10,000: beyond it the exact test is no longer River's.
    seed
        Of the random samples; as for ``random.Random``.
    window
        Values that the window holds from the start, oldest first.

    References
    ----------
    C. Raab, M. Heusinger, F.-M. Schleif (2020): Reactive soft prototype computing for concept
    drift streams. Neurocomputing 416.

    Examples
    --------
    >>> detector = KSWIN(seed=1)
    >>> wide = np.random.default_rng(0).normal(0.0, np.repeat([1.0, 20.0], 300))
    >>> flags = detector.update_many(wide)
    >>> [(alarm.index, alarm.p_value < 0.005) for alarm in detector.alarms]
    [(329, True)]
    """

    kind = "kswin"
    kernel = kswin_run
    alarm_threshold = Threshold("alpha", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True)
    parameter_names = ("alpha", "window_size", "stat_size", "seed")

    def __init__(
        self,
        alpha: float = 0.005,
        window_size: int = 100,
        stat_size: int = 30,
        seed: int = 0,
        window: Sequence[float] | None = None,
    ) -> None:
        self.alpha = float(checked("alpha", alpha, 0.0, 1.0))
        self.stat_size = whole("stat_size", stat_size, 1, 10_000)
        self.window_size = whole("window_size", window_size, 2 * self.stat_size, 1_000_000_000)
        self.seed = whole("seed", seed, 0, 2**63 - 1)
        has_pool = self.window_size - self.stat_size <= _pool_limit(self.stat_size)
        least = _least_distance(self.stat_size, self.alpha)
        self._window = np.zeros(self.window_size)
        self._ranked = np.zeros(self.window_size, np.int64)
        self._pool = np.zeros(3 * self.window_size, np.int64)
        self._first_words = seeded(self.seed)
        self._words = self._first_words.copy()
        arrays = self._window, self._ranked, self._words, self._first_words, self._pool
        super().__init__([self.stat_size, least, has_pool], N_COMMON + 3, 0, arrays)
        self.window = window
        if window is not None:
            self._fill(_usable(window)[-self.window_size :])

    @property
    def p_value(self) -> float:
        """Of the last test; 1 before the first."""
        return float(ks_probability(self.stat_size, int(self._counts[DISTANCE])))

    def _fill(self, values: FloatArray) -> None:
        """Let `values`, oldest first, be the window."""
        n = len(values)
        self._window[:n] = values
        self._ranked[:n] = np.argsort(values, kind="stable")
        self._counts[HELD], self._counts[NEXT] = n, n % self.window_size

    def _state_values(self) -> dict[str, Value]:
        # Where the ring begins makes no difference: the window is kept oldest first.
        counts = self._counts.copy()
        start = counts[NEXT] if counts[HELD] == self.window_size else 0
        held = np.roll(self._window, -start)[: counts[HELD]]
        counts[NEXT] = 0
        return super()._state_values() | {
            "counts": counts,
            "window": held,
            "words": self._words.copy(),
        }

    def _adopt(self, state: State) -> None:
        counts, _ = self._arrays(state, N_COMMON + 3)
        held, words = state.floats("window"), state.integers("words")
        fits = held.shape == (counts[HELD],) and len(held) <= self.window_size
        if not fits or not np.isfinite(held).all():
            raise CorruptStateError(f"{self.kind}: the window does not fit its counters")
        if words.shape != (N_WORDS + 1,) or words.min() < 0 or words.max() >= 2**32:
            raise CorruptStateError(f"{self.kind}: the random generator is damaged")
        self._counts[:], self._words[:] = counts, words
        self._fill(held)


def _usable(window: Sequence[float]) -> FloatArray:
    values = np.array(window, np.float64)
    if values.ndim != 1 or not (np.abs(values) <= LIMIT).all():
        raise ParameterError(f"window: expected finite numbers up to {LIMIT:g}, got {window!r:.80}")
    return values


def _pool_limit(k: int) -> int:
    """Return up to which size ``random.sample`` keeps a pool to draw k values from."""
    limit = 21
    return limit + 4 ** math.ceil(math.log(k * 3, 4)) if k > 5 else limit


def _least_distance(k: int, alpha: float) -> int:
    """Return the least h for which h/k is an alarm, k + 1 if there is none."""
    low, high = 0, k + 1
    while low < high:  # the probability falls as h grows
        h = (low + high) // 2
        if h / k > _LEAST_STATISTIC and ks_probability(k, h) <= alpha:
            high = h
        else:
            low = h + 1
    return low
