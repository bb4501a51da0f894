"""The detectors by the names that configurations use."""

from __future__ import annotations

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.ddm import DDM
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.eddm import EDDM
from streamadapt.detectors.fhddm import FHDDM
from streamadapt.detectors.hddm_a import HDDMA
from streamadapt.detectors.hddm_w import HDDMW
from streamadapt.detectors.kswin import KSWIN
from streamadapt.detectors.page_hinkley import PageHinkley

__all__ = ["DETECTORS"]

DETECTORS: dict[str, type[ArrayDetector]] = {
    "adwin": ADWIN,
    "ddm": DDM,
    "eddm": EDDM,
    "fhddm": FHDDM,
    "hddm_a": HDDMA,
    "hddm_w": HDDMW,
    "kswin": KSWIN,
    "page_hinkley": PageHinkley,
}
