"""Linear regression that keeps learning at any scale of its inputs and targets."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import checked
from streamadapt.models.learner import ArrayRegressor
from streamadapt.models.linear_kernels import run_linear
from streamadapt.models.scaled_inputs import ScaledInputs, finite_floats
from streamadapt.state import State

__all__ = ["LinearRegression", "normal_interval"]


def normal_interval(centre: FloatArray, deviation: float, coverage: float) -> FloatArray:
    """Return float64 [n, 2] (low, high) of a normal law around `centre` [n].

    Raises
    ------
    ParameterError
        If `coverage` is not in [0, 1).
    """
    checked("coverage", coverage, 0.0, np.nextafter(1.0, 0.0))
    quantile = NormalDist().inv_cdf((1.0 + coverage) / 2.0)
    reach = quantile * deviation if deviation < np.inf else np.inf
    return np.stack([centre - reach, centre + reach], axis=1)


class LinearRegression(ArrayRegressor, ScaledInputs):
    """Linear map of inputs in deviations from their running means, to targets likewise scaled.

    Each labelled row first updates means and variances, then takes one implicit gradient step on
    the squared error (Kulis and Bartlett, "Implicit online learning", ICML 2010), which for large
    rates is the normalised LMS filter.  The rate is ``max(learning_rate, 1 / sqrt(evidence))``.
    Missing, infinite or huge (above 1e100) inputs count as their mean; rows without any input, or
    whose target is not usable, are skipped.  A row's weight counts as at most 1e6.

    Parameters
    ----------
    n_features
        Width d of a row.
    learning_rate
        The least rate of a step.
    l2
        Pulls weights, not the intercept, towards 0.
    fading_factor
        In [0.5, 1]: what was learned counts this much less with each row learned.
    clip
        Scaled inputs are bounded to [-clip, clip].
    clip_error
        An error counts as at most this many deviations of the target.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(300, 2)) * (1e9, 1e-9)
    >>> model = LinearRegression(2)
    >>> P = model.test_then_train(X, 5e6 + 1e-3 * X[:, 0] - 2e15 * X[:, 1])
    >>> abs(model.predict_one([1e9, 1e-9]) - 4e6) < 1e5
    True
    """

    _tally_size = 4

    def __init__(
        self,
        n_features: int,
        learning_rate: float = 0.03,
        l2: float = 0.0,
        fading_factor: float = 1.0,
        clip: float = 10.0,
        clip_error: float = 10.0,
    ) -> None:
        ScaledInputs.__init__(self, n_features, 1, fading_factor, clip)
        self.learning_rate = checked("learning_rate", learning_rate, 1e-9, 1e3)
        self.l2 = checked("l2", l2, 0.0, 1e3)
        self.clip_error = checked("clip_error", clip_error, 1.0, 1e6)
        self._settings = np.array([learning_rate, l2, fading_factor, clip, clip_error])
        self._target = np.zeros((3, 1))
        self._weights = np.zeros(self.n_features + 1)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_linear(
            ops, X, y, w, self._settings, self._moments, self._target, self._weights, self._tally, P
        )

    def interval(self, X: ArrayLike, coverage: float) -> FloatArray:
        """Return float64 [n, 2] (low, high) from the mean square of the last thousand errors or so.

        Infinite as long as there is no error yet.  Errors are taken as normal.

        Raises
        ------
        ParameterError
            If `coverage` is not in [0, 1).
        """
        deviation = float(np.sqrt(self._tally[3])) if self._tally[2] > 0.0 else np.inf
        return normal_interval(self.predict(X)[:, 0], deviation, coverage)

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much: larger steps follow."""
        super().forget(factor)
        self._target[[0, 2]] *= factor
        self._tally[2] *= factor

    def state(self) -> State:
        """Return scaling of inputs and target, weights and counts."""
        own = {"target": self._target.copy(), "weights": self._weights.copy()}
        return State("linear", self.state_version, self._scaling_state() | own)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from a linear regression of this shape.
        """
        state.expect("linear", self.state_version)
        moments, tally = self._scaling_from(state)
        target = finite_floats(state, "target", self._target.shape)
        self._weights = finite_floats(state, "weights", self._weights.shape)
        self._moments, self._tally, self._target = moments, tally, target
