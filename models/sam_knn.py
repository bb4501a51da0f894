"""Nearest neighbours with a memory of the present and one of the past."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.detectors.adwin import ADWIN
from streamadapt.errors import IncompatibleStateError, checked, whole
from streamadapt.models.learner import ArrayClassifier
from streamadapt.models.sam_knn_kernels import COUNT, N_CUTS, N_PLACES, SKIPPED, START, run_sam_knn
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["SAMKNNClassifier"]

_SMALLEST = float(np.nextafter(0.0, 1.0))


class SAMKNNClassifier(ArrayClassifier):
    """Votes of the nearest rows of a short memory, a long one, or both, whichever is right oftener.

    After V. Losing, B. Hammer and H. Wersing, "KNN classifier with self adjusting memory for
    heterogeneous concept drift" (SAM-kNN), ICDM 2016.  The short memory holds the current concept;
    what it drops goes to the long one, where each new row removes the near rows that contradict it.
    Each prediction is of the memory that was right most often over the rows of the short one.
    Other than in the paper,

    - the short memory is cut by ADWIN on its own errors, not by trying all its halvings;
    - a full long memory drops every second of its rows; there they are clustered;
    - distances are in deviations of each feature so far, and a feature that never varied is none.

    Missing values (NaN, infinite, above 1e100) count as the mean when the row came.  Rows without
    any value, or whose label or weight cannot be used, are skipped and counted; other weights but 0
    are all alike.  An event costs a look at all rows held.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_neighbors
        Rows that vote, each with 1 / distance.
    max_window_size
        Most rows of the short memory.
    min_window_size
        Least rows that a cut leaves in it.
    long_term_share
        Most rows of the long memory, as a share of those of the short one.
    delta
        ADWIN's: the smaller, the fewer cuts.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(2000, 2))
    >>> y = ((X**2).sum(axis=1) > 1.4).astype(int)
    >>> y[1000:] = 1 - y[1000:]
    >>> model = SAMKNNClassifier(2, 2)
    >>> hit = model.test_then_train(X, y).argmax(axis=1) == y
    >>> bool(hit[1500:].mean() > 0.9), model.n_cuts > 0
    (True, True)
    """

    kind: ClassVar[str] = "sam_knn"

    def __init__(  # noqa: PLR0913, PLR0917 - those of the method
        self,
        n_features: int,
        n_classes: int,
        n_neighbors: int = 5,
        max_window_size: int = 1000,
        min_window_size: int = 50,
        long_term_share: float = 0.5,
        delta: float = 0.002,
    ) -> None:
        super().__init__(n_features, n_classes)
        self.n_neighbors = whole("n_neighbors", n_neighbors, 1, 1000)
        self.max_window_size = whole("max_window_size", max_window_size, 2, 1_000_000)
        self.min_window_size = whole("min_window_size", min_window_size, 1, max_window_size)
        self.long_term_share = float(checked("long_term_share", long_term_share, 0.0, 1.0))
        self.delta = delta
        size = self.max_window_size
        n_long = max(1, round(size * self.long_term_share))
        self._limits = np.array([size, n_long, self.min_window_size], np.int64)
        self._adwin = ADWIN(delta)
        self._moments = np.zeros((3, self.n_features))
        self._rows = np.zeros((2, size, self.n_features))
        self._labels = np.zeros((2, size), np.int64)
        self._places = np.zeros(N_PLACES, np.int64)
        self._hits, self._right = np.zeros((size, 3), np.int64), np.zeros(3, np.int64)
        self._near = np.zeros((3, self.n_neighbors))
        self._near_labels = np.zeros((3, self.n_neighbors), np.int64)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        memories = self._rows, self._labels, self._places, self._hits, self._right
        near = self._near, self._near_labels
        run_sam_knn(
            ops, X, y, w, self._limits, self._moments, *memories, *near, *self._adwin.arrays(), P
        )

    @property
    def n_short(self) -> int:
        """Rows in the short memory."""
        return int(self._places[COUNT])

    @property
    def n_long(self) -> int:
        """Rows in the long memory."""
        return int(self._places[COUNT + 1])

    @property
    def n_cuts(self) -> int:
        """Times that ADWIN cut the short memory."""
        return int(self._places[N_CUTS])

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class, a bad weight, no value."""
        return int(self._places[SKIPPED])

    def forget(self, factor: float) -> None:
        """Keep only the newest share `factor` (in (0, 1]) of both memories."""
        if checked("factor", factor, _SMALLEST, 1.0) < 1.0:
            values = [self._memory(m, math.ceil(factor * self._places[COUNT + m])) for m in (0, 1)]
            self._put([v[0] for v in values], [v[1] for v in values], values[0][2])

    def _memory(
        self, memory: int, n: int
    ) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
        """Return copies of rows, labels and hits of the newest n rows of a memory, oldest first."""
        start, count = int(self._places[START + memory]), int(self._places[COUNT + memory])
        at = (start + np.arange(count - n, count)) % self.max_window_size
        return self._rows[memory, at], self._labels[memory, at], self._hits[at]

    def _put(
        self,
        rows: list[FloatArray],
        labels: list[NDArray[np.int64]],
        hits: NDArray[np.int64],
    ) -> None:
        self._places[[START, START + 1]] = 0
        self._hits[:] = 0
        for m in (0, 1):
            n = self._places[COUNT + m] = len(rows[m])
            self._rows[m, :n], self._labels[m, :n] = rows[m], labels[m]
        self._hits[: len(hits)] = hits
        self._right[:] = hits.sum(axis=0)

    def state(self) -> State:
        """Return both memories, oldest rows first, scaling and ADWIN."""
        short, long = (self._memory(m, int(self._places[COUNT + m])) for m in (0, 1))
        values: dict[str, Value] = {
            "short": short[0],
            "short_labels": short[1],
            "hits": short[2],
            "long": long[0],
            "long_labels": long[1],
            "moments": self._moments.copy(),
            "n_skipped": self.n_skipped,
            "n_cuts": self.n_cuts,
            "adwin": self._adwin.state(),
        }
        return State(self.kind, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        StateError
            If it is not from such a learner of this shape, or of larger memories.
        """
        state.expect(self.kind, self.state_version)
        n_skipped, n_cuts = state.integer("n_skipped"), state.integer("n_cuts")
        moments = finite_floats(state, "moments", self._moments.shape)
        labels = [state.integers(name) for name in ("short_labels", "long_labels")]
        hits = state.integers("hits")
        rows = [
            finite_floats(state, name, (len(labels[m]), self.n_features))
            for m, name in enumerate(("short", "long"))
        ]
        fit = all(self._holds(labels[m], m) for m in (0, 1)) and hits.shape == (len(rows[0]), 3)
        if not (fit and np.isin(hits, (0, 1)).all()):
            raise IncompatibleStateError(f"{self.kind}: labels or hits do not fit")
        self._adwin.restore(state.child("adwin"))
        self._moments = moments
        self._put(rows, labels, hits)
        self._places[SKIPPED], self._places[N_CUTS] = n_skipped, n_cuts

    def _holds(self, labels: NDArray[np.int64], memory: int) -> bool:
        fits = labels.ndim == 1 and len(labels) <= self._limits[memory]
        return fits and bool(((labels >= 0) & (labels < self.n_outputs)).all())
