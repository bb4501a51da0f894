"""Page-Hinkley: a cumulative sum of deviations from the mean that drifts too far."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.detector_kernels import LIMIT, N_COMMON
from streamadapt.detectors.page_hinkley_kernels import AFRESH, page_hinkley_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ParameterError, checked, whole

__all__ = ["Mode", "PageHinkley"]

Mode = Literal["up", "down", "both"]


class PageHinkley(ArrayDetector):
    """Raises an alarm when values leave their own running mean for long enough.

    The fading sums of deviations (Page 1954; fading by `alpha` as in River 0.26.1, whose alarms
    these are, to the very index) start afresh after an alarm.  Other than River's, this detector
    survives NaN, infinite and huge values: it skips them.

    An alarm's statistic is the distance of a sum from its extreme.  The new level began after the
    extreme; ``size`` is the mean since less the mean before, or 0 if that has the other sign: a
    sum also moves by fading.  The method has no p-value.

    Parameters
    ----------
    min_instances
        No alarm before this many values.
    delta
        Deviation per value that is tolerated.
    threshold
        How far a sum may move from its extreme; larger means fewer and later alarms.
    alpha
        Factor in [0, 1] by which the sums fade with every value.
    mode
        ``"up"`` watches for a rising mean, ``"down"`` for a falling one.

    References
    ----------
    E. S. Page (1954): Continuous inspection schemes. Biometrika 41 (1/2), 100-115.

    Examples
    --------
    >>> detector = PageHinkley(threshold=5.0)
    >>> values = np.repeat([0.0, 1.0, np.nan], [500, 10, 1])
    >>> np.flatnonzero(detector.update_many(values)).tolist(), detector.n_skipped
    ([505], 1)
    >>> [(alarm.change_point, round(alarm.size, 3)) for alarm in detector.alarms]
    [(500, 1.0)]
    """

    kind = "page_hinkley"
    state_version = 2  # since alarms tell of their change point
    parameter_names = ("min_instances", "delta", "threshold", "alpha", "mode")
    kernel = page_hinkley_run
    alarm_threshold = Threshold("threshold", "higher", 1e-9, 1e50)

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: Mode = "both",
    ) -> None:
        self.min_instances = whole("min_instances", min_instances, 1, 2**53)
        self.delta = float(checked("delta", delta, -LIMIT, LIMIT))
        self.threshold = float(checked("threshold", threshold, 0.0, LIMIT))
        self.alpha = float(checked("alpha", alpha, 0.0, 1.0))
        if mode not in get_args(Mode):
            raise ParameterError(f"mode = {mode!r} is not one of {get_args(Mode)}")
        self.mode: Mode = mode
        # A side that is not watched has a threshold that nothing exceeds.
        rise = np.inf if mode == "down" else self.threshold
        fall = np.inf if mode == "up" else self.threshold
        params = [self.min_instances, self.delta, self.alpha, rise, fall]
        super().__init__(params, n_counts=N_COMMON + 1, n_sums=9)
        self._sums[:] = [*AFRESH[:3], *AFRESH[3], *AFRESH[4]]
