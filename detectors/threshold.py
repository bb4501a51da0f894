"""What of a detector decides how often it raises an alarm where nothing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Threshold"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The parameter of a class that is set to have fewer or more alarms.

    Examples
    --------
    >>> level = Threshold("threshold", "higher", 1e-9, 1e12)
    >>> level.at(level.place(50.0) + math.log(2.0))
    100.0
    >>> delta = Threshold("delta", "lower", 1e-300, 1.0, is_probability=True)
    >>> delta.at(delta.place(0.002))
    0.002

    RDDM's alarms may not come before its warnings:

    >>> from streamadapt.detectors import RDDM
    >>> RDDM.alarm_threshold.beside_that_of(RDDM(warning_threshold=1.5)).low
    1.5
    """

    name: str
    """Of the constructor's parameter."""
    fewer: Literal["higher", "lower"]
    """Which values of it mean fewer alarms."""
    low: float
    high: float
    """Between which it makes sense."""
    is_probability: bool = False
    """Whether it may come as close to 1 as to 0."""
    beside: str | None = None
    """The parameter that it may not pass on the way to more alarms, if any."""

    def beside_that_of(self, detector: object) -> Threshold:
        """Return it with the bound that `detector` sets it by the parameter `beside`, if any."""
        if self.beside is None:
            return self
        bound = float(getattr(detector, self.beside))
        return replace(self, low=bound) if self.fewer == "higher" else replace(self, high=bound)

    def place(self, value: float) -> float:
        """Return where `value` stands on the scale to search on: that of its logarithm, or odds."""
        if not self.is_probability:
            return math.log(value)
        tiny = 2.0**-52  # the step below 1
        return math.log(value) - math.log(max(1.0 - value, tiny))

    def at(self, place: float) -> float:
        """Return the value at a place, of four digits, within the bounds."""
        if not self.is_probability:
            value = float(f"{math.exp(place):.4g}")
        elif place <= 0:
            value = float(f"{math.exp(place) / (1.0 + math.exp(place)):.4g}")
        else:
            rest = math.exp(-place) / (1.0 + math.exp(-place))
            value = round(1.0 - float(f"{rest:.4g}"), 15)
        return min(max(value, self.low), self.high)
