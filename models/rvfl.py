"""Random-vector functional-link learners: random nodes, read out by recursive least squares."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, OpArray
from streamadapt.errors import IncompatibleStateError, checked
from streamadapt.models.learner import ArrayClassifier, ArrayLearner, ArrayRegressor, as_rows
from streamadapt.models.linear import normal_interval
from streamadapt.models.linear_kernels import HUGE
from streamadapt.models.rvfl_cells import Cells
from streamadapt.models.rvfl_kernels import (
    ERROR_EVIDENCE,
    ERROR_SQUARE,
    FACTOR,
    N_RESETS,
    SKIPPED,
    hidden_rows,
    logit_rows,
    run_rvfl,
)
from streamadapt.models.rvfl_parameters import RVFLParameters
from streamadapt.models.rvfl_warm_up import WarmUp
from streamadapt.state import State

__all__ = ["RVFL", "RVFLClassifier", "RVFLRegressor"]

_SMALLEST = float(np.nextafter(0.0, 1.0))


class RVFL(ArrayLearner):
    """What the functional-link learners share; see `RVFLClassifier`."""

    kind: str
    _level: float  # of scores that nothing was learned for

    def _build(self, parameters: RVFLParameters) -> None:
        """Take the parameters on as attributes, and make the arrays."""
        vars(self).update(vars(parameters))
        self.parameters = parameters
        self._settings = parameters.settings(isinstance(self, ArrayClassifier))
        self._projection, self._bias = parameters.nodes()
        self._cells = self.new_cells(1)
        n_init = parameters.n_init if parameters.is_paper else 0
        self._warm_up = WarmUp(n_init, self.n_features)

    def new_cells(self, n_keys: int) -> Cells:
        """Return the arrays of `n_keys` such learners, which have learned nothing."""
        p = self.parameters
        level = 0.0 if p.is_paper else self._level
        return Cells.new(n_keys, self.n_features, p.n_used, self.n_outputs, p.l2, level)

    def run_cells(  # noqa: PLR0913, PLR0917 - those of `run`, whose cells, and which
        self,
        cells: Cells,
        keys: NDArray[np.int64],
        ops: OpArray,
        X: FloatArray,
        y: NDArray[np.generic],
        w: FloatArray,
        P: FloatArray,
    ) -> None:
        """Let the cells predict and learn n rows, each with the cell that `keys` [n] names."""
        nodes = self._projection, self._bias
        run_rvfl(keys, ops, X, y, w, self._settings, *nodes, *cells.arrays(), P)

    def targets(self, y: ArrayLike) -> NDArray[np.generic]:
        """Return labels or targets in the one dtype that the kernels take."""
        return self._targets(y)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        if self._warm_up.n_missing:
            start = self._gather(ops, X, y, w, P)
            ops, X, y, w, P = ops[start:], X[start:], y[start:], w[start:], P[start:]
        self.run_cells(self._cells, np.zeros(len(ops), np.int64), ops, X, y, w, P)

    def _gather(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> int:
        """Keep rows until the scaling can be fixed, then learn them; return how many were taken."""
        asked = (ops & LEARN != 0) & (w != 0.0)
        labels = y.astype(np.float64)
        classifies = isinstance(self, ArrayClassifier)
        fits = (labels >= 0) & (labels < self.n_outputs) if classifies else abs(labels) <= HUGE
        taken, n_bad = self._warm_up.take(asked & fits, X, labels, w)
        n_bad += int((asked & ~fits)[:taken].sum())
        self._cells.tally[0, SKIPPED] += n_bad
        P[:taken][ops[:taken] & PREDICT != 0] = self._level
        if not self._warm_up.n_missing:
            rows, labels, weights = self._warm_up.release(self._cells.moments[0])
            ops = np.full(len(rows), LEARN, np.int8)
            targets, none = labels.astype(y.dtype), np.zeros(len(rows), np.int64)
            unread = np.empty((len(rows), self.n_outputs))
            self.run_cells(self._cells, none, ops, rows, targets, weights, unread)
        return taken

    def _features(self, X: ArrayLike) -> FloatArray:
        rows = as_rows(X, self.n_features)
        A = np.zeros((len(rows), self._cells.P.shape[1]))
        moments = self._cells.moments[0]
        hidden_rows(rows, self._settings, moments, self._projection, self._bias, A)
        return A

    def features(self, X: ArrayLike) -> FloatArray:
        """Return float64 [n, d + n_hidden], scaled inputs and nodes, for X [n, d]."""
        return self._features(X)[:, : self.n_features + self.parameters.n_hidden].copy()

    @property
    def weights(self) -> FloatArray:
        """Copy of the read-out float64 [k, m]: inputs, nodes and, but for the paper's, a 1."""
        return self._cells.W[0, :, : self._cells.n_used].copy()

    @property
    def n_skipped(self) -> int:
        """Rows that could not be learned: no class or no finite target, a bad weight, no input."""
        return int(self._cells.tally[0, SKIPPED])

    @property
    def n_resets(self) -> int:
        """Times that the weights started over because numbers had grown out of bounds."""
        return int(self._cells.tally[0, N_RESETS])

    @property
    def last_forgetting_factor(self) -> float:
        """How much the past counted at the last row learned; 0 before the first."""
        return float(self._cells.tally[0, FACTOR])

    def forget(self, factor: float) -> None:
        """Let all evidence count `factor` (in (0, 1], at least 1e-8 counts) times as much."""
        if checked("factor", factor, _SMALLEST, 1.0) < 1.0:
            self._cells.forget(0, factor, self.parameters.l2)

    def _identity(self) -> str:
        p = self.parameters
        return f"{p.variant} {p.activation} {p.n_hidden} nodes in {p.group_size}s, seed {p.seed}"

    def state_from(self, cells: Cells, key: int) -> State:
        """Return the state of such a learner that holds what `key` of `cells` holds."""
        values = {"nodes": self._identity()} | cells.values(key) | self._warm_up.values()
        return State(self.kind, self.state_version, values)

    def checked_cell(self, state: State) -> dict[str, FloatArray]:
        """Return what a state holds for one key.

        Raises
        ------
        IncompatibleStateError
            If it is not from such a learner with the same nodes.
        """
        state.expect(self.kind, self.state_version)
        if state.text("nodes") != self._identity():
            raise IncompatibleStateError(
                f"{self.kind}: state has {state.text('nodes')}, not {self._identity()}"
            )
        return self._cells.checked(state)

    def state(self) -> State:
        """Return scaling, inverse, weights and counts; nodes are named by their seed."""
        return self.state_from(self._cells, 0)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If it is not from such a learner with the same nodes.
        """
        values, waiting = self.checked_cell(state), self._warm_up.checked(state)
        self._cells.put(0, values)
        self._warm_up = waiting


class RVFLClassifier(RVFL, ArrayClassifier):
    """Least squares on scaled inputs and random nodes, with one-hot labels and forgetting.

    A stable form of Lite-RVFL (arXiv 2506.08063).  Each row learned is one step of recursive least
    squares, whose inverse all classes share, and O(m^2).  The published form multiplies samples by
    ever larger weights: at theta = 1.003 that overflows after 118,000 rows, and long before it the
    ridge is gone and the inverse winds up on inputs that do not vary.  Here the past is scaled down
    instead, and each row refills what the ridge lost in one of the m directions, in turn.

    Scores estimate the classes' probabilities; what is predicted are their parts above 0.001,
    made to sum to 1.  Inputs are deviations from running means, at most 5; missing, infinite or
    huge (above 1e100) ones count as the mean.  Rows without any input, or whose label or weight
    cannot be used, are skipped and counted.  A row's weight counts as at most 1e6.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_hidden
        Random nodes.
    forgetting_factor
        In [0.5, 1 - 1e-6]: what was learned counts this much less with each row; the published
        theta is ``forgetting_factor ** -0.5``.  Its window ``1 / (1 - forgetting_factor)`` should
        be some times m.
    drift_speedup
        While errors are larger than usual, the window may be this many times shorter (by the rule
        of Paleologu, Benesty and Ciochina, "A robust variable forgetting factor recursive
        least-squares algorithm for system identification", IEEE SPL 2008); 1: never.
    l2
        Ridge that every direction keeps.
    activation
        Of the nodes.
    scaling_window
        Means and variances of the inputs follow about this many rows.
    variant
        ``stable``, or ``paper`` for the published form: frozen scaling, no refilled ridge, no
        intercept, grouped nodes, ``softmax`` of the scores.  Where it would overflow it starts
        over, counted in ``n_resets``.
    group_size
        Of the paper's form only: nodes that are orthogonal and share a bias.
    n_init
        Of the paper's form only: rows that fix the scaling before anything is learned.
    seed
        Of the random nodes.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(2000, 2)) * (1e9, 1e-9)
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)  # no line divides these classes
    >>> hit = RVFLClassifier(2, 2).test_then_train(X, y).argmax(axis=1) == y
    >>> bool(hit[-1000:].mean() > 0.9)
    True
    """

    kind = "rvfl"

    def __init__(  # noqa: PLR0913, PLR0917 - those of the method
        self,
        n_features: int,
        n_classes: int,
        n_hidden: int = 100,
        forgetting_factor: float = 0.999,
        drift_speedup: float = 10.0,
        l2: float = 0.1,
        activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid",
        scaling_window: int = 5000,
        variant: Literal["stable", "paper"] = "stable",
        group_size: int = 10,
        n_init: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__(n_features, n_classes)
        self._level = 1.0 / self.n_outputs
        self._build(
            RVFLParameters(
                self.n_features, n_hidden, forgetting_factor, drift_speedup, l2, activation,
                scaling_window, variant, group_size, n_init, seed,
            )
        )  # fmt: skip

    def logits(self, X: ArrayLike) -> FloatArray:
        """Return float64 [n, k] whose softmax are the probabilities, for X [n, d]."""
        A = self._features(X)
        out = np.empty((len(A), self.n_outputs))
        if self._warm_up.n_missing:
            out[:] = 0.0
        else:
            cells = self._cells
            logit_rows(A, cells.W[0], cells.offset[0], self.parameters.is_paper, out)
        return out


class RVFLRegressor(RVFL, ArrayRegressor):
    """The same with a number to predict; see `RVFLClassifier`.

    Targets are taken in deviations from their running mean.  Errors count as at most ten times
    their usual size.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_hidden
        Random nodes.
    forgetting_factor
        In [0.5, 1 - 1e-6]: what was learned counts this much less with each row.
    drift_speedup
        While errors are larger than usual, the window may be this many times shorter; 1: never.
    l2
        Ridge that every direction keeps.
    activation
        Of the nodes.
    scaling_window
        Means and variances of inputs and target follow about this many rows.
    variant
        ``stable``, or ``paper`` for the published form.
    group_size
        Of the paper's form only: nodes that are orthogonal and share a bias.
    n_init
        Of the paper's form only: rows that fix the scaling before anything is learned.
    seed
        Of the random nodes.

    Examples
    --------
    >>> X = np.random.default_rng(1).normal(size=(2000, 2))
    >>> y = 1e9 + X[:, 0] * X[:, 1]
    >>> P = RVFLRegressor(2).test_then_train(X, y)[:, 0]
    >>> bool(abs(P - y)[-1000:].mean() < 0.2)
    True
    """

    kind = "rvfl_regressor"
    _level = 0.0

    def __init__(  # noqa: PLR0913, PLR0917 - those of the method
        self,
        n_features: int,
        n_hidden: int = 100,
        forgetting_factor: float = 0.999,
        drift_speedup: float = 10.0,
        l2: float = 0.1,
        activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid",
        scaling_window: int = 5000,
        variant: Literal["stable", "paper"] = "stable",
        group_size: int = 10,
        n_init: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__(n_features)
        self._build(
            RVFLParameters(
                self.n_features, n_hidden, forgetting_factor, drift_speedup, l2, activation,
                scaling_window, variant, group_size, n_init, seed,
            )
        )  # fmt: skip

    def interval(self, X: ArrayLike, coverage: float) -> FloatArray:
        """Return float64 [n, 2] (low, high) from the mean square of the last thousand errors or so.

        Infinite as long as there is no error yet.  Errors are taken as normal.

        Raises
        ------
        ParameterError
            If `coverage` is not in [0, 1).
        """
        tally = self._cells.tally[0]
        known = tally[ERROR_EVIDENCE] > 0.0
        deviation = float(np.sqrt(tally[ERROR_SQUARE])) if known else np.inf
        return normal_interval(self.predict(X)[:, 0], deviation, coverage)
