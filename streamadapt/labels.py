"""The label join: brings labels, early, late or in the record itself, to the features they are for.

A label is learned with the features seen at prediction time, once it has arrived, by id.  Every
other fate of a label is defined and counted:

==============================  ===============================================================
before its event                kept (``max_early``), learned right after the event's prediction
repeated with the same value    dropped, ``repeated``
corrected to another value      dropped or learned again (``learn_corrections``), ``corrected``
of an event that is too old     dead letter ``expired``; ``unknown_id`` once the event was dropped
of an id never seen             dead letter ``unknown_id``, once it leaves the early buffer
==============================  ===============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from streamadapt import labels_kernels as k
from streamadapt.contracts import BoolArray, FloatArray, IntArray, OpArray
from streamadapt.events import MISSING_TIME
from streamadapt.state import State

__all__ = ["COUNTERS", "REASONS", "Arrivals", "Drop", "LabelJoin", "LabelLimits", "Ops", "merged"]

COUNTERS = (
    "events", "labelled", "duplicate", "out_of_order", "too_late", "expired",
    "early", "unknown_id", "repeated", "corrected", "label_awaited", "expired_label",
    "too_early",
)  # fmt: skip
REASONS = (
    "duplicate",
    "too_late",
    "unknown_id",
    "expired",
    "repeated",
    "corrected",
    "no_label",
    "too_early",
)


class LabelLimits(BaseModel):
    """How long the join waits for labels.

    An event waits for its label while no more than ``max_pending`` events come after it, and no
    longer than ``max_age_s`` of event time.  The last ``remember`` events that got their label are
    kept, to know duplicates, repeated and corrected labels.  A label that comes before its event
    waits while no more than ``max_early`` such labels come after it.  Events older than
    ``allowed_lateness_s`` behind the newest one are dead letters (reason ``too_late``), and so are
    those more than ``max_ahead_s`` after it (``too_early``), unless the event refused just before
    says about the same time; by default none is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_pending: int = Field(100_000, ge=1, le=1 << 26)
    max_early: int = Field(10_000, ge=1, le=1 << 26)
    max_age_s: float | None = Field(None, gt=0, le=1e10)
    remember: int = Field(1_000, ge=1, le=1 << 26)
    learn_corrections: bool = False
    allowed_lateness_s: float | None = Field(None, gt=0, le=1e10)
    max_ahead_s: float | None = Field(None, gt=0, le=1e10)

    def packed(self, dedup_only: bool) -> IntArray:
        """Return the limits as the kernels take them."""
        return np.array(
            [
                self.max_pending,
                self.max_early,
                _us(self.max_age_s),
                min(self.remember, self.max_pending),
                _us(self.allowed_lateness_s),
                _us(self.max_ahead_s),
                self.learn_corrections,
                dedup_only,
            ],
            np.int64,
        )


@dataclass(slots=True)
class Arrivals:
    """n events and labels in the order a task takes them.

    ``kind`` is 0 for an event, 1 for a label; ``id`` names the event, as a 64-bit hash or its
    position; ``label`` is the class index or the number, NaN if the record brings none; ``row`` is
    the event's place in its `Records`, -1 for a label.
    """

    kind: OpArray
    id: NDArray[np.uint64]
    time_us: IntArray
    label: FloatArray
    position: IntArray
    row: IntArray

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, keep: BoolArray) -> Arrivals:
        """Return those that `keep` [n] says."""
        return Arrivals(
            self.kind[keep],
            self.id[keep],
            self.time_us[keep],
            self.label[keep],
            self.position[keep],
            self.row[keep],
        )


def merged(events: Arrivals, labels: Arrivals, place: IntArray, turn: IntArray) -> Arrivals:
    """Return all in the order of `place` [n] and `turn` [m]; in a tie the events come first."""
    by = np.argsort(np.concatenate([place, turn]), kind="stable")
    names = [column.name for column in fields(Arrivals)]
    pairs = [(getattr(events, name), getattr(labels, name)) for name in names]
    return Arrivals(*(np.concatenate(pair)[by] for pair in pairs))


@dataclass(frozen=True, slots=True)
class Drop:
    """A record that the join does not use; ``record`` is its place in the call, or -1.

    ``id`` and ``label`` are of the record: a label has no other form to be shown by.
    """

    record: int
    position: int
    reason: str
    id: int
    label: float


@dataclass(slots=True)
class Ops:
    """n steps for the learners, in order: what to do, with which slot's row, and towards what."""

    op: OpArray
    slot: IntArray
    y: FloatArray
    record: IntArray
    graded: BoolArray
    """True where this label is the first for its prediction."""

    def __len__(self) -> int:
        return len(self.op)

    def part(self, start: int, stop: int) -> Ops:
        """Return the steps start..stop-1, as views."""
        cut = slice(start, stop)
        return Ops(self.op[cut], self.slot[cut], self.y[cut], self.record[cut], self.graded[cut])


class _Ring:
    """Entries in order of arrival, found by id; the arrays that the kernels work on."""

    def __init__(self, capacity: int) -> None:
        size = 1 << int(capacity).bit_length()  # always more than `capacity`
        self.ids = np.zeros(size, np.uint64)
        self.times = np.zeros(size, np.int64)
        self.labels = np.zeros(size)
        self.status = np.zeros(size, np.int8)
        self.positions = np.zeros(size, np.int64)
        self.table = np.zeros(2 * size, np.int64)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        return self.ids, self.times, self.labels, self.status, self.positions, self.table

    def entries(self, tail: int, head: int) -> IntArray:
        """Return the numbers of the entries that live, oldest first."""
        entries = np.arange(tail, head)
        live: IntArray = entries[self.status[entries & (len(self.ids) - 1)] != k.DEAD]
        return live

    def state(self, tail: int, head: int) -> State:
        entries = self.entries(tail, head)
        s = entries & (len(self.ids) - 1)
        return State(
            "ring",
            1,
            {
                "tail": int(tail),
                "head": int(head),
                "entries": entries,
                "ids": self.ids[s],
                "times": self.times[s],
                "labels": self.labels[s],
                "status": self.status[s],
                "positions": self.positions[s],
            },
        )

    def restore(self, state: State) -> tuple[int, int]:
        """Take the entries in, each at its own number; return tail and head."""
        entries = state.expect("ring", 1).integers("entries")
        s = entries & (len(self.ids) - 1)
        self.table[:] = 0
        self.status[:] = k.DEAD
        self.ids[s] = state.array("ids")
        self.times[s] = state.integers("times")
        self.labels[s] = state.floats("labels")
        self.status[s] = state.array("status")
        self.positions[s] = state.integers("positions")
        k.fill(self.table, self.ids, entries)
        return state.integer("tail"), state.integer("head")


class LabelJoin:
    """Turns arrivals into ops for learners; keeps the rows that wait for their label.

    Parameters
    ----------
    n_features
        Width of a row.
    limits
        How long to wait, and for how many.
    dedup_only
        Labels mature elsewhere (forecasts): only find duplicates and late events.

    Examples
    --------
    >>> join = LabelJoin(1, LabelLimits())
    >>> def arrive(kind, id, label=np.nan):
    ...     one = lambda value, dtype: np.array([value], dtype)
    ...     return join.admit(Arrivals(one(kind, np.int8), one(id, np.uint64), one(0, np.int64),
    ...                                one(label, float), one(0, np.int64), one(0, np.int64)))[0]
    >>> arrive(0, 7).op, arrive(1, 7, 1.0).op, arrive(1, 7, 1.0).op  # event, its label, again
    (array([1], dtype=int8), array([2], dtype=int8), array([], dtype=int8))
    >>> join.counts["repeated"]
    1
    """

    def __init__(self, n_features: int, limits: LabelLimits, dedup_only: bool = False) -> None:
        self.n_features = n_features
        self._limits = limits.packed(dedup_only)
        self._ring = _Ring(limits.max_pending)
        self._early = _Ring(limits.max_early)
        self._labelled = np.zeros(len(self._ring.ids), np.int64)
        self._rows = np.zeros((len(self._ring.ids), n_features))
        self._cursor = np.zeros(k.CURSORS, np.int64)
        self._cursor[k.WATERMARK] = MISSING_TIME
        self._counts = np.zeros(k.N_COUNTERS, np.int64)

    @property
    def n_slots(self) -> int:
        """Number of slots; predictions kept beside the rows need as many."""
        return len(self._ring.ids)

    @property
    def counts(self) -> dict[str, int]:
        """How many records had which fate so far."""
        return dict(zip(COUNTERS, self._counts.tolist(), strict=True))

    @property
    def n_pending(self) -> int:
        """Events that wait for their label now."""
        return int((self._ring.status[self.live_slots()] == k.PENDING).sum())

    def live_slots(self) -> IntArray:
        """Slots in use, oldest first: the canonical order of anything kept by slot."""
        entries = self._ring.entries(self._cursor[k.TAIL], self._cursor[k.HEAD])
        return entries & (self.n_slots - 1)

    def admit(self, arrivals: Arrivals) -> tuple[Ops, list[Drop]]:
        """Decide what happens to each record; rows are brought in by `gather` afterwards."""
        n = len(arrivals)
        early = int(self._cursor[k.EARLY_HEAD] - self._cursor[k.EARLY_TAIL])
        ops = Ops(
            np.empty(n, np.int8), np.empty(n, np.int64), np.empty(n),
            np.empty(n, np.int64), np.empty(n, np.bool_),
        )  # fmt: skip
        most = 2 * n + early  # each record may be dropped, and so may each early label
        drop_at, drop_why = np.empty((most, 3), np.int64), np.empty(most, np.int64)
        drop_value = np.empty(most)
        n_ops, n_drops = k.admit(
            arrivals.kind, arrivals.id, arrivals.time_us, arrivals.label, arrivals.position,
            *self._ring.arrays(), self._labelled, *self._early.arrays(),
            self._cursor, self._limits, self._counts,
            ops.op, ops.slot, ops.y, ops.record, ops.graded, drop_at, drop_why, drop_value,
        )  # fmt: skip
        at, ids = drop_at[:n_drops], drop_at[:n_drops, 2].astype(np.uint64).tolist()
        reasons = [REASONS[why] for why in drop_why[:n_drops].tolist()]
        fates = zip(at[:, 0].tolist(), at[:, 1].tolist(), reasons, ids, strict=True)
        values = drop_value[:n_drops].tolist()
        drops = [Drop(*fate, value) for fate, value in zip(fates, values, strict=True)]
        return ops.part(0, n_ops), drops

    def drain_early(self) -> list[Drop]:
        """Drop all labels whose event has not come: the stream has ended."""
        cursor, ring = self._cursor, self._early
        entries = ring.entries(cursor[k.EARLY_TAIL], cursor[k.EARLY_HEAD])
        slots = (entries & (len(ring.ids) - 1)).tolist()
        ring.status[slots] = k.DEAD
        ring.table[:] = 0
        cursor[k.EARLY_TAIL] = cursor[k.EARLY_HEAD]
        self._counts[k.N_UNKNOWN] += len(slots)
        return [
            Drop(-1, int(ring.positions[s]), "unknown_id", int(ring.ids[s]), float(ring.labels[s]))
            for s in slots
        ]

    def gather(self, ops: Ops, X: FloatArray) -> FloatArray:
        """Return each op's row: float64 [n, d]; X holds those of the predicting ops, in order."""
        out = np.empty((len(ops), self.n_features))
        k.gather(ops.op, ops.slot, X, self._rows, out)
        return out

    def state(self) -> State:
        """Return waiting and remembered entries with their rows, oldest first, and the counts."""
        cursor = self._cursor
        order = np.arange(cursor[k.LABELLED_TAIL], cursor[k.LABELLED_HEAD])
        return State(
            "label_join",
            1,
            {
                "ring": self._ring.state(cursor[k.TAIL], cursor[k.HEAD]),
                "early": self._early.state(cursor[k.EARLY_TAIL], cursor[k.EARLY_HEAD]),
                "rows": self._rows[self.live_slots()],
                "labelled": self._labelled[order & (self.n_slots - 1)],
                "watermark_us": int(cursor[k.WATERMARK]),
                "counts": self._counts.copy(),
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        cursor = self._cursor
        labelled = state.expect("label_join", 1).integers("labelled")
        cursor[k.TAIL], cursor[k.HEAD] = self._ring.restore(state.child("ring"))
        cursor[k.EARLY_TAIL], cursor[k.EARLY_HEAD] = self._early.restore(state.child("early"))
        cursor[k.LABELLED_TAIL], cursor[k.LABELLED_HEAD] = 0, len(labelled)
        cursor[k.WATERMARK] = state.integer("watermark_us")
        self._labelled[: len(labelled)] = labelled
        self._rows[self.live_slots()] = state.floats("rows")
        self._counts[:] = state.integers("counts")


def _us(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, round(seconds * 1e6))
