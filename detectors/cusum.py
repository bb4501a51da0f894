"""CUSUM: the sum of deviations from the mean, never below zero, grows too large."""

from __future__ import annotations

import math
from typing import get_args

from streamadapt.detectors.cusum_kernels import cusum_run
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LIMIT, N_COMMON
from streamadapt.detectors.page_hinkley import Mode
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ParameterError, checked, whole

__all__ = ["CUSUM", "sides"]


class CUSUM(ArrayDetector):
    """Raises an alarm when deviations above the running mean add up, less `delta` each.

    The sum of a rise is ``max(0, sum + x - mean - delta)``, as in MOA's ``CusumDM``, whose alarms
    these are with ``mode="up"``; that of a fall is its mirror image.

    An alarm's statistic is the sum.  The new level began after the sum was last 0; ``size`` is the
    mean of the values since less that of those before.  The method has no p-value.

    Parameters
    ----------
    min_instances
        No alarm before this many values less one, as in MOA.
    delta
        What a value may deviate without adding to the sum.
    threshold
        The sum that is an alarm.
    mode
        Whether a rise, a fall or both are heard.

    References
    ----------
    E. S. Page (1954): Continuous inspection schemes. Biometrika 41.

    Examples
    --------
    >>> import numpy as np
    >>> detector = CUSUM(threshold=5.0)
    >>> np.flatnonzero(detector.update_many(np.repeat([0.0, 1.0], 100))).tolist()
    [105]
    >>> alarm = detector.alarms[0]
    >>> alarm.change_point, alarm.size
    (100, 1.0)
    """

    kind = "cusum"
    parameter_names = ("min_instances", "delta", "threshold", "mode")
    kernel = cusum_run
    alarm_threshold = Threshold("threshold", "higher", 1e-9, 1e50)

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        mode: Mode = "up",
    ) -> None:
        self.min_instances = whole("min_instances", min_instances, 0, 2**53)
        self.delta = float(checked("delta", delta, 0.0, LIMIT))
        self.threshold = float(checked("threshold", threshold, 0.0, LIMIT))
        self.mode = mode
        params = [self.min_instances, self.delta, *sides(self.threshold, mode)]
        super().__init__(params, n_counts=N_COMMON + 3, n_sums=5)


def sides(threshold: float, mode: Mode) -> tuple[float, float]:
    """Return the thresholds for a rise and for a fall; nothing passes that of an unwatched side.

    Raises
    ------
    ParameterError
        If `mode` is none.
    """
    if mode not in get_args(Mode):
        raise ParameterError(f"mode = {mode!r} is not one of {get_args(Mode)}")
    return math.inf if mode == "down" else threshold, math.inf if mode == "up" else threshold
