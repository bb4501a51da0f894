"""What River classifiers and regressors share as learners: rows as dicts, a signed state."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, OpArray
from streamadapt.errors import ConfigError, IncompatibleStateError, ParameterError
from streamadapt.models.learner import ArrayLearner
from streamadapt.models.river_model import river_model
from streamadapt.models.river_pickle import dump, load, sign
from streamadapt.state import State, Value

__all__ = ["HUGE", "RiverLearner"]

HUGE = 1e100  # larger values count as missing: River sums their squares
_KEY_BYTES = 16

# AMRules names its rules by their addresses; the other keeps what it works out in a prediction.
_NOT_CANONICAL = frozenset({"AMRules", "BayesianLinearRegression"})


class RiverLearner(ArrayLearner):
    """The model, its rows, its signed state; subclasses say what predictions and labels are."""

    digest_is_canonical: bool = True
    """Whether equal models have equal digests, before and after a prediction."""

    kind: ClassVar[str]
    river_base: ClassVar[str]

    def _wrap(
        self,
        model: Any,  # noqa: ANN401 - a name, or any River estimator
        params: Mapping[str, Any] | None,
        feature_names: tuple[str, ...] | None,
        signing_key: bytes | None,
    ) -> None:
        self.model, self.params, self.signing_key = model, params, signing_key
        self.n_skipped = 0
        self.n_failed_predictions = 0
        self.feature_names = tuple(feature_names or (f"x{j}" for j in range(self.n_features)))
        if len(set(self.feature_names)) != self.n_features:
            raise ParameterError(
                f"feature_names = {self.feature_names} are not {self.n_features} different names"
            )
        if signing_key is not None and len(signing_key) < _KEY_BYTES:
            raise ParameterError(f"signing_key has fewer than {_KEY_BYTES} bytes")
        self._model = river_model(model, params) if isinstance(model, str) else copy.deepcopy(model)
        if not isinstance(
            self._model, getattr(importlib.import_module("river.base"), self.river_base)
        ):
            raise ParameterError(f"model = {model!r} is no river.base.{self.river_base}")
        if self._model._is_stochastic:  # noqa: SLF001 - River asks this of its models, too
            raise ParameterError(f"model = {model!r} has no seed; give one, such as seed = 0")
        self.digest_is_canonical = type(self._model).__name__ not in _NOT_CANONICAL
        learn = inspect.signature(self._model.learn_one).parameters
        self._takes_weight = "w" in learn

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        assert self.feature_names is not None  # noqa: S101 - for the type checker
        with np.errstate(all="ignore"):
            rows = zip(ops.tolist(), X.tolist(), y.tolist(), w.tolist(), strict=True)
            for i, (op, values, label, weight) in enumerate(rows):
                pairs = zip(self.feature_names, values, strict=True)
                x = {name: value for name, value in pairs if abs(value) <= HUGE}
                if op & PREDICT:
                    self._predict_row(x, P[i])
                if op & LEARN and weight != 0.0:
                    self._learn_row(x, label, weight)

    def _predict_row(self, x: dict[str, float], out: FloatArray) -> None:
        """Fill `out`; where River raises, with what is predicted before the first row."""
        try:
            self._fill(x, out)
        except Exception:  # a model may raise anything, the stream goes on
            self.n_failed_predictions += 1
            self._fill_unknown(out)

    def _learn_row(self, x: dict[str, float], label: float, weight: float) -> None:
        if not (x and self._is_label(label) and 0.0 < weight <= HUGE):
            self.n_skipped += 1
            return
        extra = {"w": weight} if self._takes_weight else {}
        try:
            self._model.learn_one(x, self._label(label), **extra)
        except Exception:  # a model may raise anything, the stream goes on
            self.n_skipped += 1

    def _fill(self, x: dict[str, float], out: FloatArray) -> None:
        raise NotImplementedError

    def _fill_unknown(self, out: FloatArray) -> None:
        raise NotImplementedError

    def _is_label(self, label: float) -> bool:
        raise NotImplementedError

    def _label(self, label: float) -> object:
        raise NotImplementedError

    def _key(self) -> bytes:
        if self.signing_key is None:
            raise ConfigError(
                f"{self.kind}: set signing_key (at least {_KEY_BYTES} secret bytes, kept apart "
                "from the state store) to save or restore this model: River can only pickle it"
            )
        return self.signing_key

    def _context(self, version: str) -> tuple[bytes, ...]:
        shape = f"{self.kind} {self.state_version} {self.n_features} {self.n_outputs} {version}"
        return (shape.encode(),)

    def state(self) -> State:
        """Return the pickled model with its signature.

        Raises
        ------
        ConfigError
            If there is no `signing_key`.
        IncompatibleStateError
            If the model does not pickle.
        """
        key, version = self._key(), _river_version()
        blob = dump(self._model)
        values: dict[str, Value] = {
            "river": version,
            "model": blob,
            "signature": sign(key, *self._context(version), blob),
            "n_skipped": self.n_skipped,
            "feature_names": json.dumps(self.feature_names),
        }
        return State(self.kind, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        ConfigError
            If there is no `signing_key`.
        CorruptStateError
            If the signature does not match.
        IncompatibleStateError
            If the state is of another kind of model or version of River.
        """
        state.expect(self.kind, self.state_version)
        key, version, n_skipped = self._key(), state.text("river"), state.integer("n_skipped")
        if version != _river_version():
            raise IncompatibleStateError(
                f"{self.kind}: written with River {version}, this is {_river_version()}"
            )
        blob, signature = state.values.get("model"), state.values.get("signature")
        if not isinstance(blob, bytes) or not isinstance(signature, bytes):
            raise IncompatibleStateError(f"{self.kind}: no signed model in this state")
        model = load(blob, key, signature, *self._context(version))
        state.agreeing("feature_names", json.dumps(self.feature_names))
        if type(model) is not type(self._model):
            raise IncompatibleStateError(
                f"{self.kind}: holds {type(model).__name__}, expected {type(self._model).__name__}"
            )
        self._model, self.n_skipped = model, n_skipped


def _river_version() -> str:
    return str(importlib.import_module("river").__version__)
