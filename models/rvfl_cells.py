"""What functional-link learners of one or many keys hold, as arrays whose first axis is the key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.models.rvfl_kernels import CURSOR, LANES, N_TALLIES, SCALE, top_up
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["Cells"]

_LEAST_FACTOR = 1e-8  # of forgetting: what is left then is far below the ridge


@dataclass
class Cells:
    """The arrays of `rvfl_kernels`, in its order; m is padded, `n_used` is not."""

    n_used: int
    P: FloatArray
    lanes: FloatArray
    W: FloatArray
    offset: FloatArray
    moments: FloatArray
    tally: FloatArray

    @classmethod
    def new(
        cls, n_keys: int, n_features: int, n_used: int, n_outputs: int, reg: float, level: float
    ) -> Cells:
        """Return cells that have learned nothing; scores start at `level`."""
        m = -(-n_used // LANES) * LANES
        used = np.arange(n_used)
        cells = cls(
            n_used,
            np.zeros((n_keys, m, m)),
            np.zeros((n_keys, 3, m)),
            np.zeros((n_keys, n_outputs, m)),
            np.full((n_keys, n_outputs), level),
            np.zeros((n_keys, 4, n_features)),
            np.zeros((n_keys, N_TALLIES)),
        )
        cells.P[:, used, used] = 1.0 / reg
        cells.lanes[:, 2, :n_used] = reg
        cells.tally[:, SCALE] = 1.0
        return cells

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return the arrays in the order that the kernels take them."""
        return self.P, self.lanes, self.W, self.offset, self.moments, self.tally

    def forget(self, key: int, factor: float, reg: float) -> None:
        """Let a key's evidence count `factor` times as much, at least 1e-8; refill its ridge."""
        factor = max(factor, _LEAST_FACTOR)
        self.moments[key, [0, 2]] *= factor
        self.tally[key, -4] *= factor
        self.tally[key, -2:] *= factor
        top_up(factor, reg, self.n_used, self.P[key], self.lanes[key], self.W[key], self.tally[key])

    def values(self, key: int) -> dict[str, Value]:
        """Return copies of what key owns; of the symmetric P one triangle."""
        n = self.n_used
        return {
            "inverse": self.P[key][np.tril_indices(n)],
            "lanes": self.lanes[key, :, :n].copy(),
            "weights": self.W[key, :, :n].copy(),
            "offset": self.offset[key].copy(),
            "moments": self.moments[key].copy(),
            "tally": self.tally[key].copy(),
        }

    def checked(self, state: State) -> dict[str, FloatArray]:
        """Return what `values` gave, if it fits.

        Raises
        ------
        IncompatibleStateError
            If shapes differ, numbers are not finite, or the cursor is nowhere.
        """
        n, k = self.n_used, self.W.shape[1]
        shapes = {
            "inverse": (n * (n + 1) // 2,),
            "lanes": (3, n),
            "weights": (k, n),
            "offset": (k,),
            "moments": self.moments.shape[1:],
            "tally": (N_TALLIES,),
        }
        values = {name: finite_floats(state, name, shape) for name, shape in shapes.items()}
        cursor = values["tally"][CURSOR]
        if not (0 <= cursor < n and cursor == int(cursor) and values["tally"][SCALE] > 0.0):
            raise IncompatibleStateError(f"{state.kind}: cursor {cursor} of {n} directions")
        return values

    def put(self, key: int, values: dict[str, FloatArray]) -> None:
        """Let key own what `checked` returned."""
        n = self.n_used
        rows, columns = np.tril_indices(n)
        self.P[key, rows, columns] = values["inverse"]
        self.P[key, columns, rows] = values["inverse"]
        self.lanes[key, :, :n] = values["lanes"]
        self.W[key, :, :n] = values["weights"]
        self.offset[key] = values["offset"]
        self.moments[key] = values["moments"]
        self.tally[key] = values["tally"]
