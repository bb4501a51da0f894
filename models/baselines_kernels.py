"""Kernels of the trivial baselines: no inputs are read, only labels in their order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel

__all__ = ["run_majority", "run_mean", "run_no_change", "run_seasonal"]

_HUGE = 1e100  # larger targets are skipped: their squares could overflow in a sum
_MAX_WEIGHT = 1e6


@kernel
def run_majority(
    ops: OpArray,
    y: NDArray[np.generic],
    w: FloatArray,
    counts: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Count labels in counts float64 [k]; uniform shares as long as nothing is counted."""
    k = counts.shape[0]
    for i in range(ops.shape[0]):
        if ops[i] & PREDICT:
            total = 0.0
            for c in range(k):
                total += counts[c]
            for c in range(k):
                P[i, c] = counts[c] / total if total > 0.0 else 1.0 / k
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if 0 <= y[i] < k and 0.0 < w[i] <= _HUGE:
            counts[y[i]] += min(w[i], _MAX_WEIGHT)
        else:
            skipped[0] += 1


@kernel
def run_no_change(
    ops: OpArray,
    y: NDArray[np.generic],
    w: FloatArray,
    last: IntArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Keep in last int64 [1] the class, or -1 as long as none was seen."""
    k = P.shape[1]
    for i in range(ops.shape[0]):
        if ops[i] & PREDICT:
            for c in range(k):
                P[i, c] = 1.0 / k if last[0] < 0 else (1.0 if c == last[0] else 0.0)
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if 0 <= y[i] < k and 0.0 < w[i] <= _HUGE:
            last[0] = y[i]
        else:
            skipped[0] += 1


@kernel
def run_seasonal(
    ops: OpArray,
    y: NDArray[np.generic],
    w: FloatArray,
    ring: FloatArray,
    place: IntArray,
    last: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Keep in place int64 [2] where the next target goes, and how many were put; last float64 [1].

    A target that is missing keeps its place in the season.
    """
    period = ring.shape[0]
    for i in range(ops.shape[0]):
        forecast = ring[place[0]] if place[1] == period else last[0]
        if ops[i] & PREDICT:
            P[i, 0] = forecast
        if not ops[i] & LEARN:
            continue
        good = -_HUGE <= y[i] <= _HUGE and 0.0 < w[i] <= _HUGE
        if good:
            last[0] = y[i]
        elif w[i] != 0.0:
            skipped[0] += 1
        ring[place[0]] = y[i] if good else forecast
        place[0] = (place[0] + 1) % period
        place[1] = min(place[1] + 1, period)


@kernel
def run_mean(
    ops: OpArray,
    y: NDArray[np.generic],
    w: FloatArray,
    moments: FloatArray,
    skipped: IntArray,
    P: FloatArray,
) -> None:
    """Keep in moments float64 [3] evidence, mean, sum of squared deviations (West's recurrence)."""
    for i in range(ops.shape[0]):
        if ops[i] & PREDICT:
            P[i, 0] = moments[1]
        if not ops[i] & LEARN or w[i] == 0.0:
            continue
        if not (-_HUGE <= y[i] <= _HUGE and 0.0 < w[i] <= _HUGE):
            skipped[0] += 1
            continue
        weight = min(w[i], _MAX_WEIGHT)
        delta = y[i] - moments[1]
        moments[0] += weight
        share = weight / moments[0]
        moments[1] += delta * share
        moments[2] += weight * delta * delta * (1.0 - share)
