"""Passive-aggressive learners: after each row the least change that makes its margin suffice."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import checked, whole
from streamadapt.models.learner import ArrayClassifier, ArrayLearner, ArrayRegressor, as_rows
from streamadapt.models.passive_aggressive_kernels import (
    pa_logit_rows,
    run_pa_classifier,
    run_pa_regressor,
)
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["PassiveAggressiveClassifier", "PassiveAggressiveRegressor"]


class _PassiveAggressive(ArrayLearner):
    kind: str

    def _build(
        self,
        C: float,
        mode: int,
        learn_intercept: bool,
        eps: float,
        n_vectors: int,
    ) -> None:
        self.C = checked("C", C, 1e-12, 1e12)
        self.mode = whole("mode", mode, 0, 2)
        self.learn_intercept = bool(learn_intercept)
        self._settings = np.array([self.mode, C, learn_intercept, eps], np.float64)
        self._weights = np.zeros((n_vectors, self.n_features + 1))
        self._scratch = np.zeros((2, max(self.n_features, self.n_outputs)))
        self._skipped = np.zeros(1, np.int64)

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class or no finite target, a bad weight, no input."""
        return int(self._skipped[0])

    def state(self) -> State:
        """Return weights, intercepts last, and counts."""
        values: dict[str, Value] = {"weights": self._weights.copy(), "n_skipped": self.n_skipped}
        return State(self.kind, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from such a learner of this shape.
        """
        state.expect(self.kind, self.state_version)
        n_skipped = state.integer("n_skipped")
        self._weights = finite_floats(state, "weights", self._weights.shape)
        self._skipped = np.array([n_skipped], np.int64)


class PassiveAggressiveClassifier(_PassiveAggressive, ArrayClassifier):
    """Changes nothing while the right class leads by a margin of 1, else as little as restores it.

    K. Crammer et al., "Online passive-aggressive algorithms", JMLR 7 (2006).  With two classes it
    is River's ``PAClassifier``; with more, the right class and its strongest rival move apart.
    Inputs are taken as they are: scale them first.  Missing, infinite or huge (above 1e100) ones
    count as 0; rows without any input, or whose label or weight cannot be used, are skipped.
    Weights of rows, of which at most 1e6 counts, multiply `C`.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    C
        Aggressiveness: bounds what one row can change (PA-I and PA-II).
    mode
        0: PA, which always restores the margin; 1: PA-I, steps at most `C`; 2: PA-II, softer steps.
    learn_intercept
        Whether there is a constant term; it is not counted in the length of a row.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(500, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> P = PassiveAggressiveClassifier(2, 2, C=0.1).test_then_train(X, y)
    >>> bool((P.argmax(axis=1) == y)[-200:].mean() > 0.95)
    True
    """

    kind = "passive_aggressive"

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        C: float = 1.0,
        mode: Literal[0, 1, 2] = 1,
        learn_intercept: bool = True,
    ) -> None:
        super().__init__(n_features, n_classes)
        self._build(C, mode, learn_intercept, 0.0, 1 if self.n_outputs == 2 else self.n_outputs)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_pa_classifier(
            ops, X, y, w, self._settings, self._weights, self._scratch, self._skipped, P
        )

    def logits(self, X: ArrayLike) -> FloatArray:
        """Return float64 [n, k], whose softmax are the probabilities, for X [n, d]."""
        rows = as_rows(X, self.n_features)
        out = np.empty((len(rows), self.n_outputs))
        pa_logit_rows(rows, self._weights, np.empty(self.n_features), out)
        return out


class PassiveAggressiveRegressor(_PassiveAggressive, ArrayRegressor):
    """Changes nothing while its error is at most `eps`, else as little as makes it so.

    River's ``PARegressor``, but for the error, which River 0.26.1 takes from ``2 y - 1`` instead of
    the target y; with what `PassiveAggressiveClassifier` says of inputs and weights.

    Parameters
    ----------
    n_features
        Width d of a row.
    C
        Aggressiveness: bounds what one row can change (PA-I and PA-II).
    mode
        0: PA, 1: PA-I, 2: PA-II.
    eps
        Errors up to this are none.
    learn_intercept
        Whether there is a constant term; it is not counted in the length of a row.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(500, 2))
    >>> y = X @ [1.0, -2.0]
    >>> P = PassiveAggressiveRegressor(2, eps=0.01).test_then_train(X, y)[:, 0]
    >>> bool(abs(P - y)[-200:].max() < 0.1)
    True
    """

    kind = "passive_aggressive_regressor"

    def __init__(
        self,
        n_features: int,
        C: float = 1.0,
        mode: Literal[0, 1, 2] = 1,
        eps: float = 0.1,
        learn_intercept: bool = True,
    ) -> None:
        super().__init__(n_features)
        self.eps = checked("eps", eps, 0.0, 1e100)
        self._build(C, mode, learn_intercept, eps, 1)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_pa_regressor(
            ops, X, y, w, self._settings, self._weights, self._scratch, self._skipped, P
        )
