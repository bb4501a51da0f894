"""The Hoeffding tree regressor: a regression tree with linear models in its leaves."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import SMALLEST, ParameterError, checked, whole
from streamadapt.models.hoeffding_tree_regressor_kernels import (
    ADAPTIVE,
    MEAN,
    MODEL,
    SETTINGS,
    run_block,
)
from streamadapt.models.hoeffding_tree_regressor_pools import (
    fade,
    laid_out,
    plant,
    restored,
    tree_values,
)
from streamadapt.models.learner import ArrayRegressor
from streamadapt.models.tree_description import TreeDescription, described_regression
from streamadapt.models.tree_kernels import MAX_DEPTH
from streamadapt.state import State

__all__ = ["HoeffdingTreeRegressor", "regression_settings"]

_LEAF_PREDICTIONS = {"mean": MEAN, "model": MODEL, "adaptive": ADAPTIVE}


class HoeffdingTreeRegressor(ArrayRegressor):
    """A regression tree that splits a leaf once Hoeffding's bound says the best feature is so.

    The FIMT-DD family (Ikonomovska, Gama and Dzeroski, Learning model trees from evolving data
    streams, Data Mining and Knowledge Discovery 23, 2011) without its drift detection, by the
    rules of River's ``HoeffdingTreeRegressor``: a split is made if it reduces the variance, and the
    second best feature's merit is below ``1 - bound`` of the best one's or ``bound < tau``, with
    ``bound = sqrt(ln(1 / delta) / (2 n))`` and n the leaf's weight, inherited weight included.
    What differs:

    - Numeric observers are the quantizers of Mastelini and de Carvalho (Pattern Recognition
      Letters 145, 2021) with a fixed number of bins.  They span the values seen so far, at most
      4 standard deviations either side of the mean, cut by the leaf's own tests; ranges are set
      when a leaf becomes active (the root after 50 rows) and a value outside goes to an end bin.
      After an attempt without a split, an observer whose feature has since left its range by more
      than that range starts afresh.
    - The merit of a split counts the rows its observer has seen, times their share of the leaf's
      weight; River lets all other rows fall to the last branch.
    - The linear model works on inputs standardised by the tree's running mean and deviation,
      clipped at 10 deviations, without the nominal ones.  It takes implicit gradient steps, at
      rate ``max(learning_rate, 1 / (1 + weight of the leaf))``.
    - A prediction lies at most one range of the targets seen beyond that range.  It is 0 before
      the first row.
    - A value that is NaN, infinite or beyond 1e100 is missing: observers skip it, the linear model
      takes the mean, and a test sends it (unless it is merely large) to the heaviest child.
      So is a nominal value outside 0..V-1 or not whole, but for tests of one value.
    - Once a feature has a deviation, outliers count as if they lay 10 deviations out.
    - Memory is what the pools hold, allocated once.  With more leaves than slots for observers, a
      leaf takes the slot of the one with the least squared error left, if that is less than half
      of its own.  When the node pool is full, growth ends.

    Parameters
    ----------
    n_features
        Width d of a row.
    grace_period
        Weight a leaf sees between attempts to split.
    delta
        Allowed chance of a wrong split, in (0, 1].
    tau
        Below this bound a tie is broken.
    leaf_prediction
        Mean of the targets, linear model, or whichever has the smaller faded squared error.
    model_selector_decay
        Fading of those squared errors per row, in [0, 1].
    nominal_features
        {column: number of values V}; such a column holds whole numbers 0..V-1.
    max_size
        Bound of all arrays, in MiB.
    max_depth
        Leaves this deep are not split.
    n_bins
        Bins of a numeric observer.
    min_samples_split
        Least weight of every branch of a split (that has rows at all, if there is one per value).
    binary_split
        Whether nominal features too split into two branches only.
    learning_rate
        Least rate of the linear models, in [0, 1].

    Examples
    --------
    >>> X = np.random.default_rng(7).random((4000, 2))
    >>> tree = HoeffdingTreeRegressor(2)
    >>> tree.learn(X, abs(X[:, 0] - 0.5))
    >>> tree.n_leaves > 1, bool(abs(tree.predict_one([0.9, 0.3]) - 0.4) < 0.02)
    (True, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - River's own parameters
        self,
        n_features: int,
        grace_period: int = 200,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: Literal["mean", "model", "adaptive"] = "adaptive",
        model_selector_decay: float = 0.95,
        nominal_features: dict[int, int] | None = None,
        max_size: float = 32.0,
        max_depth: int | None = None,
        n_bins: int = 64,
        min_samples_split: int = 5,
        binary_split: bool = False,
        learning_rate: float = 0.01,
    ) -> None:
        super().__init__(n_features)
        self.grace_period = whole("grace_period", grace_period, 1, 10**12)
        self.delta = checked("delta", delta, SMALLEST, 1.0)
        self.tau = checked("tau", tau, 0.0, math.inf)
        self.leaf_prediction = leaf_prediction
        self.model_selector_decay = checked("model_selector_decay", model_selector_decay, 0.0, 1.0)
        self.nominal_features = nominal_features
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.max_depth = max_depth
        self.n_bins = whole("n_bins", n_bins, 2, 10_000)
        self.min_samples_split = whole("min_samples_split", min_samples_split, 1, 10**12)
        self.binary_split = binary_split
        self.learning_rate = checked("learning_rate", learning_rate, 0.0, 1.0)
        self._columns = laid_out(self.n_features, nominal_features, self.n_bins)
        self._tree = plant(
            self._columns, self._settings(), max_size * 2**20, self._bytes_per_node()
        )

    def _bytes_per_node(self) -> int:
        """Return the bytes of what nodes have in arrays that are not the tree's own."""
        return 0

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_block(ops, X, y, w, P, self._tree)

    def forget(self, factor: float) -> None:
        """Let all evidence so far count `factor` (in (0, 1]) times as much; splits stay."""
        fade(self._tree, float(checked("factor", factor, SMALLEST, 1.0)))

    def state(self) -> State:
        """Return nodes and observers in use, as data."""
        return State(type(self).__name__, self.state_version, tree_values(self._tree))

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this tree's parameters.
        """
        state.expect(type(self).__name__, self.state_version)
        self._tree = restored(self._columns, self._settings(), self.max_size * 2**20, state)

    @property
    def n_nodes(self) -> int:
        """Inner nodes and leaves."""
        return int(self._tree.totals[0]["n_nodes"])

    @property
    def n_leaves(self) -> int:
        """Leaves, active or not."""
        return int((self._tree.nodes["feature"][: self.n_nodes] < 0).sum())

    @property
    def n_active_leaves(self) -> int:
        """Leaves with observers, which can be split."""
        return int(self._tree.totals[0]["n_slots"])

    @property
    def max_active_leaves(self) -> int:
        """Slots for observers that fit into `max_size`."""
        return len(self._tree.slots)

    @property
    def depth(self) -> int:
        """Most tests between the root and a leaf."""
        return int(self._tree.nodes["depth"][: self.n_nodes].max())

    @property
    def n_skipped(self) -> int:
        """Rows not learned: target not finite or beyond 1e100, weight negative, NaN or > 1e15."""
        return int(self._tree.totals[0]["n_skipped"])

    @property
    def n_splits_refused(self) -> int:
        """Attempts to split that came to nothing because the node pool is full."""
        return int(self._tree.totals[0]["n_splits_refused"])

    @property
    def max_bytes(self) -> int:
        """Bytes of all arrays when full; at most `max_size` MiB."""
        return sum(array.nbytes for array in self._tree)

    def _settings(self) -> NDArray[np.void]:
        return regression_settings(
            self.grace_period, self.delta, self.tau, self.leaf_prediction,
            self.model_selector_decay, self.max_depth, self.min_samples_split, self.binary_split,
            self.learning_rate,
        )  # fmt: skip

    def describe(self) -> TreeDescription:
        """Tell splits and importance of columns; see `TreeDescription`."""
        return described_regression(self._tree)


def regression_settings(  # noqa: PLR0913, PLR0917 - the tree's own parameters
    grace_period: int,
    delta: float,
    tau: float,
    leaf_prediction: str,
    model_selector_decay: float,
    max_depth: int | None,
    min_samples_split: int,
    binary_split: bool,
    learning_rate: float,
) -> NDArray[np.void]:
    """Return SETTINGS [1] of checked parameters."""
    if leaf_prediction not in _LEAF_PREDICTIONS:
        allowed = ", ".join(_LEAF_PREDICTIONS)
        raise ParameterError(f"leaf_prediction = {leaf_prediction!r} is not in {allowed}")
    depth = MAX_DEPTH if max_depth is None else max_depth
    settings = np.zeros(1, SETTINGS)
    settings["grace_period"] = grace_period
    settings["half_log"] = -math.log(delta) / 2.0
    settings["tau"] = tau
    settings["decay"] = model_selector_decay
    settings["min_samples_split"] = min_samples_split
    settings["learning_rate"] = learning_rate
    settings["leaf_prediction"] = _LEAF_PREDICTIONS[leaf_prediction]
    settings["max_depth"] = whole("max_depth", depth, 0, MAX_DEPTH)
    settings["binary_split"] = binary_split
    return settings
