"""The predictions of a replay as a table: who said what about which event, and what came true.

A label may come long after its prediction, and a row once written is not changed.  So rows and
labels are spooled apart, each in its own order, and joined as soon as all labels of a group of rows
are there.  All of this is done by a thread of its own, beside the learning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streamadapt import predictions_kernels as k
from streamadapt.connectors.background import Background
from streamadapt.connectors.parquet_sink import ParquetSink
from streamadapt.contracts import FloatArray
from streamadapt.events import MISSING_TIME, Records, RecordSchema
from streamadapt.labels import Ops
from streamadapt.prediction_labels import LABELS, LabelColumns
from streamadapt.state import State
from streamadapt.task import Outcome, Task

__all__ = ["PREDICTIONS_FILE", "Predictions"]

PREDICTIONS_FILE = "predictions.parquet"


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
        self._labels = ParquetSink(folder / "labels.parquet", LABELS)
        self._background = Background()
        self._joined: LabelColumns | None = None

    def take(self, outcome: Outcome, records: Records) -> None:
        """Write what came of `records`, which nobody may change any more; soon, not at once.

        Errors of writing come with a later call.
        """
        self._background.do(partial(self._take, outcome, records))

    def finish(self) -> None:
        """Join the rest of rows and labels into the Parquet file."""
        self._background.do(self._finish)
        self._background.wait()

    def flush(self) -> None:
        """Make all that was taken survive a crash."""
        self._background.wait()
        for sink in self._sinks:
            sink.flush()

    def clear(self) -> None:
        """Drop all that was taken."""
        self._cut(0, 0)

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        self._background.close()
        self._drop_joined()
        for sink in self._sinks:
            sink.close()

    def discard(self) -> None:
        """Delete the spools: the run is over."""
        for sink in self._sinks:
            sink.spool.unlink(missing_ok=True)

    def is_finished(self, state: State) -> bool:
        """Whether the run of `state` has its file, and no spools any more."""
        return self._rows.position() < state.integer("rows")

    def state(self) -> State:
        """Return which event waits in which slot, and how long the spools are."""
        self._background.wait()
        values = {
            f"waiting{i}": numbers[track.join.live_slots()]
            for i, (track, numbers) in enumerate(zip(self._tracks, self._number_of, strict=True))
        }
        rows, labels = (sink.position() for sink in self._sinks)
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
        self._cut(state.integer("rows"), state.integer("labels"))

    @property
    def _sinks(self) -> tuple[ParquetSink, ParquetSink]:
        return self._rows, self._labels

    def _cut(self, rows: int, labels: int) -> None:
        self._background.wait()
        self._drop_joined()
        self._rows.truncate(rows)
        self._labels.truncate(labels)

    def _take(self, outcome: Outcome, records: Records) -> None:
        self._spool_labels(outcome)
        self._spool_rows(outcome, records)
        self._n_events += len(outcome.positions)
        if self._rows.advance(partial(self._complete, is_over=False)):
            for sink in self._sinks:  # now and then, so that a checkpoint does not wait for all
                sink.flush()

    def _finish(self) -> None:
        self._rows.finish(partial(self._complete, is_over=True))
        self._drop_joined()

    def _complete(self, group: pa.Table, is_over: bool) -> pa.Table | None:
        self._joined = self._joined or LabelColumns(
            self._labels.reader(), self._suffixes, max(map(len, self._number_of)),
            self._schema.classes,
        )  # fmt: skip
        return self._joined.join(group, is_over)

    def _drop_joined(self) -> None:
        if self._joined is not None:
            self._joined.close()
            self._joined = None

    def _spool_labels(self, outcome: Outcome) -> None:
        parts = [self._settled(i, steps) for i, steps in enumerate(outcome.steps)]
        columns = map(np.concatenate, zip(*parts, strict=True))
        # One batch for all tracks: whoever reads it has all labels of these records, or none.
        self._labels.write(pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=LABELS))

    def _settled(self, i: int, steps: Ops) -> tuple[NDArray[np.generic], ...]:
        """Return the columns of `LABELS` for the labels that came to track i."""
        n = len(steps)
        place, number, seen = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
        n = k.settle(
            steps.op, steps.slot, steps.graded, self._n_events, self._number_of[i],
            place, number, seen,
        )  # fmt: skip
        return np.full(n, i, np.int16), number[:n], steps.y[place[:n]], seen[:n]

    def _spool_rows(self, outcome: Outcome, records: Records) -> None:
        said = dict(self._columns(outcome, records))
        n = len(outcome.positions)
        arrays = [
            pa.array(said[field.name]) if field.name in said else pa.nulls(n, field.type)
            for field in self._rows.schema
        ]
        self._rows.write(pa.RecordBatch.from_arrays(arrays, schema=self._rows.schema))

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


def _classes(P: FloatArray) -> pa.Array:
    best = np.empty(len(P), np.int16)
    k.most_probable(P, best)
    return pa.array(best, mask=best < 0)
