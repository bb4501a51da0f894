"""What an event costs a Hoeffding tree at least: only its loads, stores and arithmetic.

The kernel goes down a tree that has stopped growing, and then does, without any decision, check
for missing values or attempt to split, the sums of naive Bayes for every class, and the update of
one class.  It is a floor for this algorithm in this layout, not for any thinkable algorithm.
"""

from __future__ import annotations

import math
import statistics
import time

import numba
import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.tree_kernels import leaf_of

__all__ = ["floor_ns", "work_per_event"]


@numba.njit(nogil=True, error_model="numpy")
def _floor(X, y, P, nodes, columns, n_numeric, class_weights, gauss, counts, logs):  # noqa: ANN001, ANN202, C901
    k = P.shape[1]
    for i in range(X.shape[0]):
        leaf = leaf_of(X, i, nodes, 0, 0.0)
        slot = max(0, nodes[leaf].first_child)
        for c in range(k):
            distance = 0.0
            for f in range(n_numeric):
                deviation = X[i, f] - gauss[slot, c, 0, f]
                distance += deviation * deviation * gauss[slot, c, 1, f]
            logs[0, c] = distance
            logs[1, c] = 1.0
        for m in range(n_numeric, X.shape[1]):
            place = columns[m].offset + 2 + int(X[i, m])
            for c in range(k):
                logs[1, c] *= counts[slot, place, c] + 1.0
        best = logs[0, 0]
        if n_numeric < X.shape[1]:
            for c in range(k):
                logs[0, c] -= math.log(logs[1, c])
                best = min(best, logs[0, c])
        total = 0.0
        for c in range(k - 1):
            P[i, c] = math.exp(min(0.0, best - logs[0, c]))
            total += P[i, c]
        for c in range(k):
            P[i, c] /= total + 1.0
        c = y[i]
        class_weights[leaf, c] += 1.0
        product = class_weights[leaf, c]
        share = 1.0 / gauss[slot, c, 2, 0] if n_numeric > 0 else 0.0
        for f in range(n_numeric):
            x, mean = X[i, f], gauss[slot, c, 0, f]
            weight = gauss[slot, c, 2, f] + 1.0
            moved = mean + share * (x - mean)
            m2 = gauss[slot, c, 3, f] + (x - mean) * (x - moved)
            gauss[slot, c, 0, f] = moved
            gauss[slot, c, 1, f] = (weight - 1.0) / m2
            gauss[slot, c, 2, f] = weight
            gauss[slot, c, 3, f] = m2
            gauss[slot, c, 4, f] = min(gauss[slot, c, 4, f], x)
            gauss[slot, c, 5, f] = max(gauss[slot, c, 5, f], x)
            product *= gauss[slot, c, 1, f]
        for m in range(n_numeric, X.shape[1]):
            place = columns[m].offset
            counts[slot, place, c] += 1.0
            counts[slot, place + 2 + int(X[i, m]), c] += 1.0
            product *= counts[slot, place, c] + counts[slot, place + 1, c]
        logs[1, c] = math.log(product)


def floor_ns(tree: HoeffdingTreeClassifier, X: FloatArray, y: FloatArray, passes: int) -> float:
    """Median nanoseconds per event of the floor; spoils the tree's statistics."""
    pools = tree._pools
    n_numeric = int(pools.tree["n_numeric"][0])
    P, logs = np.empty((len(X), tree.n_classes)), np.empty((2, tree.n_classes))
    pools.gauss[:, :, 2:4] += 1.0  # keeps divisions by 0 and denormals out of the measurement
    taken = []
    for _ in range(passes + 1):
        start = time.perf_counter()
        _floor(
            X,
            y,
            P,
            pools.nodes,
            pools.columns,
            n_numeric,
            pools.class_weights,
            pools.gauss,
            pools.counts,
            logs,
        )
        taken.append((time.perf_counter() - start) / len(X) * 1e9)
    return statistics.median(taken[1:])


def work_per_event(tree: HoeffdingTreeClassifier, X: FloatArray) -> dict[str, float]:
    """Count what an event needs: nodes on the way, arithmetic, and bytes read or written.

    Naive Bayes: 4 operations and 2 numbers per class and numeric feature, 2 and 1 per nominal one;
    learning: 14 and 12 (six statistics read and written) per numeric feature, 4 and 8 per nominal
    one; a node is 32 bytes and one value of the row.
    """
    pools, k = tree._pools, tree.n_classes
    numeric = int(pools.tree["n_numeric"][0])
    nominal = tree.n_features - numeric
    depth = float(
        np.mean([pools.nodes["depth"][leaf_of(X, i, pools.nodes, 0, 0.0)] for i in range(2000)])
    )
    flops = k * (4 * numeric + 2 * nominal) + 14 * numeric + 4 * nominal + 4 * k
    numbers = k * (2 * numeric + nominal) + 12 * numeric + 8 * nominal + tree.n_features + 5 * k
    return {
        "nodes": depth + 1,
        "additions, multiplications and comparisons": float(flops),
        "divisions": float(numeric + 1 + k),
        "exponentials and logarithms": float(k - 1 + 2 + (k if nominal else 0)),
        "bytes": 8.0 * numbers + 40 * (depth + 1),
    }
