from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import Adaptable, Forgets, HasFeatures, HasIntervals, HasLogits
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.laws import check
from streamadapt.models import RVFLClassifier, RVFLRegressor
from streamadapt.models.rvfl_bank import RVFLBank
from streamadapt.models.rvfl_kernels import squash
from streamadapt.models.rvfl_nodes import draw_grouped_nodes
from tests.models.naive_rvfl import NaiveStable, PublishedLiteRVFL

THETA = 1.003
BOTH: list[Callable[..., Any]] = [
    lambda **p: RVFLClassifier(3, 3, n_hidden=12, **p),
    lambda **p: RVFLRegressor(3, n_hidden=12, **p),
]


def excited(seed: int, n: int, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 3.0 + 1.0
    return X, (np.sin(X[:, 0]) + X[:, 1] - X[:, 2] > 1.0).astype(int)


def drifting(seed: int, n: int, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    X, _ = excited(seed, n, d)
    sign = np.where(np.arange(n) < n // 2, 1.0, -1.0)
    return X, (sign * ((X[:, 0] - 1.0) * (X[:, 1] - 1.0) + X[:, 2] - 1.0) > 0.0).astype(int)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("weights", [(5e-324, 1e6), (5e-324, 1.0, 1e15)])
def test_weights_below_the_least_normal_float_poison_nothing(
    make: Callable[..., Any], weights: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(1)
    X, model, restored = rng.integers(-1, 2, (200, 3)).astype(float), make(), make()
    P = model.test_then_train(X, X[:, 0] > 0.0, rng.choice(weights, 200))
    assert np.isfinite(P).all()
    restored.restore(model.state())
    assert restored.state().digest() == model.state().digest()


def test_the_papers_variant_equals_the_published_form_over_two_thousand_rows() -> None:
    X, y = excited(0, 2200)
    Y = np.eye(2)[y]
    ours = RVFLClassifier(
        4, 2, 40, THETA**-2, variant="paper", group_size=4, n_init=200, l2=0.1, seed=3
    )
    theirs = PublishedLiteRVFL(THETA, 0.1, *draw_grouped_nodes(4, 40, 4, 3))
    theirs.fit(X[:200], Y[:200])
    ours.learn(X[:200], y[:200])
    worst = 0.0
    for i in range(200, 2200):
        worst = max(worst, np.abs(ours.logits(X[i : i + 1])[0] - theirs.scores(X[i])).max())
        ours.learn(X[i : i + 1], y[i : i + 1])
        theirs.learn(X[i], Y[i])
    assert worst < 1e-8
    np.testing.assert_allclose(ours.weights.T, theirs.W, atol=1e-8)


def test_the_papers_regressor_equals_the_published_form() -> None:
    X, y = excited(1, 900)
    targets = X[:, 0] * X[:, 1] + y
    ours = RVFLRegressor(
        4, 40, THETA**-2, variant="paper", group_size=4, n_init=150, l2=0.1, seed=4
    )
    theirs = PublishedLiteRVFL(THETA, 0.1, *draw_grouped_nodes(4, 40, 4, 4))
    theirs.fit(X[:150], targets[:150, None])
    wanted = []
    for x, target in zip(X[150:], targets[150:], strict=True):
        wanted.append(theirs.scores(x)[0])
        theirs.learn(x, np.array([target]))
    P = ours.test_then_train(X, targets)[:, 0]
    np.testing.assert_allclose(P[150:], wanted, atol=1e-7)


def test_the_published_form_overflows_where_ours_goes_on() -> None:
    X, y = excited(2, 200_000)
    theirs = PublishedLiteRVFL(THETA, 0.1, *draw_grouped_nodes(4, 20, 4, 0))
    theirs.fit(X[:200], np.eye(2)[y[:200]])
    theirs.t = 118_500
    with pytest.raises(OverflowError):
        theirs.learn(X[200], np.eye(2)[y[200]])
    model = RVFLClassifier(4, 2, 20, THETA**-2)
    P = model.test_then_train(X, y)
    assert model.n_resets == 0
    assert (P.argmax(axis=1) == y)[-10_000:].mean() > 0.85


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.9, 0.99, 0.999]))
def test_the_stable_form_solves_the_normal_equations_with_refilled_ridge(
    seed: int, factor: float
) -> None:
    rng = np.random.default_rng(seed)
    X, y = excited(seed, 300)
    w = rng.choice([0.5, 1.0, 2.0], 300)
    model = RVFLClassifier(4, 2, 10, factor, drift_speedup=1.0, seed=seed)
    naive = NaiveStable(15, 2, factor, 0.1)
    for i in range(300):
        row = X[i : i + 1]
        a = np.append(model.features(row)[0], 1.0)
        scores = 0.5 + naive.scores(a)
        shares = np.clip(scores, 1e-3, 1e6)
        np.testing.assert_allclose(model.predict(row)[0], shares / shares.sum(), atol=1e-8)
        model.learn(row, y[i : i + 1], w[i : i + 1])
        naive.learn(a, np.eye(2)[y[i]] - 0.5, w[i])


def test_both_triangles_of_the_inverse_are_the_same_bits() -> None:
    for d in (1, 2, 3, 4, 7):
        X, y = excited(d, 500, max(d, 3))
        model = RVFLClassifier(max(d, 3), 2, 10 + d)
        model.learn(X, y)
        inverse = model._cells.P[0]
        np.testing.assert_array_equal(inverse, inverse.T)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_activations_are_exact_to_a_trillionth(activation: str) -> None:
    h = np.concatenate([np.linspace(-60, 60, 4001), [0.0, 1e-9, 1e300, -1e300]])
    with np.errstate(over="ignore"):
        wanted = np.tanh(h) if activation == "tanh" else 1.0 / (1.0 + np.exp(-h))
    got = h.copy()
    squash(got, {"sigmoid": 0, "tanh": 1}[activation])
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-12)


def stuck(n: int) -> np.ndarray:
    return np.tile([3.0, -2.0, 7.0], (n, 1))


def stuck_after_a_while(n: int) -> np.ndarray:
    X = np.random.default_rng(5).normal(size=(n, 3))
    X[n // 10 :] = X[n // 10]
    return X


def collinear(n: int) -> np.ndarray:
    factor = np.random.default_rng(6).normal(size=n)
    return np.column_stack([factor, 2.0 * factor, -factor])


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("rows", [stuck, stuck_after_a_while, collinear])
def test_weights_stay_bounded_on_inputs_that_do_not_excite(
    make: Callable[..., Any], rows: Callable[[int], np.ndarray]
) -> None:
    X = rows(200_000)
    y = np.random.default_rng(7).integers(0, 2, len(X))
    model = make(forgetting_factor=0.994)
    model.learn(X, y)
    assert np.abs(model.weights).max() < 10.0
    assert model.n_resets == 0
    eigenvalues = np.linalg.eigvalsh(model._cells.P[0])
    assert eigenvalues.min() > -1e-9
    assert eigenvalues.max() < 2.0 / model.l2 / 0.994**16


def test_the_papers_variant_winds_up_and_then_starts_over() -> None:
    model = RVFLClassifier(3, 2, 10, 0.9, variant="paper", group_size=2)
    X = stuck(3000)
    model.learn(X, np.arange(3000) % 2)
    assert model.n_resets > 0
    assert np.isfinite(model.predict(X[:5])).all()


def test_a_stuck_input_that_starts_to_move_again_is_followed() -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(160_000, 2))
    X[2000:150_000, 0] = 0.5
    y = (X[:, 0] > 0.0).astype(int)
    model = RVFLClassifier(2, 2, 10)
    model.learn(X[:150_000], y[:150_000])
    P = model.test_then_train(X[150_000:], y[150_000:])
    assert (P.argmax(axis=1) == y[150_000:])[-3000:].mean() > 0.95


def test_forgetting_follows_the_drift_and_then_calms_down() -> None:
    X, y = drifting(9, 8000)
    model = RVFLClassifier(4, 2, 30)
    usual = model.forgetting_factor
    model.learn(X[:4000], y[:4000])
    assert model.last_forgetting_factor == usual
    factors = []
    for start in range(4000, 8000, 10):
        model.learn(X[start : start + 10], y[start : start + 10])
        factors.append(model.last_forgetting_factor)
    assert min(factors[:50]) < usual
    assert factors[-1] == usual


def test_forgetting_that_follows_the_drift_recovers_sooner() -> None:
    right = {}
    for speedup in (1.0, 10.0):
        model = RVFLClassifier(4, 2, 30, 0.9995, drift_speedup=speedup)
        X, y = drifting(10, 12_000)
        hits = model.test_then_train(X, y).argmax(axis=1) == y
        right[speedup] = hits[6000:8000].mean()
    assert right[10.0] > right[1.0] + 0.02


def test_inputs_that_shift_for_good_are_scaled_anew() -> None:
    X, y = excited(11, 40_000)
    moved = X.copy()
    moved[20_000:] = moved[20_000:] * 10.0 + 1000.0
    model = RVFLClassifier(4, 2, 30)
    hits = model.test_then_train(moved, y).argmax(axis=1) == y
    plain = RVFLClassifier(4, 2, 30).test_then_train(X, y).argmax(axis=1) == y
    assert hits[-3000:].mean() > plain[-3000:].mean() - 0.02


def test_probabilities_of_the_papers_form_are_the_softmax_of_its_scores() -> None:
    X, y = excited(12, 500)
    model = RVFLClassifier(4, 2, 20, variant="paper", group_size=4)
    model.learn(X, y)
    powers = np.exp(model.logits(X))
    np.testing.assert_allclose(model.predict(X), powers / powers.sum(axis=1, keepdims=True))


def test_a_class_that_never_came_gets_hardly_any_probability() -> None:
    X, y = excited(13, 1000)
    model = RVFLClassifier(4, 5, 20)
    model.learn(X, y)
    assert model.predict(X)[:, 2:].max() < 0.05


def test_one_class_alone_is_then_predicted() -> None:
    X, _ = excited(14, 500)
    model = RVFLClassifier(4, 3, 20)
    model.learn(X, np.full(500, 1))
    assert (model.predict(X)[:, 1] > 0.95).all()


def test_a_class_that_disappears_is_forgotten() -> None:
    X, y = excited(15, 6000)
    model = RVFLClassifier(4, 2, 20, 0.99)
    model.learn(X[:3000], y[:3000])
    model.learn(X[3000:], np.zeros(3000, np.int64))
    assert (model.predict(X)[:, 0] > 0.9).all()


@pytest.mark.parametrize("make", BOTH)
def test_bad_rows_are_counted_and_leave_no_trace(make: Callable[..., Any]) -> None:
    X, y = excited(16, 400, 3)
    clean, dirty = make(), make()
    clean.learn(X, y)
    dirty.learn(X[:200], y[:200])
    dirty.learn(np.full((2, 3), np.nan), [0, 1])
    dirty.learn(np.full((3, 3), 1e200), [0, 1, 0])
    dirty.learn(X[:2], [np.nan, np.inf])
    dirty.learn(X[:3], [1, 1, 1], [np.nan, np.inf, -1.0])
    assert dirty.n_skipped == 10
    dirty.learn(X[200:], y[200:])
    np.testing.assert_array_equal(dirty.predict(X), clean.predict(X))


@pytest.mark.parametrize("variant", ["stable", "paper"])
@pytest.mark.parametrize("make", BOTH)
@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=30, max_size=30),
    weights=st.lists(st.floats(allow_nan=True), min_size=10, max_size=10),
)
def test_no_floats_whatever_poison_the_state(
    make: Callable[..., Any], variant: str, values: list[float], weights: list[float]
) -> None:
    model = make(variant=variant, group_size=3, n_init=4)
    X = np.array(values).reshape(10, 3)
    y = X[:, 0] if isinstance(model, RVFLRegressor) else np.arange(10) - 3
    model.learn(X, y, weights)
    model.forget(1e-300)
    model.forget(1e-300)
    model.learn(X, y)
    restored = make(variant=variant, group_size=3, n_init=4)
    restored.restore(model.state())
    assert np.isfinite(model.predict(X)).all()
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))


@pytest.mark.parametrize("make", BOTH)
def test_the_papers_variant_keeps_the_laws(make: Callable[..., Any]) -> None:
    for result in check(lambda: make(variant="paper", group_size=3, n_init=50)):
        assert result.ok, result


def test_the_optional_contracts_are_kept() -> None:
    for contract in (HasFeatures, HasLogits, Forgets):
        assert isinstance(RVFLClassifier(1, 2), contract)
    for contract in (HasFeatures, HasIntervals, Forgets):
        assert isinstance(RVFLRegressor(1), contract)
    assert not isinstance(RVFLClassifier(1, 2), Adaptable)


def test_the_scale_and_level_of_the_target_hardly_matter() -> None:
    X, _ = excited(17, 3000)
    y = X[:, 0] * X[:, 1]
    P = RVFLRegressor(4, 20).test_then_train(X, y)
    Q = RVFLRegressor(4, 20).test_then_train(X, 1e6 * y + 1e9)
    np.testing.assert_allclose((Q[1:] - 1e9) / 1e6, P[1:], atol=1e-2)


def test_intervals_hold_about_as_many_targets_as_they_say() -> None:
    X, _ = excited(18, 4000)
    y = X[:, 0] + np.random.default_rng(18).normal(size=4000)
    model = RVFLRegressor(4, 20)
    model.learn(X[:3000], y[:3000])
    low, high = model.interval(X[3000:], 0.9).T
    assert abs(((low <= y[3000:]) & (y[3000:] <= high)).mean() - 0.9) < 0.04


def test_forgetting_makes_it_learn_the_new_sooner() -> None:
    X, y = drifting(19, 4000)
    right = []
    for factor in (1.0, 0.01):
        model = RVFLClassifier(4, 2, 30, 0.9999, drift_speedup=1.0)
        model.learn(X[:2000], y[:2000])
        model.forget(factor)
        right.append((model.test_then_train(X[2000:], y[2000:]).argmax(axis=1) == y[2000:]).mean())
    assert right[1] > right[0] + 0.1


@pytest.mark.parametrize("make", BOTH)
def test_a_state_of_other_nodes_is_refused(make: Callable[..., Any]) -> None:
    model = make()
    before = model.state().digest()
    for other in (make(seed=1), make(activation="tanh"), make(variant="paper", group_size=3)):
        with pytest.raises(IncompatibleStateError):
            model.restore(other.state())
    assert model.state().digest() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_hidden", 0),
        ("forgetting_factor", 1.0),
        ("drift_speedup", 0.5),
        ("l2", 0.0),
        ("scaling_window", 1),
        ("activation", "step"),
        ("variant", "other"),
        ("seed", -1),
        ("group_size", 0),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        RVFLClassifier(2, 2, **{name: value})
    with pytest.raises(ParameterError, match=name):
        RVFLRegressor(2, **{name: value})


def test_groups_of_the_paper_must_fill_the_nodes() -> None:
    with pytest.raises(ParameterError, match="multiple of group_size"):
        RVFLClassifier(2, 2, 25, variant="paper", group_size=10)


def test_a_bank_is_one_learner_per_key_bit_for_bit() -> None:
    X, y = excited(20, 900)
    keys = np.random.default_rng(20).integers(0, 3, 900)
    ops = np.random.default_rng(21).integers(1, 4, 900).astype(np.int8)
    make = lambda: RVFLClassifier(4, 2, 20)  # noqa: E731 - used three times
    bank = RVFLBank(make(), 3)
    P = bank.run(keys, ops, X, y)
    for key in range(3):
        mine = keys == key
        alone = make()
        np.testing.assert_array_equal(alone.run(ops[mine], X[mine], y[mine]), P[mine])
        assert bank.state_of(key).digest() == alone.state().digest()


def test_a_key_of_a_bank_needs_at_most_twenty_kilobytes() -> None:
    assert RVFLBank(RVFLRegressor(3, 28), 10).bytes_per_key <= 20_000


def test_a_bank_goes_on_bit_for_bit_when_restored() -> None:
    X, y = excited(22, 600)
    keys = np.arange(600) % 5
    ops = np.full(600, 3, np.int8)
    one, two = (RVFLBank(RVFLRegressor(4, 8), 5) for _ in range(2))
    one.run(keys[:300], ops[:300], X[:300], y[:300])
    two.restore(one.state())
    P, Q = (bank.run(keys[300:], ops[300:], X[300:], y[300:]) for bank in (one, two))
    np.testing.assert_array_equal(P, Q)
    assert one.state().digest() == two.state().digest()


def test_predicting_changes_nothing_in_a_bank() -> None:
    bank = RVFLBank(RVFLRegressor(1, 4), 3)
    bank.run([1], np.array([3], np.int8), [[0.5]], [1.0])
    before = bank.state().digest()
    bank.run([0, 1, 2], np.array([1, 1, 3], np.int8), np.zeros((3, 1)), np.ones(3), [1.0, 1.0, 0.0])
    assert bank.state().digest() == before


def test_a_bank_refuses_keys_it_has_not() -> None:
    bank = RVFLBank(RVFLRegressor(1, 4), 2)
    for key in (-1, 2):
        with pytest.raises(ParameterError, match="keys"):
            bank.run([key], np.array([3], np.int8), [[0.0]], [0.0])
    with pytest.raises(ParameterError, match="variant"):
        RVFLBank(RVFLRegressor(1, 10, variant="paper"), 2)


def test_a_bank_refuses_keys_that_are_not_whole_and_shapes_that_do_not_fit() -> None:
    bank = RVFLBank(RVFLRegressor(1, 4), 2)
    fit = {"keys": [0, 1], "ops": np.array([3, 3], np.int8), "y": [0.0, 1.0], "w": [1.0, 1.0]}
    for name, bad in (
        ("keys", [0.0, 1.7]), ("keys", [[0], [1]]), ("keys", 1), ("y", [[0.0], [1.0]]),
        ("w", 1.0), ("ops", np.array([3], np.int8)),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=name):
            bank.run(X=[[0.0], [1.0]], **{**fit, name: bad})
    for key in (-1, 2, 0.5):
        with pytest.raises(ParameterError, match="key"):
            bank.state_of(key)  # type: ignore[arg-type]


def test_a_bank_counts_the_rows_that_its_keys_skip() -> None:
    bank = RVFLBank(RVFLRegressor(1, 4), 3)
    bank.run([0, 1, 2], np.full(3, 3, np.int8), np.zeros((3, 1)), [np.nan, 1.0, np.inf])
    assert bank.n_skipped == 2


def test_a_whole_number_may_be_a_float() -> None:
    ours, other = RVFLClassifier(2, 2, n_hidden=8.0), RVFLClassifier(2, 2, n_hidden=8)  # type: ignore[arg-type]
    assert ours.state().digest() == other.state().digest()
