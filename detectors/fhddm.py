"""FHDDM: the share of right answers in a window is far below its highest, by Hoeffding."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import IntArray
from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.detector_kernels import LEAST_CONFIDENCE
from streamadapt.detectors.fhddm_kernels import N_COUNTS, RIGHT, N, fhddm_run
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["FHDDM"]


class FHDDM(BitDetector):
    """Raises an alarm when the share of errors in a sliding window is far above its lowest.

    With `short_window_size` the newest part of the window is watched as well (stacking, FHDDMS).

    As in the paper and in its authors' code for MOA, an alarm says that right answers became
    fewer.  River 0.26.1 counts the ones instead, though there, as here, a one is an error: it
    raises an alarm when *errors* become fewer.  So the alarms here for values x are River's for
    1 - x, to the index.

    An alarm's statistic is the distance of the share from the best so far, which is also the
    ``size``; its threshold is Hoeffding's bound, its p-value the confidence at which the bound is
    the statistic, of one comparison.  The new level began after the window was best.  It is always
    a rise.  There is no warning zone.

    Parameters
    ----------
    sliding_window_size
        Length of the window; no alarm before it is full.
    confidence_level
        The probability, in (0, 1], that is small enough for an alarm.
    short_window_size
        Length of the newest part that is watched as well; None for none.

    References
    ----------
    A. Pesaranghader, H. L. Viktor (2016): Fast Hoeffding drift detection method for evolving data
    streams. ECML PKDD.
    A. Pesaranghader, H. Viktor, E. Paquet (2018): Reservoir of diverse adaptive learners and
    stacking fast Hoeffding drift detection methods for evolving data streams. Machine Learning 107.

    Examples
    --------
    >>> detector = FHDDM()
    >>> errors = np.repeat([0, 1], [500, 60])
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [526]
    >>> detector.alarms[0].change_point
    500
    """

    kind = "fhddm"
    kernel = fhddm_run
    alarm_threshold = Threshold(
        "confidence_level", "lower", LEAST_CONFIDENCE, 1.0, is_probability=True
    )
    parameter_names = ("sliding_window_size", "confidence_level", "short_window_size")

    def __init__(
        self,
        sliding_window_size: int = 100,
        confidence_level: float = 0.000001,
        short_window_size: int | None = None,
    ) -> None:
        size = whole("sliding_window_size", sliding_window_size, 1, 1_000_000)
        level = float(checked("confidence_level", confidence_level, LEAST_CONFIDENCE, 1.0))
        self.sliding_window_size, self.confidence_level = size, level
        short = 0
        if short_window_size is not None:
            short = whole("short_window_size", short_window_size, 1, size)
        epsilon = math.sqrt(math.log(1 / level) / (2 * size))
        short_epsilon = math.sqrt(math.log(1 / level) / (2 * short)) if short else math.inf
        self.short_window_size = short or None
        self._window = np.zeros(size, np.int64)
        super().__init__([epsilon, short_epsilon, short], N_COUNTS, 0, (self._window,))

    def _places(self, n: int) -> IntArray:
        """Where in the ring the window's values are after `n` values, oldest first."""
        places: IntArray = np.arange(max(0, n - len(self._window)), n) % len(self._window)
        return places

    def _state_values(self) -> dict[str, Value]:
        held = self._window[self._places(int(self._counts[N]))]
        return super()._state_values() | {"window": held.astype(np.int8)}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        held = state.integers("window")
        places = self._places(int(counts[N]))
        if held.shape != places.shape or counts[RIGHT] != held.sum():
            raise CorruptStateError(f"{self.kind}: the window does not fit its counters")
        self._counts[:], self._sums[:] = counts, sums
        self._window[places] = held
