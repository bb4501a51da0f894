"""Running scaling of inputs, as the linear models share it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray
from streamadapt.errors import IncompatibleStateError, checked
from streamadapt.models.learner import ArrayLearner, as_rows
from streamadapt.models.linear_kernels import scaled_rows
from streamadapt.state import State

__all__ = ["ScaledInputs", "finite_floats"]


def finite_floats(state: State, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Return a copy of the floats `name` of `shape`.

    Raises
    ------
    IncompatibleStateError
        If they have another shape, or are not all finite.
    """
    values = state.floats(name)
    if values.shape != shape or not np.isfinite(values).all():
        raise IncompatibleStateError(
            f"{state.kind}: {name!r} has shape {values.shape}, expected finite numbers {shape}"
        )
    return values


class ScaledInputs(ArrayLearner):
    """A learner that sees its inputs in deviations from their running mean.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_outputs
        Width k of a prediction.
    fading_factor
        In (0, 1]: what was learned counts this much less with each row learned.
    clip
        Scaled inputs are bounded to [-clip, clip]; once 30 rows are seen, a value farther out
        also moves mean and variance only as far as one at the bound.
    """

    _tally_size = 2

    def __init__(self, n_features: int, n_outputs: int, fading_factor: float, clip: float) -> None:
        super().__init__(n_features, n_outputs)
        self.fading_factor = checked("fading_factor", fading_factor, 0.5, 1.0)
        self.clip = checked("clip", clip, 1.0, 1e6)
        self._moments = np.zeros((3, self.n_features))
        self._tally = np.zeros(self._tally_size)

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class or no finite target, a bad weight, no input."""
        return int(self._tally[1])

    def features(self, X: ArrayLike) -> FloatArray:
        """Return the scaled inputs float64 [n, d] of X [n, d]; 0 where a value is missing."""
        rows = as_rows(X, self.n_features)
        Z = np.empty(rows.shape)
        scaled_rows(rows, self.clip, self._moments, Z)
        return Z

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much: larger steps follow."""
        checked("factor", factor, np.nextafter(0.0, 1.0), 1.0)
        self._moments[[0, 2]] *= factor
        self._tally[0] *= factor

    def _scaling_state(self) -> dict[str, NDArray[np.float64]]:
        return {"moments": self._moments.copy(), "tally": self._tally.copy()}

    def _scaling_from(self, state: State) -> tuple[FloatArray, FloatArray]:
        return (
            finite_floats(state, "moments", self._moments.shape),
            finite_floats(state, "tally", self._tally.shape),
        )
