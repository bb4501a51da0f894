"""One trial of a search: a pipeline over the first part of a stream, or over all of it.

A trial reads the records before the cut and no others.  Only the few configurations that are scored
at the end go on, from the state they then have, into the tail.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streamadapt.build import build_task
from streamadapt.config import Config
from streamadapt.config_file import parse_config, placed
from streamadapt.contracts import PREDICT, FloatArray, IntArray
from streamadapt.feed import POLL_RECORDS, Feed, Head, delay_of, opened_source
from streamadapt.metrics import Grades, grades_for
from streamadapt.task import Outcome, Task

__all__ = ["Assignment", "Metrics", "PipelineText", "Scores", "TailGrades", "run_trial"]

Metrics = dict[str, dict[str, float]]
"""{lane: {metric: value}}."""


@dataclass(frozen=True, slots=True)
class PipelineText:
    """A pipeline file as read: what every process can make its configurations of."""

    text: str
    where: str

    def config(self, values: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
        """Return the configuration with these values by path."""
        return parse_config(self.text, environ, self.where, values)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process is to run: the pipeline with `values`, over the records before `cut`.

    With `tail`, on to the end of the stream.
    """

    pipeline: PipelineText
    values: Mapping[str, Any]
    source: Path | None
    cut: int
    tail: bool = False


@dataclass(slots=True)
class Scores:
    """What came of it: metrics over what was predicted for the head, or else the tail.

    ``losses`` of the tail are {lane: (rows int64 [n], losses float64 [n])}: 1 for a wrong class, or
    the absolute error; rows are the same for all trials of a search.
    """

    metrics: Metrics
    losses: dict[str, tuple[IntArray, FloatArray]] = field(default_factory=dict)


def run_trial(assignment: Assignment) -> Scores:
    """Replay; nothing is written."""
    config = assignment.pipeline.config(assignment.values, os.environ)
    with placed(config):
        task = build_task(config, os.environ)
    delay = delay_of(config, assignment.source)
    source = Head(opened_source(config, assignment.source), assignment.cut)
    feed = Feed(config, task, delay, source)
    with closing(source):
        if not assignment.tail:
            while not feed.ended:
                feed.step(POLL_RECORDS)
            return Scores(task.metrics())
        while source.position() < assignment.cut and not feed.ended:
            feed.step(POLL_RECORDS)
        source.end = np.iinfo(np.int64).max
        grades = TailGrades(config, task)
        while not feed.ended:
            grades.take(feed.step(POLL_RECORDS)[0])
        return grades.scores()


class TailGrades:
    """Grades of what was predicted from now on; of what waits for its label now, none.

    The task's own grades, which feed its drift detectors, go on undisturbed beside these.
    """

    def __init__(self, config: Config, task: Task) -> None:
        self._lanes: list[dict[str, Grades]] = []
        self._losses: dict[str, list[tuple[IntArray, FloatArray]]] = {}
        for track in task.tracks:
            lanes: dict[str, Grades] = {}
            for lane in track.pipeline.lanes:
                made = lane.learner
                lanes[lane.name] = grades_for(
                    made.learning_task, track.join.n_slots, made.n_outputs, config.evaluation
                )
                lanes[lane.name].drop_held()
                self._losses[lane.name] = []
            self._lanes.append(lanes)
        self._rows = [0] * len(self._lanes)

    def take(self, outcome: Outcome) -> None:
        """Grade what came of some records."""
        for i, (lanes, ops) in enumerate(zip(self._lanes, outcome.steps, strict=True)):
            says = (ops.op & PREDICT).astype(bool)
            for name, grades in lanes.items():
                said = outcome.outputs[name]
                P = np.zeros((len(ops), said.shape[1]))
                P[says] = said
                losses, places = grades.settle(ops, P, self._rows[i])
                self._losses[name].append((places + self._rows[i], losses))
            self._rows[i] += len(ops)

    def scores(self) -> Scores:
        """Return the metrics and losses of all that was graded."""
        return Scores(
            {name: grades.metrics() for lanes in self._lanes for name, grades in lanes.items()},
            {
                name: (_joined([rows for rows, _ in parts]), _joined([loss for _, loss in parts]))
                for name, parts in self._losses.items()
            },
        )


def _joined(parts: list[Any]) -> Any:  # noqa: ANN401 - arrays of one type
    return np.concatenate(parts) if parts else np.zeros(0)
