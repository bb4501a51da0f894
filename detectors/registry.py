"""The detectors by the names that configurations use."""

from __future__ import annotations

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.bocpd import BOCPD
from streamadapt.detectors.cusum import CUSUM
from streamadapt.detectors.ddm import DDM
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.ecdd import ECDD
from streamadapt.detectors.eddm import EDDM
from streamadapt.detectors.exchangeability import ExchangeabilityMartingale
from streamadapt.detectors.fhddm import FHDDM
from streamadapt.detectors.geometric_moving_average import GeometricMovingAverage
from streamadapt.detectors.hddm_a import HDDMA
from streamadapt.detectors.hddm_w import HDDMW
from streamadapt.detectors.kernel_two_sample import KernelTwoSample
from streamadapt.detectors.kswin import KSWIN
from streamadapt.detectors.multivariate import MultivariateDetector
from streamadapt.detectors.page_hinkley import PageHinkley
from streamadapt.detectors.rddm import RDDM
from streamadapt.detectors.seed import SEED
from streamadapt.detectors.stepd import STEPD

__all__ = ["DETECTORS", "ROW_DETECTORS"]

DETECTORS: dict[str, type[ArrayDetector]] = {
    "adwin": ADWIN,
    "bocpd": BOCPD,
    "cusum": CUSUM,
    "ddm": DDM,
    "ecdd": ECDD,
    "eddm": EDDM,
    "exchangeability_martingale": ExchangeabilityMartingale,
    "fhddm": FHDDM,
    "geometric_moving_average": GeometricMovingAverage,
    "hddm_a": HDDMA,
    "hddm_w": HDDMW,
    "kswin": KSWIN,
    "page_hinkley": PageHinkley,
    "rddm": RDDM,
    "seed": SEED,
    "stepd": STEPD,
}

ROW_DETECTORS: dict[str, type[MultivariateDetector]] = {"kernel_two_sample": KernelTwoSample}
"""Those on rows of features."""
