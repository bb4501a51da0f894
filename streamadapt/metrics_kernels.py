"""Kernels that hold a prediction until its label is there, then grade it."""

# mypy: allow-untyped-defs
from __future__ import annotations

import math

import numpy as np

from streamadapt.jit import kernel

# Probabilities of 0 cost as much as this one; River's log loss clips the same way.
_EPS = 1e-15


@kernel
def settle_classes(op, slot, y, graded, P, held, confusion, sums, loss, row):
    """Keep predictions by slot; grade those whose label came; return how many.

    ``confusion`` is [k, k] (true class, predicted class), ``sums`` is [log loss, number of labels
    without a prediction]; ``loss[i]`` becomes 0 or 1 for the i-th graded row, ``row[i]`` its place.
    """
    n = 0
    classes = P.shape[1]
    for i in range(len(op)):
        s = slot[i]
        if op[i] & 1:
            for c in range(classes):
                held[s, c] = P[i, c]
        if op[i] & 2 and graded[i]:
            truth = np.int64(y[i])
            if held[s, 0] != held[s, 0]:
                sums[1] += 1.0
                continue
            best = 0
            for c in range(1, classes):
                if held[s, c] > held[s, best]:
                    best = c
            confusion[truth, best] += 1
            sums[0] -= math.log(min(max(held[s, truth], _EPS), 1.0 - _EPS))
            loss[n] = 0.0 if best == truth else 1.0
            row[n] = i
            n += 1
    return n


@kernel
def settle_numbers(op, slot, y, graded, P, held, sums, loss, row):
    """Like `settle_classes` for numbers.

    ``sums`` is [n, absolute errors, squared errors, mean of y, sum of squares of y around it,
    number of labels without a prediction]; ``loss[i]`` is the i-th absolute error, ``row[i]`` its
    place.
    """
    n = 0
    for i in range(len(op)):
        s = slot[i]
        if op[i] & 1:
            held[s, 0] = P[i, 0]
        if op[i] & 2 and graded[i]:
            if held[s, 0] != held[s, 0]:
                sums[5] += 1.0
                continue
            error = abs(y[i] - held[s, 0])
            sums[0] += 1.0
            sums[1] += error
            sums[2] += error * error
            delta = y[i] - sums[3]
            sums[3] += delta / sums[0]
            sums[4] += delta * (y[i] - sums[3])
            loss[n] = error
            row[n] = i
            n += 1
    return n
