"""Drift detectors, one per file: numbers in, alarms out."""

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.bank import DetectorBank
from streamadapt.detectors.bocpd import BOCPD
from streamadapt.detectors.cusum import CUSUM
from streamadapt.detectors.ddm import DDM
from streamadapt.detectors.ecdd import ECDD
from streamadapt.detectors.eddm import EDDM
from streamadapt.detectors.exchangeability import ExchangeabilityMartingale
from streamadapt.detectors.fhddm import FHDDM
from streamadapt.detectors.geometric_moving_average import GeometricMovingAverage
from streamadapt.detectors.hddm_a import HDDMA
from streamadapt.detectors.hddm_w import HDDMW
from streamadapt.detectors.kernel_two_sample import KernelTwoSample
from streamadapt.detectors.kswin import KSWIN
from streamadapt.detectors.multivariate import FeatureAlarm, MultivariateDetector, TakesRows
from streamadapt.detectors.page_hinkley import PageHinkley
from streamadapt.detectors.rddm import RDDM
from streamadapt.detectors.registry import DETECTORS, ROW_DETECTORS
from streamadapt.detectors.seed import SEED
from streamadapt.detectors.stepd import STEPD
from streamadapt.detectors.uncertainty import uncertainty

__all__ = [
    "ADWIN",
    "BOCPD",
    "CUSUM",
    "DDM",
    "DETECTORS",
    "ECDD",
    "EDDM",
    "FHDDM",
    "HDDMA",
    "HDDMW",
    "KSWIN",
    "RDDM",
    "ROW_DETECTORS",
    "SEED",
    "STEPD",
    "DetectorBank",
    "ExchangeabilityMartingale",
    "FeatureAlarm",
    "GeometricMovingAverage",
    "KernelTwoSample",
    "MultivariateDetector",
    "PageHinkley",
    "TakesRows",
    "uncertainty",
]
