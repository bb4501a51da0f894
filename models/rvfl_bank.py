"""Functional-link learners for many keys: one kernel, one set of random nodes, little per key."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import LEARN, FloatArray, OpArray
from streamadapt.errors import IncompatibleStateError, ParameterError, whole
from streamadapt.models.learner import as_rows, check_lengths
from streamadapt.models.rvfl import RVFL
from streamadapt.models.rvfl_kernels import SKIPPED
from streamadapt.state import State, Value

__all__ = ["RVFLBank"]


class RVFLBank:
    """One functional-link learner for each of `n_keys` keys, each as if it were alone.

    Parameters
    ----------
    learner
        What each key has, fresh; of the stable variant.
    n_keys
        Keys are 0..n_keys-1.

    Raises
    ------
    ParameterError
        If the learner is of the paper's variant.

    Examples
    --------
    >>> from streamadapt.models import RVFLRegressor
    >>> bank = RVFLBank(RVFLRegressor(3, n_hidden=28), n_keys=1000)  # m = 32
    >>> P = bank.run([7, 8], np.array([3, 3], np.int8), np.zeros((2, 3)), [1.0, 2.0])
    >>> P.shape, bank.bytes_per_key
    ((2, 1), 9424)
    """

    kind = "rvfl_bank"

    def __init__(self, learner: RVFL, n_keys: int) -> None:
        if learner.parameters.is_paper:
            raise ParameterError("variant = 'paper' is not for a bank")
        self.n_keys = whole("n_keys", n_keys, 1, 10_000_000)
        self._learner = learner
        self._cells = learner.new_cells(self.n_keys)
        self._used = np.zeros(self.n_keys, np.bool_)

    @property
    def bytes_per_key(self) -> int:
        """Bytes of memory that a key takes."""
        return sum(array.nbytes for array in self._cells.arrays()) // self.n_keys

    @property
    def n_skipped(self) -> int:
        """Rows of all keys that could not be learned; see `RVFLClassifier.n_skipped`."""
        return int(self._cells.tally[:, SKIPPED].sum())

    def run(
        self, keys: ArrayLike, ops: OpArray, X: ArrayLike, y: ArrayLike, w: ArrayLike | None = None
    ) -> FloatArray:
        """Predict and learn n rows in order, each for its key; see `Learner.run`.

        Raises
        ------
        ParameterError
            If a key is no whole number in 0..n_keys-1, or shapes do not fit.
        """
        rows = as_rows(X, self._learner.n_features)
        given = np.asarray(keys)
        codes = np.require(ops, np.int8, ["C", "W"])
        targets = self._learner.targets(y)
        weights = np.ones(len(rows)) if w is None else np.require(w, np.float64, ["C", "W"])
        check_lengths(len(rows), keys=given, ops=codes, y=targets, w=weights)
        if len(given) and given.dtype.kind not in "iu":
            raise ParameterError(f"keys are {given.dtype}, expected whole numbers")
        places = np.require(given, np.int64, ["C", "W"])
        if len(places) and not (places.min() >= 0 and places.max() < self.n_keys):
            raise ParameterError(f"keys are not all in [0, {self.n_keys - 1}]")
        P = np.full((len(rows), self._learner.n_outputs), np.nan)
        self._learner.run_cells(self._cells, places, codes, rows, targets, weights, P)
        self._used[places[(codes & LEARN != 0) & (weights != 0.0)]] = True
        return P

    def state_of(self, key: int) -> State:
        """Return what a learner that had learned this key's rows alone would give.

        Raises
        ------
        ParameterError
            If it is not in 0..n_keys-1.
        """
        return self._learner.state_from(self._cells, whole("key", key, 0, self.n_keys - 1))

    def state(self) -> State:
        """Return the states of the keys that came so far."""
        values: dict[str, Value] = {"keys": np.flatnonzero(self._used)}
        for key in np.flatnonzero(self._used).tolist():
            values[f"key {key}"] = self.state_of(key)
        return State(self.kind, 1, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from a bank of such learners, or has more keys.
        """
        keys = state.expect(self.kind, 1).integers("keys")
        if len(keys) and not (keys.min() >= 0 and keys.max() < self.n_keys):
            raise IncompatibleStateError(f"{self.kind}: keys beyond {self.n_keys - 1}")
        cells = self._learner.new_cells(self.n_keys)
        for key in keys.tolist():
            cells.put(key, self._learner.checked_cell(state.child(f"key {key}")))
        self._cells, self._used = cells, np.isin(np.arange(self.n_keys), keys)
