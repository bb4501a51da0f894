"""Lines of ``drifts.jsonl``: what happened in which lane, where along the stream, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from streamadapt.config import Config
from streamadapt.contracts import PREDICT, Alarm, Reporter
from streamadapt.detectors import FeatureAlarm
from streamadapt.events import MISSING_TIME, Reject
from streamadapt.pipeline import Fact
from streamadapt.state import State
from streamadapt.task import Outcome, Task

__all__ = ["FactLines", "report"]

_LAST = ("event", "position", "time_us")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVIDENCE = ("size", "age", "statistic", "threshold", "p_value")
_DIRECTIONS = {"drift": "rise", "warning": "rise", "improvement": "fall"}


class FactLines:
    """Says where in the source a fact of a pipeline belongs, and which detector it is from.

    ``position`` and ``time`` are those of the last event that was predicted before the fact; a
    reaction takes effect at the row after it.  ``event`` counts the predicted events from 0.

    Parameters
    ----------
    config
        The pipeline.
    task
        Its task; `take` is called right after it has taken the records.
    """

    def __init__(self, config: Config, task: Task) -> None:
        self._tracks = task.tracks
        self._track_of = {
            lane.name: i for i, track in enumerate(task.tracks) for lane in track.pipeline.lanes
        }
        self._features = [column.name for column in task.features.columns]
        self._watches = {name: learner.watch for name, learner in config.learners.items()}
        self._last = (-1, -1, int(MISSING_TIME))  # number, position and time of an event

    def take(self, outcome: Outcome) -> list[dict[str, object]]:
        """Return a line for each fact of `outcome`, in order."""
        lines = [self._line(fact, outcome) for fact in outcome.facts]
        if n := len(outcome.positions):
            position, time_us = int(outcome.positions[-1]), int(outcome.times_us[-1])
            self._last = (self._last[0] + n, position, time_us)
        return lines

    def state(self) -> State:
        """Return the last event seen."""
        return State("fact_lines", 1, dict(zip(_LAST, self._last, strict=True)))

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        state.expect("fact_lines", 1)
        event, position, time_us = (state.integer(n) for n in _LAST)
        self._last = (event, position, time_us)

    def _line(self, fact: Fact, outcome: Outcome) -> dict[str, object]:
        event, position, time_us = self._event(fact, outcome)
        line: dict[str, object] = {"kind": fact.kind, "learner": fact.lane, "row": fact.row}
        line |= {"event": event, "position": position}
        if time_us != MISSING_TIME:
            line["time"] = (_EPOCH + timedelta(microseconds=time_us)).isoformat()
        if fact.kind not in _DIRECTIONS:
            return line | {"reaction": fact.kind}
        line |= {"detector": self._detector(fact), "direction": _DIRECTIONS[fact.kind]}
        return line if fact.alarm is None else line | self._evidence(fact.alarm)

    def _evidence(self, alarm: Alarm | FeatureAlarm) -> dict[str, object]:
        """Return what the detector says of an alarm; `age` counts graded or predicted rows."""
        told = {name: getattr(alarm, name) for name in _EVIDENCE}
        if isinstance(alarm, Alarm):
            return {"direction": {1: "rise", -1: "fall", 0: "other"}[alarm.direction], **told}
        moved = {"feature": self._features[alarm.feature], "shift": alarm.shift}
        return {"direction": "other", **told, **moved}

    def _detector(self, fact: Fact) -> str | None:
        watch = self._watches.get(fact.lane.split("@")[0])
        detector = getattr(watch, "warning" if fact.kind == "warning" else "drift", None)
        return getattr(detector, "kind", None)

    def _event(self, fact: Fact, outcome: Outcome) -> tuple[int, int, int]:
        """Return the last event predicted before the fact, or with it."""
        i = self._track_of[fact.lane]
        steps = outcome.steps[i]
        is_reaction = fact.kind not in _DIRECTIONS
        place = fact.row - is_reaction - (self._tracks[i].pipeline.n_rows - len(steps))
        n = int(np.count_nonzero(steps.op[: place + 1] & PREDICT))
        if n == 0:
            return self._last
        return self._last[0] + n, int(outcome.positions[n - 1]), int(outcome.times_us[n - 1])


def report(
    reporter: Reporter, rejects: list[Reject], facts: list[Fact], partition: int | None = None
) -> None:
    """Tell of rejects and facts, and of which partition they are."""
    where = {} if partition is None else {"partition": partition}
    for reject in rejects:
        reporter.count(f"rejected_{reject.reason}")
    for fact in facts:
        reporter.note(fact.kind, {"learner": fact.lane, "row": fact.row, **where})
