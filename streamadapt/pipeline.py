"""The pipeline: every learner predicts, learns, is graded, is watched, and is reacted upon.

Reactions take effect only where the number of the pipeline's own rows is a multiple of
``reaction_block``; so they fall on the same row however the stream is cut into polls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import (
    LEARN,
    PREDICT,
    Alarm,
    Detector,
    FloatArray,
    Forgets,
    HasAlarms,
    IntArray,
    Learner,
    LearningTask,
    TakesBits,
)
from streamadapt.detectors import FeatureAlarm, MultivariateDetector, TakesRows, uncertainty
from streamadapt.errors import ConfigError
from streamadapt.evaluation import DEFAULT_EVALUATION, Evaluation
from streamadapt.labels import Ops
from streamadapt.metrics import Grades, grades_for
from streamadapt.reactions import Alert, Forget, Reaction, Reset, Swap
from streamadapt.state import State

__all__ = ["AnyDetector", "Fact", "Lane", "Pipeline", "Watch"]

AnyDetector: TypeAlias = Detector | MultivariateDetector

AnyAlarm: TypeAlias = Alarm | FeatureAlarm

Labels: TypeAlias = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened in a lane: ``drift``, ``warning``, ``improvement`` or a reaction's name.

    An improvement is a drift alarm for a loss that fell; it calls for no reaction.

    ``row`` counts the pipeline's rows from 0; for a drift or warning it is the row whose loss
    raised it, for a reaction the first row that it affects.  ``alarm`` is what the detector says
    of it, if it says anything: its ``index`` is the row, its ``age`` counts graded rows, or of
    features those that were predicted.
    """

    kind: str
    lane: str
    row: int
    alarm: AnyAlarm | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Detectors on a learner's loss, uncertainty or features; what to do when they speak."""

    drift: Callable[[], AnyDetector]
    warning: Callable[[], AnyDetector] | None = None
    on_drift: tuple[Reaction, ...] = ()
    on_warning: tuple[Reaction, ...] = ()
    signal: Literal["loss", "uncertainty", "features"] = "loss"

    def has(self, kind: type) -> bool:
        """Whether any reaction is of this kind."""
        return any(isinstance(reaction, kind) for reaction in self.on_drift + self.on_warning)


class Lane:
    """One learner of a pipeline, with its grades, its detectors and the learner in waiting.

    Parameters
    ----------
    name
        Name in summaries, logs and state.
    make
        Gives the learner that has seen nothing; called again for each reset or swap.
    n_slots
        Slots of the label join; a prediction waits in its slot for the label.
    watch
        Detectors and reactions; by default none.
    evaluation
        Windows and fading of the metrics.

    Raises
    ------
    ConfigError
        If a reaction needs what the learner cannot do, or a detector other losses than it has.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Learner],
        n_slots: int,
        watch: Watch | None = None,
        evaluation: Evaluation = DEFAULT_EVALUATION,
    ) -> None:
        self.name = name
        self.learner = make()
        self.version = 0
        self.is_paused = False
        self.background: Learner | None = None
        self.grades: Grades = grades_for(
            self.learner.learning_task, n_slots, self.learner.n_outputs, evaluation
        )
        self._make = make
        self._watch = watch
        self._drift = watch.drift() if watch else None
        self._warning = watch.warning() if watch and watch.warning else None
        self._heard = {"warning": False, "drift": False}
        self.counts = {"warning": 0, "drift": 0}
        if watch and watch.has(Forget) and not isinstance(self.learner, Forgets):
            raise ConfigError("this learner cannot forget; use reset or swap")
        if watch is not None:
            self._check_detectors(watch.signal)

    @property
    def learner_name(self) -> str:
        """The learner's name in the pipeline file: ``tree@6`` is `tree` six steps ahead."""
        return self.name.split("@")[0]

    @property
    def is_watched(self) -> bool:
        """Whether reactions may ever change the learner."""
        return self._watch is not None

    def step(
        self, ops: Ops, X: FloatArray, y: Labels, first_row: int
    ) -> tuple[FloatArray, list[Fact]]:
        """Predict and learn some rows between two block boundaries."""
        P = self._only_predicted(ops, X, y) if self.is_paused else self.learner.run(ops.op, X, y)
        if self.background is not None and not self.is_paused:
            _learn_only(self.background, ops, X, y)
        values, rows = self._watched_values(ops, X, P, first_row)
        return P, self._watch_values(values, rows) if len(values) else []

    def react(self, row: int) -> list[Fact]:
        """Do what the drifts and warnings since the last boundary call for."""
        watch = self._watch
        if watch is None or not any(self._heard.values()):
            return []
        facts: list[Fact] = []
        if self._heard["warning"]:
            is_needed_now = self._heard["drift"] and self.background is not None
            if watch.has(Swap) and not is_needed_now:
                self.background = self._make()
            facts += self._do(watch.on_warning, row)
        if self._heard["drift"]:
            facts += self._do(watch.on_drift, row)
            self._warning = watch.warning() if watch.warning else None
        self._heard = {"warning": False, "drift": False}
        return facts

    def reset(self) -> None:
        """Begin anew with a learner and detectors that have seen nothing; grades go on."""
        self.learner, self.background, self.version = self._make(), None, self.version + 1
        if self._watch is not None:
            self._drift = self._watch.drift()
            self._warning = self._watch.warning() if self._watch.warning else None
        self._heard = {"warning": False, "drift": False}

    def state(self, live_slots: IntArray) -> State:
        """Return all of the lane, with waiting predictions in the order of `live_slots`."""
        return State(
            "lane",
            1,
            {
                "learner": self.learner.state(),
                "background": self.background.state() if self.background is not None else None,
                "drift": self._drift.state() if self._drift is not None else None,
                "warning": self._warning.state() if self._warning is not None else None,
                "heard_warning": self._heard["warning"],
                "heard_drift": self._heard["drift"],
                "n_warning": self.counts["warning"],
                "n_drift": self.counts["drift"],
                "version": self.version,
                "paused": self.is_paused,
                "grades": self.grades.state(live_slots),
            },
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; waiting predictions go into `live_slots`."""
        state.expect("lane", 1)
        self.learner = self._make()
        self.learner.restore(state.child("learner"))
        self.background = None
        if state.values["background"] is not None:
            self.background = self._make()
            self.background.restore(state.child("background"))
        for name, detector in (("drift", self._drift), ("warning", self._warning)):
            if detector is not None:
                detector.restore(state.child(name))
            self._heard[name] = bool(state.values[f"heard_{name}"])
            self.counts[name] = state.integer(f"n_{name}")
        self.version = state.integer("version")
        self.is_paused = bool(state.values.get("paused", False))
        self.grades.restore(state.child("grades"), live_slots)

    def _only_predicted(self, ops: Ops, X: FloatArray, y: Labels) -> FloatArray:
        """Return predictions as `run` does, and learn nothing."""
        says = (ops.op & PREDICT).astype(bool)
        P = np.full((len(ops), self.learner.n_outputs), np.nan)
        P[says] = self.learner.run(np.full(int(says.sum()), PREDICT, np.int8), X[says], y[says])
        return P

    def _check_detectors(self, signal: str) -> None:
        for name, detector in (("drift", self._drift), ("warning", self._warning)):
            takes_rows = isinstance(detector, TakesRows)
            if takes_rows and signal != "features":
                raise ConfigError(f"the {name} detector takes rows: give it `signal: features`")
            if detector is not None and signal == "features" and not takes_rows:
                raise ConfigError(
                    f"the {name} detector takes numbers, not rows of features; "
                    "use one for rows, such as kernel_two_sample"
                )
        is_unsure = signal == "uncertainty"
        if self.learner.learning_task is LearningTask.REGRESSION:
            if is_unsure:
                raise ConfigError("only class probabilities have an uncertainty to watch")
            self._refuse_bit_detectors("the loss of a number is its absolute error")
        elif is_unsure:
            self._refuse_bit_detectors("uncertainty is a number between them")

    def _refuse_bit_detectors(self, why: str) -> None:
        for name, detector in (("drift", self._drift), ("warning", self._warning)):
            if isinstance(detector, TakesBits):
                raise ConfigError(
                    f"the {name} detector takes 0 and 1 alone, but {why}; "
                    "use one for numbers, such as adwin"
                )

    def _watched_values(
        self, ops: Ops, X: FloatArray, P: FloatArray, first_row: int
    ) -> tuple[FloatArray, IntArray]:
        """Grade the predictions; return what the detectors hear of, and of which rows it is."""
        losses, places = self.grades.settle(ops, P, first_row)
        if self._watch is None or self._watch.signal == "loss":
            return losses, first_row + places
        places = np.flatnonzero(ops.op & PREDICT)
        heard = uncertainty(P[places]) if self._watch.signal == "uncertainty" else X[places]
        return heard, first_row + places

    def _watch_values(self, values: FloatArray, rows: IntArray) -> list[Fact]:
        facts: list[Fact] = []
        for kind, detector in (("warning", self._warning), ("drift", self._drift)):
            if detector is None:
                continue
            flags = detector.update_many(values)
            if flags.any():
                facts += self._hear(kind, rows[flags].tolist(), _alarms_of(detector))
        return facts

    def _hear(self, kind: str, rows: list[int], alarms: Sequence[AnyAlarm] | None) -> list[Fact]:
        """Note alarms; unless the loss fell, they are a reason to react."""
        bad, good = [], []
        # Its place in the call would depend on how the stream is cut; its row does not.
        told = [None] * len(rows) if alarms is None else list(map(_at_row, alarms, rows))
        for row, alarm in zip(rows, told, strict=True):
            is_fall = isinstance(alarm, Alarm) and alarm.direction < 0
            if not is_fall:
                bad.append(Fact(kind, self.name, row, alarm))
            elif kind == "drift":
                good.append(Fact("improvement", self.name, row, alarm))
        self._heard[kind] |= bool(bad)
        self.counts[kind] += len(bad)
        return bad + good

    def _do(self, reactions: Sequence[Reaction], row: int) -> list[Fact]:
        for reaction in reactions:
            match reaction:
                case Reset():
                    self.learner, self.version = self._make(), self.version + 1
                case Forget(factor=factor) if isinstance(self.learner, Forgets):
                    self.learner.forget(factor)
                    self.version += 1
                case Swap():
                    self.learner = self.background if self.background is not None else self._make()
                    self.background, self.version = None, self.version + 1
                case Alert():
                    pass
        return [Fact(reaction.kind, self.name, row) for reaction in reactions]


class Pipeline:
    """All lanes over the same rows, in blocks.

    Parameters
    ----------
    lanes
        One learner each, all of one learning task; names are unique.
    reaction_block
        Reactions take effect at multiples of this number of rows.
    """

    def __init__(self, lanes: Sequence[Lane], reaction_block: int = 64) -> None:
        self.lanes = tuple(lanes)
        self.reaction_block = reaction_block
        self.n_rows = 0
        self._watched = tuple(lane for lane in self.lanes if lane.is_watched)

    def run(self, ops: Ops, X: FloatArray) -> tuple[dict[str, FloatArray], list[Fact]]:
        """Take n ops with rows X [n, d]; return {lane: predictions [n, k]} and what happened."""
        parts: dict[str, list[FloatArray]] = {lane.name: [] for lane in self.lanes}
        facts: list[Fact] = []
        y = self._labels(ops)
        for lane in self.lanes:
            if not lane.is_watched:  # nothing happens to it at a boundary: one call for all rows
                parts[lane.name].append(lane.step(ops, X, y, self.n_rows)[0])
        for start, stop in self._blocks(len(ops)):
            part = ops.part(start, stop)
            for lane in self._watched:
                P, heard = lane.step(part, X[start:stop], y[start:stop], self.n_rows)
                parts[lane.name].append(P)
                facts += heard
            self.n_rows += stop - start
            if self.n_rows % self.reaction_block == 0:
                for lane in self._watched:
                    facts += lane.react(self.n_rows)
        return {name: _joined(P) for name, P in parts.items()}, facts

    def state(self, live_slots: IntArray) -> State:
        """Return all lanes and the row number."""
        lanes = State("lanes", 1, {lane.name: lane.state(live_slots) for lane in self.lanes})
        return State("pipeline", 1, {"n_rows": self.n_rows, "lanes": lanes})

    def restore(
        self, state: State, live_slots: IntArray, skip: frozenset[str] = frozenset()
    ) -> None:
        """Become what `state` describes, but for the lanes in `skip`, which begin anew."""
        self.n_rows = state.expect("pipeline", 1).integer("n_rows")
        for lane in self.lanes:
            if lane.learner_name in skip:
                lane.grades.drop_held()
            else:
                lane.restore(state.child("lanes").child(lane.name), live_slots)

    def _labels(self, ops: Ops) -> Labels:
        """Return the labels as the learners take them: class indices (-1: none) or numbers."""
        if self.lanes[0].learner.learning_task is LearningTask.REGRESSION:
            return ops.y
        return np.where(np.isnan(ops.y), -1, ops.y).astype(np.int64)

    def _blocks(self, n: int) -> list[tuple[int, int]]:
        """Cut n rows at the boundaries where a reaction may take effect."""
        if not self._watched or n == 0:
            return [(0, n)]
        first = self.reaction_block - self.n_rows % self.reaction_block
        edges = [0, *range(first, n, self.reaction_block), n]
        return list(pairwise(edges))


def _alarms_of(detector: AnyDetector) -> Sequence[AnyAlarm] | None:
    if isinstance(detector, HasAlarms | TakesRows):
        return cast(Sequence[AnyAlarm], detector.alarms)
    return None


def _at_row(alarm: AnyAlarm, row: int) -> AnyAlarm:
    return replace(alarm, index=row)


def _learn_only(learner: Learner, ops: Ops, X: FloatArray, y: Labels) -> None:
    """Let a learner in waiting learn what the others learn."""
    learns = (ops.op & LEARN).astype(bool)
    n = int(learns.sum())
    if n:
        learner.run(np.full(n, LEARN, np.int8), X[learns], y[learns])


def _joined(parts: list[FloatArray]) -> FloatArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
