"""The random nodes of a functional-link network: drawn once from a seed, never trained."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray

__all__ = ["draw_grouped_nodes", "draw_nodes"]


def draw_nodes(n_features: int, n_hidden: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return weights [n_features, n_hidden] and biases [n_hidden], one per node.

    Weights are uniform with variance 1 / n_features, so that a node's input has about the variance
    of a scaled feature; biases are uniform in (-1, 1).

    >>> weights, bias = draw_nodes(300, 50, 0)
    >>> weights.shape, bias.shape, bool(abs(weights.var() * 300 - 1) < 0.02)
    ((300, 50), (50,), True)
    """
    rng = np.random.default_rng(seed)
    half_width = np.sqrt(3.0 / n_features)
    weights = rng.uniform(-half_width, half_width, (n_features, n_hidden))
    return weights, rng.uniform(-1.0, 1.0, n_hidden)


def draw_grouped_nodes(
    n_features: int, n_hidden: int, group_size: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return the same as Lite-RVFL draws them: orthonormalised groups that share one bias.

    Each column is made orthogonal to those before it in its group and divided by its length plus
    0.001.  Groups larger than `n_features` therefore hold near copies, as the published ones do.
    """
    rng = np.random.default_rng(seed)
    weights, bias = np.empty((n_features, n_hidden)), np.empty(n_hidden)
    for start in range(0, n_hidden, group_size):
        group = rng.uniform(-1.0, 1.0, (n_features, group_size))
        for i in range(group_size):
            for j in range(i):
                group[:, i] -= (group[:, i] * group[:, j]).sum() * group[:, j]
            group[:, i] /= np.sqrt((group[:, i] ** 2).sum()) + 1e-3
        weights[:, start : start + group_size] = group
        bias[start : start + group_size] = rng.uniform(-1.0, 1.0)
    return weights, bias
