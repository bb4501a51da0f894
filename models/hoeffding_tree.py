"""The Hoeffding tree classifier (VFDT): a decision tree that grows while the stream goes by."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import SMALLEST, ParameterError, checked, whole
from streamadapt.models.hoeffding_tree_kernels import (
    MAJORITY,
    NAIVE_BAYES,
    NAIVE_BAYES_ADAPTIVE,
    forget_all,
    run_block,
)
from streamadapt.models.hoeffding_tree_pools import (
    Shape,
    columns_of,
    plant,
    pool_bytes,
    restored,
    tree_values,
    used_bytes,
    values_by_column,
)
from streamadapt.models.learner import ArrayClassifier
from streamadapt.models.split_merit_kernels import GINI, INFO_GAIN
from streamadapt.models.tree_description import TreeDescription, class_spread, described
from streamadapt.models.tree_kernels import MAX_DEPTH
from streamadapt.state import State

__all__ = ["HoeffdingTreeClassifier"]

LEAF_PREDICTIONS = {"mc": MAJORITY, "nb": NAIVE_BAYES, "nba": NAIVE_BAYES_ADAPTIVE}
_CRITERIA = {"info_gain": INFO_GAIN, "gini": GINI}


class HoeffdingTreeClassifier(ArrayClassifier):
    """A decision tree that splits a leaf once Hoeffding's bound says the best feature is the best.

    Domingos and Hulten, Mining high-speed data streams, KDD 2000, with what MOA's ``HoeffdingTree``
    made of it (Kirkby, Improving Hoeffding trees, PhD thesis, Waikato 2007): Gaussian numeric
    observers, adaptive naive Bayes leaves, a memory bound by promise.  On the streams of
    ``benchmarks/hoeffding_tree.py`` the tree is as large as MOA's, and 99.7 % or more of the
    predictions are the same.  Deviations:

    - Naive Bayes is computed in logarithms, so it does not underflow.  If no class is possible, the
      class weights are predicted instead of class 0.
    - A missing value (NaN, infinite, larger than 1e100, a nominal value outside 0..V-1) is skipped
      by observers and by naive Bayes.  NaN and infinite values go to the heaviest child, as does a
      value for which a split by all values has no branch; in MOA such rows end at the inner node
      and are not learned.  All other values go where a threshold, or a test of one value, sends
      them: 1e200 is above the threshold, and 99 is not 1, in whatever range they should be.
    - The weight since the last attempt to split is summed by itself; MOA subtracts two rounded
      sums, which now and then delays an attempt by a row.  Merits that differ by less than 1e-10
      are equal, so that rounding decides nothing; of equals the last column wins.
    - If not to split wins, nothing happens; MOA clears the leaf's observers.  A split that leaves
      no two branches with more than 1 % of the weight is never made, not even to break a tie, nor
      by Gini impurity.
    - Memory is what the pools hold, allocated once; when the node pool is full, growth ends.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    grace_period
        Weight a leaf sees between attempts to split.
    delta
        Allowed chance of a wrong split, in (0, 1).
    tau
        Below this bound a tie is broken.
    leaf_prediction
        Majority class, naive Bayes, or whichever of the two was right more often at this leaf.
    nominal_features
        {column: number of values V}; such a column holds whole numbers 0..V-1.
    max_size
        Bound of all pools, in MiB.
    max_depth
        Leaves this deep are not split.
    n_split_points
        Thresholds tried per numeric feature.
    binary_split
        Whether nominal features too split into two branches only.
    memory_estimate_period
        Rows between rankings of the leaves besides those after each split; matters only once
        there are more leaves than slots for observers.
    split_criterion
        Information gain in bits, or Gini impurity.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((20_000, 2))
    >>> y = (X[:, 0] > 0.5) & (X[:, 1] > 0.5)
    >>> tree = HoeffdingTreeClassifier(n_features=2, n_classes=2)
    >>> hit = tree.test_then_train(X, y).argmax(axis=1) == y
    >>> tree.n_leaves, bool(hit[-1000:].mean() > 0.99)
    (6, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - River's own parameters
        self,
        n_features: int,
        n_classes: int,
        grace_period: int = 200,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: Literal["mc", "nb", "nba"] = "nba",
        nominal_features: dict[int, int] | None = None,
        max_size: float = 32.0,
        max_depth: int | None = None,
        n_split_points: int = 10,
        binary_split: bool = False,
        memory_estimate_period: int = 1_000_000,
        split_criterion: Literal["info_gain", "gini"] = "info_gain",
    ) -> None:
        super().__init__(n_features, n_classes)
        self.grace_period = whole("grace_period", grace_period, 1, 10**12)
        self.delta = checked("delta", delta, SMALLEST, 1.0)
        self.tau = checked("tau", tau, 0.0, math.inf)
        self.leaf_prediction = leaf_prediction
        self.nominal_features = nominal_features
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.max_depth = max_depth
        self.n_split_points = whole("n_split_points", n_split_points, 1, 10_000)
        self.binary_split = binary_split
        self.memory_estimate_period = whole(
            "memory_estimate_period", memory_estimate_period, 1, 10**15
        )
        self.split_criterion = split_criterion
        self._columns = columns_of(self.n_features, nominal_features)
        self._pools = plant(
            self._columns, self.n_classes, max_size * 2**20, self._settings(), self._shape()
        )

    def _shape(self) -> Shape:
        return Shape()

    def _settings(self) -> dict[str, float]:
        depth = MAX_DEPTH if self.max_depth is None else self.max_depth
        return dict(
            leaf_prediction=coded("leaf_prediction", self.leaf_prediction, LEAF_PREDICTIONS),
            criterion=coded("split_criterion", self.split_criterion, _CRITERIA),
            grace_period=float(self.grace_period),
            log_inverse_delta=-math.log(self.delta),
            tau=float(self.tau),
            n_split_points=self.n_split_points,
            binary_split=bool(self.binary_split),
            max_depth=whole("max_depth", depth, 0, MAX_DEPTH),
            memory_estimate_period=self.memory_estimate_period,
        )

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        run_block(ops, X, y, w, P, *self._pools)

    def forget(self, factor: float) -> None:
        """Let all evidence in the leaves count `factor` (in (0, 1]) times as much; splits stay."""
        pools = self._pools
        forget_all(
            pools.tree,
            pools.columns,
            pools.nodes,
            pools.class_weights,
            pools.heads,
            pools.gauss,
            pools.counts,
            pools.row,
            float(checked("factor", factor, SMALLEST, 1.0)),
        )

    def state(self) -> State:
        """Return nodes and observers in use, as data."""
        values = tree_values(self._pools) | {"columns": values_by_column(self._columns)}
        return State(type(self).__name__, self.state_version, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this tree's parameters.
        """
        state.expect(type(self).__name__, self.state_version)
        state.agreeing("columns", values_by_column(self._columns))
        self._pools = restored(
            self._columns,
            self.n_classes,
            self.max_size * 2**20,
            self._settings(),
            state,
            self._shape(),
        )

    def describe(self) -> TreeDescription:
        """Tell splits and importance of columns; see `TreeDescription`."""
        n = self.n_nodes
        nodes, weights = self._pools.nodes[:n], self._pools.class_weights[:n]
        return described(nodes, weights, class_spread, self.n_features)

    def _counter(self, name: str) -> int:
        return int(self._pools.tree[name][0])

    @property
    def n_nodes(self) -> int:
        """Inner nodes and leaves."""
        return self._counter("n_nodes")

    @property
    def n_leaves(self) -> int:
        """Leaves, active or not."""
        return self._counter("n_leaves")

    @property
    def n_active_leaves(self) -> int:
        """Leaves with observers, which predict by naive Bayes and can be split."""
        return len(self._pools.free_slots) - self._counter("n_free")

    @property
    def max_active_leaves(self) -> int:
        """Slots for observers that fit into `max_size`."""
        return len(self._pools.free_slots)

    @property
    def depth(self) -> int:
        """Most tests between the root and a leaf."""
        return int(self._pools.nodes["depth"][: self.n_nodes].max())

    @property
    def n_skipped(self) -> int:
        """Rows not learned for their label (not 0..k-1) or weight (negative, NaN, above 1e15)."""
        return self._counter("n_skipped")

    @property
    def n_splits_refused(self) -> int:
        """Attempts to split that came to nothing because the node pool is full."""
        return self._counter("n_refused")

    @property
    def n_deactivations(self) -> int:
        """Times a leaf lost its observers to a more promising one."""
        return self._counter("n_deactivated")

    @property
    def n_activations(self) -> int:
        """Times a leaf got observers in place of a less promising one."""
        return self._counter("n_activated")

    @property
    def n_bytes(self) -> int:
        """Bytes of the nodes and observers in use."""
        return used_bytes(self._pools)

    @property
    def max_bytes(self) -> int:
        """Bytes of all pools when full; at most `max_size` MiB."""
        return pool_bytes(self._pools)


def coded(name: str, value: str, codes: dict[str, int]) -> int:
    if value not in codes:
        raise ParameterError(f"{name} = {value!r} is not one of {', '.join(codes)}")
    return codes[value]
