"""Late labels out of a recorded stream: what replay would have seen had labels taken their time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamadapt.contracts import IntArray
from streamadapt.events import MISSING_TIME
from streamadapt.labels import Arrivals, LabelLimits, limit_us, merged
from streamadapt.labels_kernels import CURSORS, OWN_LABEL, REFUSED_TIME, WATERMARK, watermarks
from streamadapt.state import State

__all__ = ["DelayedLabels", "LabelDelay"]

_USUAL = LabelLimits()
_NAMES = ("id", "time_us", "label", "position", "order")


class LabelDelay(BaseModel):
    """How late labels come: after so many further events, or so much event time.  0: at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: int = Field(0, ge=0, le=1 << 26)
    seconds: float = Field(0, ge=0, le=1e10)

    @model_validator(mode="after")
    def _one_of_both(self) -> LabelDelay:
        if self.events and self.seconds:
            raise ValueError("give `events` or `seconds`, not both")
        return self


class DelayedLabels:
    """Takes labels off their events and brings them back as records of their own, later.

    With ``events: D`` a label comes right after the D-th event after its own.  With ``seconds`` it
    comes before the first event that is more than so much later, as event time has it; a time that
    the join will refuse as too early does not count.  A label with more than `limits.max_pending`
    events between its own and itself is dropped, and counted: its event has expired by then.

    Examples
    --------
    >>> def events(*labels):
    ...     n = len(labels)
    ...     i = np.arange(n)
    ...     return Arrivals(np.zeros(n, np.int8), i.astype(np.uint64), i * 1_000_000,
    ...                     np.array(labels, float), i, i)
    >>> late = DelayedLabels(LabelDelay(events=1)).interleave(events(5.0, 6.0, 7.0))
    >>> list(zip(late.kind.tolist(), late.id.tolist()))  # 0: event, 2: its own label
    [(0, 0), (0, 1), (2, 0), (0, 2), (2, 1)]
    """

    def __init__(self, delay: LabelDelay, limits: LabelLimits = _USUAL) -> None:
        self._max_waiting = limits.max_pending
        self._ahead_us = limit_us(limits.max_ahead_s)
        self.n_dropped = 0
        self._events = delay.events
        self._us = round(delay.seconds * 1e6)
        self._n_events = 0
        self._cursor = np.full(CURSORS, MISSING_TIME)
        self._waiting = _empty()

    @property
    def is_immediate(self) -> bool:
        """Whether labels come with their events."""
        return not (self._events or self._us)

    def interleave(self, arrivals: Arrivals) -> Arrivals:
        """Return `arrivals` without their labels, and the labels that are due, in order."""
        if self.is_immediate or len(arrivals) == 0:
            return arrivals
        n = len(arrivals)
        order = self._n_events + np.arange(n)
        fresh = (arrivals.id, arrivals.time_us, arrivals.label, arrivals.position, order)
        labelled = ~np.isnan(arrivals.label)
        labels = {
            name: np.concatenate([self._waiting[name], values[labelled]])
            for name, values in zip(_NAMES, fresh, strict=True)
        }
        turn = self._turns(labels, arrivals.time_us)
        self._n_events += n
        # Known of each label by itself, so that it does not depend on how the stream is cut.
        lost = np.minimum(turn, self._n_events) - labels["order"] > self._max_waiting
        self.n_dropped += int(lost.sum())
        due, stays = ~lost & (turn < self._n_events), ~lost & (turn >= self._n_events)
        self._waiting = {name: values[stays] for name, values in labels.items()}
        bare = replace(arrivals, label=np.full(n, np.nan))
        late = _labels({name: values[due] for name, values in labels.items()})
        # A label comes after the event of its turn, or before it.
        return merged(bare, late, order * 2 + 1, turn[due] * 2 + (2 if self._events else 0))

    def flush(self) -> Arrivals:
        """Return all labels still waiting: the stream has ended."""
        waiting, self._waiting = self._waiting, _empty()
        return _labels(waiting)

    def state(self) -> State:
        """Return the labels that wait."""
        return State(
            "delayed_labels",
            1,
            {
                **self._waiting,
                "n_events": self._n_events,
                "n_dropped": self.n_dropped,
                "watermark_us": int(self._cursor[WATERMARK]),
                "refused_us": int(self._cursor[REFUSED_TIME]),
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        state.expect("delayed_labels", 1)
        self._waiting = {name: state.array(name) for name in _NAMES}
        self._n_events = state.integer("n_events")
        self.n_dropped = state.integer("n_dropped")
        self._cursor[WATERMARK] = state.integer("watermark_us")
        was_kept = "refused_us" in state.values  # not by earlier releases
        self._cursor[REFUSED_TIME] = state.integer("refused_us") if was_kept else MISSING_TIME

    def _turns(self, labels: dict[str, NDArray[np.generic]], times: IntArray) -> IntArray:
        """Return the event after which (by count) or before which (by time) each label comes."""
        orders: IntArray = labels["order"].astype(np.int64)
        if self._events:
            return orders + self._events
        marks = self._watermarks(times)
        first_later = np.searchsorted(marks, labels["time_us"].astype(np.int64) + self._us, "right")
        return np.maximum(self._n_events + first_later, orders + 1)

    def _watermarks(self, times: IntArray) -> IntArray:
        """Return event time after each event."""
        marks = np.array(times, np.int64)
        watermarks(marks, self._cursor, self._ahead_us)
        return marks


def _labels(labels: dict[str, NDArray[np.generic]]) -> Arrivals:
    n = len(labels["id"])
    return Arrivals(
        np.full(n, OWN_LABEL, np.int8),
        labels["id"].astype(np.uint64),
        labels["time_us"].astype(np.int64),
        labels["label"].astype(np.float64),
        labels["position"].astype(np.int64),
        np.full(n, -1, np.int64),
    )


def _empty() -> dict[str, NDArray[np.generic]]:
    dtypes: tuple[type[np.generic], ...] = (np.uint64, np.int64, np.float64, np.int64, np.int64)
    return {name: np.zeros(0, dtype) for name, dtype in zip(_NAMES, dtypes, strict=True)}
