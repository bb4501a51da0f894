"""The task: one partition's pipeline, label join and counts; a pure function of its ordered input.

The unit of state, of checkpoint, and of movement between workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streamadapt.contracts import PREDICT, FloatArray, IntArray
from streamadapt.events import Command, Records, RecordSchema, Reject, Stream
from streamadapt.features import FeatureMap
from streamadapt.intake import Intake
from streamadapt.labels import Arrivals, Drop, LabelJoin, Ops
from streamadapt.labels_kernels import EVENT
from streamadapt.pipeline import Fact
from streamadapt.state import State
from streamadapt.target_features import Steps
from streamadapt.tracks import NO_SERIES, MaturingTrack, Series, Track

__all__ = ["Outcome", "Task"]

# Dropped records that are no fault of the record: counted, but no dead letters.
_QUIET = frozenset({"repeated", "corrected"})


@dataclass(slots=True)
class Outcome:
    """What came of some records.

    ``outputs`` is {lane: float64 [n, k]}, what each lane said about the n events that were
    predicted; ``positions`` [n] are theirs in the source, ``rows`` [n] in the records of the call,
    ``times_us`` [n] their event times.  ``steps`` are what each track did, in order.
    """

    positions: IntArray
    rows: IntArray
    times_us: IntArray
    steps: list[Ops] = field(default_factory=list)
    outputs: dict[str, FloatArray] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class Task:
    """Takes records, gives predictions, facts and rejects, and keeps count.

    Parameters
    ----------
    intake
        Reads ids, times and labels out of records.
    features
        Makes rows of records.
    join
        Finds duplicates and late events, and brings labels to their events.
    tracks
        Pipelines with what brings labels to their rows; one, or one for each horizon.
    labels_apart
        Whether labels come as a stream of their own.
    """

    def __init__(
        self,
        intake: Intake,
        features: FeatureMap,
        join: LabelJoin,
        tracks: Sequence[Track],
        labels_apart: bool = False,
    ) -> None:
        self.intake = intake
        self.features = features
        self.join = join
        self.tracks = tuple(tracks)
        self._label_stream: Stream = "labels" if labels_apart else "events"
        self.lanes = [lane for track in self.tracks for lane in track.pipeline.lanes]
        self.answers = self.learners[0]
        self._matures = any(isinstance(track, MaturingTrack) for track in self.tracks)
        self._counts: Counter[str] = Counter()

    @property
    def schema(self) -> RecordSchema:
        """What its records are decoded by."""
        return self.intake.schema

    @property
    def learners(self) -> list[str]:
        """Names of the learners; each is one lane, or one lane for each horizon."""
        return list(dict.fromkeys(lane.learner_name for lane in self.lanes))

    @property
    def counts(self) -> dict[str, int]:
        """All counters, by name; those of dead letters begin with ``rejected_``."""
        total = self._counts + Counter(self.join.counts) + Counter(self.features.counts)
        for track in self.tracks:
            total.update(track.counts)
        total["pending"] = self.join.n_pending
        return {name: total[name] for name in sorted(total) if total[name]}

    def run(
        self, records: Records, between: Callable[[Arrivals], Arrivals] | None = None
    ) -> Outcome:
        """Obey the commands of `records`, then take and process its rows and labels.

        ``between`` may change the arrivals: replay delays labels there.
        """
        facts = [fact for command in records.commands for fact in self.control(command)]
        arrivals, rejects = self.take(records)
        outcome = self.process(between(arrivals) if between else arrivals, records)
        outcome.facts = facts + outcome.facts
        outcome.rejects = rejects + outcome.rejects
        return outcome

    def take(self, records: Records) -> tuple[Arrivals, list[Reject]]:
        """Return the arrivals among `records` and the rejects; counts both."""
        arrivals, rejects = self.intake.take(records)
        self._counts["records"] += len(records) + len(records.rejects)
        self._counts.update(records.counts)
        self._reject(rejects)
        return arrivals, rejects

    def process(self, arrivals: Arrivals, records: Records) -> Outcome:
        """Predict, learn, grade, watch and react, in the order of `arrivals`.

        `records` are those that the events of `arrivals` point into by ``row``.
        """
        ops, drops = self.join.admit(arrivals)
        predicts = ops.record[(ops.op & PREDICT).astype(bool)]
        labels = Steps(ops.op, ops.slot, ops.y)
        X = self.features.transform(records, arrivals.row[predicts], labels)
        outcome = Outcome(
            arrivals.position[predicts], arrivals.row[predicts], arrivals.time_us[predicts]
        )
        outcome.rejects = [
            letter for drop in drops for letter in self._letters(drop, arrivals, records)
        ]
        self._reject(outcome.rejects)
        events = self._series(arrivals, predicts, records) if self._matures else NO_SERIES
        for track in self.tracks:
            steps, rows = track.ops(events, ops, X)
            outputs, facts = track.pipeline.run(steps, rows)
            says = (steps.op & PREDICT).astype(bool)
            outcome.outputs |= {name: P if says.all() else P[says] for name, P in outputs.items()}
            outcome.facts += facts
            outcome.steps.append(steps)
        return outcome

    def control(self, command: Command) -> list[Fact]:
        """Do what an operator asks for, from the next record on.

        ``reset`` begins a learner anew; ``pause`` lets it predict without learning until
        ``resume``; ``promote`` makes it the one whose prediction is the answer.
        """
        self._counts[f"command_{command.name}"] += 1
        if command.name == "promote":
            self.answers = command.learner
        facts = []
        for track in self.tracks:
            for lane in track.pipeline.lanes:
                if command.learner not in {"", lane.learner_name}:
                    continue
                if command.name == "reset":
                    lane.reset()
                elif command.name != "promote":
                    lane.is_paused = command.name == "pause"
                facts.append(Fact(command.name, lane.name, track.pipeline.n_rows))
        return facts

    def end(self) -> list[Reject]:
        """Return dead letters for all labels whose event never came: the stream has ended."""
        rejects = [self._label_letter(drop) for drop in self.join.drain_early()]
        self._reject(rejects)
        return rejects

    def metrics(self) -> dict[str, dict[str, float]]:
        """Return {lane: {metric: value}} over all graded predictions so far."""
        return {lane.name: lane.grades.metrics() for lane in self.lanes}

    def confusion(self) -> dict[str, list[list[int]]]:
        """Return {lane: how many of which class (row) were taken for which (column)}."""
        tables = {lane.name: lane.grades.confusion for lane in self.lanes}
        return {name: table.tolist() for name, table in tables.items() if table is not None}

    def drifts(self) -> dict[str, dict[str, int]]:
        """Return {lane: {warning: n, drift: n}} of the watched lanes."""
        return {lane.name: dict(lane.counts) for lane in self.lanes if lane.is_watched}

    def rows_skipped(self) -> dict[str, int]:
        """Return {lane: rows that its learner could not learn since it was made}, but no zeros.

        Learners that do not count them have no ``n_skipped``, and are left out.
        """
        counts = {lane.name: int(getattr(lane.learner, "n_skipped", 0)) for lane in self.lanes}
        return {name: n for name, n in counts.items() if n}

    def state(self) -> State:
        """Return everything that decides what this task will say from here on, and its counts."""
        return State(
            "task",
            1,
            {
                "features": self.features.state(self.join.live_slots()),
                "join": self.join.state(),
                "tracks": State(
                    "tracks", 1, {str(i): track.state() for i, track in enumerate(self.tracks)}
                ),
                "counts": State("counts", 1, dict(sorted(self._counts.items()))),
                "answers": self.answers,
            },
        )

    def restore(self, state: State, skip: frozenset[str] = frozenset()) -> None:
        """Become what `state` describes, but for the lanes named in `skip`, which begin anew."""
        state.expect("task", 1)
        self.join.restore(state.child("join"))
        self.features.restore(state.child("features"), self.join.live_slots())
        for i, track in enumerate(self.tracks):
            track.restore(state.child("tracks").child(str(i)), skip)
        answers = state.values.get("answers")
        self.answers = str(answers) if answers in self.learners else self.learners[0]
        counts = state.child("counts")
        self._counts = Counter({name: counts.integer(name) for name in counts.values})

    def _reject(self, rejects: list[Reject]) -> None:
        for reject in rejects:
            self._counts[f"rejected_{reject.reason}"] += 1

    def _letters(self, drop: Drop, arrivals: Arrivals, records: Records) -> list[Reject]:
        if drop.reason in _QUIET:
            return []
        is_event = drop.record >= 0 and arrivals.kind[drop.record] == EVENT
        if not is_event:
            return [self._label_letter(drop)]
        original = records.original(int(arrivals.row[drop.record]))
        return [Reject(drop.position, drop.reason, "event", original)]

    def _label_letter(self, drop: Drop) -> Reject:
        return Reject(drop.position, drop.reason, "label", _label_text(drop), self._label_stream)

    def _series(self, arrivals: Arrivals, events: IntArray, records: Records) -> Series:
        rows = arrivals.row[events]
        return Series(
            self.intake.series(records)[rows],
            self.intake.values(records)[rows],
            arrivals.position[events],
        )


def _label_text(drop: Drop) -> bytes:
    """Return what is known of a label that came by itself."""
    return f'{{"id_hash": {drop.id}, "label": {drop.label!r}}}'.encode()
