"""The laws of a detector's optional contracts: what an alarm says of itself, 0 and 1 alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from streamadapt.contracts import Alarm, Detector, FloatArray, HasAlarms, TakesBits
from streamadapt.errors import ParameterError
from streamadapt.law_evidence import require, same_state, through_bytes
from streamadapt.law_streams import Span, cuts, errors

__all__ = ["DETECTOR_ABILITY_LAWS"]


class _Explained(Detector, HasAlarms, Protocol):
    """A detector that says what its alarms are."""


_Make = Callable[[], _Explained]


def _alarms(
    detector: _Explained, xs: FloatArray, spans: Iterable[Span] | None = None
) -> list[Alarm]:
    """Return the alarms with their index in `xs`."""
    found = []
    for start, stop in spans or [(0, len(xs))]:
        detector.update_many(xs[start:stop])
        found += [replace(alarm, index=alarm.index + start) for alarm in detector.alarms]
    return found


def _values() -> FloatArray:
    return np.insert(errors(5000, seed=5), np.arange(0, 5000, 41), np.nan)


def alarms_are_those_of_the_flags(make: _Make) -> None:
    """One for each flag, in order; none without a flag, after no values and before any call."""
    detector, xs = make(), _values()
    require(detector.alarms == [], "a fresh detector has alarms")
    flags = detector.update_many(xs)
    told = [alarm.index for alarm in detector.alarms]
    require(told == np.flatnonzero(flags).tolist(), f"alarms at {told}, but other flags")
    detector.update_many(xs[:0])
    require(detector.alarms == [], "alarms after a call without values")


def alarms_do_not_depend_on_the_cuts(make: _Make) -> None:
    """Statistic, threshold, size, direction, age and p-value are the same, bit for bit."""
    xs = _values()
    whole = _alarms(make(), xs)
    for size in (1, 7, 500, None):
        cut = _alarms(make(), xs, cuts(len(xs), size))
        _same(whole, cut, f"in calls of {size or 'random numbers of'} values")


def update_tells_the_same_alarm(make: _Make) -> None:
    """After `update` there is the alarm that `update_many` tells of, at index 0."""
    one, xs, alarms = make(), _values(), []
    for i, x in enumerate(xs.tolist()):
        one.update(x)
        require(len(one.alarms) == one.drift_detected, f"value {i}: {one.alarms} after update")
        alarms += [replace(alarm, index=alarm.index + i) for alarm in one.alarms]
    _same(_alarms(make(), xs), alarms, "by update, one by one")


def a_restored_detector_tells_the_same_alarms(make: _Make) -> None:
    """Restored between change and alarm, it knows as well where the change was."""
    xs, original, other = _values(), make(), make()
    first = int(make().update_many(xs).argmax())
    original.update_many(xs[:first])
    other.update_many(xs)
    other.restore(through_bytes(original.state()))
    require(other.alarms == [], "a restored detector has alarms of calls before")
    _same(_alarms(original, xs[first:]), _alarms(other, xs[first:]), "when restored")


def alarms_make_sense(make: _Make) -> None:
    """Numbers are finite, a size has the alarm's direction, an age is 1 at least, p in [0, 1]."""
    for alarm in _alarms(make(), _values()):
        numbers = (alarm.statistic, alarm.threshold, alarm.size)
        require(all(map(math.isfinite, numbers)), f"{alarm} is not finite")
        require(alarm.direction in {-1, 0, 1}, f"{alarm}: direction is none of -1, 0, 1")
        require(alarm.direction * alarm.size >= 0, f"{alarm}: size and direction disagree")
        require(alarm.direction != 0 or alarm.size == 0, f"{alarm}: a size without direction")
        require(alarm.age >= 1, f"{alarm}: age is below 1")
        p = alarm.p_value
        require(p is None or 0.0 <= p <= 1.0, f"{alarm}: p_value is no probability")


def what_is_no_bit_is_refused_and_nothing_taken(make: Callable[[], Detector]) -> None:
    """0.5, 2, -1 and 1e308 raise `ParameterError`, alone and among others; NaN and inf do not."""
    detector = make()
    detector.update_many(errors()[:900])
    state = detector.state()
    for x in (0.5, 2.0, -1.0, 1e308):
        require(_is_refused(lambda x=x: detector.update(x)), f"update took {x}")  # type: ignore[misc]
        block = np.array([0.0, 1.0, np.nan, np.inf, x, 1.0])
        require(_is_refused(lambda xs=block: detector.update_many(xs)), f"update_many took {x}")  # type: ignore[misc]
        same_state(state, detector.state(), f"after {x} was refused")


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except ParameterError:
        return True
    return False


def _same(a: list[Alarm], b: list[Alarm], how: str) -> None:
    require(len(a) == len(b), f"{len(b)} alarms instead of {len(a)} {how}")
    for one, other in zip(a, b, strict=True):
        require(one == other, f"{other} instead of {one} {how}")


DETECTOR_ABILITY_LAWS: tuple[tuple[type, tuple[Callable[[Any], None], ...]], ...] = (
    (
        HasAlarms,
        (
            alarms_are_those_of_the_flags,
            alarms_do_not_depend_on_the_cuts,
            update_tells_the_same_alarm,
            a_restored_detector_tells_the_same_alarms,
            alarms_make_sense,
        ),
    ),
    (TakesBits, (what_is_no_bit_is_refused_and_nothing_taken,)),
)
