"""HDDM_A: the mean of all values is above the mean up to some earlier point, by Hoeffding."""

from __future__ import annotations

import math

from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE, N_COMMON
from streamadapt.detectors.hddm_a_kernels import hddm_a_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import checked

__all__ = ["HDDMA"]


class HDDMA(BitDetector):
    """Raises an alarm when the rate of errors rises above that of an earlier part of the stream.

    HDDM_A keeps the cut point up to which the rate was lowest, by an upper bound of it, and
    compares the rate of all values with it by Hoeffding's inequality.  Alarms and warnings are
    River's 0.26.1, to the index.

    An alarm's statistic is the distance of the two means, its threshold the bound at
    `drift_confidence`, its p-value the confidence at which the bound is the statistic.  The new
    level began at the cut; ``size`` is the rate of errors since less that before.

    Parameters
    ----------
    drift_confidence
        The probability, in (0, 1], that is small enough for an alarm.
    warning_confidence
        The probability that is small enough for the warning zone.
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
    >>> detector = HDDMA()
    >>> errors = np.resize([0, 0, 0, 0, 1], 1000)
    >>> errors[500:] = np.resize([0, 1], 500)
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [541]
    """

    kind = "hddm_a"
    parameter_names = ("drift_confidence", "warning_confidence", "two_sided_test")
    kernel = hddm_a_run
    alarm_threshold = Threshold(
        "drift_confidence", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True
    )

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        two_sided_test: bool = False,
    ) -> None:
        drift = float(checked("drift_confidence", drift_confidence, LEAST_CONFIDENCE, 1.0))
        warning = float(checked("warning_confidence", warning_confidence, LEAST_CONFIDENCE, 1.0))
        self.drift_confidence, self.warning_confidence = drift, warning
        self.two_sided_test = bool(two_sided_test)
        logs = [math.log(1.0 / drift), math.log(2.0 / drift), math.log(2.0 / warning)]
        super().__init__([*logs, self.two_sided_test], n_counts=N_COMMON + 3, n_sums=3)
