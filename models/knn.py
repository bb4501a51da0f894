"""Nearest neighbours among the latest rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import IncompatibleStateError, whole
from streamadapt.models.knn_kernels import LEARNED, N_TALLIES, SKIPPED, run_knn
from streamadapt.models.learner import ArrayClassifier
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State

__all__ = ["KNNClassifier"]


class KNNClassifier(ArrayClassifier):
    """The nearest of the latest rows vote, each with 1 / distance.

    Distances are in deviations of each feature so far, as they were when a row came; a missing
    value (NaN, infinite, above 1e100) counts as the mean.  Rows without any value, or whose label
    or weight cannot be used, are skipped and counted; other weights but 0 are all alike.  For
    concepts that turn sharply or return, `SAMKNNClassifier` has memories of a size that adapts.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_neighbors
        Rows that vote.
    window_size
        Latest rows held.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(2000, 2))
    >>> y = (X**2).sum(axis=1) > 1.4
    >>> hit = KNNClassifier(2, 2).test_then_train(X, y).argmax(axis=1) == y
    >>> bool(hit[500:].mean() > 0.95)
    True
    """

    kind: ClassVar[str] = "knn"

    def __init__(
        self, n_features: int, n_classes: int, n_neighbors: int = 5, window_size: int = 512
    ) -> None:
        super().__init__(n_features, n_classes)
        self.n_neighbors = whole("n_neighbors", n_neighbors, 1, 1000)
        self.window_size = whole("window_size", window_size, 1, 1_000_000)
        self._tallies = np.zeros(N_TALLIES, np.int64)
        self._moments = np.zeros((3, self.n_features))
        self._window = np.zeros((self.n_features, self.window_size), np.float32)
        self._labels = np.zeros(self.window_size, np.int64)
        self._scratch = (
            np.zeros(self.n_features),
            np.zeros(self.window_size, np.float32),
            np.zeros(self.n_neighbors, np.float32),
            np.zeros(self.n_neighbors, np.int64),
        )

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        held = self._tallies, self._moments, self._window, self._labels
        run_knn(ops, X, y, w, P, *held, *self._scratch)

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class, a bad weight, no value."""
        return int(self._tallies[SKIPPED])

    def state(self) -> State:
        """Return the rows held, their labels, scaling and counts."""
        n = min(int(self._tallies[LEARNED]), self.window_size)
        return State(
            self.kind,
            self.state_version,
            {
                "tallies": self._tallies.copy(),
                "moments": self._moments.copy(),
                "window": self._window[:, :n].copy(),
                "labels": self._labels[:n].copy(),
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from such a learner of this shape.
        """
        state.expect(self.kind, self.state_version)
        tallies, labels = state.integers("tallies"), state.integers("labels")
        n = min(int(tallies[LEARNED]), self.window_size) if tallies.shape == (N_TALLIES,) else -1
        is_class = (labels >= 0) & (labels < self.n_outputs)
        if labels.shape != (n,) or (tallies < 0).any() or not is_class.all():
            raise IncompatibleStateError(f"{self.kind}: rows held do not fit")
        moments = finite_floats(state, "moments", self._moments.shape)
        window = finite_floats(state, "window", (self.n_features, n))
        self._tallies, self._moments = tallies, moments
        self._window[:] = 0.0
        self._labels[:] = 0
        self._window[:, :n], self._labels[:n] = window, labels
