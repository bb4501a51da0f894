"""DDM: the error rate is so far above its best that chance cannot explain it."""

from __future__ import annotations

import math

from streamadapt.detectors.ddm_kernels import N_PARAMS, ddm_run
from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LIMIT, N_COMMON
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import checked, whole

__all__ = ["DDM"]


class DDM(BitDetector):
    """Raises an alarm when the error rate is above its lowest by some standard deviations.

    While a stream keeps its concept, the rate p of errors falls and so does its standard deviation
    s; their lowest sum is remembered.  Alarms and warnings are River's 0.26.1, to the index.

    An alarm's statistic is p + s, its threshold the lowest p plus `drift_threshold` times the s
    there.  The new level began after the lowest sum; ``size`` is the rate of errors since less
    that before.  It is always a rise.  The method has no p-value.

    Parameters
    ----------
    warm_start
        No alarm and no warning within this many values.
    warning_threshold
        Standard deviations above the lowest rate where the warning zone begins.
    drift_threshold
        Standard deviations above the lowest rate that are an alarm.

    References
    ----------
    J. Gama, P. Medas, G. Castillo, P. Rodrigues (2004): Learning with drift detection. SBIA.

    Examples
    --------
    >>> import numpy as np
    >>> detector = DDM()
    >>> errors = np.resize([0, 0, 0, 0, 1], 1000)
    >>> errors[500:] = np.resize([0, 1], 500)
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [565]
    >>> alarm = detector.alarms[0]
    >>> alarm.change_point, round(alarm.size, 2)
    (499, 0.31)
    """

    kind = "ddm"
    parameter_names = ("warm_start", "warning_threshold", "drift_threshold")
    kernel = ddm_run
    alarm_threshold = Threshold("drift_threshold", "higher", 1e-3, 1e6)

    def __init__(
        self, warm_start: int = 30, warning_threshold: float = 2.0, drift_threshold: float = 3.0
    ) -> None:
        self.warm_start = whole("warm_start", warm_start, 0, 2**53)
        self.warning_threshold = float(checked("warning_threshold", warning_threshold, 0.0, LIMIT))
        self.drift_threshold = float(checked("drift_threshold", drift_threshold, 0.0, LIMIT))
        params = [self.warm_start, self.warning_threshold, self.drift_threshold]
        params += [0.0] * (N_PARAMS - len(params))
        super().__init__(params, n_counts=N_COMMON + 2, n_sums=4)
        self._sums[3] = math.inf
