"""EDDM: errors come closer together than they did at best."""

from __future__ import annotations

from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import N_COMMON
from streamadapt.detectors.eddm_kernels import eddm_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ParameterError, checked, whole

__all__ = ["EDDM"]


class EDDM(BitDetector):
    """Raises an alarm when the distance between errors has shrunk below a share of its best.

    Slow changes show in the distance sooner than in the rate that `DDM` watches.  With m the mean
    distance between two errors and s its standard deviation (with n - 1, as in River), m + 2 s is
    compared with the largest it ever was.  Alarms and warnings are River's 0.26.1, to the index:
    also that a warning zone still stands at the alarm that it led to.

    An alarm's statistic is that share, and it is *below* its threshold `beta`.  The new level began
    after the best; ``size`` is the rate of errors since less that before, or 0 if it fell (the
    distances then became only more equal).  It is always a rise.  The method has no p-value.

    Parameters
    ----------
    warm_start
        No alarm and no warning within this many errors; distances within this many values are not
        compared.
    alpha
        Share in [0, 1] below which the warning zone begins; not below `beta`.
    beta
        Share in [0, 1] below which there is an alarm.

    References
    ----------
    M. Baena-García, J. del Campo-Ávila, R. Fidalgo, A. Bifet, R. Gavaldà, R. Morales-Bueno (2006):
    Early drift detection method. Fourth international workshop on knowledge discovery from data
    streams.

    Examples
    --------
    >>> import numpy as np
    >>> detector = EDDM()
    >>> errors = np.resize([0, 0, 0, 0, 1], 1000)
    >>> errors[500:] = np.resize([0, 1], 500)
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [791]
    """

    kind = "eddm"
    parameter_names = ("warm_start", "alpha", "beta")
    kernel = eddm_run
    alarm_threshold = Threshold("beta", "lower", 1e-6, 1.0, is_probability=True)

    def __init__(self, warm_start: int = 30, alpha: float = 0.95, beta: float = 0.9) -> None:
        self.warm_start = whole("warm_start", warm_start, 0, 2**53)
        self.alpha = float(checked("alpha", alpha, 0.0, 1.0))
        self.beta = float(checked("beta", beta, 0.0, 1.0))
        if alpha < beta:
            raise ParameterError(f"alpha = {alpha!r} is below beta = {beta!r}")
        super().__init__([self.warm_start, self.alpha, self.beta], N_COMMON + 5, n_sums=3)
        self._sums[2] = -1.0
