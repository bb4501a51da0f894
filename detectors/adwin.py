"""ADWIN: a window that grows while its two halves agree, and drops its old part when not."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.detectors.adwin_histogram_kernels import (
    HELD,
    MAX_ROWS,
    N_COUNTS,
    N_ROWS,
    OLDEST,
    TOTAL,
    VARIANCE,
    WIDTH,
)
from streamadapt.detectors.adwin_kernels import ALARM_BEFORE, adwin_run
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import ALARM, LEAST_CONFIDENCE, NO_ALARM, WARNING
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["ADWIN"]


class ADWIN(ArrayDetector):
    """Raises an alarm when the mean of the recent part of a window differs from the older part's.

    The window is kept as an exponential histogram: memory grows with its logarithm.  Alarms,
    ``width``, ``estimation``, ``total`` and ``variance`` are those of River 0.26.1 to the last
    bit; as there, the window can still be read after an alarm and starts afresh with the next
    value.  Other than River's, this detector survives NaN, infinite and huge values: it skips them.

    Of all cuts that raise an alarm, it tells of the strongest: its statistic is the distance of
    the means there, which is also the absolute ``size``, its threshold the bound there, ``age`` the
    length of the younger part, and its p-value the least `delta` that would have raised the alarm.

    Parameters
    ----------
    delta
        Confidence in [0, 1]: the smaller, the fewer false alarms; at 0 there is none at all.
    clock
        Cuts are looked for only every so many values.
    max_buckets
        Buckets of one size before two are merged; more of them place a cut more finely.
    min_window_length
        Both parts of a cut hold at least this many values.
    grace_period
        No alarm before the window holds more values than this.

    References
    ----------
    A. Bifet, R. Gavaldà (2007): Learning from time-changing data with adaptive windowing. SDM.

    Examples
    --------
    >>> detector = ADWIN()
    >>> flags = detector.update_many(np.repeat([0.2, 0.8, np.nan], [992, 96, 1]))
    >>> np.flatnonzero(flags).tolist(), detector.width, round(detector.estimation, 3)
    ([1023], 64, 0.8)
    >>> alarm = detector.alarms[0]
    >>> alarm.change_point, round(alarm.size, 3), alarm.p_value < 1e-6
    (992, 0.6, True)
    """

    kind = "adwin"
    state_version = 2  # since alarms tell of their cut
    kernel = adwin_run
    alarm_threshold = Threshold("delta", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True)
    parameter_names = ("delta", "clock", "max_buckets", "min_window_length", "grace_period")

    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        self.delta = float(checked("delta", delta, 0.0, 1.0))
        self.clock = whole("clock", clock, 1, 2**31 - 1)
        self.max_buckets = whole("max_buckets", max_buckets, 2, 1000)
        self.min_window_length = whole("min_window_length", min_window_length, 1, 2**31 - 1)
        self.grace_period = whole("grace_period", grace_period, 0, 2**31 - 1)
        params = [self.delta, self.clock, self.min_window_length, self.grace_period]
        self._buckets = np.zeros((MAX_ROWS, self.max_buckets + 1, 2))
        super().__init__(params, N_COUNTS, 2, (self._buckets,))

    @property
    def width(self) -> int:
        """Number of values in the window."""
        return int(self._counts[WIDTH])

    @property
    def total(self) -> float:
        """Sum of the values in the window."""
        return float(self._sums[TOTAL])

    @property
    def variance(self) -> float:
        """Sum of squared deviations in the window, not divided by its width: River's meaning."""
        return float(self._sums[VARIANCE])

    @property
    def estimation(self) -> float:
        """Mean of the values in the window; 0 if there is none."""
        return self.total / self.width if self.width else 0.0

    def _state_values(self) -> dict[str, Value]:
        # After an alarm the buckets are never looked at again: they are no part of the state.
        n_rows = self._counts[N_ROWS] if self._counts[ALARM] == NO_ALARM else 0
        held, oldest = self._counts[HELD : HELD + n_rows], self._counts[OLDEST : OLDEST + n_rows]
        rings = zip(self._buckets, held, oldest, strict=False)
        rows = [np.roll(ring, -first, axis=0)[:n] for ring, n, first in rings]
        return super()._state_values() | {
            "counts": self._counts[: WIDTH + 1].copy(),
            "buckets": np.concatenate([np.empty((0, 2)), *rows]),
        }

    def _adopt(self, state: State) -> None:
        kept, sums = self._arrays(state, WIDTH + 1)
        pool = state.floats("buckets")
        held = bucket_counts(int(kept[WIDTH]) if kept[ALARM] == NO_ALARM else 0, self.max_buckets)
        if kept[ALARM] > ALARM_BEFORE or kept[WARNING] or pool.shape != (held.sum(), 2):
            raise CorruptStateError(f"{self.kind}: buckets do not fit the window's width")
        self._sums[:], self._counts[:] = sums, 0
        self._counts[: len(kept)] = kept
        self._counts[N_ROWS] = np.count_nonzero(held)
        self._counts[HELD:OLDEST] = held
        self._buckets[np.arange(self.max_buckets + 1) < held[:, np.newaxis]] = pool


def bucket_counts(width: int, max_buckets: int) -> IntArray:
    """Return how many buckets each row holds after `width` values and no alarm, int64 [MAX_ROWS].

    A row that reaches ``max_buckets + 1`` gives two to the next as one, so its content follows
    from how many it was ever given.

    >>> bucket_counts(14, 5)[:4].tolist()  # 4 of one value, 5 of two
    [4, 5, 0, 0]
    """
    rows = np.zeros(MAX_ROWS, np.int64)
    for row in range(MAX_ROWS):
        merged = max(0, (width - max_buckets + 1) // 2)
        rows[row], width = width - 2 * merged, merged
    return rows
