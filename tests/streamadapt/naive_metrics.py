"""Metrics by their definitions, row by row, from all that was graded; each row has a weight."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamadapt.contracts import FloatArray


def class_values(
    graded: Sequence[tuple[int, FloatArray]], k: int, weights: Sequence[float]
) -> dict[str, float]:
    """Return the metrics of (truth, probabilities [k]) that River does not have, and accuracy.

    Row by row as MOA's BasicClassificationPerformanceEvaluator, whose estimators forget nothing;
    the weights only say what the rows count for in the end.
    """
    counts, last = [0] * k, 0
    right = majority = no_change = brier = log_loss = 0.0
    for (truth, P), w in zip(graded, weights, strict=True):
        shares = P.tolist()
        counts[truth] += 1
        right += w * (shares.index(max(shares)) == truth)
        majority += w * (counts.index(max(counts)) == truth)
        no_change += w * (last == truth)
        last = truth
        brier += w * sum((p - (c == truth)) ** 2 for c, p in enumerate(shares))
        log_loss -= w * math.log(min(max(shares[truth], 1e-15), 1 - 1e-15))
    n = sum(weights)
    return {
        "accuracy": right / n,
        "kappa_m": _beyond(right / n, majority / n),
        "kappa_temporal": _beyond(right / n, no_change / n),
        "brier": brier / n / (2 if k == 2 else 1),
        "log_loss": log_loss / n,
    }


def table_values(
    graded: Sequence[tuple[int, FloatArray]], k: int, weights: Sequence[float]
) -> dict[str, float]:
    """Return the metrics that are functions of the confusion matrix."""
    table = [[0.0] * k for _ in range(k)]
    for (truth, P), w in zip(graded, weights, strict=True):
        table[truth][int(P.argmax())] += w
    n = sum(weights)
    truths = [sum(row) for row in table]
    said = [sum(row[c] for row in table) for c in range(k)]
    hits = [table[c][c] for c in range(k)]
    recalls = [h / t for h, t in zip(hits, truths, strict=True) if t]
    f1 = [2 * h / (t + s) for h, t, s in zip(hits, truths, said, strict=True) if t + s]
    chance = sum(t / n * s / n for t, s in zip(truths, said, strict=True))
    return {
        "balanced_accuracy": sum(recalls) / len(recalls),
        "kappa": _beyond(sum(hits) / n, chance),
        "f1_macro": sum(f1) / len(f1),
    }


def number_values(
    graded: Sequence[tuple[float, float]], quantile: float, weights: Sequence[float]
) -> dict[str, float]:
    """Return all metrics of (truth, prediction)."""
    n = math.fsum(weights)

    def mean(values: list[float]) -> float:
        return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / n

    center = mean([y for y, _ in graded])
    squared = mean([(y - p) ** 2 for y, p in graded])
    spread = mean([(y - center) ** 2 for y, _ in graded])
    return {
        "mae": mean([abs(y - p) for y, p in graded]),
        "rmse": squared**0.5,
        "nrmse": squared**0.5 / abs(center) if center else math.nan,
        "mape": 100 * mean([abs(y - p) / abs(y) if y else 0.0 for y, p in graded]),
        "r2": 1 - squared / spread if spread else 0.0,
        "pinball": mean([max(quantile * (y - p), (quantile - 1) * (y - p)) for y, p in graded]),
    }


def _beyond(accuracy: float, baseline: float) -> float:
    return (accuracy - baseline) / (1 - baseline) if baseline != 1 else 0.0
