"""The laws of a whole task: determinism, batch invariance, restore, no peeking, bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from streamadapt.build import build_task
from streamadapt.config import Config
from streamadapt.connectors import open_source
from streamadapt.contracts import FloatArray
from streamadapt.delay import DelayedLabels
from streamadapt.envelope import decode, encode
from streamadapt.events import Reject, Source
from streamadapt.pipeline import Fact
from streamadapt.state import State
from streamadapt.task import Outcome, Task
from tests.streams import CLASSIFY, FORECAST, config, write_classes, write_series

PIPELINES = {
    "immediate": (CLASSIFY, {}),
    "late by 50 events": (CLASSIFY, {"labels__delay__events": "50"}),
    "late by 40 seconds": (CLASSIFY, {"labels__delay__seconds": "40"}),
    "small buffers": (CLASSIFY, {"labels__delay__seconds": "30", "labels__max_pending": "30"}),
    "forecast": (FORECAST, {}),
}


_OPEN: list[Source] = []


@pytest.fixture(autouse=True)
def _sources_are_closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


class Run:
    """A task fed from a file, poll by poll, and all that came out of it."""

    def __init__(self, settings: Config, path: Path) -> None:
        self.task: Task = build_task(settings, {})
        self.delay = DelayedLabels(settings.labels.delay)
        self.source = open_source(path, settings.schema_of_records())
        self.outcomes: list[Outcome] = []
        _OPEN.append(self.source)

    def feed(self, until: int | None = None, polls: Sequence[int] = (10_000,)) -> Run:
        """Take records up to position `until`, or all; polls ask for these sizes, over and over."""
        for size in cycle(polls):
            left = size if until is None else min(size, until - self.source.position())
            records = self.source.poll(left) if left else None
            if records is None:
                return self
            arrivals, rejects = self.task.take(records)
            outcome = self.task.process(self.delay.interleave(arrivals), records)
            outcome.rejects = rejects + outcome.rejects
            self.outcomes.append(outcome)
        return self

    def outputs(self) -> dict[str, FloatArray]:
        lanes = self.outcomes[0].outputs
        return {lane: np.concatenate([o.outputs[lane] for o in self.outcomes]) for lane in lanes}

    def facts(self) -> list[Fact]:
        found = [fact for outcome in self.outcomes for fact in outcome.facts]
        return sorted(found, key=lambda fact: (fact.row, fact.lane, fact.kind))

    def rejects(self) -> list[Reject]:
        found = [reject for outcome in self.outcomes for reject in outcome.rejects]
        return sorted(found, key=lambda reject: (reject.position, reject.reason))

    def digest(self) -> str:
        return State("run", 1, {"task": self.task.state(), "delay": self.delay.state()}).digest()


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Config, Path]:
    text, changes = PIPELINES[request.param]
    settings = config(text, **changes)
    write = write_series if settings.task.kind == "forecast" else write_classes
    return settings, write(tmp_path / "stream.csv")


def equal(one: dict[str, FloatArray], other: dict[str, FloatArray]) -> bool:
    return one.keys() == other.keys() and all(one[k].tobytes() == other[k].tobytes() for k in one)


RANDOM = np.random.default_rng(5).integers(1, 300, 50).tolist()


@pytest.mark.parametrize("polls", [[1], [7], [500], RANDOM], ids=["1", "7", "500", "random"])
def test_polls_change_nothing(pipeline: tuple[Config, Path], polls: list[int]) -> None:
    whole, cut = Run(*pipeline).feed(), Run(*pipeline).feed(polls=polls)
    assert equal(whole.outputs(), cut.outputs())
    assert whole.facts() == cut.facts()
    assert whole.rejects() == cut.rejects()
    assert whole.task.counts == cut.task.counts
    assert whole.digest() == cut.digest()


@pytest.mark.parametrize("at", [1, 333, 1502, 1999])
def test_a_restored_task_goes_on_bit_for_bit(pipeline: tuple[Config, Path], at: int) -> None:
    whole, first, second = (Run(*pipeline) for _ in range(3))
    whole.feed()
    first.feed(until=at)
    blob = encode(first.task.state(), {"position": at})
    second.task.restore(decode(blob).state)
    second.delay.restore(first.delay.state())
    second.source.seek(first.source.position())
    assert second.digest() == first.digest()
    second.feed()
    rest = {lane: P[len(first.outputs()[lane]) :] for lane, P in whole.outputs().items()}
    assert equal(rest, second.outputs())
    assert whole.digest() == second.digest()
    assert whole.task.metrics() == second.task.metrics()


def test_a_prediction_depends_on_nothing_that_came_after_it(
    pipeline: tuple[Config, Path], tmp_path: Path
) -> None:
    settings, path = pipeline
    lines = path.read_text().splitlines(keepends=True)
    changed = tmp_path / "changed.csv"
    changed.write_text("".join(lines[:1001] + lines[-1:1000:-1]))
    one, other = Run(settings, path).feed(1000), Run(settings, changed).feed(1000)
    assert equal(one.outputs(), other.outputs())


def test_the_label_of_a_row_does_not_reach_its_own_prediction(tmp_path: Path) -> None:
    settings = config(CLASSIFY)
    path = write_classes(tmp_path / "s.csv", dirty=False)
    lines = path.read_text().splitlines(keepends=True)
    other = tmp_path / "o.csv"
    last = lines[1000].replace("yes", "??").replace("no", "yes").replace("??", "no")
    other.write_text("".join([*lines[:1000], last]))
    P, Q = Run(settings, path).feed(1000).outputs(), Run(settings, other).feed(1000).outputs()
    assert equal(P, Q)


def test_every_record_is_predicted_or_a_dead_letter(pipeline: tuple[Config, Path]) -> None:
    settings, path = pipeline
    run = Run(settings, path).feed(polls=[100])
    n = sum(len(outcome.positions) for outcome in run.outcomes)
    unusable = {
        r.position for r in run.rejects() if r.where != "label" and r.reason != "unknown_class"
    }
    assert n + len(unusable) == len(path.read_text().splitlines()) - 1
    assert run.task.counts["events"] == n


def test_state_stays_small_however_long_the_stream(tmp_path: Path) -> None:
    settings = config(CLASSIFY, labels__delay__events="50")
    run = Run(settings, write_classes(tmp_path / "s.csv", 20_000))
    run.feed(until=10_000)
    before = run.task.state().nbytes()
    run.feed()
    assert run.task.state().nbytes() < before + 200_000  # the tree may grow, to max_size: 1 MiB


def test_lanes_of_one_horizon_are_graded_at_that_horizon(tmp_path: Path) -> None:
    run = Run(config(FORECAST), write_series(tmp_path / "s.csv", links=1)).feed()
    values = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1, usecols=1)
    metrics = run.task.metrics()
    for horizon in (1, 3):
        naive = np.abs(values[horizon:] - values[:-horizon]).mean()
        assert metrics[f"persistence@{horizon}"]["mae"] == pytest.approx(naive, rel=1e-12)
        assert metrics[f"persistence@{horizon}"]["graded"] == len(values) - horizon
    assert metrics["linear@3"]["mae"] < metrics["running_mean@3"]["mae"]


def test_rows_that_a_learner_could_not_learn_are_told_by_lane(tmp_path: Path) -> None:
    task = Run(config(CLASSIFY), write_classes(tmp_path / "stream.csv")).task
    assert task.rows_skipped() == {}
    learner = next(lane for lane in task.lanes if lane.name == "majority").learner
    learner.run(np.full(2, 2, np.int8), np.zeros((2, learner.n_features)), np.array([-1, 0]))
    assert task.rows_skipped() == {"majority": 1}
