"""HDDM_W: a weighted mean since a cut point against the one before it, by McDiarmid."""

from __future__ import annotations

import math

from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE, N_COMMON
from streamadapt.detectors.hddm_w_kernels import AFRESH, hddm_w_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import checked

__all__ = ["HDDMW"]


class HDDMW(BitDetector):
    """Raises an alarm when the weighted rate of errors since a cut point is above that before.

    HDDM_W weighs recent values more (an exponentially weighted mean), so it notices slow changes
    that `HDDMA` averages away.  The cut point is where an upper bound of the mean was lowest;
    McDiarmid's inequality says how far the two means may be apart.  Alarms and warnings are
    River's 0.26.1, to the index.

    An alarm's statistic is the distance of the two weighted means, which is also the absolute
    ``size``; its threshold is the bound at `drift_confidence`, its p-value the confidence at which
    the bound is the statistic.  The new level began at the cut.

    Parameters
    ----------
    drift_confidence
        The probability, in (0, 1], that is small enough for an alarm.
    warning_confidence
        The probability that is small enough for the warning zone.
    lambda_val
        Weight in [0, 1] of the newest value.
    two_sided_test
        Whether a fall is an alarm as well.

    References
    ----------
    I. Frías-Blanco, J. del Campo-Ávila, G. Ramos-Jiménez, R. Morales-Bueno, A. Ortiz-Díaz,
    Y. Caballero-Mota (2015): Online and non-parametric drift detection methods based on
    Hoeffding's bounds. IEEE Transactions on Knowledge and Data Engineering 27 (3), 810-823.

    Examples
    --------
    >>> import numpy as np
    >>> detector = HDDMW()
    >>> errors = np.resize([0, 0, 0, 0, 1], 1000)
    >>> errors[500:] = np.resize([0, 1, 1, 1], 500)
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [523]
    """

    kind = "hddm_w"
    parameter_names = ("drift_confidence", "warning_confidence", "lambda_val", "two_sided_test")
    kernel = hddm_w_run
    alarm_threshold = Threshold(
        "drift_confidence", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True
    )

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        lambda_val: float = 0.05,
        two_sided_test: bool = False,
    ) -> None:
        drift = float(checked("drift_confidence", drift_confidence, LEAST_CONFIDENCE, 1.0))
        warning = float(checked("warning_confidence", warning_confidence, LEAST_CONFIDENCE, 1.0))
        self.drift_confidence, self.warning_confidence = drift, warning
        self.lambda_val = float(checked("lambda_val", lambda_val, 0.0, 1.0))
        self.two_sided_test = bool(two_sided_test)
        logs = [math.log(1.0 / drift), math.log(1.0 / warning)]
        params = [*logs, self.lambda_val, self.two_sided_test]
        super().__init__(params, n_counts=N_COMMON + 3, n_sums=len(AFRESH))
        self._sums[:] = AFRESH
