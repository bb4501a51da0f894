"""What River's detectors say of a stream, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.detectors.detector import ArrayDetector


def flags(river: Any, xs: FloatArray) -> tuple[list[bool], list[bool]]:
    """Return alarms and warnings after each value."""
    alarms, warnings = [], []
    for x in xs.tolist():
        river.update(x)
        alarms.append(bool(river.drift_detected))
        warnings.append(bool(getattr(river, "warning_detected", False)))
    return alarms, warnings


def assert_equal(ours: ArrayDetector, river: Any, xs: FloatArray) -> int:
    """Assert equal alarms and warnings at every value; return the number of alarms."""
    alarms, warnings = flags(river, xs)
    assert ours.update_many(xs).tolist() == alarms
    assert ours.warnings.tolist() == warnings
    assert (ours.drift_detected, ours.warning_detected) == (alarms[-1], warnings[-1])
    return sum(alarms)


def segments(ours: ArrayDetector, xs: FloatArray) -> list[FloatArray]:
    """Return for each alarm the values since the one before, with its own."""
    ends = [alarm.index + 1 for alarm in ours.alarms]
    return np.split(xs, ends)[:-1]
