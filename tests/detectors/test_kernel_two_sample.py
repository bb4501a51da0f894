"""The kernel two-sample detector against its formulas, its level, and the laws of detectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from streamadapt.contracts import FloatArray
from streamadapt.detectors import KernelTwoSample, MultivariateDetector
from streamadapt.detectors.kernel_two_sample import _student_tail, student_quantile
from streamadapt.errors import IncompatibleStateError, ParameterError, StateError
from streamadapt.state import State

SMALL: dict[str, Any] = {
    "reference_size": 40,
    "window_size": 21,
    "n_frequencies": 16,
    "alpha": 0.01,
}


def drifting(n: int, d: int, seed: int) -> FloatArray:
    """Return rows [n, d] whose first feature's scale jumps in the middle; some are spoilt."""
    X = np.random.default_rng(seed).normal(size=(n, d))
    X[n // 2 :, 0] *= 4.0
    X[7::31, d - 1], X[3::57, 0], X[5::101, 0] = np.nan, np.inf, 1e300
    return X


def naive_statistic(
    reference: FloatArray, window: FloatArray, n_frequencies: int, seed: int
) -> tuple[float, float]:
    """Return the studentised cross-MMD and the squared MMD, in whole arrays."""
    n, d = reference.shape
    ordered = np.sort(reference, axis=0)
    k = (n - 1) // 4
    mean, deviation = np.median(reference, axis=0), (ordered[n - 1 - k] - ordered[k]) / 1.349
    directions = np.random.default_rng(seed).normal(size=(n_frequencies, d)) / (0.5 * np.sqrt(d))

    def phi(rows: FloatArray) -> FloatArray:
        angles = (rows - mean) / deviation @ directions.T
        both: FloatArray = np.hstack([np.cos(angles), np.sin(angles)])
        return both

    old, new = phi(reference), phi(window)
    witness = new[::2].mean(axis=0) - old[::2].mean(axis=0)
    a, b = old[1::2] @ witness, new[1::2] @ witness
    gap = b.mean() - a.mean()
    return gap / np.sqrt(a.var() / (len(a) - 1) + b.var() / (len(b) - 1)), gap / n_frequencies


def test_alarms_are_where_the_plain_statistic_is_large() -> None:
    X = np.random.default_rng(2).normal(size=(40 + 21 * 60, 3))
    X[700:] += 0.6
    quiet = KernelTwoSample(3, **{**SMALL, "alpha": 0.2, "seed": 5})
    threshold, start, found = student_quantile(0.2, 9), 0, []
    while start + 61 <= len(X):
        reference = X[start : start + 40]
        for k in range(start + 61, len(X) + 1, 21):
            statistic, size = naive_statistic(reference, X[k - 21 : k], 16, 5)
            if statistic > threshold:
                found.append((k - 1, statistic, size))
                start = k
                break
        else:
            break
    flags = quiet.update_many(X)
    assert np.flatnonzero(flags).tolist() == [index for index, _, _ in found] != []
    for alarm, (index, statistic, size) in zip(quiet.alarms, found, strict=True):
        assert alarm.index == index
        assert alarm.statistic == pytest.approx(statistic)
        assert alarm.size == pytest.approx(size)
        assert alarm.threshold == threshold


def test_thresholds_are_students() -> None:
    for df in (3, 9, 49, 400):
        for alpha in (0.3, 0.01, 1e-5):
            assert student_quantile(alpha, df) == pytest.approx(stats.t.isf(alpha, df), rel=1e-4)


def test_probabilities_beyond_are_students_however_far() -> None:
    for df in (*range(1, 61), 499, 499_999):
        for t in (0.0, 1e-9, *np.geomspace(0.01, 1e6, 40).tolist()):
            assert _student_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-7, abs=1e-300)
    assert _student_tail(1e200, 3) == 0.0


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "bits", "one hot", "skewed"])
def test_false_alarms_keep_their_rate(kind: str) -> None:
    """In 1,000 tests, each with a reference of its own, no more than chance at 1 % has."""
    rng, alpha, false = np.random.default_rng(8), 0.01, 0
    for seed in range(1000):
        X = {
            "normal": lambda: rng.normal(size=(300, 6)),
            "heavy tails": lambda: rng.standard_t(2, size=(300, 6)),
            "bits": lambda: (rng.random((300, 6)) < 0.1).astype(np.float64),
            "one hot": lambda: np.eye(6)[rng.integers(0, 6, 300)],
            "skewed": lambda: rng.lognormal(size=(300, 6)),
        }[kind]()
        detector = KernelTwoSample(6, 200, 100, alpha=alpha, n_frequencies=32, seed=seed)
        false += bool(detector.update_many(X).any())
    assert false <= int(stats.binom.ppf(0.999, 1000, alpha))


@pytest.mark.parametrize(
    "change", ["mean", "variance", "correlation", "shape"], ids=lambda name: f"of-{name}"
)
def test_changes_of_any_kind_are_found_within_three_windows(change: str) -> None:
    n_found = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(2000, 4))
        if change == "mean":
            X[1000:, 2] += 1.5
        elif change == "variance":
            X[1000:, 2] *= 4.0
        elif change == "correlation":
            X[1000:, 1::2] = X[1000:, ::2]
        else:
            X[1000:] = np.sign(X[1000:])  # means and variances stay
        detector = KernelTwoSample(4, window_size=200, seed=seed)
        flags = detector.update_many(X)
        assert not flags[:1000].any()
        n_found += bool(flags[1000:1600].any())
        if change == "mean":
            assert detector.alarms[0].feature == 2
            share = min(1.0, (detector.alarms[0].index - 999) / 200)  # of the window is new
            assert detector.alarms[0].shift == pytest.approx(1.5 * share, abs=0.1)
    assert n_found >= 4


def test_cutting_the_rows_changes_nothing() -> None:
    X = drifting(900, 3, 0)
    whole = KernelTwoSample(3, **SMALL)
    flags = whole.update_many(X)
    assert flags.any()
    for size in (1, 7, 500):
        cut = KernelTwoSample(3, **SMALL)
        parts = [cut.update_many(X[i : i + size]) for i in range(0, len(X), size)]
        assert np.concatenate(parts).tolist() == flags.tolist()
        assert cut.state().digest() == whole.state().digest()


@pytest.mark.parametrize("n", [0, 1, 39, 40, 55, 500, 700])
def test_a_restored_detector_goes_on_bit_for_bit(n: int) -> None:
    X = drifting(900, 3, 0)
    original, other = KernelTwoSample(3, **SMALL), KernelTwoSample(3, **SMALL)
    original.update_many(X[:n])
    other.update_many(X[200:800][::-1])
    other.restore(original.state())
    assert other.alarms == []
    assert other.drift_detected == original.drift_detected
    assert other.update_many(X[n:]).tolist() == original.update_many(X[n:]).tolist()
    assert other.alarms == original.alarms
    assert other.state().digest() == original.state().digest()


def test_spoilt_rows_are_counted_and_otherwise_ignored() -> None:
    X = drifting(900, 3, 0)
    good = (np.abs(X) <= 1e100).all(axis=1)
    dirty, clean = KernelTwoSample(3, **SMALL), KernelTwoSample(3, **SMALL)
    flags = dirty.update_many(X)
    assert flags[good].tolist() == clean.update_many(X[good]).tolist()
    assert not flags[~good].any()
    assert (dirty.n_skipped, clean.n_skipped) == ((~good).sum(), 0)
    assert dirty.n_seen == clean.n_seen == good.sum()


def test_a_feature_that_never_changed_and_then_does_is_heard() -> None:
    X = np.zeros((200, 2))
    assert not KernelTwoSample(2, **SMALL).update_many(X).any()
    X[100:, 1] = 1e90
    detector = KernelTwoSample(2, **SMALL)
    assert detector.update_many(X).any()
    assert (detector.alarms[0].feature, detector.alarms[0].p_value) == (1, 0.0)


@pytest.mark.parametrize(("old", "new"), [(0.0, 0.1), (0.0, -1e-30), (100.0, 100.1), (-1e90, 0.0)])
def test_any_other_value_of_a_feature_that_never_changed_is_far(old: float, new: float) -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    X[:103, 1], X[103:, 1] = old, new
    detector = KernelTwoSample(3, **SMALL)
    assert np.flatnonzero(detector.update_many(X[:124])).tolist() == [123]
    alarm = detector.alarms[0]
    assert (alarm.feature, alarm.shift) == (1, 10.0 if new > old else -10.0)


@pytest.mark.parametrize("kind", ["numbers", "bits", "seldom bits"])
def test_wild_rows_in_the_reference_do_not_make_it_deaf(kind: str) -> None:
    rng = np.random.default_rng(0)
    X = {
        "numbers": lambda: rng.normal(size=(1000, 3)) + np.repeat([0.0, 1.5], 500)[:, None],
        "bits": lambda: rng.random((1000, 3)) < np.repeat([0.2, 0.6], 500)[:, None],
        "seldom bits": lambda: rng.random((1000, 3)) < np.repeat([0.03, 0.5], 500)[:, None],
    }[kind]().astype(np.float64)
    X[[100, 200]] = 1e6
    detector = KernelTwoSample(3)
    assert np.flatnonzero(detector.update_many(X)).tolist() == [599]
    assert 0.5 < detector.alarms[0].shift < 10.0


def test_the_feature_of_an_alarm_is_not_one_that_is_skewed() -> None:
    X = np.random.default_rng(0).normal(size=(1000, 3))
    X[:, 0] = np.exp(2.0 * X[:, 0])
    X[500:, 2] += 2.0
    detector = KernelTwoSample(3)
    detector.update_many(X)
    assert detector.alarms[0].feature == 2
    assert detector.alarms[0].shift == pytest.approx(2.0, abs=0.4)


def test_a_width_of_any_kind_of_number_is_the_same() -> None:
    digests = {KernelTwoSample(d).state().digest() for d in (3, 3.0, np.int64(3))}  # type: ignore[arg-type]
    assert len(digests) == 1


def test_it_is_a_multivariate_detector() -> None:
    detector: MultivariateDetector = KernelTwoSample(n_features=3)
    assert (detector.n_features, detector.n_skipped, detector.drift_detected) == (3, 0, False)


def test_memory_does_not_grow() -> None:
    detector, X = KernelTwoSample(3, **SMALL), drifting(5000, 3, 1)
    detector.update_many(X)
    assert detector.state().nbytes() < (40 + 21) * 3 * 8 + 500


def test_no_rows_and_one_row_work_and_other_shapes_are_refused() -> None:
    detector = KernelTwoSample(3, **SMALL)
    assert detector.update_many(np.empty((0, 3))).shape == (0,)
    assert detector.update_many(np.zeros((1, 3), np.float32)).tolist() == [False]
    with pytest.raises(ParameterError, match=r"X has shape \(3,\), expected \(n, 3\)"):
        detector.update_many(np.zeros(3))


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    detector = KernelTwoSample(3, **SMALL)
    detector.update_many(drifting(50, 3, 1))
    before = detector.state()
    with pytest.raises(IncompatibleStateError, match="cannot restore"):
        detector.restore(KernelTwoSample(4, **SMALL).state())
    for name, value in (
        ("counts", np.zeros(4, np.int64)),
        ("reference", np.zeros((3, 3))),
        ("window", np.zeros((3, 2))),
    ):
        with pytest.raises(StateError):
            detector.restore(State(before.kind, 1, {**before.values, name: value}))
    assert detector.state().digest() == before.digest()


@pytest.mark.parametrize(
    "given_",
    [
        {"n_features": 0},
        {"reference_size": 7},
        {"window_size": 7},
        {"alpha": 0.0},
        {"n_frequencies": 0},
        {"bandwidth": 0.0},
        {"seed": -1},
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(given_: Any) -> None:
    with pytest.raises(ParameterError, match=next(iter(given_))):
        KernelTwoSample(**{"n_features": 3, **given_})
