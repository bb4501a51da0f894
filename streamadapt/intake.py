"""From decoded records to arrivals: ids, times, labels, and reasons to refuse a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamadapt.admission import check_values
from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.encoding import text_hash
from streamadapt.events import MISSING_TIME, LateLabels, Records, RecordSchema, Reject
from streamadapt.labels import Arrivals, merged
from streamadapt.labels_kernels import EVENT, LABEL

__all__ = ["MOST_CHARS", "Intake", "hashed"]

MOST_CHARS = 16_384
"""Of an id or a key, since predictions repeat them: what a broker took as an event, compressed
perhaps, it might not take back as a prediction."""


def hashed(texts: Sequence[str | None]) -> NDArray[np.uint64]:
    """Return the 64-bit hash of each text; the same on every machine, 0 for None."""
    return np.fromiter(
        (0 if text is None else text_hash(text) for text in texts), np.uint64, len(texts)
    )


class Intake:
    """Turns records into arrivals; a pure function of schema and records.

    A record is refused (dead letter) if a value breaks its field's rules, if its id or event time
    is missing where the schema names one, or if its id or key is longer than `MOST_CHARS`.  A label
    that is no known class is refused alone: its event is predicted, but not learned.
    """

    def __init__(self, schema: RecordSchema) -> None:
        self.schema = schema
        self._classes = {name: index for index, name in enumerate(schema.classes)}

    def take(self, records: Records) -> tuple[Arrivals, list[Reject]]:
        """Return the arrivals of all usable rows, and the rejects of all others."""
        keep, rejects, _ = check_values(records, self.schema)
        keep = self._named(records, keep, rejects)
        labels = self._labels(records, keep, rejects)
        rows = np.flatnonzero(keep)
        arrivals = Arrivals(
            kind=np.full(len(rows), EVENT, np.int8),
            id=self._ids(records)[rows],
            time_us=_times(records)[rows],
            label=labels[rows],
            position=records.positions[rows],
            row=rows,
        )
        if records.labels is not None:
            arrivals = _with_labels(arrivals, records.labels)
        return arrivals, sorted([*records.rejects, *rejects], key=lambda reject: reject.position)

    def late_labels(self, records: Records, before: IntArray) -> tuple[LateLabels, list[Reject]]:
        """Return the labels of records that came by the stream of labels, and the rejects.

        Parameters
        ----------
        records
            Decoded by a schema like this one's, without features.
        before
            int64 [n + number of rejects]: of each record, in order of position, the position of
            the event that comes next.
        """
        arrivals, rejects = self.take(records)
        every = np.sort(np.concatenate([records.positions, [r.position for r in records.rejects]]))
        given = ~np.isnan(arrivals.label)
        refused = {reject.position for reject in rejects}
        rejects += [
            _reject(records, row, "no_label", self.schema.target)
            for row, position in zip(
                arrivals.row[~given].tolist(), arrivals.position[~given].tolist(), strict=True
            )
            if position not in refused
        ]
        come = arrivals.where(given)
        labels = LateLabels(
            come.id,
            come.label,
            come.time_us,
            come.position,
            before[np.searchsorted(every, come.position)],
        )
        return labels, [replace(reject, stream="labels") for reject in rejects]

    def series(self, records: Records) -> NDArray[np.uint64]:
        """Return which series each row belongs to: the hash of its key, 0 without one."""
        key = self.schema.key
        return np.zeros(len(records), np.uint64) if key is None else hashed(records.texts[key])

    def values(self, records: Records) -> FloatArray:
        """Return the numeric target of each row, float64 [n]."""
        return records.numbers[self.schema.target]

    def _ids(self, records: Records) -> NDArray[np.uint64]:
        if self.schema.id is None:
            return records.positions.astype(np.uint64)
        return hashed(records.texts[self.schema.id])

    def _named(self, records: Records, keep: BoolArray, rejects: list[Reject]) -> BoolArray:
        """Refuse rows without an id or time that the schema asks for, or with too long names."""
        schema = self.schema
        if schema.id is not None:
            lengths = _lengths(records.texts[schema.id])
            keep = _refuse(records, keep, lengths == 0, ("missing_id", schema.id), rejects)
            keep = _refuse(records, keep, lengths > MOST_CHARS, ("long_id", schema.id), rejects)
        if schema.key is not None:
            lengths = _lengths(records.texts[schema.key])
            keep = _refuse(records, keep, lengths > MOST_CHARS, ("long_key", schema.key), rejects)
        if schema.time is not None:
            absent = _times(records) == MISSING_TIME
            keep = _refuse(records, keep, absent, ("missing_time", schema.time.column), rejects)
        return keep

    def _labels(self, records: Records, keep: BoolArray, rejects: list[Reject]) -> FloatArray:
        target = self.schema.target
        if not self._classes:
            return records.numbers[target]
        texts = records.texts[target]
        index = self._classes.get
        codes = np.array([index(text, -1) for text in texts], np.float64)  # type: ignore[arg-type]
        if (codes >= 0).all():
            return codes
        unknown = np.flatnonzero((codes < 0) & keep).tolist()
        named = [row for row in unknown if texts[row] is not None]
        rejects.extend(_reject(records, row, "unknown_class", target) for row in named)
        return np.where(codes < 0, np.nan, codes)


def _with_labels(events: Arrivals, late: LateLabels) -> Arrivals:
    n = len(late)
    labels = Arrivals(
        np.full(n, LABEL, np.int8),
        late.ids,
        late.times_us,
        late.labels,
        late.positions,
        np.full(n, -1, np.int64),
    )
    return merged(events, labels, events.position * 2 + 1, late.before * 2)


def _lengths(texts: Sequence[str | None]) -> IntArray:
    return np.array([len(text) if text else 0 for text in texts], np.int64)


def _times(records: Records) -> IntArray:
    if records.times_us is None:
        return np.full(len(records), MISSING_TIME, np.int64)
    return records.times_us


def _refuse(
    records: Records, keep: BoolArray, bad: BoolArray, why: tuple[str, str], rejects: list[Reject]
) -> BoolArray:
    rejects.extend(_reject(records, row, *why) for row in np.flatnonzero(keep & bad).tolist())
    return keep & ~bad


def _reject(records: Records, row: int, reason: str, where: str) -> Reject:
    return Reject(int(records.positions[row]), reason, where, records.original(row))
