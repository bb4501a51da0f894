"""Page-Hinkley: a cumulative sum of deviations from the mean that drifts too far."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from streamadapt.contracts import FloatArray, IntArray, SignArray
from streamadapt.detectors.detector import (
    ALARM,
    ALARM_NOW,
    LIMIT,
    N_SEEN,
    N_SKIPPED,
    NO_ALARM,
    ArrayDetector,
)
from streamadapt.errors import ParameterError, checked
from streamadapt.jit import kernel

__all__ = ["Mode", "PageHinkley"]

Mode = Literal["up", "down", "both"]

# Places in the parameters as kernels take them, and in the counters after the common ones.
MIN_INSTANCES, DELTA, ALPHA, RISE_THRESHOLD, FALL_THRESHOLD = 0, 1, 2, 3, 4
WIDTH = 3

Sums: TypeAlias = tuple[float, float, float, float, float]
"""Mean, fading sum for a rise and for a fall, lowest of the first, highest of the second."""

# That the last is -1 and not -inf is River's choice; it shows where delta < -1.
AFRESH: Sums = (0.0, 0.0, 0.0, np.inf, -1.0)


class PageHinkley(ArrayDetector):
    """Raises an alarm when values leave their own running mean for long enough.

    The fading sums of deviations (Page 1954; fading by `alpha` as in River 0.26.1, whose alarms
    these are, to the very index) start afresh after an alarm.  Other than River's, this detector
    survives NaN, infinite and huge values: it skips them.

    Parameters
    ----------
    min_instances
        No alarm before this many values.
    delta
        Deviation per value that is tolerated.
    threshold
        How far a sum may move from its extreme; larger means fewer and later alarms.
    alpha
        Factor in [0, 1] by which the sums fade with every value.
    mode
        ``"up"`` watches for a rising mean, ``"down"`` for a falling one.

    References
    ----------
    E. S. Page (1954): Continuous inspection schemes. Biometrika 41 (1/2), 100-115.

    Examples
    --------
    >>> detector = PageHinkley(threshold=5.0)
    >>> values = np.repeat([0.0, 1.0, np.nan], [500, 10, 1])
    >>> np.flatnonzero(detector.update_many(values)).tolist(), detector.n_skipped
    ([505], 1)
    """

    kind = "page_hinkley"
    parameter_names = ("min_instances", "delta", "threshold", "alpha", "mode")

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: Mode = "both",
    ) -> None:
        super().__init__(n_counts=4, n_sums=5)
        self.min_instances = int(checked("min_instances", min_instances, 1, 2**53))
        self.delta = float(checked("delta", delta, -LIMIT, LIMIT))
        self.threshold = float(checked("threshold", threshold, 0.0, LIMIT))
        self.alpha = float(checked("alpha", alpha, 0.0, 1.0))
        if mode not in get_args(Mode):
            raise ParameterError(f"mode = {mode!r} is not one of {get_args(Mode)}")
        self.mode: Mode = mode
        self._sums[:] = AFRESH
        # A side that is not watched has a threshold that nothing exceeds.
        rise = np.inf if mode == "down" else self.threshold
        fall = np.inf if mode == "up" else self.threshold
        self._params = np.array([self.min_instances, self.delta, self.alpha, rise, fall])

    def _run(self, xs: FloatArray, flags: SignArray) -> None:
        _page_hinkley_run(xs, flags, self._params, self._counts, self._sums)


@kernel
def _page_hinkley_run(
    xs: FloatArray, flags: SignArray, params: FloatArray, counts: IntArray, sums: FloatArray
) -> None:
    # Held in local variables during a block: kept in memory they would cost twice the time.
    width, now = counts[WIDTH], (sums[0], sums[1], sums[2], sums[3], sums[4])
    n_skipped = 0
    for i in range(xs.size):
        flags[i] = 0
        if not abs(xs[i]) <= LIMIT:
            n_skipped += 1
            continue
        width += 1
        now = _moved(now, xs[i], width, params)
        if width >= params[MIN_INSTANCES]:
            flags[i] = _too_far(now, params)
            if flags[i]:
                width, now = 0, AFRESH
    if xs.size:
        counts[ALARM] = ALARM_NOW if flags[-1] else NO_ALARM
    counts[N_SEEN] += xs.size - n_skipped
    counts[N_SKIPPED] += n_skipped
    counts[WIDTH] = width
    for j in range(len(now)):
        sums[j] = now[j]


@kernel
def _moved(now: Sums, x: float, width: int, params: FloatArray) -> Sums:
    """Return the sums after the `width`-th value x; the order of the operations is River's."""
    mean, rise, fall, lowest, highest = now
    mean += 1.0 / width * (x - mean)
    rise = params[ALPHA] * rise + (x - mean) - params[DELTA]
    fall = params[ALPHA] * fall + (x - mean) + params[DELTA]
    return mean, rise, fall, min(lowest, rise), max(highest, fall)


@kernel
def _too_far(now: Sums, params: FloatArray) -> int:
    """Return 1 if the mean rose too far, -1 if it fell, else 0."""
    _, rise, fall, lowest, highest = now
    if rise - lowest > params[RISE_THRESHOLD]:
        return 1
    return -1 if highest - fall > params[FALL_THRESHOLD] else 0
