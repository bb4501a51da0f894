"""Admission: which decoded rows hold values that a learner can take.

The rows themselves are checked here, one by one; what needs a memory (duplicates, late and
out-of-order rows) is checked where labels are joined.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.events import (
    CategoricalField,
    FeatureField,
    NumericField,
    Records,
    RecordSchema,
    Reject,
    TextField,
)

__all__ = ["TARGET_MAX_ABS", "check_values"]

TARGET_MAX_ABS = 1e100
"""Numeric targets beyond this are dead letters (reason ``huge``)."""


def check_values(
    records: Records, schema: RecordSchema
) -> tuple[BoolArray, list[Reject], dict[str, int]]:
    """Say which rows to keep, and why not the others; keeps no state.

    A row is rejected for its first fault in the order of the schema's features, then the target:
    ``infinite`` (a numeric feature or target is inf or -inf), ``huge`` (its absolute value is
    above ``max_abs``, for the target above `TARGET_MAX_ABS`) or ``missing`` (no value or NaN
    where the field says ``missing: reject``).  A missing target is no fault: its label may come.

    Returns
    -------
    keep
        bool [n], False in the rejected rows.
    rejects
        One for each rejected row, in order; ``where`` is the column.
    counts
        Rejected rows per reason.

    Examples
    --------
    >>> schema = RecordSchema(features={"x": NumericField(max_abs=10)}, target="y")
    >>> block = Records(
    ...     positions=np.arange(3),
    ...     numbers={"x": np.array([1.0, np.nan, 99.0]), "y": np.zeros(3)},
    ...     texts={},
    ...     times_us=None,
    ...     original=lambda i: b"row %d" % i,
    ... )
    >>> keep, rejects, counts = check_values(block, schema)
    >>> keep.tolist(), rejects[0].reason, rejects[0].original, counts
    ([True, True, False], 'huge', b'row 2', {'huge': 1})
    """
    faults: dict[int, tuple[str, str]] = {}
    for column, row, reason in _faults(records, schema):
        faults.setdefault(row, (reason, column))
    keep = np.ones(len(records), np.bool_)
    rejects = []
    for row, (reason, column) in sorted(faults.items()):
        keep[row] = False
        position = int(records.positions[row])
        rejects.append(Reject(position, reason, column, records.original(row)))
    return keep, rejects, dict(Counter(reject.reason for reject in rejects))


def _faults(records: Records, schema: RecordSchema) -> Iterator[tuple[str, int, str]]:
    """Yield (column, row, reason), column by column in the schema's order."""
    if not len(records):
        return
    for column, field in schema.features.items():
        for row, reason in _feature_faults(records, column, field):
            yield column, row, reason
    if not schema.classes:
        target = records.numbers[schema.target]
        for row, reason in _number_faults(target, TARGET_MAX_ABS, must_exist=False):
            yield schema.target, row, reason


def _feature_faults(
    records: Records, column: str, field: FeatureField
) -> Iterator[tuple[int, str]]:
    must_exist = field.missing == "reject"
    if isinstance(field, CategoricalField | TextField):
        texts = records.texts[column]
        if must_exist and None in texts:  # one fast scan where nothing is wrong
            yield from ((row, "missing") for row, text in enumerate(texts) if text is None)
        return
    limit = field.max_abs if isinstance(field, NumericField) else np.inf
    yield from _number_faults(records.numbers[column], limit, must_exist)


def _number_faults(
    values: FloatArray, max_abs: float, must_exist: bool
) -> Iterator[tuple[int, str]]:
    limit = min(max_abs, sys.float_info.max)  # a limit of inf must not let inf pass
    sizes = np.abs(values)
    # NaN compares false either way: the first form finds it, the second does not.
    bad = ~(sizes <= limit) if must_exist else sizes > limit
    for row in np.flatnonzero(bad).tolist():
        yield row, _reason(float(sizes[row]))


def _reason(size: float) -> str:
    if size != size:
        return "missing"
    return "infinite" if size == np.inf else "huge"
