"""The detectors by the names that configurations use."""

from __future__ import annotations

from streamadapt.detectors.adwin import ADWIN
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.page_hinkley import PageHinkley

__all__ = ["DETECTORS"]

DETECTORS: dict[str, type[ArrayDetector]] = {"adwin": ADWIN, "page_hinkley": PageHinkley}
