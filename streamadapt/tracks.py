"""Tracks: a pipeline together with what brings labels to its rows.

`LabelTrack` is for labels that come by id; `MaturingTrack` is for forecasts, where the label of a
row is the value of the same series some rows later.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.events import MISSING_TIME
from streamadapt.labels import Arrivals, LabelJoin, LabelLimits, Ops
from streamadapt.labels_kernels import EVENT, LABEL
from streamadapt.pipeline import Pipeline
from streamadapt.state import State

__all__ = ["NO_SERIES", "LabelTrack", "MaturingTrack", "Series", "Track", "maturing_limits"]


class Track(Protocol):
    """A pipeline with what brings labels to its rows."""

    pipeline: Pipeline
    join: LabelJoin

    @property
    def counts(self) -> dict[str, int]:
        """What was dropped on this track, by name."""
        ...

    def ops(self, events: Series, ops: Ops, X: FloatArray) -> tuple[Ops, FloatArray]:
        """Return the steps of this track, and the row of each, float64 [n, d].

        `ops` are those of the task's label join; X and, for forecasts, `events` are of its
        predicting ones.
        """
        ...

    def state(self) -> State:
        """Return all that is needed to go on."""
        ...

    def restore(self, state: State, skip: frozenset[str]) -> None:
        """Become what `state` describes, but for the lanes in `skip`, which begin anew."""
        ...


@dataclass(frozen=True, slots=True)
class Series:
    """The events that a call predicts: the series each belongs to, and its value there."""

    key: NDArray[np.uint64]
    value: FloatArray
    position: IntArray


NO_SERIES = Series(np.zeros(0, np.uint64), np.zeros(0), np.zeros(0, np.int64))
"""For tasks whose labels come by id."""


class LabelTrack:
    """Labels come with their events, or by id: the task's own label join decides."""

    def __init__(self, join: LabelJoin, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.join = join

    @property
    def counts(self) -> dict[str, int]:
        """Return nothing: the task counts what its label join drops."""
        return {}

    def ops(self, events: Series, ops: Ops, X: FloatArray) -> tuple[Ops, FloatArray]:
        """Return the ops of the join as they are, with the rows seen at prediction time."""
        return ops, self.join.gather(ops, X)

    def state(self) -> State:
        """Return the pipeline's state; the join's is kept by the task."""
        return self.pipeline.state(self.join.live_slots())

    def restore(self, state: State, skip: frozenset[str]) -> None:
        """Become what `state` describes."""
        self.pipeline.restore(state, self.join.live_slots(), skip)


class MaturingTrack:
    """A forecast `horizon` rows ahead: the target of a row matures when its series gets there.

    Each event first brings the label of the row `horizon` rows before it in its series, then asks
    for its own prediction: a label join whose ids are places in a series.

    Parameters
    ----------
    horizon
        Steps ahead, in rows of the series.
    pipeline
        What predicts and learns.
    join
        Holds the rows until they mature; made for this track alone.
    max_series
        Most series followed; beyond it the least recently seen one is forgotten, and counted.
    """

    def __init__(
        self, horizon: int, pipeline: Pipeline, join: LabelJoin, max_series: int = 10_000
    ) -> None:
        self.horizon = horizon
        self.pipeline = pipeline
        self.n_evicted = 0
        self.join = join
        self._max_series = max_series
        self._n_events = 0
        self._places_of: OrderedDict[int, tuple[int, int]] = OrderedDict()  # series -> first, next

    @property
    def counts(self) -> dict[str, int]:
        """Rows that expired before they matured, and series forgotten, at this horizon."""
        expired = self.join.counts["expired"]
        return {
            f"expired@{self.horizon}": expired,
            f"series_evicted@{self.horizon}": self.n_evicted,
        }

    def ops(self, events: Series, ops: Ops, X: FloatArray) -> tuple[Ops, FloatArray]:
        """Return learning of what has matured, then the prediction, for each event in order."""
        n = len(events.key)
        places, is_ripe = self._places(events.key.tolist())
        both = Arrivals(
            kind=np.tile(np.array([LABEL, EVENT], np.int8), n),
            id=np.repeat(events.key, 2)
            ^ _spread(np.repeat(places, 2) - np.tile([self.horizon, 0], n)),
            time_us=np.full(2 * n, MISSING_TIME, np.int64),
            label=np.repeat(events.value, 2),
            position=np.repeat(events.position, 2),
            row=np.repeat(np.arange(n), 2),
        )
        both.label[1::2] = np.nan
        comes = np.ones(2 * n, bool)
        comes[::2] = is_ripe & ~np.isnan(events.value)
        steps, _ = self.join.admit(both.where(comes))
        return steps, self.join.gather(steps, X)

    def state(self) -> State:
        """Return pipeline, waiting rows and where each series is."""
        return State(
            "maturing_track",
            1,
            {
                "pipeline": self.pipeline.state(self.join.live_slots()),
                "join": self.join.state(),
                "series": np.array(list(self._places_of), np.uint64),
                "places": np.array(list(self._places_of.values()), np.int64).reshape(-1, 2),
                "n_events": self._n_events,
                "n_evicted": self.n_evicted,
            },
        )

    def restore(self, state: State, skip: frozenset[str]) -> None:
        """Become what `state` describes."""
        state.expect("maturing_track", 1)
        self.join.restore(state.child("join"))
        self.pipeline.restore(state.child("pipeline"), self.join.live_slots(), skip)
        series, places = state.array("series").tolist(), state.integers("places").tolist()
        self._places_of = OrderedDict(
            (key, (a, b)) for key, (a, b) in zip(series, places, strict=True)
        )
        self._n_events = state.integer("n_events")
        self.n_evicted = state.integer("n_evicted")

    def _places(self, keys: list[int]) -> tuple[IntArray, BoolArray]:
        """Return the place of each event in its series, and whether an old enough row is there.

        Places are numbered from the count of all events so far: a series that was forgotten and
        comes back never meets an id of its former life.
        """
        places, is_ripe = np.empty(len(keys), np.int64), np.empty(len(keys), np.bool_)
        for i, key in enumerate(keys):
            first, place = self._places_of.pop(key, (self._n_events, self._n_events))
            places[i], is_ripe[i] = place, place - first >= self.horizon
            self._places_of[key] = (first, place + 1)
            self._n_events += 1
            if len(self._places_of) > self._max_series:
                self._places_of.popitem(last=False)
                self.n_evicted += 1
        return places, is_ripe


def maturing_limits(horizon: int, max_pending: int) -> LabelLimits:
    """Return limits of a join that waits for rows to mature, for as many series as fit."""
    return LabelLimits(max_pending=max(max_pending, horizon + 1), max_early=1, remember=1)


def _spread(places: IntArray) -> NDArray[np.uint64]:
    """Return places as ids that do not meet when mixed with a key (multiplier of SplitMix64)."""
    return places.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
