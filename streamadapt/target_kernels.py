"""Kernel of target means: labels come between the rows that predict, in order.

Arrays for c slots, e encoded columns and t told numbers of the target, beside ``table``, ``slots``
and ``meta`` of `streamadapt.features_kernels`:

- ``means`` float64 [c, 1 + t]: labels of a category so far, and the mean of each told number
- ``prior`` float64 [1 + t]: the same over all labels
- ``waiting`` int64 [label slots, e]: the categories of rows that wait for their label
"""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.features_kernels import SEEN, SLOTS_LIMIT, SLOTS_USED, slot_of
from streamadapt.jit import kernel

__all__ = ["run_targets"]

_LARGEST = 1e140


@kernel
def run_targets(
    start: int,
    row: int,
    op: OpArray,
    label_slot: IntArray,
    y: FloatArray,
    codes: IntArray,
    X: FloatArray,
    columns: IntArray,
    classes: IntArray,
    smoothing: FloatArray,
    waiting: IntArray,
    prior: FloatArray,
    means: FloatArray,
    table: IntArray,
    slots: IntArray,
    meta: IntArray,
) -> tuple[int, int]:
    """Take in steps from `start` on; `row` is the next one of X.

    `codes` int64 [n, e] are hashes of the categories of X float64 [n, d]; `columns` int64 [e] are
    the first columns to fill; `classes` int64 [t] are told of, or -1 for the number itself.

    Returns (step, row) where the arrays must grow, or (number of steps, number of rows).
    """
    n_codes = codes.shape[1]
    for i in range(start, len(op)):
        if meta[SLOTS_USED] + n_codes > len(slots) and len(slots) < meta[SLOTS_LIMIT]:
            return i, row
        s = label_slot[i]
        if op[i] & 1:
            for j in range(n_codes):
                code = codes[row, j]
                waiting[s, j] = code
                m = means[_taken(code, means, table, slots, meta)]
                for t in range(len(classes)):
                    X[row, columns[j] + t] = (
                        (m[0] * m[1 + t] + smoothing[j] * prior[1 + t]) / (m[0] + smoothing[j])
                        if prior[0] > 0.0
                        else np.nan
                    )
            row += 1
        if op[i] & 2 and abs(y[i]) <= _LARGEST:
            _add(prior, y[i], classes)
            for j in range(n_codes):
                _add(means[_taken(waiting[s, j], means, table, slots, meta)], y[i], classes)
    return len(op), row


@kernel
def _taken(code: int, means: FloatArray, table: IntArray, slots: IntArray, meta: IntArray) -> int:
    """Return the category's slot, with nothing known in a new one."""
    slot = slot_of(code, table, slots, meta)
    if slots[slot, SEEN] == 0:
        slots[slot, SEEN] = 1
        means[slot, :] = 0.0
    return int(slot)


@kernel
def _add(m: FloatArray, y: float, classes: IntArray) -> None:
    m[0] += 1.0
    for t in range(len(classes)):
        share = 1.0 if y == classes[t] else 0.0
        value = y if classes[t] < 0 else share
        m[1 + t] += (value - m[1 + t]) / m[0]
