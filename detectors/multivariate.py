"""What detectors on rows of features promise, and what their alarms say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.state import State

__all__ = ["FeatureAlarm", "MultivariateDetector", "TakesRows"]


@dataclass(frozen=True, slots=True)
class FeatureAlarm:
    """What is known of a change of the rows' distribution.

    Examples
    --------
    >>> FeatureAlarm(999, 5.0, 4.0, 0.1, feature=2, shift=0.8, age=100, p_value=1e-5).change_point
    900
    """

    index: int
    """Place of the row that raised it, among those of the call."""
    statistic: float
    """The studentised distance, which passed the ``threshold``."""
    threshold: float
    """What the statistic was compared with."""
    size: float
    """Estimate of the squared kernel distance (MMD) of the distributions, at most 2."""
    feature: int
    """The feature whose mean moved the most."""
    shift: float
    """How far it moved, in robust standard deviations of the reference, a value counted for 10 at
    the most; negative for a fall."""
    age: int
    """How many usable rows may be of the new distribution: those of the window."""
    p_value: float
    """How probable such a statistic is in one test without a change, about."""

    @property
    def change_point(self) -> int:
        """Estimated index of the first row of the new distribution; negative: before this call."""
        return self.index - self.age + 1


@runtime_checkable
class TakesRows(Protocol):
    """What tells a `MultivariateDetector` from a `Detector`, whose values are numbers."""

    takes_rows: Literal[True]


class MultivariateDetector(TakesRows, Protocol):
    """Watches rows of features, without labels, and raises alarms.

    It promises what a `Detector` does, of rows instead of numbers: a row with a value that is NaN
    or infinite is counted in ``n_skipped`` and otherwise changes nothing.
    """

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        ...

    @property
    def n_skipped(self) -> int:
        """How many rows were skipped."""
        ...

    @property
    def drift_detected(self) -> bool:
        """Whether the last row raised an alarm."""
        ...

    def update_many(self, X: FloatArray) -> BoolArray:
        """Take rows float64 [n, d] in order; return bool [n], True where an alarm was raised."""
        ...

    @property
    def alarms(self) -> list[FeatureAlarm]:
        """The alarms of the last call, in order."""
        ...

    def state(self) -> State:
        """Return all that is needed to go on, as data."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        ...
