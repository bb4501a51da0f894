"""A test martingale: a gambler who can only grow rich if the values' order means something."""

from __future__ import annotations

import numpy as np

from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE, N_COMMON
from streamadapt.detectors.exchangeability_kernels import (
    HELD,
    N_COUNTS,
    N_OF_COPY,
    N_SUMS,
    exchangeability_run,
)
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["ExchangeabilityMartingale"]


class ExchangeabilityMartingale(ArrayDetector):
    """Raises an alarm with a probability of at most `alpha`, ever, while values are exchangeable.

    The rank of each value among those before it is a p-value; if values are exchangeable, the
    p-values are independent and uniform, whatever the values' distribution.  A gambler bets on
    small ones (values rise), on large ones (they fall) and jumps between these (Vovk's simple
    jumper), and stakes part of a reserve anew with each block, so that a long calm does not ruin
    him.  His capital is a martingale that begins at 1, so by Ville's inequality it reaches 2/alpha
    with a probability of at most alpha/2.

    So that memory is bounded, ranks are taken within blocks, which keeps p-values independent (a
    sliding window would not).  Because a change at a block's edge cannot be seen there, two
    gamblers play whose blocks begin half a block apart: together alpha, by the union bound.  Ties,
    which 0 and 1 are all, are broken at random.

    An alarm's statistic is the capital, its threshold 2/alpha, its p-value 2/capital: a bound of
    the probability of this much, at any time since the last alarm, without a change.  The new level
    began after the capital was least in the block; ``size`` is the mean of the values since less
    that of those before.

    Parameters
    ----------
    alpha
        The probability of any false alarm from the start or an alarm on, however long it takes.
    block_size
        Values that ranks are taken among.
    jump
        Share of the capital that changes its bet at each value.
    stake
        What the capital that bets wins or loses on a p-value of 0 or 1, times two: at most 2.
    seed
        Of the numbers that break ties.

    References
    ----------
    V. Vovk (2021): Testing randomness online. Statistical Science 36; the simple jumper is in
    V. Vovk et al. (2021): Retrain or not retrain: conformal test martingales for change-point
    detection. COPA.

    Examples
    --------
    >>> detector = ExchangeabilityMartingale(alpha=0.01)
    >>> xs = np.random.default_rng(0).normal(size=2000)
    >>> xs[1000:] += 1.0
    >>> np.flatnonzero(detector.update_many(xs)).tolist()
    [1049]
    >>> alarm = detector.alarms[0]
    >>> alarm.direction, alarm.p_value < 0.01
    (1, True)
    """

    kind = "exchangeability_martingale"
    parameter_names = ("alpha", "block_size", "jump", "stake", "seed")
    kernel = exchangeability_run
    alarm_threshold = Threshold("alpha", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True)

    def __init__(
        self,
        alpha: float = 0.01,
        block_size: int = 1000,
        jump: float = 0.01,
        stake: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.alpha = float(checked("alpha", alpha, LEAST_CONFIDENCE, 1.0))
        self.block_size = whole("block_size", block_size, 2, 1_000_000)
        self.jump = float(checked("jump", jump, 0.0, 1.0))
        self.stake = float(checked("stake", stake, 0.0, 2.0))
        self.seed = whole("seed", seed, 0, 2**53)
        self._kept = np.zeros((2, self.block_size))
        params = [2.0 / self.alpha, self.jump, self.stake, self.seed]
        super().__init__(params, N_COUNTS, N_SUMS, (self._kept,))

    def _state_values(self) -> dict[str, Value]:
        first, second = (int(self._counts[place]) for place in _HELD)
        held = np.concatenate([self._kept[0, :first], self._kept[1, :second]])
        return super()._state_values() | {"kept": held}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        held = state.floats("kept")
        first, second = (int(counts[place]) for place in _HELD)
        if max(first, second) > self.block_size or held.shape != (first + second,):
            raise CorruptStateError(f"{self.kind}: the values kept do not fit their counters")
        self._counts[:], self._sums[:] = counts, sums
        self._kept[0, :first], self._kept[1, :second] = held[:first], held[first:]


_HELD = (N_COMMON + HELD, N_COMMON + N_OF_COPY + HELD)
