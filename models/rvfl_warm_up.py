"""The first rows of the published functional-link form: they fix its scaling for ever."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.models.linear_kernels import HUGE
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["WarmUp"]

_MARGIN = 0.01  # added to each deviation, so that a constant input does not explode


class WarmUp:
    """Keeps the first `n_init` rows that can be learned; with 0, none are missing from the start.

    Rows are [x, label, weight], with unusable inputs as NaN.
    """

    def __init__(self, n_init: int, n_features: int) -> None:
        self.n_missing = n_init
        self._n_init = n_init
        self._rows = np.empty((0, n_features + 2))

    def take(
        self, asked: BoolArray, X: FloatArray, y: FloatArray, w: FloatArray
    ) -> tuple[int, int]:
        """Keep learnable rows until none is missing; return rows taken, and those of them bad.

        `asked` says which rows are to be learned and have a label that can be.
        """
        x_fits = np.abs(X) <= HUGE
        good = asked & x_fits.any(axis=1) & (w > 0.0) & (w <= HUGE)
        places = np.flatnonzero(good)[: self.n_missing]
        self.n_missing -= len(places)
        taken = len(X) if self.n_missing else int(places[-1]) + 1
        rows = np.column_stack([np.where(x_fits, X, np.nan), y, w])[places]
        self._rows = np.concatenate([self._rows, rows])
        return taken, int((asked & ~good)[:taken].sum())

    def release(self, moments: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Fix `moments` [4, d] by the rows kept; give these up: rows, labels, weights."""
        rows, y, w = self._rows[:, :-2].copy(), self._rows[:, -2].copy(), self._rows[:, -1].copy()
        for j in range(rows.shape[1]):
            known = rows[~np.isnan(rows[:, j]), j]
            if len(known):
                deviation = float(known.std()) + _MARGIN
                moments[:, j] = 1.0, known.mean(), deviation * deviation, 0.0
        self._rows = self._rows[:0]
        return rows, y, w

    def values(self) -> dict[str, Value]:
        """Return the rows kept, which of their values are known, and how many rows are missing."""
        known = ~np.isnan(self._rows)
        return {
            "n_missing": self.n_missing,
            "waiting": np.where(known, self._rows, 0.0),
            "waiting_known": known,
        }

    def checked(self, state: State) -> WarmUp:
        """Return the warm-up that `state` describes.

        Raises
        ------
        IncompatibleStateError
            If rows are missing or too many, or of another width.
        """
        width = self._rows.shape[1]
        n_missing = state.integer("n_missing")
        n_kept = self._n_init - n_missing if n_missing else 0
        if not 0 <= n_missing <= self._n_init:
            raise IncompatibleStateError(
                f"{state.kind}: {n_missing} rows missing of {self._n_init}"
            )
        known = state.array("waiting_known")
        rows = finite_floats(state, "waiting", (n_kept, width))
        if known.shape != rows.shape or known.dtype != np.bool_:
            raise IncompatibleStateError(f"{state.kind}: waiting_known has shape {known.shape}")
        other = WarmUp(self._n_init, width - 2)
        other.n_missing = n_missing
        other._rows = np.where(known, rows, np.nan)
        return other
