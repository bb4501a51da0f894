"""How often a detector is wrong, and how soon it is right, on streams made of a recorded one.

What a detector hears of a recorded stream is cut into blocks and put together anew, as long as is
needed (the stationary bootstrap): a stream that is like the recorded one from value to value, and
in which nothing ever changes for good.  Every alarm on it is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from streamadapt.bootstrap import resampled
from streamadapt.contracts import Detector, FloatArray
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ConfigError

__all__ = [
    "Delay",
    "MeanTime",
    "Stream",
    "delay_of_change",
    "found_threshold",
    "mean_time",
    "n_alarms",
]

MakeDetector = Callable[[float], Detector]
"""Gives a new detector with that threshold."""

ALARMS = 100
"""False alarms that a threshold is found by; their number is known to a tenth."""

RUNS = 10
"""Detectors that these come from, each new: after long calm some hear less, and what counts is what
they do after a start or an alarm."""

RECORDS = 20
"""Other records that might have been, by which the interval is found."""

CHANGES = 100
"""Runs in which a change is waited for."""

_CHUNK = 262_144
_T_95 = 2.093  # Student's, with RECORDS - 1 degrees of freedom
_CLOSE = 0.002  # two thresholds whose logarithms differ by less are one


@dataclass(frozen=True, slots=True)
class Stream:
    """A recorded stream to be resampled: the same seeds give the same stream."""

    values: FloatArray
    block: float
    seeds: tuple[int, ...]

    def chunks(self, n: int) -> Iterator[FloatArray]:
        """Return `n` values, in parts."""
        rng = np.random.default_rng(self.seeds)
        for start in range(0, n, _CHUNK):
            yield resampled(self.values, self.block, min(_CHUNK, n - start), rng)

    def another(self, i: int) -> Stream:
        """Return another stream of the same record."""
        return Stream(self.values, self.block, (*self.seeds, i))

    def another_record(self, i: int) -> Stream:
        """Return a stream of another record that might have been as well, of the same length."""
        seeds = (*self.seeds, i)
        rng = np.random.default_rng(seeds)
        values = resampled(self.values, self.block, len(self.values), rng)
        return Stream(values, self.block, seeds)


@dataclass(frozen=True, slots=True)
class MeanTime:
    """Values between false alarms on average, and where it is with 95 % confidence.

    ``low`` and ``high`` tell of both: that the record might have been another, and that the number
    of alarms is a matter of chance.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Delay:
    """How many values after a change of the mean by ``size`` its alarm comes.

    ``median`` and ``most`` (nine of ten) are of the runs with one; ``missed`` is the share of runs
    without one in as many values as lie between false alarms.
    """

    size: float
    median: float
    most: float
    missed: float


def n_alarms(make: Callable[[], Detector], stream: Stream, n: int) -> int:
    """Return how many alarms new detectors raise on `n` values, `RUNS` of them one after another.

    Examples
    --------
    >>> from streamadapt.detectors import PageHinkley
    >>> errors = (np.random.default_rng(0).random(5000) < 0.2).astype(float)
    >>> stream = Stream(errors, 1.0, (0,))
    >>> n_alarms(PageHinkley, stream, 50_000) < n_alarms(
    ...     lambda: PageHinkley(threshold=10.0), stream, 50_000
    ... )
    True
    """
    total = 0
    for run in range(RUNS):
        detector = make()
        chunks = stream.another(run).chunks(n // RUNS)
        total += sum(int(detector.update_many(chunk).sum()) for chunk in chunks)
    return total


def found_threshold(
    threshold: Threshold, make: MakeDetector, stream: Stream, given: float, between: int
) -> float:
    """Return the most nervous value that has no more than one false alarm in `between` values.

    Every value is tried on the same stream, so that a more nervous one has more alarms.

    Parameters
    ----------
    given
        Where to begin the search.

    Raises
    ------
    ConfigError
        If no value has so few, or the most nervous one has fewer.
    """

    def is_calm(place: float) -> bool:
        some = partial(make, threshold.at(place))
        return n_alarms(some, stream, ALARMS * between) <= ALARMS

    try:
        calm, nervous = _bracket(threshold, is_calm, given)
    except _NoneBeyond as error:
        raise ConfigError(_unattainable(threshold, error, between)) from None
    while abs(calm - nervous) > _CLOSE and threshold.at(calm) != threshold.at(nervous):
        middle = 0.5 * (calm + nervous)
        calm, nervous = (middle, nervous) if is_calm(middle) else (calm, middle)
    return threshold.at(calm)


def mean_time(make: Callable[[], Detector], stream: Stream, between: int) -> MeanTime:
    """Return the mean time between the false alarms of a detector.

    The interval is of the times on `RECORDS` other records of the same length, on the scale of
    logarithms; half an alarm is added to each number of alarms, so that none is a time too.
    """
    n = ALARMS * between
    mean = n / (n_alarms(make, stream.another(1), n) + 0.5)
    few = n // 2
    times = [
        math.log(few / (n_alarms(make, stream.another_record(i), few) + 0.5))
        for i in range(2, RECORDS + 2)
    ]
    factor = math.exp(_T_95 * float(np.std(times, ddof=1)))
    return MeanTime(mean, mean / factor, mean * factor)


def delay_of_change(
    make: Callable[[], Detector], stream: Stream, size: float, between: int
) -> Delay | None:
    """Return how soon a lasting change of the mean by `size` is found; None if it cannot change so.

    Numbers are all moved by `size`.  Of 0 and 1, so many at random are turned over.
    """
    changed = _change(stream.values, size)
    if changed is None:
        return None
    delays = []
    for i in range(CHANGES):
        rng = np.random.default_rng(stream.another(1_000 + i).seeds)
        detector = make()
        detector.update_many(resampled(stream.values, stream.block, between // 2, rng))
        values = resampled(stream.values, stream.block, between, rng)
        delays.append(_first_alarm(detector, changed(values, rng)))
    found = [delay for delay in delays if delay is not None]
    median, most = np.quantile(found, [0.5, 0.9]).tolist() if found else (math.nan, math.nan)
    return Delay(size, median, most, 1.0 - len(found) / CHANGES)


class _NoneBeyond(Exception):
    """There is no value that is calmer, or more nervous, than the last one."""

    def __init__(self, value: float, is_calm: bool) -> None:
        super().__init__(value)
        self.value, self.is_calm = value, is_calm


def _bracket(
    threshold: Threshold, is_calm: Callable[[float], bool], given: float
) -> tuple[float, float]:
    """Return places with few enough and with too many alarms; steps double on the way there."""
    least, most = sorted([threshold.place(threshold.low), threshold.place(threshold.high)])
    at = min(max(threshold.place(min(max(given, threshold.low), threshold.high)), least), most)
    was_calm = is_calm(at)
    up = was_calm == (threshold.fewer == "lower")
    step = math.log(2.0)
    while True:
        before, at = at, min(at + step, most) if up else max(at - step, least)
        if at == before:
            raise _NoneBeyond(threshold.at(at), was_calm)
        if is_calm(at) != was_calm:
            return (before, at) if was_calm else (at, before)
        step *= 2.0


def _unattainable(threshold: Threshold, last: _NoneBeyond, between: int) -> str:
    shown = f"{threshold.name} = {last.value:g}"
    if last.is_calm:
        return (
            f"even with {shown} there is less than one false alarm in {between:,} values: "
            "ask for a longer time between them"
        )
    return (
        f"even with {shown} there is more than one false alarm in {between:,} values: "
        "ask for a shorter time between them, or take another detector"
    )


def _change(
    x: FloatArray, size: float
) -> Callable[[FloatArray, np.random.Generator], FloatArray] | None:
    is_bit = x.min() >= 0 and bool(((x == 0) | (x == 1)).all())
    if not is_bit:
        return lambda values, rng: values + size
    from_, rate = (0.0, 1.0 - x.mean()) if size > 0 else (1.0, float(x.mean()))
    share = abs(size) / rate if rate else math.inf
    if share > 1.0:
        return None

    def turned(values: FloatArray, rng: np.random.Generator) -> FloatArray:
        is_turned = (values == from_) & (rng.random(len(values)) < share)
        return np.where(is_turned, 1.0 - values, values)

    return turned


def _first_alarm(detector: Detector, values: FloatArray) -> int | None:
    """Return how many values there are up to the first alarm."""
    start, n = 0, 256
    while start < len(values):
        flags = detector.update_many(values[start : start + n])
        if flags.any():
            return start + int(flags.argmax()) + 1
        start, n = start + n, 2 * n
    return None
