"""A learner's own uncertainty, for any detector: it is known when it predicts, without a label."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.errors import ParameterError
from streamadapt.jit import kernel

__all__ = ["UncertaintyKind", "uncertainty"]

UncertaintyKind: TypeAlias = Literal["entropy", "margin"]


def uncertainty(P: FloatArray, kind: UncertaintyKind = "entropy") -> FloatArray:
    """Return how unsure class probabilities float64 [n, k] are, float64 [n] in [0, 1].

    0 is certain, 1 is even among all (``entropy``, in units of ``log(k)``) or between the two most
    probable (``margin``: 1 less the distance of these).  A row that is no prediction, with a NaN,
    gives NaN, which detectors skip.

    A rise says that rows come which the learner does not know.  Nothing says that it *knows* that
    it does not: a learner that is wrong and certain is not heard.  The loss hears it, later.

    Raises
    ------
    ParameterError
        If `P` has another shape or fewer than two classes, or `kind` is none.

    References
    ----------
    P. Lindstrom, B. Mac Namee, S. J. Delany (2013): Drift detection using uncertainty distribution
    divergence. Evolving Systems 4.

    Examples
    --------
    >>> P = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> uncertainty(P).round(3).tolist(), uncertainty(P, "margin").round(3).tolist()
    ([0.0, 1.0, 0.469], [0.0, 1.0, 0.2])
    """
    if kind not in get_args(UncertaintyKind):
        raise ParameterError(f"kind = {kind!r} is not one of {get_args(UncertaintyKind)}")
    values = np.require(P, np.float64, ["C", "W"])
    if values.ndim != 2 or values.shape[1] < 2:
        raise ParameterError(f"P has shape {values.shape}, expected (n, k) with k of 2 at least")
    found = np.empty(len(values))
    (_entropies if kind == "entropy" else _margins)(values, found)
    return found


@kernel
def _entropies(P: FloatArray, found: FloatArray) -> None:
    k = P.shape[1]
    for i in range(P.shape[0]):
        entropy = 0.0
        for j in range(k):
            p = P[i, j]
            if p != 0.0:  # NaN is not 0, and what it touches is NaN
                entropy -= p * math.log(p)
        found[i] = entropy / math.log(k)


@kernel
def _margins(P: FloatArray, found: FloatArray) -> None:
    for i in range(P.shape[0]):
        first, second, total = 0.0, 0.0, 0.0
        for j in range(P.shape[1]):
            p = P[i, j]
            total += p
            if p > first:
                first, second = p, first
            elif p > second:
                second = p
        found[i] = 1.0 - (first - second) if total == total else math.nan
