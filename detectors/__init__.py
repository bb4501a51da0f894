"""Drift detectors, one per file: numbers in, alarms out."""

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.page_hinkley import PageHinkley
from streamadapt.detectors.registry import DETECTORS

__all__ = ["ADWIN", "DETECTORS", "PageHinkley"]
