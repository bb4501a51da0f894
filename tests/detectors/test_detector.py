"""What every detector of the registry keeps: cuts, bad values, states, shapes."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray
from streamadapt.detectors import ADWIN, DETECTORS, PageHinkley
from streamadapt.detectors.detector import ArrayDetector, BitDetector
from streamadapt.detectors.detector_kernels import LIMIT
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.laws import check
from tests.detectors.streams import bits

NAMES = sorted(DETECTORS)
every = pytest.mark.parametrize("name", NAMES)
BAD = [np.nan, np.inf, -np.inf]
HUGE = [1.1e100, -1e300, 1e308]
BIT_DETECTORS = [name for name in NAMES if issubclass(DETECTORS[name], BitDetector)]


def make(name: str) -> ArrayDetector:
    eager: dict[str, Any] = {
        "adwin": {"delta": 0.05, "clock": 8},
        "fhddm": {"sliding_window_size": 25, "confidence_level": 0.01, "short_window_size": 5},
        "kswin": {"alpha": 0.05, "window_size": 30, "stat_size": 10},
        "page_hinkley": {"threshold": 5.0},
    }
    return DETECTORS[name](**eager.get(name, {}))


def changing(n: int = 3000, seed: int = 1) -> FloatArray:
    """Return errors, which every detector takes."""
    return bits("sudden", n, seed)


@every
@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=12), seed=st.integers(0, 99))
def test_however_the_values_are_cut_alarms_and_digest_are_the_same(
    name: str, cuts: list[int], seed: int
) -> None:
    xs, whole, cut = changing(seed=seed), make(name), make(name)
    flags = [cut.update_many(part) for part in np.split(xs, sorted(cuts))]
    assert np.array_equal(np.concatenate(flags), whole.update_many(xs))
    assert cut.state().digest() == whole.state().digest()


@every
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_unusable_values_are_counted_and_change_nothing_else(
    name: str, data: st.DataObject
) -> None:
    unusable = st.sampled_from(BAD if name in BIT_DETECTORS else BAD + HUGE)
    bad = data.draw(st.lists(st.tuples(st.integers(0, 2999), unusable), max_size=40))
    clean, dirty = make(name), make(name)
    xs = changing()
    places = np.array([place for place, _ in bad], np.int64)
    mixed = np.insert(xs, places, [value for _, value in bad]) if bad else xs
    usable = np.abs(mixed) <= LIMIT
    flags = dirty.update_many(mixed)
    assert np.array_equal(flags[usable], clean.update_many(mixed[usable]))
    assert not flags[~usable].any()
    assert (dirty.n_skipped, dirty.n_seen) == (len(bad), len(xs))


@every
@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 2000), seed=st.integers(0, 99))
def test_a_restored_detector_goes_on_bit_for_bit(name: str, n: int, seed: int) -> None:
    xs, original, restored = changing(seed=seed), make(name), make(name)
    original.update_many(xs[:n])
    restored.update_many(xs[::-1])
    restored.restore(original.state())
    assert restored.drift_detected == original.drift_detected
    assert restored.state().digest() == original.state().digest()
    assert np.array_equal(restored.update_many(xs[n:]), original.update_many(xs[n:]))
    assert restored.state().digest() == original.state().digest()


@every
def test_the_laws_of_detectors_hold(name: str) -> None:
    assert [result for result in check(DETECTORS[name]) if not result.ok] == []


@every
def test_an_alarm_is_told_by_the_property_until_the_next_value(name: str) -> None:
    detector, xs = make(name), changing()
    first = int(make(name).update_many(xs).argmax())
    detector.update_many(xs[: first + 1])
    assert detector.drift_detected
    detector.update_many(xs[:0])
    assert detector.drift_detected
    detector.update(np.nan)
    assert not detector.drift_detected


@every
def test_a_state_is_not_changed_by_going_on(name: str) -> None:
    detector = make(name)
    detector.update_many(changing())
    state = detector.state()
    digest = state.digest()
    detector.update_many(changing(seed=2))
    assert state.digest() == digest


@every
def test_values_must_be_one_dimensional(name: str) -> None:
    with pytest.raises(ParameterError, match=r"\(2, 2\)"):
        make(name).update_many(np.zeros((2, 2)))


@every
def test_integers_and_read_only_and_strided_values_are_taken(name: str) -> None:
    xs = np.repeat([0, 1], 2000)  # no EDDM hears of it: all distances are 1
    xs[100:2000:7] = 1
    frozen = xs.astype(np.float64)
    frozen.flags.writeable = False
    expected = make(name).update_many(xs.astype(np.float64))
    assert expected.any()
    for values in (xs, xs.tolist(), frozen, np.repeat(frozen, 2)[::2]):
        assert np.array_equal(make(name).update_many(values), expected)


def test_a_state_with_other_parameters_is_refused_and_both_are_named() -> None:
    with pytest.raises(IncompatibleStateError, match=r"0\.01.*0\.5"):
        ADWIN(delta=0.5).restore(ADWIN(delta=0.01).state())


def test_a_state_of_another_method_is_refused() -> None:
    with pytest.raises(IncompatibleStateError, match="adwin"):
        PageHinkley().restore(ADWIN().state())


@every
def test_the_registry_knows_each_detector_by_the_kind_of_its_states(name: str) -> None:
    assert make(name).state().kind == name


def test_an_alarm_says_whether_the_values_rose_or_fell() -> None:
    steps = np.repeat([0.0, 1.0, 0.0], 600) + np.random.default_rng(1).normal(0, 0.1, 1800)
    for detector in (ADWIN(), PageHinkley(threshold=5.0)):
        detector.update_many(steps)
        assert {alarm.direction for alarm in detector.alarms if alarm.index < 1200} == {1}
        assert {alarm.direction for alarm in detector.alarms if alarm.index >= 1200} == {-1}


@pytest.mark.parametrize("name", BIT_DETECTORS)
@settings(max_examples=30, deadline=None)
@given(
    x=st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x not in (0.0, 1.0)),
    place=st.integers(0, 100),
)
def test_a_value_that_is_no_bit_is_named_and_nothing_of_the_block_is_taken(
    name: str, x: float, place: int
) -> None:
    detector = make(name)
    digest = detector.state().digest()
    block = np.insert(np.resize([0.0, 1.0, np.nan], 100), place, x)
    with pytest.raises(ParameterError, match=rf"^xs\[{place}\] = .*: {name} takes 0 and 1 alone$"):
        detector.update_many(block)
    with pytest.raises(ParameterError, match=name):
        detector.update(x)
    assert detector.state().digest() == digest


@every
def test_one_value_and_none_are_taken(name: str) -> None:
    detector = make(name)
    assert detector.update_many([]).shape == (0,)
    assert detector.update_many([1]).tolist() == [False]
    assert detector.update_many(np.array([True])).tolist() == [False]
    assert (detector.n_seen, detector.alarms, detector.warnings.tolist()) == (2, [], [False])


@every
def test_warnings_are_what_the_property_says_after_each_value(name: str) -> None:
    xs, one, many = np.insert(changing(), 7, np.nan), make(name), make(name)
    many.update_many(xs)
    said = []
    for x in xs.tolist():
        one.update(x)
        said.append(one.warning_detected)
    assert many.warnings.tolist() == said
    with_warnings = {"ddm", "ecdd", "eddm", "hddm_a", "hddm_w", "rddm", "stepd"}
    assert any(said) == (name in with_warnings)


@every
def test_a_long_call_tells_all_its_alarms(name: str) -> None:
    xs = bits("often", 70_000 if name == "kswin" else 150_000, 3)
    whole, parts, found = make(name), make(name), []
    flags = whole.update_many(xs)
    for start in range(0, len(xs), 1000):
        parts.update_many(xs[start : start + 1000])
        found += [replace(alarm, index=alarm.index + start) for alarm in parts.alarms]
    assert whole.alarms == found
    assert [alarm.index for alarm in found] == np.flatnonzero(flags).tolist()
    # ECDD compares with the mean since its last alarm, which here comes to lie between both rates.
    assert any(alarm.index > 66_000 for alarm in found) or (name == "ecdd" and found)


def whole_parameters() -> list[tuple[str, str, float]]:
    """Return (name, parameter, a value with a fraction) of each parameter that is an int."""
    return [
        (name, parameter.name, (parameter.default or 2) + 0.5)
        for name in NAMES
        for parameter in inspect.signature(DETECTORS[name]).parameters.values()
        if parameter.annotation in {"int", "int | None"}
    ]


@pytest.mark.parametrize(("name", "parameter", "value"), whole_parameters())
def test_a_parameter_with_a_fraction_is_refused(name: str, parameter: str, value: float) -> None:
    with pytest.raises(ParameterError, match=f"{parameter} = {value} is not a whole number"):
        DETECTORS[name](**{parameter: value})
