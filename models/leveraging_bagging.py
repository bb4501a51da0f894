"""Leveraging bagging: Hoeffding trees that learn rows often, the worst of which goes on drift."""

from __future__ import annotations

from typing import Literal

from streamadapt.errors import SMALLEST, checked
from streamadapt.models.forest import ForestClassifier, Ways

__all__ = ["LeveragingBaggingClassifier"]


class LeveragingBaggingClassifier(ForestClassifier):
    """Hoeffding trees that each learn a row Poisson(`lambda_value`) times, and vote alike.

    Bifet, Holmes and Pfahringer, Leveraging bagging for evolving data streams, ECML PKDD 2010, as
    in MOA's ``LeveragingBag`` without output codes.  ADWIN watches each tree's error; when it
    rises for any of them, the tree with the highest error starts afresh.  The numbers of times
    are those that Java draws from `seed`.  As a tree's end depends on all others, there are no
    threads.  Deviations beside those of `HoeffdingTreeClassifier`: none.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes.
    n_models
        Trees.
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
    adwin_delta
        Confidence of the windows of errors.
    seed
        Of the numbers of times.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(7).random((6_000, 3))
    >>> y = (X[:, 0] > 0.5) ^ (np.arange(6_000) > 3_000)
    >>> bag = LeveragingBaggingClassifier(n_features=3, n_classes=2, n_models=5)
    >>> hit = bag.test_then_train(X, y).argmax(axis=1) == y
    >>> bag.n_drifts_detected >= 5, bool(hit[-2000:].mean() > 0.98)
    (True, True)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - MOA's own parameters
        self,
        n_features: int,
        n_classes: int,
        n_models: int = 10,
        lambda_value: float = 6.0,
        grace_period: int = 200,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: Literal["mc", "nb", "nba"] = "nba",
        nominal_features: dict[int, int] | None = None,
        max_size: float = 256.0,
        max_depth: int | None = None,
        adwin_delta: float = 0.002,
        seed: int = 0,
    ) -> None:
        super().__init__(
            n_features, n_classes, n_models, lambda_value, grace_period, delta, tau,
            leaf_prediction, nominal_features, max_size, max_depth, seed, 1,
        )  # fmt: skip
        self.adwin_delta = checked("adwin_delta", adwin_delta, SMALLEST, 1.0)
        self._grow(0, Ways(drift_delta=self.adwin_delta, resets_worst=True))
