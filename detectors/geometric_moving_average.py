"""Geometric moving average: recent deviations from the mean, older ones fading, are too large."""

from __future__ import annotations

from streamadapt.detectors.cusum import sides
from streamadapt.detectors.cusum_kernels import geometric_moving_average_run
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LIMIT, N_COMMON
from streamadapt.detectors.page_hinkley import Mode
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import checked, whole

__all__ = ["GeometricMovingAverage"]


class GeometricMovingAverage(ArrayDetector):
    """Raises an alarm when the fading average of deviations from the running mean is too large.

    Alarms are those of MOA's ``GeometricMovingAverageDM`` with ``mode="up"``.  MOA's default
    threshold is 1, which errors of 0 and 1 can never pass; here it is 0.2.

    An alarm's statistic is the average's distance from 0; ``size`` is the average itself, which
    lags behind the change; the new level is ``1 / (1 - alpha)`` values old, the span of the
    average.  The method has no p-value.

    Parameters
    ----------
    min_instances
        No alarm before this many values less one, as in MOA.
    threshold
        The average that is an alarm.
    alpha
        What a deviation weighs one value later.
    mode
        Whether a rise, a fall or both are heard.

    References
    ----------
    S. W. Roberts (1959): Control chart tests based on geometric moving averages. Technometrics 1.

    Examples
    --------
    >>> import numpy as np
    >>> detector = GeometricMovingAverage(alpha=0.9)
    >>> np.flatnonzero(detector.update_many(np.repeat([0.0, 1.0], 100))).tolist()
    [102]
    """

    kind = "geometric_moving_average"
    parameter_names = ("min_instances", "threshold", "alpha", "mode")
    kernel = geometric_moving_average_run
    alarm_threshold = Threshold("threshold", "higher", 1e-9, 1e50)

    def __init__(
        self,
        min_instances: int = 30,
        threshold: float = 0.2,
        alpha: float = 0.99,
        mode: Mode = "up",
    ) -> None:
        self.min_instances = whole("min_instances", min_instances, 0, 2**53)
        self.threshold = float(checked("threshold", threshold, 0.0, LIMIT))
        self.alpha = float(checked("alpha", alpha, 0.0, 1.0))
        self.mode = mode
        params = [self.min_instances, self.alpha, *sides(self.threshold, mode)]
        super().__init__(params, n_counts=N_COMMON + 1, n_sums=2)
