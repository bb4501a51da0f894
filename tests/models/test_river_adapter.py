from __future__ import annotations

import importlib
import inspect
import os
import pickle
import pkgutil
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import river
from hypothesis import given, settings
from hypothesis import strategies as st
from river import base, compose, linear_model, naive_bayes, preprocessing, tree
from river.checks.utils import seed_params

from streamadapt.errors import (
    ConfigError,
    CorruptStateError,
    IncompatibleStateError,
    ParameterError,
)
from streamadapt.models.river_adapter import RiverClassifier, RiverRegressor
from streamadapt.models.river_pickle import dump, load, sign
from streamadapt.state import State

KEY = b"a key of 16 bytes or more"
RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(200, 4)))
LABELS = (X[:, 0] + X[:, 1] > 1.5).astype(int)
TARGETS = X @ [1.0, 2.0, 3.0, 4.0]

# Cannot be made, or do not run, on plain numeric rows with one target.
NOT_HERE = {
    "EntropySampler": "predicts pairs: it asks for labels",
    "ISOUPTreeRegressor": "learns several targets at once",
}


def river_classes() -> Iterator[type[base.Estimator]]:
    """All classes of classifiers and regressors that River exports, in order."""
    for part in sorted(module.name for module in pkgutil.iter_modules(river.__path__)):
        if part in {"api", "checks", "compat", "datasets"}:
            continue
        for name, cls in inspect.getmembers(
            importlib.import_module(f"river.{part}"), inspect.isclass
        ):
            ours = issubclass(cls, base.Classifier | base.Regressor) and not inspect.isabstract(cls)
            if ours and cls.__module__.startswith(f"river.{part}") and name not in NOT_HERE:
                yield cls


def river_models() -> Iterator[Any]:
    for cls in river_classes():
        for params in list(cls._unit_test_params())[:1]:
            try:
                model = cls(**params)
            except (TypeError, RuntimeError):  # needs arguments, or a newer Python
                continue
            if model._is_stochastic:
                model = model.clone(seed_params(model._get_params(), 7))
            yield pytest.param(model, id=cls.__name__)


def test_most_models_of_river_are_among_those_tested() -> None:
    assert len(list(river_models())) > 50


def wrap(model: base.Estimator) -> tuple[Any, np.ndarray]:
    if isinstance(model, base.Classifier):
        return RiverClassifier(4, 2, model, signing_key=KEY), LABELS
    return RiverRegressor(4, model, signing_key=KEY), TARGETS


@pytest.mark.parametrize("model", list(river_models()))
def test_every_river_model_comes_back_from_its_state_and_goes_on(model: base.Estimator) -> None:
    (one, y), (other, _) = wrap(model), wrap(model)
    one.learn(X[:100], y[:100])
    other.restore(one.state())
    P, Q = one.test_then_train(X[100:], y[100:]), other.test_then_train(X[100:], y[100:])
    np.testing.assert_array_equal(P, Q)
    assert np.isfinite(P).all()
    if one.digest_is_canonical:
        assert one.state().digest() == other.state().digest()


@pytest.mark.parametrize("model", list(river_models()))
def test_every_river_model_is_the_same_however_the_stream_is_cut(model: base.Estimator) -> None:
    (whole, y), (cut, _) = wrap(model), wrap(model)
    P = whole.test_then_train(X, y)
    parts = [cut.test_then_train(X[a:b], y[a:b]) for a, b in ((0, 70), (70, 71), (71, 200))]
    np.testing.assert_array_equal(np.concatenate(parts), P)
    if whole.digest_is_canonical:
        before = whole.state().digest()
        assert cut.state().digest() == before
        whole.predict(X)
        assert whole.state().digest() == before


def test_the_digest_is_the_same_in_another_process_with_other_hashes() -> None:
    script = (
        "import numpy as np\n"
        "from streamadapt.models.river_adapter import RiverClassifier\n"
        "m = RiverClassifier(3, 2, 'river.forest.ARFClassifier', {'seed': 1, 'n_models': 3},\n"
        "                    signing_key=b'0' * 16)\n"
        "X = np.random.default_rng(0).normal(size=(150, 3))\n"
        "m.learn(X, X[:, 0] > 0)\n"
        "print(m.state().digest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_predictions_are_rivers() -> None:
    ours = RiverClassifier(4, 2, "river.naive_bayes.GaussianNB")
    rivers = naive_bayes.GaussianNB()
    P = ours.test_then_train(X, LABELS)
    for row, values, label in zip(P, X.tolist(), LABELS.tolist(), strict=True):
        x = {f"x{j}": value for j, value in enumerate(values)}
        shares = rivers.predict_proba_one(x) or {0: 0.5, 1: 0.5}
        np.testing.assert_allclose(row, [shares.get(0, 0), shares.get(1, 0)], atol=1e-12)
        rivers.learn_one(x, label)


def test_a_binary_model_learns_bools() -> None:
    ours = RiverClassifier(4, 2, "river.linear_model.LogisticRegression")
    rivers = linear_model.LogisticRegression()
    P = ours.test_then_train(X, LABELS)
    for row, values, label in zip(P, X.tolist(), LABELS.tolist(), strict=True):
        x = {f"x{j}": value for j, value in enumerate(values)}
        np.testing.assert_allclose(row[1], rivers.predict_proba_one(x)[True], atol=1e-12)
        rivers.learn_one(x, bool(label))


def test_a_binary_model_is_refused_for_three_classes() -> None:
    with pytest.raises(ParameterError, match="2 classes"):
        RiverClassifier(4, 3, "river.linear_model.LogisticRegression")


def test_names_joined_by_bars_make_a_pipeline() -> None:
    model = RiverClassifier(
        4,
        2,
        "river.preprocessing.StandardScaler | river.linear_model.LogisticRegression",
        {"l2": 0.1},
    )
    rivers = preprocessing.StandardScaler() | linear_model.LogisticRegression(l2=0.1)
    for values, label in zip(X.tolist(), LABELS.tolist(), strict=True):
        rivers.learn_one({f"x{j}": value for j, value in enumerate(values)}, bool(label))
    model.learn(X, LABELS)
    x = dict(zip(("x0", "x1", "x2", "x3"), X[0].tolist(), strict=True))
    assert model.predict(X[:1])[0, 1] == pytest.approx(rivers.predict_proba_one(x)[True])


def test_missing_values_are_left_out_of_the_dict() -> None:
    seen: list[dict[str, float]] = []

    class Spy(base.Classifier):
        def learn_one(self, x: dict[str, float], y: int) -> None:
            seen.append(x)

    model = RiverClassifier(4, 2, Spy(), feature_names=("a", "b", "c", "d"))
    model._model = Spy()  # a copy of a local class's object would do as well
    model.learn([[1.0, np.nan, np.inf, 1e300]], [1])
    assert seen == [{"a": 1.0}]


class Failing(base.Classifier):
    def learn_one(self, x: dict[str, float], y: int) -> None:
        raise RuntimeError("no")

    def predict_proba_one(self, x: dict[str, float], **_: Any) -> dict[int, float]:
        raise RuntimeError("no")


class Odd(base.Classifier):
    shares: Any = None

    def learn_one(self, x: dict[str, float], y: int) -> None:
        self.shares = {0: {0: np.nan, 1: 3.0}, 1: {0: -1.0}, 2: {}}[y]

    def predict_proba_one(self, x: dict[str, float], **_: Any) -> Any:
        return self.shares

    @property
    def _multiclass(self) -> bool:
        return True


def test_a_model_that_raises_stops_nothing_and_is_counted() -> None:
    model = RiverClassifier(1, 2, Failing())
    P = model.test_then_train([[1.0], [2.0]], [0, 1])
    assert P.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert (model.n_skipped, model.n_failed_predictions) == (2, 2)


@pytest.mark.parametrize(("label", "wanted"), [(0, [0, 1, 0]), (1, [1 / 3] * 3), (2, [1 / 3] * 3)])
def test_odd_shares_become_probabilities(label: int, wanted: list[float]) -> None:
    model = RiverClassifier(1, 3, Odd())
    model.learn([[1.0]], [label])
    assert model.predict([[1.0]])[0].tolist() == wanted


def test_bad_rows_labels_and_weights_are_skipped_and_counted() -> None:
    model = RiverRegressor(1, tree.HoeffdingTreeRegressor(), signing_key=KEY)
    model.learn([[1.0], [2.0]], [1.0, 2.0])
    before = model.predict([[1.0]])
    model.learn([[np.nan], [1.0], [1.0]], [1.0, np.nan, 1e200])
    model.learn([[1.0]] * 3, [9.0] * 3, [np.nan, -1.0, np.inf])
    model.learn([[1.0]], [9.0], [0.0])
    assert model.n_skipped == 6
    assert model.predict([[1.0]]) == before


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.floats(), min_size=20, max_size=20),
    targets=st.lists(st.floats(), min_size=10, max_size=10),
)
def test_no_floats_whatever_raise(values: list[float], targets: list[float]) -> None:
    model = RiverRegressor(
        2, "river.preprocessing.StandardScaler | river.linear_model.LinearRegression"
    )
    P = model.test_then_train(np.array(values).reshape(10, 2), targets)
    assert np.isfinite(P).all()


def test_weights_reach_models_that_take_them() -> None:
    weighted, twice = (RiverClassifier(1, 2, tree.HoeffdingTreeClassifier()) for _ in range(2))
    weighted.learn([[1.0], [1.0]], [0, 1], [1.0, 2.0])
    twice.learn([[1.0], [1.0], [1.0]], [0, 1, 1])
    np.testing.assert_allclose(weighted.predict([[1.0]]), twice.predict([[1.0]]))


def test_the_given_model_is_copied() -> None:
    mine = naive_bayes.GaussianNB()
    RiverClassifier(1, 2, mine).learn([[1.0]], [1])
    assert mine.predict_proba_one({"x0": 1.0}) == {}


@pytest.mark.parametrize(
    "name", ["os.system", "river.tree.NoSuchTree", "river:nothing", "HoeffdingTreeClassifier", ""]
)
def test_a_name_that_is_no_river_class_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="model"):
        RiverClassifier(1, 2, name)


def test_parameters_that_river_does_not_take_are_refused_with_their_name() -> None:
    with pytest.raises(ParameterError, match="grace"):
        RiverClassifier(1, 2, "river.tree.HoeffdingTreeClassifier", {"grace": 1})


def test_a_regressor_is_no_classifier() -> None:
    with pytest.raises(ParameterError, match="Classifier"):
        RiverClassifier(1, 2, "river.tree.HoeffdingTreeRegressor")


def test_a_model_without_a_seed_is_refused() -> None:
    with pytest.raises(ParameterError, match="seed"):
        RiverClassifier(1, 2, "river.forest.ARFClassifier")


def test_names_must_be_as_many_as_features_and_differ() -> None:
    for names in (("a",), ("a", "a")):
        with pytest.raises(ParameterError, match="feature_names"):
            RiverClassifier(2, 2, feature_names=names)


def test_without_a_key_there_is_no_state_and_the_error_says_what_to_set() -> None:
    state = RiverClassifier(1, 2, signing_key=KEY).state()
    model = RiverClassifier(1, 2)
    with pytest.raises(ConfigError, match="signing_key"):
        model.state()
    with pytest.raises(ConfigError, match="signing_key"):
        model.restore(state)


def test_a_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ParameterError, match="signing_key") as caught:
        RiverClassifier(1, 2, signing_key=b"hunter2")
    assert "hunter2" not in str(caught.value)


def changed(state: State, **values: Any) -> State:
    return State(state.kind, state.version, dict(state.values) | values)


def test_nothing_is_unpickled_before_the_signature_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    model = RiverClassifier(1, 2, signing_key=KEY)
    state = model.state()
    blob = bytes(state.values["model"])  # type: ignore[arg-type]
    monkeypatch.setattr("streamadapt.models.river_pickle._Unpickler", None)  # any use would raise
    for at in (0, 20, len(blob) - 1):
        bad = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(CorruptStateError):
            model.restore(changed(state, model=bad))
    with pytest.raises(CorruptStateError):
        RiverClassifier(1, 2, signing_key=b"another key of 16 bytes").restore(state)


def test_a_signed_model_of_another_shape_is_refused() -> None:
    state = RiverClassifier(1, 2, signing_key=KEY).state()
    with pytest.raises(CorruptStateError):
        RiverClassifier(2, 2, signing_key=KEY).restore(state)


def test_a_model_of_another_class_is_refused_and_changes_nothing() -> None:
    model = RiverClassifier(1, 2, naive_bayes.GaussianNB(), signing_key=KEY)
    before = model.state().digest()
    with pytest.raises(IncompatibleStateError, match="HoeffdingTreeClassifier"):
        model.restore(RiverClassifier(1, 2, signing_key=KEY).state())
    assert model.state().digest() == before


def test_a_model_of_another_river_is_refused_with_both_versions() -> None:
    model = RiverClassifier(1, 2, signing_key=KEY)
    with pytest.raises(IncompatibleStateError, match=r"0\.1\.0"):
        model.restore(changed(model.state(), river="0.1.0"))


class Evil:
    def __init__(self, call: Any, *args: Any) -> None:
        self.reduced = (call, args)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize(
    "evil",
    [
        Evil(os.system, "true"),
        Evil(eval, "1"),
        Evil(exec, "1"),
        Evil(getattr, compose.Pipeline, "__init__"),
        Evil(getattr, linear_model.LogisticRegression(), "__class__"),
        Evil(getattr, {}, "keys"),
        Evil(importlib.import_module, "os"),
        Evil(river.datasets.Phishing),
        Evil(river.stream.iter_csv, "file"),
        Evil(subprocess.Popen, "true"),
        Evil(pickle.loads, b""),
    ],
    ids=lambda evil: f"{evil.reduced[0].__name__}-{len(str(evil.reduced[1]))}",
)
def test_even_a_signed_pickle_finds_only_what_is_allowed(evil: Evil) -> None:
    blob = dump(evil)
    with pytest.raises(IncompatibleStateError, match="may not hold"):
        load(blob, KEY, sign(KEY, blob))


def test_names_with_dots_reach_no_module_inside_river() -> None:
    # protocol 4 and later resolve dots in a name by getattr: river.base.base.sys.exit would be
    pickled = b"\x80\x05\x8c\x0friver.base.base\x8c\x08sys.exit\x93."
    blob = (2).to_bytes(8, "big") + b"[]" + pickled
    with pytest.raises(IncompatibleStateError, match=r"sys\.exit"):
        load(blob, KEY, sign(KEY, blob))


def test_a_model_that_does_not_pickle_says_so() -> None:
    model = RiverClassifier(1, 2, Odd(), signing_key=KEY)
    model._model.shares = lambda: None
    with pytest.raises(IncompatibleStateError, match="Odd cannot be kept"):
        model.state()


def test_a_model_nested_too_deep_says_so() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    model = RiverClassifier(1, 2, Odd(), signing_key=KEY)
    model._model.shares = deep
    with pytest.raises(IncompatibleStateError, match="recursion"):
        model.state()
    model._model.shares = None
    while deep:  # take it down by hand, lest the interpreter does it by recursion
        deep = deep[0]


def test_shared_sets_stay_shared_and_sets_are_written_in_order() -> None:
    shared = {"b", "a", "c"}
    blob = dump([shared, shared, frozenset({2, 1}), {"c", "a", "b"}])
    one, two, frozen, other = load(blob, KEY, sign(KEY, blob))
    assert one is two
    assert one is not other
    assert (one, frozen, other) == (shared, {1, 2}, shared)
    assert isinstance(frozen, frozenset)


def test_random_state_inside_a_model_survives() -> None:
    generator = random.Random(5)
    generator.random()
    blob = dump(generator)
    assert load(blob, KEY, sign(KEY, blob)).random() == generator.random()


def test_importing_models_does_not_import_river() -> None:
    script = "import sys, streamadapt.models; sys.exit('river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_state_of_other_names_of_features_is_refused() -> None:
    """River would see only features that it does not know."""
    model = RiverClassifier(1, 2, feature_names=("a",), signing_key=KEY)
    with pytest.raises(IncompatibleStateError, match="feature_names"):
        RiverClassifier(1, 2, feature_names=("b",), signing_key=KEY).restore(model.state())
