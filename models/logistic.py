"""Multinomial logistic regression that keeps learning at any scale of its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import ParameterError, checked, whole
from streamadapt.models.learner import ArrayClassifier, as_rows
from streamadapt.models.linear_kernels import logit_rows, run_logistic
from streamadapt.models.scaled_inputs import ScaledInputs, finite_floats
from streamadapt.state import State

__all__ = ["LogisticRegression"]

_MAX_AFFINE = 1e6


class LogisticRegression(ArrayClassifier, ScaledInputs):
    """Softmax of a linear map of inputs in deviations from their running means.

    Each labelled row first updates mean and variance of its inputs, then takes one implicit
    gradient step on the log loss (Kulis and Bartlett, "Implicit online learning", ICML 2010).  The
    rate is ``max(learning_rate, 1 / sqrt(evidence))``.  Missing, infinite or huge (above 1e100)
    inputs count as their mean; rows without any input, or whose label is no class, are skipped.  A
    row's weight counts as at most 1e6.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    learning_rate
        The least rate of a step.
    l2
        Pulls weights, not intercepts, towards 0.
    fading_factor
        In [0.5, 1]: what was learned counts this much less with each row learned.
    clip
        Scaled inputs are bounded to [-clip, clip].

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(200, 2)) * (1e9, 1e-9)
    >>> y = (X[:, 0] * 1e-9 + X[:, 1] * 1e9 > 0).astype(int)
    >>> P = LogisticRegression(2, 2).test_then_train(X, y)
    >>> bool((P[100:].argmax(axis=1) == y[100:]).mean() > 0.95)
    True
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        learning_rate: float = 0.03,
        l2: float = 0.0,
        fading_factor: float = 1.0,
        clip: float = 10.0,
    ) -> None:
        n_outputs = whole("n_classes", n_classes, 2, 1_000_000)
        ScaledInputs.__init__(self, n_features, n_outputs, fading_factor, clip)
        self.learning_rate = checked("learning_rate", learning_rate, 1e-9, 1e3)
        self.l2 = checked("l2", l2, 0.0, 1e3)
        self._settings = np.array([learning_rate, l2, fading_factor, clip])
        self._weights = np.zeros((self.n_outputs, self.n_features + 1))
        self._affine = np.stack([np.ones(self.n_features), np.zeros(self.n_features)])

    def logits(self, X: ArrayLike) -> FloatArray:
        """Return float64 [n, k], whose softmax are the probabilities, for X [n, d]."""
        rows = as_rows(X, self.n_features)
        out = np.empty((len(rows), self.n_outputs))
        logit_rows(rows, self.clip, self._moments, self._affine, self._weights, out)
        return out

    def affine(self) -> tuple[FloatArray, FloatArray]:
        """Return copies of (scale [d], shift [d]), applied to the scaled inputs."""
        return self._affine[0].copy(), self._affine[1].copy()

    def set_affine(self, scale: ArrayLike, shift: ArrayLike) -> None:
        """Replace the affine map of the scaled inputs.

        Raises
        ------
        ParameterError
            If scale or shift is not [d], or not all within [-1e6, 1e6].
        """
        pair = [np.asarray(scale, np.float64), np.asarray(shift, np.float64)]
        for name, values in zip(("scale", "shift"), pair, strict=True):
            if values.shape != (self.n_features,) or not (np.abs(values) <= _MAX_AFFINE).all():
                raise ParameterError(
                    f"{name} = {values} is not [{self.n_features}] within [-1e6, 1e6]"
                )
        self._affine = np.stack(pair)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_logistic(
            ops, X, y, w, self._settings, self._moments, self._affine, self._weights, self._tally, P
        )

    def state(self) -> State:
        """Return scaling, affine map, weights and counts."""
        own = {"affine": self._affine.copy(), "weights": self._weights.copy()}
        return State("logistic", self.state_version, self._scaling_state() | own)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from a logistic regression of this shape.
        """
        state.expect("logistic", self.state_version)
        moments, tally = self._scaling_from(state)
        affine = finite_floats(state, "affine", self._affine.shape)
        self._weights = finite_floats(state, "weights", self._weights.shape)
        self._moments, self._tally, self._affine = moments, tally, affine
