"""The adaptive random forest classifier: trees of random columns that are replaced on drift."""

from __future__ import annotations

from typing import Literal

from streamadapt.errors import SMALLEST, checked
from streamadapt.models.forest import ForestClassifier, Ways, n_columns

__all__ = ["AdaptiveRandomForestClassifier"]


class AdaptiveRandomForestClassifier(ForestClassifier):
    """Hoeffding trees, each with other rows and other columns, that vote by their accuracy.

    Gomes et al., Adaptive random forests for evolving data stream classification, Machine
    Learning 106 (2017), as in MOA's ``AdaptiveRandomForest``.  Each tree learns each row
    Poisson(`lambda_value`) times; each leaf sees `max_features` columns drawn at random.  When a
    tree's error rises to a warning, another tree starts to grow in the background, and takes its
    place when the error rises to a drift.  Numbers are those that Java draws from `seed`, so that
    times and columns are MOA's.  Deviations beside those of `HoeffdingTreeClassifier`: none.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_models
        Trees.
    max_features
        Columns that a leaf sees: their number, a share of all, "sqrt" (MOA's: the rounded root
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
    >>> import numpy as np
    >>> X = np.random.default_rng(7).random((6_000, 3))
    >>> y = (X[:, 0] > 0.5) ^ (np.arange(6_000) > 3_000)
    >>> forest = AdaptiveRandomForestClassifier(n_features=3, n_classes=2, n_models=5)
    >>> hit = forest.test_then_train(X, y).argmax(axis=1) == y
    >>> forest.n_drifts_detected >= 5, bool(hit[-2000:].mean() > 0.98)
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
        warning_delta: float = 0.01,
        drift_delta: float = 0.001,
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
        n = n_columns(max_features, self.n_features)
        ways = Ways(self.warning_delta, self.drift_delta, weighs_votes=True)
        self._grow(n if n < self.n_features else 0, ways)
