"""The extremely fast decision tree: splits early, and takes a split back when another is better."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import N_WORDS
from streamadapt.errors import IncompatibleStateError, whole
from streamadapt.models.extremely_fast_tree_kernels import (
    N_FROZEN,
    N_REVISED,
    N_REVISING,
    SLOT,
    forget_inner,
    run_revising,
)
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.hoeffding_tree_kernels import HAS_SEEN
from streamadapt.models.hoeffding_tree_pools import Shape, fitting
from streamadapt.models.tree_kernels import untouched
from streamadapt.state import State, Value

__all__ = ["ExtremelyFastDecisionTreeClassifier"]

_NODES_PER_SLOT, _N_LINKS = 8, 2


class ExtremelyFastDecisionTreeClassifier(HoeffdingTreeClassifier):
    """A decision tree that splits as soon as that is better than not to, and revises its splits.

    Manapragada, Webb and Salehi, Extremely fast decision tree, KDD 2018, as MOA's ``EFDT`` is: a
    leaf is split once the mean merit of its best column, over all looks at it, is above
    Hoeffding's bound; inner nodes go on observing rows, and each `min_samples_reevaluate` rows of
    the whole tree those on the way of the latest row are looked at: if another column's mean merit
    is better by more than the bound, the branch goes and new leaves take its place.  As in MOA,
    the sum of merits is kept when a leaf becomes an inner node, but looks are counted anew; and a
    column of which no split leaves two branches with more than 1 % of the weight has the merit
    minus infinity in all its later means, so that only a tie can choose it.
    Deviations beside those of `HoeffdingTreeClassifier`:

    - A column that has been tested above may be tested again; MOA forbids it, but for numeric
      columns, below a nominal test.  With one branch per value nothing is left to gain there.
    - The merit of Gini impurity is what it adds to that of no split, so that no split has merit 0
      as by information gain; in MOA its raw value is compared with the least merit.
    - A leaf whose columns are all constant stays as it is; MOA ends with an error.
    - MOA's tree grows without bound.  Here, when there are no slots left for the observers of new
      leaves, the inner node with the least weight loses its own, and is not looked at again; once
      none has any, leaves are ranked as in `HoeffdingTreeClassifier`.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    grace_period
        Weight a leaf sees between attempts to split.
    min_samples_reevaluate
        Rows between looks at inner nodes.  River's default is 20 and counts at each node.
    delta
        Allowed chance of a wrong split, in (0, 1).
    tau
        Below this bound a leaf is split at any gain, an inner node at half of this gain.
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
        Rows between rankings of the leaves besides those after each split.
    split_criterion
        Information gain in bits, or Gini impurity.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((20_000, 3))
    >>> y = np.where(np.arange(20_000) < 1_500, X[:, 0] > 0.5, X[:, 1] > 0.5)
    >>> tree = ExtremelyFastDecisionTreeClassifier(n_features=3, n_classes=2)
    >>> hit = tree.test_then_train(X, y).argmax(axis=1) == y
    >>> tree.n_revised_splits > 0, tree.describe().splits[0].feature, bool(hit[-2000:].mean() > 0.9)
    (True, 1, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - River's own parameters
        self,
        n_features: int,
        n_classes: int,
        grace_period: int = 200,
        min_samples_reevaluate: int = 2000,
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
        super().__init__(
            n_features, n_classes, grace_period, delta, tau, leaf_prediction, nominal_features,
            max_size, max_depth, n_split_points, binary_split, memory_estimate_period,
            split_criterion,
        )  # fmt: skip
        self.min_samples_reevaluate = whole(
            "min_samples_reevaluate", min_samples_reevaluate, 1, 10**12
        )
        self._beside()

    def _shape(self) -> Shape:
        per_slot = 8 * (self.n_features + 2)  # of gains
        per_node = 8 * _N_LINKS + per_slot // _NODES_PER_SLOT
        return Shape(nodes_per_slot=_NODES_PER_SLOT, bytes_per_node=per_node)

    def _beside(self) -> None:
        """Make room for what nodes and slots have beside those of a Hoeffding tree."""
        self._links = untouched((len(self._pools.nodes), _N_LINKS), np.int64)
        self._links[0] = -1
        self._gains = untouched((len(self._pools.free_slots), self.n_features + 2))
        self._revising = np.zeros(N_REVISING)
        self._revising[0] = self.min_samples_reevaluate
        self._no_windows = np.zeros((0, N_WORDS), np.int32)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        beside = (self._links, self._gains, self._revising, self._no_windows)
        run_revising(ops, X, y, w, P, *self._pools, *beside)

    def forget(self, factor: float) -> None:
        """Let all evidence count `factor` (in (0, 1]) times as much; splits and merits stay."""
        super().forget(factor)
        pools = self._pools
        forget_inner(
            pools.tree, pools.columns, pools.nodes, pools.class_weights, pools.gauss, pools.counts,
            self._links, float(factor),
        )  # fmt: skip

    def state(self) -> State:
        """Return nodes and observers in use, as data."""
        inner, leaf_slots, inner_slots = self._slots()
        n_free, state = len(self._pools.free_slots) - len(leaf_slots), super().state()
        has_seen = self._pools.heads[leaf_slots, HAS_SEEN : HAS_SEEN + 1] != 0.0
        values: dict[str, Value] = {
            "n_free": n_free,  # as if inner nodes had no slots: theirs follow
            "gains": np.where(has_seen, self._gains[leaf_slots], 0.0),
            "inner.nodes": inner,
            "inner.gains": self._gains[inner_slots],
            "inner.gauss": self._pools.gauss[inner_slots],
            "inner.counts": self._pools.counts[inner_slots],
            "events": self._revising[N_REVISED:].astype(np.int64),
        }
        return State(state.kind, state.version, {**state.values, **values})

    def _slots(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return the inner nodes that have slots, the slots of leaves, and those of these nodes."""
        nodes, links = self._pools.nodes[: self.n_nodes], self._links[: self.n_nodes, SLOT]
        leaf = nodes["feature"] < 0
        slots = nodes["first_child"][leaf].astype(np.int64)
        inner = np.flatnonzero(~leaf & (links >= 0))
        return inner, slots[slots >= 0], links[inner]

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this tree's parameters.
        """
        before = self._pools, self._links, self._gains, self._revising
        super().restore(state)
        try:
            self._beside()
            self._restore_beside(state)
        except IncompatibleStateError:
            self._pools, self._links, self._gains, self._revising = before
            raise

    def _restore_beside(self, state: State) -> None:
        pools, tree = self._pools, self._pools.tree
        n_leaf, inner = len(self._slots()[1]), state.integers("inner.nodes")
        n_used = n_leaf + len(inner)
        self._links[: self.n_nodes] = -1
        if not (
            len(inner) <= int(tree["n_free"][0])
            and ((inner >= 0) & (inner < self.n_nodes)).all()
            and (np.diff(inner) > 0).all()
            and (pools.nodes["feature"][inner] >= 0).all()
        ):
            raise IncompatibleStateError("slots of inner nodes lead out of the tree")
        self._links[inner, SLOT] = np.arange(n_leaf, n_used)
        tree["n_free"] -= len(inner)
        self._gains[:n_leaf] = fitting(state.floats("gains"), self._gains[:n_leaf])
        rooms = {"gains": self._gains, "gauss": pools.gauss, "counts": pools.counts}
        for name, room in rooms.items():
            room[n_leaf:n_used] = fitting(state.floats(f"inner.{name}"), room[n_leaf:n_used])
        events = self._revising[N_REVISED:]
        events[:] = fitting(state.integers("events"), events)

    @property
    def n_active_leaves(self) -> int:
        """Leaves with observers, which predict by naive Bayes and can be split."""
        return len(self._slots()[1])

    @property
    def n_revised_splits(self) -> int:
        """Inner nodes that were given another split, and lost the branch below them."""
        return int(self._revising[N_REVISED])

    @property
    def n_frozen_splits(self) -> int:
        """Times an inner node lost its observers for want of memory."""
        return int(self._revising[N_FROZEN])

    @property
    def n_bytes(self) -> int:
        """Bytes of the nodes and observers in use."""
        n_slots = len(self._pools.free_slots) - self._counter("n_free")
        return super().n_bytes + self._bytes_beside(self.n_nodes, n_slots)

    @property
    def max_bytes(self) -> int:
        """Bytes of all pools when full; at most `max_size` MiB."""
        return super().max_bytes + self._bytes_beside(len(self._links), len(self._gains))

    def _bytes_beside(self, n_nodes: int, n_slots: int) -> int:
        return 8 * (n_nodes * _N_LINKS + n_slots * (self.n_features + 2))
