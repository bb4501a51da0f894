"""When each record of a recorded stream is due to be sent: at a rate, or as its times say."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ParameterError
from streamadapt.events import MISSING_TIME

__all__ = ["Pace"]


class Pace:
    """Says when records are due, in seconds since the first; never later than the record after.

    Parameters
    ----------
    rate
        Records per second; None for as fast as it goes.
    speed
        So many seconds of event time in one; late events count as the latest before them.

    Raises
    ------
    ParameterError
        If both are given, or one is not above 0.

    Examples
    --------
    >>> Pace(rate=4).due_s(np.array([10, 11, 14]), np.zeros(3, np.int64)).tolist()
    [0.0, 0.25, 1.0]
    >>> times_us = np.array([5_000_000, 9_000_000, 7_000_000])
    >>> Pace(speed=2).due_s(np.arange(3), times_us).tolist()
    [0.0, 2.0, 2.0]
    """

    def __init__(self, rate: float | None = None, speed: float | None = None) -> None:
        if rate is not None and speed is not None:
            raise ParameterError("rate and speed: give one of them")
        for name, value in (("rate", rate), ("speed", speed)):
            if value is not None and not 0 < value < np.inf:
                raise ParameterError(f"{name} must be above 0, not {value!r}")
        self.rate = rate
        self.speed = speed
        self._first_place: int | None = None
        self._first_us: int | None = None
        self._latest_us = MISSING_TIME

    def due_s(self, places: IntArray, times_us: IntArray) -> FloatArray:
        """Return when the next n records are due, float64 [n].

        Parameters
        ----------
        places
            int64 [n], ascending: their positions in the stream.
        times_us
            int64 [n]: their event times; `MISSING_TIME` where there is none.
        """
        if self.speed is not None:
            return self._by_time(times_us) / self.speed
        if self.rate is None or not len(places):
            return np.zeros(len(places))
        if self._first_place is None:
            self._first_place = int(places[0])
        due_s: FloatArray = (places - self._first_place) / self.rate
        return due_s

    def _by_time(self, times_us: IntArray) -> FloatArray:
        """Return seconds of event time since the first record that has one."""
        latest = np.maximum.accumulate(np.concatenate([[self._latest_us], times_us]))[1:]
        known = latest[latest != MISSING_TIME]
        if not len(known):
            return np.zeros(len(times_us))
        self._latest_us = int(latest[-1])
        if self._first_us is None:
            self._first_us = int(known[0])
        since_us = np.where(latest == MISSING_TIME, self._first_us, latest) - self._first_us
        due_s: FloatArray = since_us / 1e6
        return due_s
