"""Streaming random patches: each tree has its own columns and learns rows often."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from streamadapt.errors import SMALLEST, checked
from streamadapt.java_random_kernels import scrambled
from streamadapt.models.forest import ForestClassifier, Ways, n_columns
from streamadapt.models.forest_kernels import SUBSETS, draw_columns

__all__ = ["StreamingRandomPatchesClassifier"]


class StreamingRandomPatchesClassifier(ForestClassifier):
    """Hoeffding trees, each with columns of its own, that are replaced on drift.

    Gomes, Read and Bifet, Streaming random patches for evolving data stream classification, ICDM
    2019, as in MOA's ``StreamingRandomPatches``.  As in the adaptive random forest, trees learn
    each row Poisson(`lambda_value`) times, vote by their accuracy, and give way to one that has
    grown in the background since a warning; but columns are drawn per tree, not per leaf.
    Deviations beside those of `HoeffdingTreeClassifier`:

    - Each tree draws columns from a generator of its own, so that trees can run one after the
      other; in MOA all draw from one.  Times are MOA's until the first columns are drawn there.
    - A row's own weight counts; MOA puts the number of times in its place.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_models
        Trees.
    max_features
        Columns that a tree sees: their number, a share of all, "sqrt" (MOA's: the rounded root
        and one more), or None for all.
    lambda_value
        Mean number of times that a tree learns a row, up to 99.
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
        Bound of all trees' pools together, in MiB.
    max_depth
        Leaves this deep are not split.
    warning_delta
        Confidence of the windows that start a tree in the background.
    drift_delta
        Confidence of the windows that let it take over.
    seed
        Of times and columns.
    n_jobs
        Threads over trees; results are the same bits with any number.

    Examples
    --------
    >>> X = np.random.default_rng(7).random((6_000, 3))
    >>> y = (X[:, 0] > 0.5) ^ (np.arange(6_000) > 3_000)
    >>> forest = StreamingRandomPatchesClassifier(n_features=3, n_classes=2, n_models=8)
    >>> hit = forest.test_then_train(X, y).argmax(axis=1) == y
    >>> forest.n_drifts_detected >= 3, bool(hit[-1000:].mean() > 0.95)
    (True, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - River's own parameters
        self,
        n_features: int,
        n_classes: int,
        n_models: int = 10,
        max_features: int | float | Literal["sqrt"] | None = 0.6,
        lambda_value: float = 6.0,
        grace_period: int = 50,
        delta: float = 0.01,
        tau: float = 0.05,
        leaf_prediction: Literal["mc", "nb", "nba"] = "nba",
        nominal_features: dict[int, int] | None = None,
        max_size: float = 256.0,
        max_depth: int | None = None,
        warning_delta: float = 1e-4,
        drift_delta: float = 1e-5,
        seed: int = 0,
        n_jobs: int = 1,
    ) -> None:
        super().__init__(
            n_features, n_classes, n_models, lambda_value, grace_period, delta, tau,
            leaf_prediction, nominal_features, max_size, max_depth, seed, n_jobs,
        )  # fmt: skip
        self.max_features = max_features
        self.warning_delta = checked("warning_delta", warning_delta, SMALLEST, 1.0)
        self.drift_delta = checked("drift_delta", drift_delta, SMALLEST, 1.0)
        n = n_columns(max_features, self.n_features, at_least=2)
        self._grow(
            n if n < self.n_features else 0,
            Ways(
                self.warning_delta,
                self.drift_delta,
                resamples_behind=True,
                weighs_votes=True,
                is_patched=n < self.n_features,
            ),
        )
        self._draw_patches(n)

    def _draw_patches(self, n: int) -> None:
        """Draw the first columns of each tree, no two alike while there are others."""
        patches, seeds = self._grove.patches, self._grove.seeds
        if patches.shape[2] == 0:
            return
        n_ways, row = math.comb(self.n_features, n), np.zeros(self.n_features)
        drawn: set[bytes] = set()
        for m in range(self.n_models):
            seed = scrambled(self.seed + 1 + m)
            while True:
                seed = draw_columns(self._columns, patches[m, 0], row, seed)
                if m >= n_ways or patches[m, 0].tobytes() not in drawn:
                    break
            drawn.add(patches[m, 0].tobytes())
            seeds[m, SUBSETS] = seed
