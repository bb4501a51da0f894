"""Kernels of nearest neighbours among the latest rows.

``window`` float32 [d, n] holds the latest n rows as they were scaled when they came, a row of
which is a column here, so that distances to all of them are computed side by side; ``labels``
int64 [n] are theirs.  The row learned as number t lies at ``t % n``.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import fast_kernel
from streamadapt.models.linear_kernels import HUGE, any_usable, observe_row, scale_row

__all__ = ["LEARNED", "N_TALLIES", "SKIPPED", "run_knn"]

Floats: TypeAlias = NDArray[np.float32]

LEARNED, SKIPPED = 0, 1
N_TALLIES = 2

_CLIP = 10.0  # deviations
_NEAREST = 1e-6  # squared distance below which rows are alike
_FAR = np.float32(3e38)
_ZERO = np.float32(0.0)


@fast_kernel
def fill_near(
    z: FloatArray, n_held: int, window: Floats, distances: Floats, near: Floats, places: IntArray
) -> None:
    """Fill `near` and `places` [n_neighbors] with the nearest rows, nearest first."""
    n_window, last = window.shape[1], near.shape[0] - 1
    for q in range(n_window):
        distances[q] = _ZERO
    for j in range(window.shape[0]):
        value = np.float32(z[j])
        for q in range(n_window):
            gap = window[j, q] - value
            distances[q] += gap * gap
    for r in range(last + 1):
        near[r] = _FAR
        places[r] = -1
    for q in range(n_held):
        if distances[q] >= near[last]:
            continue
        at = last
        while at > 0 and near[at - 1] > distances[q]:
            near[at] = near[at - 1]
            places[at] = places[at - 1]
            at -= 1
        near[at] = distances[q]
        places[at] = q


@fast_kernel
def run_knn(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray, tallies: IntArray,
    moments: FloatArray, window: Floats, labels: IntArray, z: FloatArray, distances: Floats,
    near: Floats, places: IntArray,
) -> None:  # fmt: skip
    """Predict and learn in order."""
    k, n_window = P.shape[1], window.shape[1]
    for i in range(ops.shape[0]):
        if ops[i] & PREDICT:
            scale_row(X[i], _CLIP, moments, z)
            n_held = min(tallies[LEARNED], n_window)
            fill_near(z, n_held, window, distances, near, places)
            for c in range(k):
                P[i, c] = 1.0 / k if n_held == 0 else 0.0
            total = 0.0
            for r in range(min(near.shape[0], n_held)):
                vote = 1.0 / math.sqrt(max(near[r], _NEAREST))
                P[i, labels[places[r]]] += vote
                total += vote
            for c in range(k if n_held > 0 else 0):
                P[i, c] /= total
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if not (0 <= y[i] < k and 0.0 < w[i] <= HUGE and any_usable(X[i])):
            tallies[SKIPPED] += 1
            continue
        observe_row(X[i], 1.0, 1.0, _CLIP, moments)
        scale_row(X[i], _CLIP, moments, z)
        at = tallies[LEARNED] % n_window
        for j in range(window.shape[0]):
            window[j, at] = z[j]
        labels[at] = y[i]
        tallies[LEARNED] += 1
