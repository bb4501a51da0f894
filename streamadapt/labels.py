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

from streamadapt import label_ring_kernels as ring
from streamadapt import labels_kernels as k
from streamadapt.contracts import BoolArray, FloatArray, IntArray, OpArray
from streamadapt.events import MISSING_TIME
from streamadapt.label_ring import LabelRing
from streamadapt.state import State

__all__ = [
    "COUNTERS",
    "REASONS",
    "Arrivals",
    "Drop",
    "LabelJoin",
    "LabelLimits",
    "Ops",
    "limit_us",
    "merged",
]

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
                limit_us(self.max_age_s),
                min(self.remember, self.max_pending),
                limit_us(self.allowed_lateness_s),
                limit_us(self.max_ahead_s),
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
        self._ring = LabelRing(limits.max_pending)
        self._early = LabelRing(limits.max_early)
        self._labelled = np.zeros(1 << int(self._limits[k.REMEMBER]).bit_length(), np.int64)
        self._rows = np.zeros((len(self._ring.ids), n_features))
        self._cursor = np.zeros(k.CURSORS, np.int64)
        self._cursor[k.WATERMARK] = self._cursor[k.REFUSED_TIME] = MISSING_TIME
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
        return int((self._ring.status[self.live_slots()] == ring.PENDING).sum())

    def live_slots(self) -> IntArray:
        """Slots in use, oldest first: the canonical order of anything kept by slot."""
        return self._ring.slots()

    def admit(self, arrivals: Arrivals) -> tuple[Ops, list[Drop]]:
        """Decide what happens to each record; rows are brought in by `gather` afterwards."""
        n = len(arrivals)
        early = int(self._early.at[ring.HEAD] - self._early.at[ring.TAIL])
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
        early, s = self._early, self._early.slots()
        positions, ids, labels = early.positions[s], early.ids[s], early.labels[s]
        fates = zip(positions.tolist(), ids.tolist(), labels.tolist(), strict=True)
        drops = [Drop(-1, position, "unknown_id", id_, label) for position, id_, label in fates]
        early.clear()
        self._counts[k.N_UNKNOWN] += len(drops)
        return drops

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
                "ring": self._ring.state(),
                "early": self._early.state(),
                "rows": self._rows[self.live_slots()],
                "labelled": self._labelled[order & (len(self._labelled) - 1)],
                "watermark_us": int(cursor[k.WATERMARK]),
                "refused_us": int(cursor[k.REFUSED_TIME]),
                "counts": self._counts.copy(),
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        cursor = self._cursor
        labelled = state.expect("label_join", 1).integers("labelled")
        self._ring.restore(state.child("ring"))
        self._early.restore(state.child("early"))
        cursor[k.LABELLED_TAIL], cursor[k.LABELLED_HEAD] = 0, len(labelled)
        cursor[k.WATERMARK] = state.integer("watermark_us")
        was_kept = "refused_us" in state.values  # not by earlier releases
        cursor[k.REFUSED_TIME] = state.integer("refused_us") if was_kept else MISSING_TIME
        self._labelled[: len(labelled)] = labelled
        self._rows[self.live_slots()] = state.floats("rows")
        self._counts[:] = state.integers("counts")


def limit_us(seconds: float | None) -> int:
    """Return a limit as kernels take it: whole microseconds, 0 for none."""
    return 0 if seconds is None else max(1, round(seconds * 1e6))
