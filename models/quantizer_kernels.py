"""Observers of a numeric or nominal feature: the targets of a leaf's rows, in bins of the feature.

Numeric features are quantized (Mastelini and de Carvalho, Using dynamical quantization to perform
split attempts in online tree regressors, Pattern Recognition Letters 145, 2021) into bins of one
width over a fixed range; of a nominal feature, bin i belongs to value i.  The bins of all features
of a leaf lie side by side in one array ``bins`` BIN [B]; a feature's COLUMN says where, its AXIS
what they span.  A merit is the reduction of the targets' unbiased variance.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray
from streamadapt.jit import kernel

__all__ = [
    "AXIS",
    "BIN",
    "COLUMN",
    "MAX_VALUE",
    "MIN_WIDTH",
    "best_threshold",
    "best_value",
    "merged",
    "observe",
    "open_axis",
]

MAX_VALUE = 1e100  # a value beyond is missing: no square of it and no sum of those overflows
MIN_WIDTH = 1e-100  # a feature that varies less is a constant

BIN = np.dtype([("weight", "f8"), ("x_sum", "f8"), ("mean", "f8"), ("m2", "f8")])
AXIS = np.dtype([("low", "f8"), ("high", "f8"), ("per_unit", "f8")])  # bins per unit of x
COLUMN = np.dtype([("first_bin", "i8"), ("n_bins", "i8"), ("nominal", "i8")])


@kernel
def open_axis(bins: NDArray[np.void], axis: Any, column: Any, low: float, high: float) -> None:
    """Empty a feature's observer and let it span low..high; a nominal one has its own span."""
    for i in range(column.first_bin, column.first_bin + column.n_bins):
        b = bins[i]
        b.weight = 0.0
        b.x_sum = 0.0
        b.mean = 0.0
        b.m2 = 0.0
    axis.low = 0.0 if column.nominal else low
    axis.high = float(column.n_bins) if column.nominal else high
    width = axis.high - axis.low
    axis.per_unit = column.n_bins / width if width > MIN_WIDTH else 0.0  # 0: all in one bin


@kernel
def observe(
    X: FloatArray,
    r: int,
    target: float,
    w: float,
    slot: int,
    bins: NDArray[np.void],
    axes: NDArray[np.void],
    columns: NDArray[np.void],
    seen: NDArray[np.int8],
) -> None:
    """Let the observers of a slot take in row X[r]; a value out of range goes to an end bin.

    ``seen`` int8 [slots, d] says which features they see; [slots, 0] if all.
    """
    for f in range(len(columns)):
        if seen.shape[1] > 0 and seen[slot, f] == 0:
            continue
        x, n_bins = X[r, f], columns[f].n_bins
        if not abs(x) <= MAX_VALUE:
            continue
        if columns[f].nominal and not (0.0 <= x < n_bins and x == math.floor(x)):
            continue
        place = min(max((x - axes[slot, f].low) * axes[slot, f].per_unit, 0.0), n_bins - 1.0)
        b = columns[f].first_bin + int(place)
        weight = bins[slot, b].weight + w
        delta = target - bins[slot, b].mean
        mean = bins[slot, b].mean + w / weight * delta
        bins[slot, b].weight = weight
        bins[slot, b].x_sum += w * x
        bins[slot, b].mean = mean
        bins[slot, b].m2 += max(w * delta * (target - mean), 0.0)  # below only by rounding


@kernel
def merged(
    weight: float, mean: float, m2: float, weight_b: float, mean_b: float, m2_b: float
) -> tuple[float, float, float]:
    """Merge two sets' weight, mean and m2 by the formula of Chan, Golub and LeVeque (1983)."""
    if weight_b == 0.0:
        return weight, mean, m2
    share = weight_b / (weight + weight_b)
    delta = mean_b - mean
    return weight + weight_b, mean + share * delta, m2 + m2_b + delta * delta * (weight * share)


@kernel
def _spread(weight: float, m2: float, total: float) -> float:
    """Return a set's unbiased variance times its share of the total weight."""
    return weight / total * (m2 / (weight - 1.0)) if weight > 1.0 else 0.0


@kernel
def _fill_tail(bins: NDArray[np.void], column: Any, tail: FloatArray) -> None:
    """Fill tail[b] with weight, mean and m2 of a feature's bins from its b-th on."""
    weight, mean, m2 = 0.0, 0.0, 0.0
    tail[column.n_bins] = 0.0
    for i in range(column.n_bins - 1, -1, -1):
        b = bins[column.first_bin + i]
        weight, mean, m2 = merged(weight, mean, m2, b.weight, b.mean, b.m2)
        tail[i, 0] = weight
        tail[i, 1] = mean
        tail[i, 2] = m2


@kernel
def best_threshold(
    bins: NDArray[np.void], column: Any, enough: float, tail: FloatArray
) -> tuple[float, float, int]:
    """Return merit, threshold and last bin below it, of a numeric feature's best split.

    Candidates lie midway between the mean values of neighbouring bins that are not empty.
    """
    _fill_tail(bins, column, tail)
    total = tail[0, 0]
    whole = _spread(total, tail[0, 2], total)
    merit, threshold, place, last = 0.0, 0.0, -1, -1
    weight, mean, m2 = 0.0, 0.0, 0.0
    for i in range(column.n_bins):
        b = bins[column.first_bin + i]
        if b.weight == 0.0:
            continue
        after = tail[i, 0]
        if weight >= enough and after >= enough:
            reduction = whole - _spread(weight, m2, total) - _spread(after, tail[i, 2], total)
            if reduction > merit:
                below = bins[column.first_bin + last]
                threshold = 0.5 * (below.x_sum / below.weight + b.x_sum / b.weight)
                merit, place = reduction, last
        weight, mean, m2 = merged(weight, mean, m2, b.weight, b.mean, b.m2)
        last = i
    return merit, threshold, place


@kernel
def _multiway_merit(bins: NDArray[np.void], column: Any, enough: float, tail: FloatArray) -> float:
    """Return the merit of one branch per value, 0 if there are too few values or rows."""
    total = tail[0, 0]
    merit, n_values = _spread(total, tail[0, 2], total), 0
    for i in range(column.n_bins):
        b = bins[column.first_bin + i]
        if 0.0 < b.weight < enough:
            return 0.0
        n_values += b.weight > 0.0
        merit -= _spread(b.weight, b.m2, total)
    return max(merit, 0.0) if n_values > 2 else 0.0


@kernel
def best_value(
    bins: NDArray[np.void], column: Any, enough: float, binary: int, tail: FloatArray
) -> tuple[float, float, int]:
    """Return merit, value and bin of a nominal feature's best split; bin -1 is one branch each."""
    _fill_tail(bins, column, tail)
    total = tail[0, 0]
    whole = _spread(total, tail[0, 2], total)
    merit, value = 0.0, -1
    if not binary:
        merit = _multiway_merit(bins, column, enough, tail)
    before, mean, m2 = 0.0, 0.0, 0.0
    for i in range(column.n_bins):
        b = bins[column.first_bin + i]
        rest, _, m2_rest = merged(before, mean, m2, tail[i + 1, 0], tail[i + 1, 1], tail[i + 1, 2])
        if b.weight >= enough and rest >= enough:
            reduction = whole - _spread(b.weight, b.m2, total) - _spread(rest, m2_rest, total)
            if reduction > merit:
                merit, value = reduction, i
        before, mean, m2 = merged(before, mean, m2, b.weight, b.mean, b.m2)
    return merit, float(value), value
