"""SEED: ADWIN's test over blocks of values, merged where they are alike."""

from __future__ import annotations

import numpy as np

from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE, LIMIT
from streamadapt.detectors.seed_kernels import (
    BLOCKS,
    COUNT,
    N_COUNTS,
    N_FIELDS_OF_BLOCK,
    SIZE,
    WIDTH,
    seed_run,
)
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["SEED"]


class SEED(ArrayDetector):
    """Raises an alarm when the newest blocks' mean is not that of the blocks before them.

    Once in a block all edges between blocks are tested, newest first, with ADWIN's bound; an alarm
    drops what is older.  Once in `compress_term` blocks neighbours whose means are close are
    merged, the sooner the older they are.  Alarms are those of MOA's ``SEEDChangeDetector``, whose
    estimate of the variance is larger than the usual one.  MOA's blocks are without number where
    values are large, so that none are alike; here the two oldest are merged beyond `max_blocks`.

    An alarm's statistic is the distance of the two means, ``size`` has its sign, its threshold is
    the bound, and the new level begins at the edge.  Its p-value is a bound: the least `delta` that
    would have raised it.

    As MOA's it takes the variance from the values' distances to the mean of the window at the time,
    so an outlier stays in the share of values after it, which outlives its block.  One that is X
    deviations away raises alarms and does little more up to X = 1,000; with X = 10,000 a change by
    one deviation is heard 1,800 values late, with a million not within 380,000.  Clip values that
    may be as large.

    Parameters
    ----------
    delta
        The probability of a false alarm that the bound is made for, of one test.
    block_size
        Values of a block.
    epsilon_prime
        How close means are alike, times `alpha`, for the newest two blocks; for the k-th pair, k
        times as much.
    alpha
        How quickly that grows with age.
    compress_term
        Blocks between mergers.
    max_blocks
        Blocks kept at the most.

    References
    ----------
    D. T. J. Huang, Y. S. Koh, G. Dobbie, R. Pears (2014): Detecting volatility shift in data
    streams. ICDM.

    Examples
    --------
    >>> detector = SEED()
    >>> np.flatnonzero(detector.update_many(np.repeat([0.0, 1.0], 512))).tolist()
    [543]
    >>> alarm = detector.alarms[0]
    >>> alarm.change_point, alarm.direction
    (512, 1)
    """

    kind = "seed"
    parameter_names = (
        "delta",
        "block_size",
        "epsilon_prime",
        "alpha",
        "compress_term",
        "max_blocks",
    )
    kernel = seed_run
    alarm_threshold = Threshold("delta", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True)

    def __init__(
        self,
        delta: float = 0.05,
        block_size: int = 32,
        epsilon_prime: float = 0.01,
        alpha: float = 0.8,
        compress_term: int = 75,
        max_blocks: int = 4096,
    ) -> None:
        self.delta = float(checked("delta", delta, LEAST_CONFIDENCE, 1.0))
        self.block_size = whole("block_size", block_size, 2, 1_000_000)
        self.epsilon_prime = float(checked("epsilon_prime", epsilon_prime, 0.0, LIMIT))
        self.alpha = float(checked("alpha", alpha, 0.0, LIMIT))
        self.compress_term = whole("compress_term", compress_term, 1, 2**53)
        self.max_blocks = whole("max_blocks", max_blocks, 2, 1_000_000)
        self._chain = np.zeros((self.max_blocks, N_FIELDS_OF_BLOCK))
        step = min(self.epsilon_prime * self.alpha, LIMIT)
        params = [self.delta, self.block_size, step, self.compress_term]
        super().__init__(params, N_COUNTS, 2, (self._chain,))

    def _state_values(self) -> dict[str, Value]:
        held = self._chain[: self._counts[BLOCKS]].copy()
        return super()._state_values() | {"blocks": held}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        held = state.floats("blocks")
        n = int(counts[BLOCKS])
        if n > self.max_blocks or held.shape != (n, N_FIELDS_OF_BLOCK):
            raise CorruptStateError(f"{self.kind}: blocks do not fit their counters")
        if held[:, COUNT].sum() != counts[WIDTH] or np.any(held[:, COUNT] > held[:, SIZE]):
            raise CorruptStateError(f"{self.kind}: blocks do not hold the window's values")
        self._counts[:], self._sums[:] = counts, sums
        self._chain[:n] = held
