"""The Hoeffding adaptive tree classifier: a Hoeffding tree whose branches are replaced on drift."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import N_WORDS, checked_windows
from streamadapt.errors import SMALLEST, IncompatibleStateError, checked, whole
from streamadapt.java_random_kernels import MASK, MULTIPLIER
from streamadapt.models.hoeffding_adaptive_tree_kernels import (
    N_ADAPTIVE,
    N_PLANTED,
    N_PRUNED,
    N_SWITCHED,
    run_adaptive,
)
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.hoeffding_tree_pools import Shape, fitting
from streamadapt.models.poisson_kernels import poisson_table
from streamadapt.models.subtree_kernels import ALTERNATE
from streamadapt.models.tree_kernels import untouched
from streamadapt.state import State

__all__ = ["HoeffdingAdaptiveTreeClassifier"]

_N_LINKS, _N_WORK = 2, 2


class HoeffdingAdaptiveTreeClassifier(HoeffdingTreeClassifier):
    """A Hoeffding tree in which ADWIN watches the error of each branch, and replaces it on drift.

    Where the error of an inner node rises, another tree starts to grow beside it; once both have
    been watched for long enough, the better one stays.  Bifet and Gavaldà, Adaptive learning from
    evolving data streams, IDA 2009, with what MOA's ``HoeffdingAdaptiveTree`` made of it: trees
    beside the way vote as soon as they have split, each leaf with one over its squared error; a
    leaf learns each row max(1, Poisson(1)) times, with the numbers that Java draws from `seed`.
    Deviations beside those of `HoeffdingTreeClassifier`:

    - A tree takes a node's place once it errs less.  In MOA it does so when it first splits too,
      before anything is compared: the split is put where the node is, not where the tree is.  So
      there no tree that has split ever votes beside the way.  With this rule instead of ours
      predictions are MOA's, row by row, over the LED streams of ``benchmarks/drift_streams.py``.
    - A tree that has replaced a node learns the row of its replacement once; in MOA the replaced
      branch learns on, unseen.
    - A leaf without any error yet votes as if one in its window and one more were wrong; in MOA
      its raw likelihoods or counts are added to the others' weighted votes.
    - It adapts with its memory full too: it splits no more once three quarters of all nodes are
      taken, trees beside it until all are, and these begin with observers, if need be with those
      of its leaf that promises least.

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
        Bound of all pools, in MiB; trees that grow beside branches included, which a quarter of
        the nodes is for.
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
    bootstrap_sampling
        Whether leaves learn rows several times.
    adwin_delta
        Confidence of the windows of errors.
    drift_window_threshold
        A tree is compared with the branch it grows beside once both windows are longer than this.
    switch_significance
        Allowed chance of a wrong replacement.
    seed
        Of the numbers of times; each leaf starts with it.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((20_000, 2))
    >>> y = (X[:, 0] > 0.5) ^ (np.arange(20_000) > 10_000)
    >>> tree = HoeffdingAdaptiveTreeClassifier(n_features=2, n_classes=2)
    >>> hit = tree.test_then_train(X, y).argmax(axis=1) == y
    >>> tree.n_switched_trees, bool(hit[-5000:].mean() > 0.99)
    (1, True)
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
        bootstrap_sampling: bool = True,
        adwin_delta: float = 0.002,
        drift_window_threshold: int = 300,
        switch_significance: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__(
            n_features,
            n_classes,
            grace_period,
            delta,
            tau,
            leaf_prediction,
            nominal_features,
            max_size,
            max_depth,
            n_split_points,
            binary_split,
            memory_estimate_period,
            split_criterion,
        )
        self.bootstrap_sampling = bootstrap_sampling
        self.adwin_delta = checked("adwin_delta", adwin_delta, SMALLEST, 1.0)
        self.drift_window_threshold = whole(
            "drift_window_threshold", drift_window_threshold, 1, 10**9
        )
        self.switch_significance = checked(
            "switch_significance", switch_significance, SMALLEST, 1.0
        )
        self.seed = whole("seed", seed, 0, 2**63 - 1)
        self._table = poisson_table(1.0)
        self._beside()

    def _shape(self) -> Shape:
        return Shape(nodes_per_slot=4, bytes_per_node=4 * N_WORDS + 8 * (_N_LINKS + _N_WORK))

    def _beside(self) -> None:
        """Make room for what nodes of this tree have beside those of a Hoeffding tree."""
        n = len(self._pools.nodes)
        first = (self.seed ^ MULTIPLIER) & MASK
        self._links = untouched((n, _N_LINKS), np.int64)
        self._links[0] = -1, first
        self._windows = untouched((n, N_WORDS), np.int32)
        self._work = untouched((_N_WORK, n), np.int64)
        self._adaptive = np.zeros(N_ADAPTIVE)
        self._adaptive[:5] = (
            self.adwin_delta,
            self.drift_window_threshold,
            self.switch_significance,
            self.bootstrap_sampling,
            first,
        )

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        beside = (self._links, self._windows, self._adaptive, self._work, self._table)
        run_adaptive(ops, X, y, w, P, *self._pools, *beside)

    def state(self) -> State:
        """Return nodes, windows and observers in use, as data."""
        n, state = self.n_nodes, super().state()
        values = {
            "links": self._links[:n].copy(),
            "windows": self._windows[:n].copy(),
            "events": self._adaptive[N_PLANTED:].astype(np.int64),
        }
        return State(state.kind, state.version, {**state.values, **values})

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this tree's parameters.
        """
        before = self._pools
        super().restore(state)
        n = self.n_nodes
        try:
            links = fitting(state.integers("links"), self._links[:n])
            windows = checked_windows(fitting(state.array("windows"), self._windows[:n]))
            events = fitting(state.floats("events"), self._adaptive[N_PLANTED:])
            self._check_alternates(links[:, ALTERNATE])
        except IncompatibleStateError:
            self._pools = before
            raise
        self._beside()
        self._links[:n], self._windows[:n], self._adaptive[N_PLANTED:] = links, windows, events

    def _check_alternates(self, alternates: IntArray) -> None:
        at = np.flatnonzero(alternates != -1)
        inner = self._pools.nodes["feature"][at] >= 0
        if not (inner & (alternates[at] > at) & (alternates[at] < self.n_nodes)).all():
            raise IncompatibleStateError("the nodes' links lead out of the tree")

    def _n_bytes_beside(self) -> int:
        return self._shape().bytes_per_node

    @property
    def n_bytes(self) -> int:
        """Bytes of the nodes, windows and observers in use."""
        return super().n_bytes + self.n_nodes * self._n_bytes_beside()

    @property
    def max_bytes(self) -> int:
        """Bytes of all pools when full; at most `max_size` MiB."""
        return super().max_bytes + len(self._pools.nodes) * self._n_bytes_beside()

    @property
    def n_alternate_trees(self) -> int:
        """Trees that grow beside a branch now."""
        return int((self._links[: self.n_nodes, ALTERNATE] >= 0).sum())

    @property
    def n_planted_trees(self) -> int:
        """Trees that ever started to grow beside a branch."""
        return int(self._adaptive[N_PLANTED])

    @property
    def n_switched_trees(self) -> int:
        """Trees that took the place of a branch."""
        return int(self._adaptive[N_SWITCHED])

    @property
    def n_pruned_trees(self) -> int:
        """Trees that were dropped as leaves still, because they erred more than the branch."""
        return int(self._adaptive[N_PRUNED])
