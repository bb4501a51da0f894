"""The laws of a drift detector: each takes a factory of equal detectors and raises if broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import BoolArray, Detector, FloatArray, TakesBits
from streamadapt.law_evidence import (
    refuses_or_becomes,
    require,
    same_bits,
    same_state,
    spoilt,
    through_bytes,
)
from streamadapt.law_streams import Span, cuts, errors

__all__ = ["DETECTOR_LAWS"]

Make = Callable[[], Detector]

_STATE_SLACK_BYTES = 4096  # an exponential histogram still grows by a row now and then


def _feed(detector: Detector, xs: FloatArray, spans: Iterable[Span] | None = None) -> BoolArray:
    parts = [detector.update_many(xs[a:b].copy()) for a, b in (spans or [(0, len(xs))])]
    return np.concatenate(parts)


def a_great_change_raises_an_alarm(make: Make) -> None:
    """Errors that jump between 5 % and 95 % are noticed; numbers that never change are not."""
    require(bool(_feed(make(), errors()).any()), "no alarm when errors go from 5 % to 95 %")
    require(not _feed(make(), np.zeros(3000)).any(), "an alarm on 3000 zeros")


def equal_detectors_raise_equal_alarms(make: Make) -> None:
    """Two detectors of the same factory, fed the same, end the same."""
    a, b = make(), make()
    same_state(a.state(), b.state(), "a second, fresh detector")
    same_bits(_feed(a, errors()), _feed(b, errors()), "alarms of a second, equal detector")
    same_state(a.state(), b.state(), "a second, equal detector")


def cutting_the_values_changes_no_alarm(make: Make) -> None:
    """In calls of 1, 7, 500 and random numbers of values: just what one call gives."""
    xs, whole = _with_bad_values(), make()
    alarms = _feed(whole, xs)
    for size in (1, 7, 500, None):
        cut = make()
        how = f"in calls of {size or 'random numbers of'} values"
        same_bits(alarms, _feed(cut, xs, cuts(len(xs), size)), f"alarms {how}")
        same_state(whole.state(), cut.state(), how)
        require(cut.n_skipped == whole.n_skipped, f"n_skipped {how}: {cut.n_skipped}")


def update_says_what_update_many_says(make: Make) -> None:
    """One value at a time: the same alarms, warnings and state."""
    one, many = make(), make()
    for i, x in enumerate(_with_bad_values()):
        one.update(float(x))
        flag = bool(many.update_many(np.array([x]))[0])
        require(one.drift_detected == flag, f"value {i} = {x}: update says {not flag}")
        require(many.drift_detected == flag, f"value {i} = {x}: drift_detected is not the flag")
        require(one.warning_detected == many.warning_detected, f"warnings differ at value {i}")
    same_state(one.state(), many.state(), "after update, one by one")


def nan_and_inf_are_counted_and_otherwise_ignored(make: Make) -> None:
    """Alarms stand where they stood without them, and `n_skipped` tells how many there were."""
    xs, clean, dirty = _with_bad_values(), make(), make()
    good = np.isfinite(xs)
    alarms = _feed(dirty, xs)
    require(not alarms[~good].any(), "an alarm on NaN or inf")
    same_bits(alarms[good], _feed(clean, xs[good]), "alarms with NaN and inf among the values")
    skipped = int((~good).sum())
    require(dirty.n_skipped == skipped, f"n_skipped is {dirty.n_skipped}, not {skipped}")
    require(clean.n_skipped == 0, f"n_skipped is {clean.n_skipped} after good values")


def _with_bad_values() -> FloatArray:
    xs = np.insert(errors(), np.arange(0, 3000, 37), np.nan)
    xs[5::101], xs[9::103] = np.inf, -np.inf
    return xs


def huge_values_never_raise(make: Make) -> None:
    """1e308 and its negative are values like others, though their sums overflow.

    A detector for 0 and 1 alone refuses them: another law.
    """
    if isinstance(make(), TakesBits):
        return
    xs = errors()
    xs[::50], xs[1::70] = 1e308, -1e308
    a, b = make(), make()
    same_bits(_feed(a, xs), _feed(b, xs, cuts(len(xs), 7)), "alarms on huge values")
    same_state(a.state(), through_bytes(b.state()), "after huge values")


def a_restored_detector_goes_on_bit_for_bit(make: Make) -> None:
    """Fresh or used, it has the digest, the properties and the future of the original."""
    xs = _with_bad_values()
    for n in (0, 1, 500, 1100):
        original, fresh, used = make(), make(), make()
        _feed(original, xs[:n])
        _feed(used, xs[200:1900][::-1])
        for other in (fresh, used):
            other.restore(through_bytes(original.state()))
            same_state(original.state(), other.state(), f"restored after {n} values")
            _same_answers(original, other, f"restored after {n} values")
        alarms = _feed(original, xs[n:])
        for other in (fresh, used):
            same_bits(alarms, _feed(other, xs[n:]), f"alarms when restored after {n} values")
            same_state(original.state(), other.state(), f"restored after {n} values, and gone on")


def _same_answers(a: Detector, b: Detector, when: str) -> None:
    for name in ("n_skipped", "drift_detected", "warning_detected"):
        x, y = getattr(a, name), getattr(b, name)
        require(x == y, f"{name} is {y} instead of {x} when {when}")


def a_restored_alarm_is_still_an_alarm(make: Make) -> None:
    """State taken right after an alarm holds that the last value raised one."""
    original, other = make(), make()
    xs = errors()
    first = int(_feed(make(), xs).argmax())
    _feed(original, xs[: first + 1])
    other.restore(through_bytes(original.state()))
    _same_answers(original, other, "restored right after an alarm")


def a_state_that_does_not_fit_is_refused_and_changes_nothing(make: Make) -> None:
    """Another kind or version, a lost value or a wrong length: `StateError`, or restored as is.

    If what was lost is known anyway, all may be restored.
    """
    writer, reader = make(), make()
    _feed(writer, errors()[:900])
    _feed(reader, errors()[:1100])
    whole = writer.state()
    for what, state in spoilt(whole):
        refuses_or_becomes(reader, state, f"a state {what}", whole)


def a_state_is_a_copy(make: Make) -> None:
    """Neither the detector that gave it, nor one restored from it, changes it by going on."""
    detector, other = make(), make()
    _feed(detector, errors()[:900])
    state = detector.state()
    digest = state.digest()
    other.restore(state)
    _feed(detector, errors()[900:])
    require(state.digest() == digest, "going on changed a state that was taken before")
    _feed(other, errors()[900:])
    require(state.digest() == digest, "a restored detector changed the state it was restored from")


def memory_stops_growing(make: Make) -> None:
    """After 20,000 values another 20,000 need no more."""
    detector = make()
    for xs in (np.zeros(20_000), errors(20_000, seed=13)):
        _feed(detector, xs)
        early = detector.state().nbytes()
        _feed(detector, xs)
        late = detector.state().nbytes()
        require(late <= 1.05 * early + _STATE_SLACK_BYTES, f"grew from {early} to {late} bytes")


def any_array_of_values_will_do(make: Make) -> None:
    """None, one, read-only, strided and float32 values; what is given is not changed."""
    xs, plain = errors(), make()
    alarms = _feed(plain, xs)
    frozen = xs.copy()
    frozen.flags.writeable = False
    layouts: list[NDArray[Any]] = [frozen, np.repeat(xs, 2)[::2], xs.astype(np.float32)]
    for what, values in zip(("read-only", "strided", "float32"), layouts, strict=True):
        detector, bits = make(), values.tobytes()
        none = detector.update_many(values[:0])
        require(none.shape == (0,) and none.dtype == np.bool_, f"no values give {none!r}")
        same_state(make().state(), detector.state(), "after no values")
        same_bits(alarms, detector.update_many(values), f"alarms of {what} values")
        same_state(plain.state(), detector.state(), f"after {what} values")
        require(values.tobytes() == bits, f"{what} values were changed")


DETECTOR_LAWS = (
    a_great_change_raises_an_alarm,
    equal_detectors_raise_equal_alarms,
    cutting_the_values_changes_no_alarm,
    update_says_what_update_many_says,
    nan_and_inf_are_counted_and_otherwise_ignored,
    huge_values_never_raise,
    a_restored_detector_goes_on_bit_for_bit,
    a_restored_alarm_is_still_an_alarm,
    a_state_that_does_not_fit_is_refused_and_changes_nothing,
    a_state_is_a_copy,
    memory_stops_growing,
    any_array_of_values_will_do,
)
