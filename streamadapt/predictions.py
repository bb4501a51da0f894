"""The predictions of a replay as a table: who said what about which event, and what came true.

A label may come long after its prediction, and a row once written is not changed.  So rows and
labels are spooled apart, each in its own order, and joined when the run is over: of the labels only
those are held that came while a group of rows and the events that may still wait were under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from streamadapt import predictions_kernels as k
from streamadapt.connectors.parquet_sink import ParquetSink
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.events import MISSING_TIME, Records, RecordSchema
from streamadapt.state import State
from streamadapt.task import Outcome, Task

__all__ = ["PREDICTIONS_FILE", "Predictions"]

PREDICTIONS_FILE = "predictions.parquet"

_LABELS = pa.schema(
    {"track": pa.int16(), "number": pa.int64(), "label": pa.float64(), "seen": pa.int64()}
)


class Predictions:
    """Writes ``predictions.parquet``.

    Columns: ``number`` of the event among those predicted, ``position`` in the source, ``id``,
    ``key`` and ``time`` where the schema names them; for each learner its number, or the
    probability of each class (``tree:yes``) and the most probable one (``tree``); ``label`` and
    ``label_after``, how many events were predicted when it came, null if it never did.  Forecasts
    have both for each horizon (``label@6``).

    A run that is resumed with other learners keeps the columns that it began with.

    Parameters
    ----------
    folder
        Where the file is written.
    schema
        Of the records.
    task
        Whose predictions these are.
    """

    def __init__(self, folder: Path, schema: RecordSchema, task: Task) -> None:
        self._schema, self._tracks = schema, task.tracks
        self._suffixes = [f"@{h}" if (h := getattr(t, "horizon", 0)) else "" for t in self._tracks]
        self._number_of = [np.full(t.join.n_slots, -1, np.int64) for t in self._tracks]
        self._n_events = 0
        lanes = [lane.name for track in self._tracks for lane in track.pipeline.lanes]
        self._rows = ParquetSink(folder / PREDICTIONS_FILE, self._spooled(lanes))
        self._labels = ParquetSink(folder / "labels.parquet", _LABELS)

    @property
    def sinks(self) -> tuple[ParquetSink, ParquetSink]:
        """Rows and labels: what has to be flushed, and cut back."""
        return self._rows, self._labels

    def take(self, outcome: Outcome, records: Records) -> None:
        """Write what came of `records`."""
        for i, steps in enumerate(outcome.steps):
            n = len(steps)
            place, number, seen = (
                np.empty(n, np.int64),
                np.empty(n, np.int64),
                np.empty(n, np.int64),
            )
            n = k.settle(
                steps.op, steps.slot, steps.graded, self._n_events, self._number_of[i],
                place, number, seen,
            )  # fmt: skip
            track = np.full(n, i, np.int16)
            columns = [track, number[:n], steps.y[place[:n]], seen[:n]]
            self._labels.write(
                pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=_LABELS)
            )
        said = dict(self._columns(outcome, records))
        n = len(outcome.positions)
        arrays = [
            pa.array(said[field.name]) if field.name in said else pa.nulls(n, field.type)
            for field in self._rows.schema
        ]
        self._rows.write(pa.RecordBatch.from_arrays(arrays, schema=self._rows.schema))
        self._n_events += len(outcome.positions)

    def finish(self) -> None:
        """Join rows and labels into the Parquet file."""
        labels = _Labels(
            self._labels.batches(), self._suffixes, [len(n) for n in self._number_of],
            self._schema.classes,
        )  # fmt: skip
        self._rows.finish(lambda table: labels.join(_named(table, self._schema.classes)))

    def discard(self) -> None:
        """Delete the spools: the run is over."""
        for sink in self.sinks:
            sink.spool.unlink(missing_ok=True)

    def is_finished(self, state: State) -> bool:
        """Whether the run of `state` has its file, and no spools any more."""
        return self._rows.position() < state.integer("rows")

    def state(self) -> State:
        """Return which event waits in which slot, and how long the spools are."""
        values = {
            f"waiting{i}": numbers[track.join.live_slots()]
            for i, (track, numbers) in enumerate(zip(self._tracks, self._number_of, strict=True))
        }
        rows, labels = (sink.position() for sink in self.sinks)
        return State(
            "predictions", 1, {**values, "n_events": self._n_events, "rows": rows, "labels": labels}
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes; the task is restored already."""
        state.expect("predictions", 1)
        self._n_events = state.integer("n_events")
        for i, (track, numbers) in enumerate(zip(self._tracks, self._number_of, strict=True)):
            numbers[:] = -1
            numbers[track.join.live_slots()] = state.integers(f"waiting{i}")
        self._rows.truncate(state.integer("rows"))
        self._labels.truncate(state.integer("labels"))

    def _spooled(self, lanes: Sequence[str]) -> pa.Schema:
        schema = self._schema
        fields = {"number": pa.int64(), "position": pa.int64()}
        fields |= {"id": pa.string()} if schema.id else {}
        fields |= {"key": pa.string()} if schema.key else {}
        fields |= {"time": pa.timestamp("us")} if schema.time else {}
        for lane in lanes:
            fields |= {lane: pa.int16() if schema.classes else pa.float64()}
            fields |= {f"{lane}:{name}": pa.float64() for name in schema.classes}
        return pa.schema(fields)

    def _columns(self, outcome: Outcome, records: Records) -> Iterator[tuple[str, object]]:
        schema, rows = self._schema, outcome.rows.tolist()
        yield "number", np.arange(self._n_events, self._n_events + len(rows))
        yield "position", outcome.positions
        for column, name in (("id", schema.id), ("key", schema.key)):
            if name is not None:
                texts = records.texts[name]
                yield column, pa.array([texts[row] for row in rows], pa.string())
        if schema.time:
            times = outcome.times_us
            yield "time", pa.array(times, pa.timestamp("us"), mask=times == MISSING_TIME)
        for lane, P in outcome.outputs.items():
            if not schema.classes:
                yield lane, P[:, 0]
                continue
            yield lane, _classes(P)
            for i, name in enumerate(schema.classes):
                yield f"{lane}:{name}", np.ascontiguousarray(P[:, i])


class _Labels:
    """Labels by arrival, joined to groups of rows in order."""

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        suffixes: Sequence[str],
        longest_wait: Sequence[int],
        classes: Sequence[str],
    ) -> None:
        self._batches, self._suffixes, self._classes = batches, suffixes, classes
        self._wait = max(longest_wait)
        self._held = _LABELS.empty_table()
        self._seen = 0

    def join(self, rows: pa.Table) -> pa.Table:
        """Return `rows` with the labels that ever came for them."""
        first, n = (rows["number"][0].as_py(), len(rows)) if len(rows) else (0, 0)
        self._read(first + n + self._wait)
        track, number, label, seen = (column.to_numpy() for column in self._held.columns)
        for i, suffix in enumerate(self._suffixes):
            mine = (track == i) & (number < first + n)
            values, after = np.full(n, np.nan), np.zeros(n, np.int64)
            values[number[mine] - first], after[number[mine] - first] = label[mine], seen[mine]
            rows = rows.append_column(f"label{suffix}", _label(values, self._classes))
            rows = rows.append_column(f"label_after{suffix}", pa.array(after, mask=after == 0))
        self._held = self._held.filter(pa.array(number >= first + n))
        return rows

    def _read(self, until: int) -> None:
        """Hold all labels that came before event number `until`."""
        found = [self._held]
        while self._seen <= until and (batch := next(self._batches, None)) is not None:
            found.append(pa.Table.from_batches([batch]))
            self._seen = batch["seen"][-1].as_py()
        self._held = pa.concat_tables(found)


def _classes(P: FloatArray) -> pa.Array:
    best = np.empty(len(P), np.int16)
    k.most_probable(P, best)
    return pa.array(best, mask=best < 0)


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
