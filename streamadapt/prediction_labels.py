"""Joins labels, in the order in which they came, to the rows that they are for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamadapt.connectors.parquet_sink import SpoolReader
from streamadapt.contracts import FloatArray, IntArray

__all__ = ["LABELS", "LabelColumns"]

LABELS = pa.schema(
    {"track": pa.int16(), "number": pa.int64(), "label": pa.float64(), "seen": pa.int64()}
)
"""A label as it came: for which event by which track, and how many events were predicted then."""


class LabelColumns:
    """Appends ``label`` and ``label_after`` to groups of rows, and gives classes their names.

    Held are only the labels that came while a group, and the events that may still wait, were under
    way.

    Parameters
    ----------
    labels
        All labels that came so far, of schema `LABELS`; no batch has seen less than one before it.
    suffixes
        Of the columns, by track.
    longest_wait
        So many events may come after an event before its label, at most.
    classes
        Names of the classes; none if labels are numbers.
    """

    def __init__(
        self,
        labels: SpoolReader,
        suffixes: Sequence[str],
        longest_wait: int,
        classes: Sequence[str],
    ) -> None:
        self._labels, self._suffixes, self._classes = labels, suffixes, classes
        self._wait = longest_wait
        self._held = LABELS.empty_table()
        self._seen = 0

    def join(self, rows: pa.Table, is_over: bool) -> pa.Table | None:
        """Return `rows` with the labels that ever came for them.

        None if some may still come; none may once it `is_over`.
        """
        first, n = (rows["number"][0].as_py(), len(rows)) if len(rows) else (0, 0)
        self._read(first + n + self._wait)
        track, number, label, seen = (column.to_numpy() for column in self._held.columns)
        is_mine = number < first + n
        if not (is_over or self._is_complete(first + n, int(np.count_nonzero(is_mine)), n)):
            return None
        rows = _named(rows, self._classes)
        for i, suffix in enumerate(self._suffixes):
            mine = is_mine & (track == i)
            values, after = np.full(n, np.nan), np.zeros(n, np.int64)
            values[number[mine] - first], after[number[mine] - first] = label[mine], seen[mine]
            rows = rows.append_column(f"label{suffix}", _label(values, self._classes))
            rows = rows.append_column(f"label_after{suffix}", pa.array(after, mask=after == 0))
        self._held = self._held.filter(pa.array(~is_mine))
        return rows

    def close(self) -> None:
        """Release the labels."""
        self._labels.close()

    def _is_complete(self, end: int, found: int, n: int) -> bool:
        """Whether all labels came, or none can come any more, of the n rows before number `end`."""
        return found == n * len(self._suffixes) or self._seen > end + self._wait

    def _read(self, until: int) -> None:
        """Hold all labels that came before event number `until`."""
        found = [self._held]
        while self._seen <= until and (batch := self._labels.next()) is not None:
            found.append(pa.Table.from_batches([batch]))
            self._seen = pc.max(batch["seen"]).as_py()
        if len(found) > 1:
            self._held = pa.concat_tables(found).combine_chunks()


def _named(rows: pa.Table, classes: Sequence[str]) -> pa.Table:
    """Return `rows` with classes by name."""
    for i, field in enumerate(rows.schema):
        if field.type == pa.int16():
            codes = rows.column(i).combine_chunks()
            rows = rows.set_column(i, field.name, _by_name(codes, classes))
    return rows


def _by_name(codes: pa.Array, classes: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, pa.array(classes, pa.string()))


def _label(values: FloatArray, classes: Sequence[str]) -> pa.Array:
    absent = np.isnan(values)
    if not classes:
        return pa.array(values, mask=absent)
    codes: IntArray = np.where(absent, 0, values).astype(np.int16)
    return _by_name(pa.array(codes, mask=absent), classes)
