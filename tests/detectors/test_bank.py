"""A bank against as many detectors of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import Alarm, FloatArray, IntArray
from streamadapt.detectors import ADWIN, DDM, HDDMA, DetectorBank, PageHinkley
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.errors import IncompatibleStateError, ParameterError, StateError
from streamadapt.state import State
from streamadapt.state_delta import apply, delta

Make = Callable[[], ArrayDetector]
QUICK: Make = partial(PageHinkley, min_instances=5, threshold=2.0)
MAKES: list[Make] = [QUICK, DDM, partial(HDDMA, two_sided_test=True)]


def values(n: int, n_keys: int, seed: int) -> tuple[IntArray, FloatArray]:
    """Return keys, and errors whose rate depends on the key and jumps; some are NaN or inf."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, n_keys, n)
    rate = np.where(np.arange(n) // (60 * n_keys) % 2 == keys % 2, 0.9, 0.1)
    xs = (rng.random(n) < rate).astype(np.float64)
    xs[rng.random(n) < 0.02] = np.nan
    xs[rng.random(n) < 0.01] = -np.inf
    return keys, xs


def told_alone(make: Make, n_keys: int, keys: IntArray, xs: FloatArray) -> list[Alarm]:
    """Return the alarms of separate detectors, with the index among all values."""
    found = []
    for key in range(n_keys):
        places, own = np.flatnonzero(keys == key), make()
        own.update_many(xs[places])
        found += [replace(alarm, index=int(places[alarm.index])) for alarm in own.alarms]
    return sorted(found, key=lambda alarm: alarm.index)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("n_keys", [1, 7, 150])
def test_each_key_raises_the_alarms_of_a_detector_of_its_own(make: Make, n_keys: int) -> None:
    keys, xs = values(200 * n_keys, n_keys, n_keys)
    bank = DetectorBank(make(), n_keys)
    flags = bank.update(keys, xs)
    assert bank.alarms == told_alone(make, n_keys, keys, xs) != []
    assert np.flatnonzero(flags).tolist() == [alarm.index for alarm in bank.alarms]
    assert bank.alarm_keys.tolist() == keys[flags].tolist()
    assert bank.n_skipped == (~np.isfinite(xs)).sum() == bank.skipped.sum()
    assert bank.n_seen.sum() + bank.n_skipped == len(xs)


@pytest.mark.parametrize("make", MAKES)
def test_warning_zones_are_those_of_separate_detectors(make: Make) -> None:
    keys, xs = values(2500, 9, 3)
    bank = DetectorBank(make(), 9)
    bank.update(keys, xs)
    for key in range(9):
        own = make()
        own.update_many(xs[keys == key])
        assert bank.in_warning_zone[key] == own.warning_detected


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("n_keys", [1, 63, 64, 65, 200])
def test_all_keys_at_once_are_keys_one_after_the_other(make: Make, n_keys: int) -> None:
    keys, X = np.tile(np.arange(n_keys), 120), values(120 * n_keys, n_keys, 5)[1]
    one, all_ = DetectorBank(make(), n_keys), DetectorBank(make(), n_keys)
    flags = all_.update_all(X.reshape(120, n_keys))
    assert flags.reshape(-1).tolist() == one.update(keys, X).tolist()
    assert all_.alarms == one.alarms
    assert all_.alarm_keys.tolist() == one.alarm_keys.tolist()
    assert all_.state().digest() == one.state().digest()


def test_ticks_cut_into_calls_of_the_kernel_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X = values(3000, 30, 5)[1].reshape(100, 30)
    whole, cut = DetectorBank(QUICK(), 30), DetectorBank(QUICK(), 30)
    whole.update_all(X)
    monkeypatch.setattr("streamadapt.detectors.bank._BLOCK_VALUES", 16)
    cut.update_all(X)
    assert cut.alarms == whole.alarms != []
    keys = np.tile(np.arange(30), 100)
    in_blocks = DetectorBank(QUICK(), 30)
    in_blocks.update(keys, X.reshape(-1))
    assert in_blocks.alarms == whole.alarms
    assert in_blocks.state().digest() == cut.state().digest() == whole.state().digest()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(0, 400), st.integers(0, 2**32), st.integers(1, 50))
def test_cuts_change_nothing(n_keys: int, n: int, seed: int, size: int) -> None:
    keys, xs = values(n, n_keys, seed)
    whole, cut = DetectorBank(QUICK(), n_keys), DetectorBank(QUICK(), n_keys)
    flags = whole.update(keys, xs)
    parts = [cut.update(keys[i : i + size], xs[i : i + size]) for i in range(0, n, size)]
    assert np.concatenate([np.zeros(0, bool), *parts]).tolist() == flags.tolist()
    assert cut.state().digest() == whole.state().digest()


def test_a_restored_bank_goes_on_bit_for_bit() -> None:
    keys, xs = values(4000, 20, 1)
    bank, other = DetectorBank(QUICK(), 20), DetectorBank(QUICK(), 20)
    bank.update(keys[:2000], xs[:2000])
    other.restore(bank.state())
    bank.update(keys[2000:], xs[2000:])
    other.update(keys[2000:], xs[2000:])
    assert other.alarms == bank.alarms != []
    assert other.state().digest() == bank.state().digest()


def test_the_delta_of_a_checkpoint_holds_the_keys_that_took_a_value() -> None:
    bank = DetectorBank(PageHinkley(), 100_000)
    old = bank.state()
    bank.update(np.arange(0, 100_000, 1000), np.ones(100))
    change = delta(old, bank.state())
    assert old.nbytes() > 12_000_000
    assert change.nbytes() < 100 * 2 * (64 + 4) + 1000
    assert apply(old, change).digest() == bank.state().digest()


@pytest.mark.parametrize(
    ("keys", "xs", "said"),
    [
        ([0, 3], [0.0, 0.0], r"keys\[1\] = 3 is not in 0..2"),
        ([-1], [0.0], r"keys\[0\] = -1"),
        ([0.0], [0.0], "whole numbers"),
        ([0, 1], [0.0], r"expected whole numbers \(1,\)"),
        ([0], [[0.0]], "xs has shape"),
    ],
)
def test_keys_that_are_none_are_refused_and_nothing_taken(
    keys: list[int], xs: list[float], said: str
) -> None:
    bank = DetectorBank(PageHinkley(), 3)
    before = bank.state().digest()
    with pytest.raises(ParameterError, match=said):
        bank.update(keys, xs)
    assert bank.state().digest() == before


def test_what_is_no_bit_is_refused_and_nothing_taken() -> None:
    bank = DetectorBank(DDM(), 3)
    with pytest.raises(ParameterError, match=r"xs\[1\] = 0.5: ddm takes 0 and 1 alone"):
        bank.update([0, 1], [1.0, 0.5])
    with pytest.raises(ParameterError, match="ddm takes 0 and 1 alone"):
        bank.update_all([[1.0, 0.0, 2.0]])
    assert bank.n_seen.sum() == 0


def test_no_values_and_one_value_work() -> None:
    bank = DetectorBank(PageHinkley(), 3)
    assert bank.update([], []).shape == (0,)
    assert bank.update_all(np.empty((0, 3))).shape == (0, 3)
    assert bank.update([2], [1.0]).tolist() == [False]
    assert bank.n_seen.tolist() == [0, 0, 1]
    with pytest.raises(ParameterError, match=r"X has shape \(1, 2\), expected \(t, 3\)"):
        bank.update_all([[1.0, 2.0]])


def test_methods_with_a_window_and_used_detectors_cannot_be_banked() -> None:
    with pytest.raises(ParameterError, match="adwin keeps a window"):
        DetectorBank(ADWIN(), 3)
    used = PageHinkley()
    used.update(1.0)
    with pytest.raises(ParameterError, match="must be fresh"):
        DetectorBank(used, 3)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    bank = DetectorBank(PageHinkley(), 3)
    before = bank.state()
    with pytest.raises(IncompatibleStateError, match="cannot restore"):
        bank.restore(DetectorBank(PageHinkley(), 4).state())
    with pytest.raises(IncompatibleStateError, match="cannot restore"):
        bank.restore(DetectorBank(PageHinkley(delta=0.1), 3).state())
    for rows in (np.zeros((2, 16)), np.full((3, 16), -1.0), np.full((3, 16), np.nan)):
        with pytest.raises(StateError):
            bank.restore(State(before.kind, 1, {**before.values, "rows": rows}))
    assert bank.state().digest() == before.digest()
