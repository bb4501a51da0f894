"""Drift detectors, one per file: numbers in, alarms out."""

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.bank import DetectorBank
from streamadapt.detectors.ddm import DDM
from streamadapt.detectors.eddm import EDDM
from streamadapt.detectors.fhddm import FHDDM
from streamadapt.detectors.hddm_a import HDDMA
from streamadapt.detectors.hddm_w import HDDMW
from streamadapt.detectors.kswin import KSWIN
from streamadapt.detectors.page_hinkley import PageHinkley
from streamadapt.detectors.registry import DETECTORS

__all__ = [
    "ADWIN",
    "DDM",
    "DETECTORS",
    "EDDM",
    "FHDDM",
    "HDDMA",
    "HDDMW",
    "KSWIN",
    "DetectorBank",
    "PageHinkley",
]
