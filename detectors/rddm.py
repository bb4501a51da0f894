"""RDDM: DDM that forgets what is old, so that long concepts do not make it sluggish."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LIMIT
from streamadapt.detectors.rddm_kernels import (
    FIRST,
    HELD,
    MOST,
    N_COUNTS,
    N_SINCE,
    N_SUMS,
    WARNED_AT,
    rate_since_warning,
    rddm_run,
)
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["RDDM"]


class RDDM(BitDetector):
    """Raises an alarm when the error rate is above its lowest by some standard deviations.

    As DDM, but: after an alarm the rate is that since the warning began; a concept of more than
    `max_concept_size` values has its rate taken anew from the last `min_stable_size`; a warning
    that lasts for `warning_limit` values is an alarm.  Alarms and warnings are those of MOA's
    ``RDDM``.

    An alarm's statistic is rate plus standard deviation, its threshold the lowest rate plus
    `drift_threshold` times the deviation there (`warning_threshold` times, if a warning lasted).
    The new level began with the warning; ``size`` is the rate since less that before.  It is always
    a rise.  The method has no p-value.

    Parameters
    ----------
    warm_start
        No alarm and no warning before this many values.
    warning_threshold
        Standard deviations above the lowest rate where the warning zone begins.
    drift_threshold
        Standard deviations above the lowest rate that are an alarm.
    max_concept_size
        Values after which the rate is taken anew.
    min_stable_size
        How many of the newest values are kept for that.
    warning_limit
        Values of one warning that are an alarm.

    References
    ----------
    R. S. M. Barros, D. R. L. Cabral, P. M. Goncalves Jr., S. G. T. C. Santos (2017): RDDM: Reactive
    drift detection method. Expert Systems with Applications 90.

    Examples
    --------
    >>> detector = RDDM()
    >>> errors = np.resize([0, 0, 0, 0, 1], 1000)
    >>> errors[500:] = np.resize([0, 1], 500)
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [537]
    >>> detector.alarms[0].change_point
    521
    """

    kind = "rddm"
    parameter_names = (
        "warm_start",
        "warning_threshold",
        "drift_threshold",
        "max_concept_size",
        "min_stable_size",
        "warning_limit",
    )
    kernel = rddm_run
    alarm_threshold = Threshold("drift_threshold", "higher", 1e-3, 1e6, beside="warning_threshold")

    def __init__(
        self,
        warm_start: int = 129,
        warning_threshold: float = 1.773,
        drift_threshold: float = 2.258,
        max_concept_size: int = 40_000,
        min_stable_size: int = 7_000,
        warning_limit: int = 1_400,
    ) -> None:
        self.warm_start = whole("warm_start", warm_start, 0, 2**53)
        self.warning_threshold = float(checked("warning_threshold", warning_threshold, 0.0, LIMIT))
        self.drift_threshold = float(
            checked("drift_threshold", drift_threshold, self.warning_threshold, LIMIT)
        )
        self.max_concept_size = whole("max_concept_size", max_concept_size, 1, 2**53)
        self.min_stable_size = whole("min_stable_size", min_stable_size, 1, 1_000_000)
        self.warning_limit = whole("warning_limit", warning_limit, 1, 2**53)
        self._ring = np.zeros(self.min_stable_size, np.int64)
        levels = [self.warning_threshold, self.drift_threshold]
        params = [self.warm_start, *levels, self.max_concept_size, self.warning_limit]
        self._since = np.zeros(N_SINCE)
        super().__init__(params, N_COUNTS, N_SUMS, (self._ring, self._since))
        self._sums[1:] = MOST

    def _places(self) -> IntArray:
        """Where in the ring the held values are, oldest first."""
        first, n = int(self._counts[FIRST]), int(self._counts[HELD])
        places: IntArray = np.arange(first, first + n) % self.min_stable_size
        return places

    def _state_values(self) -> dict[str, Value]:
        counts = self._counts.copy()
        counts[FIRST] = 0  # where the ring begins is no part of what it holds
        held = self._ring[self._places()].astype(np.int8)
        return super()._state_values() | {"counts": counts, "held": held}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        held = state.integers("held")
        fits = counts[HELD] == len(held) <= self.min_stable_size and held.ndim == 1
        if not fits or counts[FIRST] or counts[WARNED_AT] > len(held):
            raise CorruptStateError(f"{self.kind}: the values held do not fit their counters")
        self._counts[:], self._sums[:] = counts, sums
        self._ring[: len(held)] = held
        params = self._memory[0]
        rate_since_warning(self._counts, self._ring, params, self._since)
