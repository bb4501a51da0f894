"""How good a split into branches with given class weights is: information gain or Gini impurity.

Formulas as in MOA's ``InfoGainSplitCriterion`` and ``GiniSplitCriterion``, in which the weights
before the split are those the leaf has seen, but those after it only what its observers hold.
"""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray
from streamadapt.jit import lean_kernel

__all__ = ["GINI", "INFO_GAIN", "MIN_BRANCH_FRACTION", "TIE", "impurity", "merit", "merit_range"]

INFO_GAIN, GINI = 0, 1

TIE = 1e-10
"""Merits closer than this are equal: which candidate wins must not depend on rounding."""

MIN_BRANCH_FRACTION = 0.01
"""At least two branches must have more than this share of the weight (in MOA: not for Gini)."""


@lean_kernel
def impurity(class_weights: FloatArray, i: int, criterion: int) -> float:
    """Return entropy in bits, or Gini impurity, of row i of class_weights float64 [n, k]."""
    total, spread = 0.0, 0.0
    for c in range(class_weights.shape[1]):
        v = class_weights[i, c]
        if v > 0.0:
            total += v
            spread += v * v if criterion == GINI else v * math.log(v)
    mixed = 0.0
    if criterion == GINI and total > 0.0:
        mixed = 1.0 - spread / (total * total)
    elif total > 0.0:
        mixed = (math.log(total) - spread / total) / math.log(2.0)
    return mixed


@lean_kernel
def merit(branches: FloatArray, n: int, before: float, criterion: int) -> float:
    """Return the merit of the first n rows of branches float64 [b, k]; -inf if it is no split.

    `before` is the impurity before the split, which only information gain needs.
    """
    total = 0.0
    for b in range(n):
        for c in range(branches.shape[1]):
            total += branches[b, c]
    mixed, n_large = 0.0, 0
    for b in range(n):
        weight, spread = 0.0, 0.0
        for c in range(branches.shape[1]):
            v = branches[b, c]
            if v > 0.0:
                weight += v
                spread += v * v if criterion == GINI else v * math.log(v)
        if weight > MIN_BRANCH_FRACTION * total:
            n_large += 1
        if weight > 0.0:
            mixed += (
                weight - spread / weight
                if criterion == GINI
                else weight * math.log(weight) - spread
            )
    gain = -math.inf
    if n_large >= 2 and criterion == GINI:
        gain = 1.0 - mixed / total
    elif n_large >= 2:
        gain = before - mixed / total / math.log(2.0)
    return gain


@lean_kernel
def merit_range(class_weights: FloatArray, i: int, criterion: int) -> float:
    """Return the range of the merit at a node: 1, or log2 of the classes up to the last seen."""
    if criterion == GINI:
        return 1.0
    n_seen = 2
    for c in range(2, class_weights.shape[1]):
        if class_weights[i, c] > 0.0:
            n_seen = c + 1
    return math.log(float(n_seen)) / math.log(2.0)
