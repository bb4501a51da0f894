"""Streaming gradient boosted trees: each tree learns what those before it leave to be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, OpArray
from streamadapt.errors import IncompatibleStateError, StateError, checked, whole
from streamadapt.java_random_kernels import next_int, scrambled
from streamadapt.models.forest import n_columns
from streamadapt.models.gradient_boosting_kernels import fill_newton_steps, fill_probabilities
from streamadapt.models.hoeffding_adaptive_tree_regressor import HoeffdingAdaptiveTreeRegressor
from streamadapt.models.learner import ArrayClassifier, ArrayRegressor
from streamadapt.models.quantizer_kernels import MAX_VALUE
from streamadapt.models.tree_description import TreeDescription
from streamadapt.models.tree_room import shared_room
from streamadapt.state import State, Value

__all__ = ["GradientBoostingClassifier", "GradientBoostingRegressor"]

_MAX_WEIGHT = 1e15


class _Committee:
    """Trees in a row, each on columns of its own; several scores have a tree each per step."""

    def __init__(
        self,
        model: GradientBoostingClassifier | GradientBoostingRegressor,
        n_scores: int,
    ) -> None:
        d, n_trees = model.n_features, model.n_models * n_scores
        n_drawn = n_columns(model.max_features, d)
        settings = _tree_settings(model, n_trees)
        random = scrambled(model.seed)
        self.n_skipped, self.columns, self.trees = 0, [], []
        self.learning_rate = model.learning_rate
        for _ in range(model.n_models):
            left, drawn = list(range(d)), []
            for _ in range(n_drawn):
                random, place = next_int(random, len(left))
                drawn.append(left.pop(place))
            self.columns.append(np.array(sorted(drawn)))
            with shared_room(model.max_size, n_trees):
                step = [
                    HoeffdingAdaptiveTreeRegressor(n_drawn, **settings) for _ in range(n_scores)
                ]
            self.trees.append(step)

    def learnable(self, ops: OpArray, is_good: NDArray[np.bool_], w: FloatArray) -> OpArray:
        """Return ops without the learning of bad rows, which are counted."""
        learns = (ops & LEARN != 0) & (w != 0.0)
        is_good = is_good & (w > 0.0) & (w <= _MAX_WEIGHT)
        self.n_skipped += int((learns & ~is_good).sum())
        learned = np.where(learns & is_good, LEARN | PREDICT, 0)
        kept: OpArray = (ops & PREDICT | learned).astype(np.int8)
        return kept

    def state(self, kind: str, version: int) -> State:
        trees = {
            f"tree_{m}_{s}": tree.state()
            for m, step in enumerate(self.trees)
            for s, tree in enumerate(step)
        }
        return State(kind, version, {**trees, "n_skipped": self.n_skipped, **self._identity()})

    def _identity(self) -> dict[str, Value]:
        """Return what trees of another configuration would mean something else with."""
        return {"drawn": np.array(self.columns), "learning_rate": float(self.learning_rate)}

    def restore(self, state: State) -> None:
        n, held = self.n_trees, sum(name.startswith("tree_") for name in state.values)
        if held != n:
            raise IncompatibleStateError(f"{state.kind}: the state has {held} trees, not {n}")
        for name, value in self._identity().items():
            state.agreeing(name, value)
        before = self.state("before", 1)
        try:
            self._restore(state)
        except StateError:
            self._restore(before)
            raise

    def _restore(self, state: State) -> None:
        for m, step in enumerate(self.trees):
            for s, tree in enumerate(step):
                tree.restore(state.child(f"tree_{m}_{s}"))
        self.n_skipped = state.integer("n_skipped")

    @property
    def n_trees(self) -> int:
        return sum(len(step) for step in self.trees)

    @property
    def n_switched(self) -> int:
        return sum(tree.n_switched_trees for step in self.trees for tree in step)


class _Boosted:
    """What both learners do with their committee."""

    state_version: int
    _boosted: _Committee

    def state(self) -> State:
        """Return all trees, as data."""
        return self._boosted.state(type(self).__name__, self.state_version)

    def restore(self, state: State) -> None:
        """Become what `state` describes.

        Raises
        ------
        IncompatibleStateError
            If the state is of another kind or version, or does not fit the parameters.
        """
        self._boosted.restore(state.expect(type(self).__name__, self.state_version))

    def describe(self) -> tuple[TreeDescription, ...]:
        """Tell splits and importance of each tree's columns, as the tree numbers them."""
        return tuple(tree.describe() for step in self._boosted.trees for tree in step)

    @property
    def n_switched_trees(self) -> int:
        """Branches of all trees that others took the place of."""
        return self._boosted.n_switched


class GradientBoostingClassifier(_Boosted, ArrayClassifier):
    """Adaptive model trees that learn, one after the other, the gradient of the log loss.

    After Gunasekara, Pfahringer, Gomes and Bifet, Gradient boosted trees for evolving data
    streams, Machine Learning 113 (2024), simplified: each step has a tree per class (one tree for
    two classes), which learns minus gradient over hessian of what all steps before it predict,
    weighted by the hessian, from `max_features` columns drawn once.  The trees are
    `HoeffdingAdaptiveTreeRegressor`, which follow drift by themselves; no step is skipped or reset.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_models
        Steps.
    learning_rate
        Share of each tree's prediction that counts, in (0, 1].
    max_features
        Columns that a tree sees: their number, a share of all, "sqrt", or None for all.
    grace_period
        Weight a leaf sees between attempts to split.
    delta
        Allowed chance of a wrong split, in (0, 1].
    tau
        Below this bound a tie is broken.
    max_size
        Bound of all trees' arrays together, in MiB.
    max_depth
        Leaves this deep are not split.
    n_bins
        Bins of a numeric observer.
    drift_threshold
        Sum of rises of a branch's error that lets a tree grow beside it.
    seed
        Of the columns.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((8_000, 2))
    >>> y = (X[:, 0] > 0.5) ^ (X[:, 1] > 0.5)
    >>> model = GradientBoostingClassifier(2, 2, n_models=4, learning_rate=0.5)
    >>> hit = model.test_then_train(X, y).argmax(axis=1) == y
    >>> bool(hit[-2000:].mean() > 0.8)
    True
    """

    def __init__(  # noqa: PLR0913, PLR0917 - those of the trees, and of boosting
        self,
        n_features: int,
        n_classes: int,
        n_models: int = 10,
        learning_rate: float = 0.3,
        max_features: int | float | str | None = 0.75,
        grace_period: int = 200,
        delta: float = 1e-3,
        tau: float = 0.05,
        max_size: float = 64.0,
        max_depth: int | None = None,
        n_bins: int = 64,
        drift_threshold: float = 50.0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_features, n_classes)
        self.n_models = whole("n_models", n_models, 1, 10_000)
        self.learning_rate = checked("learning_rate", learning_rate, 1e-6, 1.0)
        self.max_features, self.max_depth = max_features, max_depth
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.grace_period, self.delta, self.tau = grace_period, delta, tau
        self.n_bins, self.drift_threshold = n_bins, drift_threshold
        self.seed = whole("seed", seed, 0, 2**62)
        self._n_scores = 1 if self.n_classes == 2 else self.n_classes
        self._boosted = _Committee(self, self._n_scores)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        classes = y.astype(np.int64)
        is_class = (classes >= 0) & (classes < self.n_classes)
        kept = self._boosted.learnable(ops, is_class, w)
        scores, shares = np.zeros((len(ops), self._n_scores)), np.zeros(self.n_classes)
        steps = np.zeros((self._n_scores, len(ops)))
        weights = np.ones((self._n_scores, len(ops)))
        for columns, trees in zip(self._boosted.columns, self._boosted.trees, strict=True):
            fill_newton_steps(kept, scores, y, w, shares, steps, weights)
            seen = np.ascontiguousarray(X[:, columns])
            told = [
                tree.run(kept, seen, steps[s], weights[s])[:, 0] for s, tree in enumerate(trees)
            ]
            scores += self.learning_rate * np.nan_to_num(np.column_stack(told))
        found = np.zeros_like(P)
        fill_probabilities(scores, shares, found)
        predicts = ops & PREDICT != 0
        P[predicts] = found[predicts]

    @property
    def n_skipped(self) -> int:
        """Rows not learned for their label (not 0..k-1) or weight (negative, NaN, above 1e15)."""
        return self._boosted.n_skipped


class GradientBoostingRegressor(_Boosted, ArrayRegressor):
    """Adaptive model trees that learn, one after the other, what those before leave of the target.

    As `GradientBoostingClassifier`, with the squared loss; the first tree counts in full, so that
    later ones start from its residuals.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_models
        Steps.
    learning_rate
        Share of each tree's prediction that counts, but for the first, in (0, 1].
    max_features
        Columns that a tree sees: their number, a share of all, "sqrt", or None for all.
    grace_period
        Weight a leaf sees between attempts to split.
    delta
        Allowed chance of a wrong split, in (0, 1].
    tau
        Below this bound a tie is broken.
    max_size
        Bound of all trees' arrays together, in MiB.
    max_depth
        Leaves this deep are not split.
    n_bins
        Bins of a numeric observer.
    drift_threshold
        Sum of rises of a branch's error that lets a tree grow beside it.
    seed
        Of the columns.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((8_000, 2))
    >>> model = GradientBoostingRegressor(2, n_models=4)
    >>> miss = abs(model.test_then_train(X, X[:, 0] * X[:, 1])[:, 0] - X[:, 0] * X[:, 1])
    >>> bool(miss[-2000:].mean() < 0.05)
    True
    """

    def __init__(  # noqa: PLR0913, PLR0917 - those of the trees, and of boosting
        self,
        n_features: int,
        n_models: int = 10,
        learning_rate: float = 0.3,
        max_features: int | float | str | None = None,
        grace_period: int = 200,
        delta: float = 1e-3,
        tau: float = 0.05,
        max_size: float = 64.0,
        max_depth: int | None = None,
        n_bins: int = 64,
        drift_threshold: float = 50.0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_features)
        self.n_models = whole("n_models", n_models, 1, 10_000)
        self.learning_rate = checked("learning_rate", learning_rate, 1e-6, 1.0)
        self.max_features, self.max_depth = max_features, max_depth
        self.max_size = checked("max_size", max_size, 0.0, 1e6)
        self.grace_period, self.delta, self.tau = grace_period, delta, tau
        self.n_bins, self.drift_threshold = n_bins, drift_threshold
        self.seed = whole("seed", seed, 0, 2**62)
        self._boosted = _Committee(self, 1)

    def _run(
        self, ops: OpArray, X: FloatArray, y: NDArray[np.generic], w: FloatArray, P: FloatArray
    ) -> None:
        targets = y.astype(np.float64)
        is_good = np.abs(targets) <= MAX_VALUE
        kept = self._boosted.learnable(ops, is_good, w)
        left, total, rate = np.where(is_good, targets, 0.0), np.zeros(len(ops)), 1.0
        for columns, (tree,) in zip(self._boosted.columns, self._boosted.trees, strict=True):
            told = tree.run(kept, np.ascontiguousarray(X[:, columns]), left, w)[:, 0]
            total += rate * np.nan_to_num(told)
            left = left - rate * np.nan_to_num(told)
            rate = self.learning_rate
        predicts = ops & PREDICT != 0
        P[predicts, 0] = total[predicts]

    @property
    def n_skipped(self) -> int:
        """Rows not learned: target not finite or beyond 1e100, weight negative, NaN or > 1e15."""
        return self._boosted.n_skipped


def _tree_settings(
    model: GradientBoostingClassifier | GradientBoostingRegressor, n_trees: int
) -> dict[str, Any]:
    return {
        "grace_period": model.grace_period,
        "delta": model.delta,
        "tau": model.tau,
        "max_size": model.max_size / n_trees,
        "max_depth": model.max_depth,
        "n_bins": model.n_bins,
        "drift_threshold": model.drift_threshold,
    }
