"""Naive Bayes: classes by how probable their values are, features taken as independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import checked
from streamadapt.models.learner import ArrayClassifier, as_rows
from streamadapt.models.naive_bayes_kernels import bayes_logit_rows, fit_laws, run_naive_bayes
from streamadapt.models.nominal import nominal_sizes
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["NaiveBayesClassifier"]

_SMALLEST = float(np.nextafter(0.0, 1.0))
_MAX_VALUES = 1_000_000


class NaiveBayesClassifier(ArrayClassifier):
    """Numeric features are normal in each class, nominal ones have smoothed shares.

    Of numeric features it is River's ``GaussianNB``: variances divide by the weight, densities get
    `min_density` added; a class that never came is never predicted.  A feature that never varied
    in a class is a point there, as in MOA.  Shares of nominal values are MOA's, (count + 1) /
    (total + values seen).  What is missing (NaN, infinite, above 1e100, no value of a nominal
    feature) is left out.  Rows without any value, or whose label or weight cannot be used, are
    skipped and counted.  A weight counts as at most 1e6.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    nominal_features
        {column: number of values V}; such a column holds whole numbers 0..V-1.
    fading_factor
        In [0.5, 1]: what was learned counts this much less with each row learned.
    min_density
        Added to each density, so that one value cannot rule a class out.  River's is 1e-9, which
        is too much for features whose deviations are large.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(500, 2)) + np.arange(500)[:, None] % 2 * 3
    >>> y = np.arange(500) % 2
    >>> P = NaiveBayesClassifier(2, 2).test_then_train(X, y)
    >>> bool((P.argmax(axis=1) == y)[100:].mean() > 0.95)
    True
    """

    kind = "naive_bayes"
    state_version = 2  # since classes lie side by side, with variances

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        nominal_features: dict[int, int] | None = None,
        fading_factor: float = 1.0,
        min_density: float = 1e-300,
    ) -> None:
        super().__init__(n_features, n_classes)
        self.nominal_features = nominal_features
        self.fading_factor = float(checked("fading_factor", fading_factor, 0.5, 1.0))
        self.min_density = float(checked("min_density", min_density, 1e-300, 1.0))
        self._n_values = np.zeros(self.n_features, np.int64)
        sizes = nominal_sizes(nominal_features, self.n_features, _MAX_VALUES)
        self._n_values[list(sizes)] = list(sizes.values())
        self._first = np.cumsum(self._n_values) - self._n_values
        self._classes = np.zeros(self.n_outputs)
        self._stats = np.zeros((3, self.n_features, self.n_outputs))
        self._counts = np.zeros((int(self._n_values.sum()), self.n_outputs))
        self._skipped = np.zeros(1, np.int64)
        self._fit_laws()

    def _fit_laws(self) -> None:
        """Find what follows from the statistics and is not kept in the state."""
        self._laws = np.empty((2, self.n_features, self.n_outputs))
        fit_laws(self._stats, self._laws)

    def _learned(self) -> tuple[FloatArray, ...]:
        work = np.empty((3, self.n_outputs))
        return self._classes, self._stats, self._laws, self._counts, work

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        features = self._first, self._n_values, self.min_density, self.fading_factor
        run_naive_bayes(ops, X, y, w, *features, *self._learned(), self._skipped, P)

    def logits(self, X: ArrayLike) -> FloatArray:
        """Return float64 [n, k], logs of joint probabilities, for X [n, d]; all 0 at first."""
        rows = as_rows(X, self.n_features)
        out = np.empty((len(rows), self.n_outputs))
        features = self._first, self._n_values, self.min_density
        bayes_logit_rows(rows, *features, *self._learned(), out)
        return out

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much."""
        checked("factor", factor, _SMALLEST, 1.0)
        self._classes *= factor
        self._stats[0] *= factor
        self._counts *= factor

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class, a bad weight, no value."""
        return int(self._skipped[0])

    def state(self) -> State:
        """Return weights of the classes, the laws of their features, and counts."""
        values: dict[str, Value] = {
            "classes": self._classes.copy(),
            "stats": self._stats.copy(),
            "counts": self._counts.copy(),
            "columns": self._n_values.copy(),
            "n_skipped": self.n_skipped,
        }
        return State(self.kind, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from naive Bayes of this shape.
        """
        if (state.kind, state.version) == (self.kind, 1):
            state = self._from_version_1(state)
        state.expect(self.kind, self.state_version).agreeing("columns", self._n_values)
        n_skipped = state.integer("n_skipped")
        arrays = {"classes": self._classes, "stats": self._stats, "counts": self._counts}
        values = {name: finite_floats(state, name, a.shape) for name, a in arrays.items()}
        self._classes, self._stats = values["classes"], values["stats"]
        self._counts, self._skipped = values["counts"], np.array([n_skipped], np.int64)
        self._fit_laws()

    def _from_version_1(self, state: State) -> State:
        """Turn sums of squared deviations into variances, and sum up the counts."""
        k, d = self.n_outputs, self.n_features
        stats = finite_floats(state, "stats", (3, k, d)).transpose(0, 2, 1).copy()
        counts = finite_floats(state, "counts", (k, len(self._counts))).T.copy()
        stats[2] /= np.where(stats[0] > 0.0, stats[0], 1.0)
        for j in np.flatnonzero(self._n_values):
            seen = counts[self._first[j] : self._first[j] + self._n_values[j]]
            stats[0, j] = seen.sum(axis=0)
            stats[1, j] = (np.arange(1, len(seen) + 1)[:, None] * (seen > 0.0)).max(axis=0)
        values = {**state.values, "stats": stats, "counts": counts}
        return State(self.kind, self.state_version, values)
