"""STEPD: a test of equal proportions, of the newest errors against all before them."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE
from streamadapt.detectors.stepd_kernels import N_COUNTS, RECENT, N, stepd_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, ParameterError, checked, whole
from streamadapt.state import State, Value

__all__ = ["STEPD"]


class STEPD(BitDetector):
    """Raises an alarm when the newest values' error rate is not that of all values before.

    The test is that of equal proportions, two-sided and with Yates' correction for continuity.
    Alarms and warnings are those of MOA's ``STEPD`` but where the correction is larger than the
    distance of the rates: there MOA takes the absolute value of the negative statistic, and so
    raises alarms on errors that are rare and even, at the latest on 60 zeros.

    An alarm's statistic is the distance of the two rates in standard deviations, its threshold that
    at which the test is as significant as asked for, its p-value that of the one test.  The new
    level is the window.

    Parameters
    ----------
    window_size
        How many are the newest values; no alarm before twice as many.
    alpha_drift
        The test's p-value below which a change is an alarm.
    alpha_warning
        That below which it is a warning.

    References
    ----------
    K. Nishida, K. Yamauchi (2007): Detecting concept drift using statistical testing. Discovery
    Science.

    Examples
    --------
    >>> detector = STEPD()
    >>> np.flatnonzero(detector.update_many(np.repeat([0, 1], [300, 30]))).tolist()
    [301]
    >>> alarm = detector.alarms[0]
    >>> round(alarm.size, 3), alarm.p_value < 0.003
    (0.067, True)
    """

    kind = "stepd"
    parameter_names = ("window_size", "alpha_drift", "alpha_warning")
    kernel = stepd_run
    alarm_threshold = Threshold(
        "alpha_drift", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True, beside="alpha_warning"
    )

    def __init__(
        self, window_size: int = 30, alpha_drift: float = 0.003, alpha_warning: float = 0.05
    ) -> None:
        self.window_size = whole("window_size", window_size, 1, 1_000_000)
        self.alpha_drift = float(checked("alpha_drift", alpha_drift, 0.0, 1.0))
        self.alpha_warning = float(checked("alpha_warning", alpha_warning, 0.0, 1.0))
        if self.alpha_warning < self.alpha_drift:
            raise ParameterError(f"alpha_warning = {alpha_warning} is below {alpha_drift = }")
        self._window = np.zeros(self.window_size, np.int64)
        params = [_distance(self.alpha_drift), _distance(self.alpha_warning)]
        super().__init__(params, N_COUNTS, 0, (self._window,))

    def _places(self, n: int) -> IntArray:
        """Where in the ring the window's values are after `n` values, oldest first."""
        places: IntArray = np.arange(max(0, n - self.window_size), n) % self.window_size
        return places

    def _state_values(self) -> dict[str, Value]:
        held = self._window[self._places(int(self._counts[N]))]
        return super()._state_values() | {"window": held.astype(np.int8)}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        held = state.integers("window")
        places = self._places(int(counts[N]))
        if held.shape != places.shape or counts[RECENT] != held.sum():
            raise CorruptStateError(f"{self.kind}: the window does not fit its counters")
        self._counts[:], self._sums[:] = counts, sums
        self._window[places] = held


def _distance(alpha: float) -> float:
    """Return how many standard deviations are passed with probability `alpha` on both sides."""
    side = alpha / 2.0  # 0 also where alpha is the least number above it
    return -NormalDist().inv_cdf(side) if side > 0.0 else math.inf
