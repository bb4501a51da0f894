"""The Hoeffding adaptive tree regressor: a model tree whose branches are replaced on drift."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.errors import SMALLEST, IncompatibleStateError, checked, whole
from streamadapt.models.hoeffding_adaptive_tree_regressor_kernels import (
    N_ADAPTIVE,
    N_PLANTED,
    N_PRUNED,
    N_SWITCHED,
    N_WATCH,
    run_adaptive,
)
from streamadapt.models.hoeffding_tree_regressor import HoeffdingTreeRegressor
from streamadapt.models.hoeffding_tree_regressor_kernels import SCALE
from streamadapt.models.hoeffding_tree_regressor_pools import restored
from streamadapt.models.quantizer_kernels import COLUMN
from streamadapt.state import State

__all__ = ["HoeffdingAdaptiveTreeRegressor"]

_N_WORK = 2


class HoeffdingAdaptiveTreeRegressor(HoeffdingTreeRegressor):
    """A model tree in which a Page-Hinkley test watches the error of each branch: FIMT-DD.

    Ikonomovska, Gama and Dzeroski, Learning model trees from evolving data streams, Data Mining
    and Knowledge Discovery 23, 2011, with the constants of MOA's ``FIMTDD``: where the error of an
    inner node rises, another tree starts to grow beside it.  Each `alternate_period` rows both are
    compared by their faded squared errors; the new tree takes the node's place as soon as its own
    is the smaller one, and is dropped if it is not within `alternate_lifetime` rows.  It has no
    vote before.  The tree itself is `HoeffdingTreeRegressor`; without drift both predict the same.
    Errors are absolute ones in three running deviations of the targets, at most 1, so that one
    outlier alone raises no alarm; MOA's have no limit.  A node beside which a tree grows plants
    no second one, and trees beside nodes plant none.

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
        Bound of all arrays, in MiB; trees that grow beside branches included.
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
    drift_delta
        Rise of the mean error that the test allows.
    drift_threshold
        Sum of rises beyond it that raises the alarm, in errors.
    alternate_decay
        Fading of the squared errors per row, in [0, 1].
    alternate_period
        Rows between comparisons.
    alternate_lifetime
        Rows after which a tree that is not better is dropped.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((12_000, 2))
    >>> y = np.where(np.arange(12_000) < 6_000, 1, -1) * np.floor(4 * X[:, 0])
    >>> tree = HoeffdingAdaptiveTreeRegressor(2)
    >>> miss = abs(tree.test_then_train(X, y)[:, 0] - y)
    >>> tree.n_switched_trees > 0, bool(miss[-2000:].mean() < 0.3)
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
        drift_delta: float = 0.005,
        drift_threshold: float = 50.0,
        alternate_decay: float = 0.995,
        alternate_period: int = 150,
        alternate_lifetime: int = 1500,
    ) -> None:
        super().__init__(
            n_features, grace_period, delta, tau, leaf_prediction, model_selector_decay,
            nominal_features, max_size, max_depth, n_bins, min_samples_split, binary_split,
            learning_rate,
        )  # fmt: skip
        self.drift_delta = checked("drift_delta", drift_delta, 0.0, 1.0)
        self.drift_threshold = checked("drift_threshold", drift_threshold, SMALLEST, 1e15)
        self.alternate_decay = checked("alternate_decay", alternate_decay, 0.0, 1.0)
        self.alternate_period = whole("alternate_period", alternate_period, 1, 10**12)
        self.alternate_lifetime = whole("alternate_lifetime", alternate_lifetime, 1, 10**12)
        self._beside()

    def _settings(self) -> NDArray[np.void]:
        settings = super()._settings()
        settings["n_spare"] = 1  # a tree that took all nodes could never be replaced
        return settings

    def _bytes_per_node(self) -> int:
        return 8 * (1 + N_WATCH + _N_WORK)

    def _beside(self) -> None:
        """Make room for what nodes have beside those of a Hoeffding tree."""
        n = len(self._tree.nodes)
        self._links = np.full(n, -1)
        self._watch = np.zeros((n, N_WATCH))
        self._work = np.zeros((_N_WORK, n), np.int64)
        self._target_scale = np.zeros(1, SCALE)
        self._target_column = np.zeros(1, COLUMN)
        self._adaptive = np.zeros(N_ADAPTIVE)
        self._adaptive[:N_PLANTED] = (
            self.drift_delta,
            self.drift_threshold,
            self.alternate_decay,
            self.alternate_period,
            self.alternate_lifetime,
        )

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        beside = (self._links, self._watch, self._adaptive, self._work)
        run_adaptive(ops, X, y, w, P, self._tree, *beside, self._target_column, self._target_scale)

    def state(self) -> State:
        """Return nodes, observers and tests in use, as data."""
        n, state = self.n_nodes, super().state()
        values = {
            "links": self._links[:n].copy(),
            "watch": self._watch[:n].copy(),
            "events": self._adaptive[N_PLANTED:].astype(np.int64),
        }
        scale = {f"target.{name}": float(self._target_scale[name][0]) for name in SCALE.names or ()}
        return State(state.kind, state.version, {**state.values, **values, **scale})

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit this tree's parameters.
        """
        state.expect(type(self).__name__, self.state_version)
        links, watch = state.integers("links"), state.floats("watch")
        events = state.integers("events")
        tree = restored(
            self._columns, self._settings(), self.max_size * 2**20, state,
            self._bytes_per_node(), links,
        )  # fmt: skip
        n = int(tree.totals[0]["n_nodes"])
        scale = [state.number(f"target.{name}") for name in SCALE.names or ()]
        wanted = ((n,), (n, N_WATCH), (N_ADAPTIVE - N_PLANTED,))
        if (links.shape, watch.shape, events.shape) != wanted or not np.isfinite(watch).all():
            raise IncompatibleStateError("what nodes watch does not fit the nodes")
        self._tree = tree
        self._beside()
        self._links[:n], self._watch[:n], self._adaptive[N_PLANTED:] = links, watch, events
        self._target_scale[0] = tuple(scale)

    @property
    def max_bytes(self) -> int:
        """Bytes of all arrays when full; at most `max_size` MiB."""
        return super().max_bytes + len(self._tree.nodes) * self._bytes_per_node()

    @property
    def n_alternate_trees(self) -> int:
        """Trees that grow beside a branch now."""
        return int((self._links[: self.n_nodes] >= 0).sum())

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
        """Trees that were dropped because they were not better in time."""
        return int(self._adaptive[N_PRUNED])
