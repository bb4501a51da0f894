"""A search: what is tried, what it is scored on, and what is told of it."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from streamadapt.config_edit import edited
from streamadapt.config_file import load_config
from streamadapt.errors import ConfigError, FatalError, IncompatibleStateError
from streamadapt.folder_lock import locked
from streamadapt.replay import Replay
from streamadapt.search import Search
from streamadapt.search_space import read_axes
from streamadapt.trial import Assignment, PipelineText, run_trial
from streamadapt.tune import Tune
from tests.streams import CLASSIFY, FORECAST, write_classes, write_series

N = 3_000
CUT = 2_100
LATE = "labels: {delay: {events: 150}}\n"
AXES = ["learners.tree.grace_period=20,50", "learners.tree.delta=1e-7,0.1"]

MORTAL = """
import os, signal
from streamadapt.models import MajorityClass

class Mortal(MajorityClass):
    def __init__(self, n_features, n_classes, fault="none"):
        super().__init__(n_features, n_classes)
        self.fault, self.seen = fault, 0

    def run(self, op, X, y):
        self.seen += len(op)
        if self.seen > 1_000 and self.fault == "raise":
            raise RuntimeError("it broke")
        if self.seen > 1_000 and self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.seen > 2_500 and self.fault == "late":
            raise RuntimeError("it broke on the tail")
        return super().run(op, X, y)

def make(n_features, n_classes, fault="none"):
    return Mortal(n_features, n_classes, fault)
"""


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "stream.csv", N)


def search(axes: list[str], **options: Any) -> Search:
    return Search(tuple(read_axes(axes)), learner="tree", **options)


def tuned(
    text: str, stream: Path, asked: Search, out: str = "out", **options: Any
) -> dict[str, Any]:
    tune = Tune(
        PipelineText(text, "demo.yaml"), stream, stream.parent / out, asked, os.environ, **options
    )
    with closing(tune):
        results = tune.run()
    assert results is not None
    found: dict[str, Any] = json.loads(json.dumps(results, sort_keys=True, default=float))
    return found


def replayed(text: str, stream: Path, out: Path) -> dict[str, Any]:
    pipeline = stream.with_name(f"{out.name}.yaml")
    pipeline.write_text(text)
    with closing(Replay(load_config(pipeline, {}), stream, out, {})) as run:
        return run.run()


def head_of(stream: Path, n: int) -> Path:
    head = stream.with_name("head.csv")
    head.write_text("".join(stream.read_text().splitlines(keepends=True)[: n + 1]))
    return head


# What is told is what replay tells


@pytest.mark.parametrize("late", ["", LATE])
def test_the_winner_replays_to_the_very_scores_told(stream: Path, late: str) -> None:
    text = CLASSIFY + late
    results = tuned(text, stream, search(AXES), processes=2)
    assert results["records"] == {"all": N, "head": CUT, "tail": N - CUT}
    assert len(results["trials"]) == 5
    best = results["best"]
    chosen = PipelineText(text, "demo.yaml").config(best["values"], {})
    best_text = edited(text, chosen.as_written())

    head = replayed(best_text, head_of(stream, CUT), stream.parent / "head")
    assert head["learners"]["tree"]["accuracy"] == best["head"]

    replayed(best_text, stream, stream.parent / "whole")
    table = pq.read_table(stream.parent / "whole" / "predictions.parquet").to_pydict()
    graded = [
        said == truth
        for position, said, truth in zip(
            table["position"], table["tree"], table["label"], strict=True
        )
        if position >= CUT and truth is not None
    ]
    assert best["tail_metrics"]["tree"]["graded"] == len(graded)
    assert best["tail"] == pytest.approx(np.mean(graded), abs=1e-12)


def test_the_best_trial_is_the_best_and_the_file_as_it_is_competes(stream: Path) -> None:
    results = tuned(CLASSIFY, stream, search(AXES))
    scores = [trial["score"] for trial in results["trials"]]
    assert results["trials"][0]["values"] == {}
    assert results["best"]["head"] == max(scores)
    assert results["best"]["trial"] == scores.index(max(scores))
    assert results["as_written"]["head"] == scores[0]


def test_where_nothing_is_better_the_file_stays_as_it_is(stream: Path) -> None:
    asked = search(["learners.tree.grace_period=50"])  # what the file says
    results = tuned(CLASSIFY, stream, asked)
    assert results["best"]["trial"] == 0
    assert (results["verdict"], results["differences"]) == ("as it is", {})


def test_the_difference_on_the_tail_is_that_of_the_two_tail_scores(stream: Path) -> None:
    worse = CLASSIFY.replace("grace_period: 50", "grace_period: 2000\n    max_depth: 1")
    results = tuned(worse, stream, search(["learners.tree.leaf_prediction=mc,nb,nba"]))
    difference = results["differences"]["tree"]
    gain = results["best"]["tail"] - results["as_written"]["tail"]
    assert difference["mean"] == pytest.approx(-gain, abs=1e-12)
    assert difference["low"] <= difference["mean"] <= difference["high"]
    expected = {True: "better" if difference["mean"] < 0 else "worse", False: "not told"}
    assert results["verdict"] == expected[difference["is_real"]]


def test_a_metric_that_is_to_be_small_is_made_small(tmp_path: Path) -> None:
    stream = write_series(tmp_path / "series.csv")
    asked = Search(tuple(read_axes(["learners.linear.l2=0.0,10.0"])), held_out=0.25)
    results = tuned(FORECAST, stream, asked)
    scores = [trial["score"] for trial in results["trials"]]
    assert results["objective"]["metric"] == "mae"
    assert results["best"]["head"] == min(scores)
    metrics = results["best"]["tail_metrics"]
    both = [metrics["linear@1"]["mae"], metrics["linear@3"]["mae"]]
    assert results["best"]["tail"] == pytest.approx(np.mean(both))
    assert "persistence@3" in metrics


# Nothing is tuned on what it is scored on


@pytest.mark.parametrize("late", ["", LATE, "labels: {delay: {seconds: 90}}\n"])
def test_no_row_of_the_tail_changes_a_trial(stream: Path, late: str) -> None:
    lines = stream.read_text().splitlines(keepends=True)
    other = stream.with_name("other.csv")
    flipped = [line.replace("yes", "NO").replace("no", "yes").replace("NO", "no") for line in lines]
    noise = ['e1,"s0,0,1e99,,x\n', "\x00\n", *flipped[CUT + 1 :][::-1]]
    other.write_text("".join(lines[: CUT + 1] + noise))
    pipeline = PipelineText(CLASSIFY + late, "demo.yaml")
    one, two = (run_trial(Assignment(pipeline, {}, path, CUT)) for path in (stream, other))
    assert one.metrics == two.metrics
    whole = [run_trial(Assignment(pipeline, {}, path, CUT, True)) for path in (stream, other)]
    assert whole[0].metrics != whole[1].metrics


def test_what_was_predicted_before_the_cut_is_not_graded_in_the_tail(stream: Path) -> None:
    pipeline = PipelineText(CLASSIFY + "labels: {delay: {events: 800}}\n", "demo.yaml")
    (all_of_it,) = (run_trial(Assignment(pipeline, {}, stream, 0, True)),)
    head = run_trial(Assignment(pipeline, {}, stream, CUT))
    tail = run_trial(Assignment(pipeline, {}, stream, CUT, True))
    graded = [scores.metrics["tree"]["graded"] for scores in (all_of_it, head, tail)]
    assert graded[0] == graded[1] + graded[2]
    assert len(tail.losses["tree"][0]) == graded[2]


# Processes


def test_the_number_of_processes_changes_nothing(stream: Path) -> None:
    asked = search(["learners.tree.delta=log(1e-9,0.5)"], random=4, seed=3)
    one, two = (tuned(CLASSIFY, stream, asked, f"out{n}", processes=n) for n in (1, 2))
    assert one == two
    assert len(one["trials"]) == 5


@pytest.mark.parametrize("fault", ["raise", "kill"])
def test_a_trial_that_fails_is_told_and_the_others_go_on(
    stream: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    (stream.parent / f"mortal_{fault}.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(str(stream.parent))
    text = CLASSIFY.split("learners:")[0]
    text += f"learners: {{tree: {{python: 'mortal_{fault}:make', params: {{fault: none}}}}}}\n"
    results = tuned(text, stream, search([f"learners.tree.params.fault={fault},nothing"]))
    errors = [trial.get("error") for trial in results["trials"]]
    assert errors[0] is None
    assert errors[2] is None
    said = {"raise": "RuntimeError: it broke", "kill": "the process was ended by SIGKILL"}
    assert errors[1] is not None
    assert errors[1].startswith(said[fault])
    assert results["best"]["trial"] == 0  # both are majority classes, the first of equals wins


def test_a_winner_that_breaks_on_the_tail_is_an_error(
    stream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stream.parent / "mortal_late.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(str(stream.parent))
    text = CLASSIFY.split("learners:")[0] + "learners: {tree: {python: 'mortal_late:make'}}\n"
    text = text.replace("make'", "make', params: {fault: late}")
    with pytest.raises(FatalError, match="trial 0 failed on the tail: RuntimeError: it broke on"):
        tuned(text, stream, search(["seed=1,2"]))


# What is wrong is said before anything runs


@pytest.mark.parametrize(
    ("axes", "options", "problems"),
    [
        (["learners.tree.dleta=1,2"], {}, ["--set, learners.tree.dleta", "'delta'"]),
        (["learners.forest.delta=1,2"], {}, ["learners.forest"]),
        (["learners.tree.delta=7"], {}, ["delta = 7", "not in"]),
        (["learners.tree.grace_period=-1,x,50"], {}, ["2 of 4 trials", "-1", "'x'"]),
        (["derived.7.window=1"], {}, ["--set derived.7.window: there is no '7'"]),
        (["seed=1"], {"metric": "mae"}, ["--metric mae: allowed are accuracy"]),
        (["seed=1"], {"held_out": 1.0}, ["--held-out 1.0"]),
        (["seed=1..9"], {}, ["give --random N"]),
        (["seed=1..9"], {"random": 0}, ["--random 0"]),
    ],
)
def test_a_wrong_search_is_refused(
    tmp_path: Path, axes: list[str], options: dict[str, Any], problems: list[str]
) -> None:
    write_classes(tmp_path / "stream.csv", 100)
    with pytest.raises(ConfigError) as error:
        tuned(CLASSIFY, tmp_path / "stream.csv", search(axes, **options))
    for problem in problems:
        assert problem in str(error.value)
    assert not (tmp_path / "out").exists()


def test_it_must_be_clear_whose_metric_decides(stream: Path) -> None:
    with pytest.raises(ConfigError, match="give --learner, one of tree, logistic"):
        tuned(CLASSIFY, stream, Search(tuple(read_axes(["seed=1"]))))
    with pytest.raises(ConfigError, match="--learner oak: there are tree, logistic"):
        tuned(CLASSIFY, stream, Search(tuple(read_axes(["seed=1"])), learner="oak"))


def test_a_stream_too_short_to_cut_is_refused(tmp_path: Path) -> None:
    stream = write_classes(tmp_path / "stream.csv", 1, dirty=False)
    with pytest.raises(ConfigError, match="1 records are too few to hold out"):
        tuned(CLASSIFY, stream, search(["seed=1"]))


# The folder


class Watched:
    """Stops a search after so many trials."""

    def __init__(self, tune: Tune, after: int) -> None:
        self.tune, self.after, self.calls = tune, after, list[tuple[int, int]]()

    def __call__(self, done: int, of: int) -> None:
        self.calls.append((done, of))
        if done >= self.after:
            self.tune.stop()


def stopped(text: str, stream: Path, asked: Search, after: int) -> None:
    out = stream.parent / "out"
    with closing(Tune(PipelineText(text, "demo.yaml"), stream, out, asked, os.environ)) as tune:
        assert tune.run(Watched(tune, after)) is None


def test_a_stopped_search_goes_on_to_the_same_results(stream: Path) -> None:
    whole = tuned(CLASSIFY, stream, search(AXES), "whole")
    stopped(CLASSIFY, stream, search(AXES), 2)
    trials = stream.parent / "out" / "trials.jsonl"
    assert len(trials.read_text().splitlines()) == 2
    with trials.open("ab") as file:
        file.write(b'{"trial":3,"score":0.99')  # as a crash leaves it
    out = stream.parent / "out"
    pipeline = PipelineText(CLASSIFY, "demo.yaml")
    tune = Tune(pipeline, stream, out, search(AXES), os.environ, resume=True)
    with closing(tune):
        watched = Watched(tune, 99)
        resumed = tune.run(watched)
    assert json.loads(json.dumps(resumed, sort_keys=True, default=float)) == whole
    assert watched.calls[0] == (2, 5)
    assert len(watched.calls) == 4


def test_an_unfinished_search_is_not_lost_unless_told(stream: Path) -> None:
    stopped(CLASSIFY, stream, search(AXES), 1)
    with pytest.raises(ConfigError, match="give --resume to go on with it, or --fresh"):
        tuned(CLASSIFY, stream, search(AXES))
    assert tuned(CLASSIFY, stream, search(AXES), fresh=True)["best"]


@pytest.mark.parametrize("part", ["pipeline", "source", "search"])
def test_another_search_is_not_resumed(stream: Path, part: str) -> None:
    stopped(CLASSIFY, stream, search(AXES), 1)
    text = CLASSIFY.replace("max_size: 1.0", "max_size: 2.0") if part == "pipeline" else CLASSIFY
    asked = search(AXES[:1]) if part == "search" else search(AXES)
    if part == "source":
        write_classes(stream, N, seed=9)
    with pytest.raises(IncompatibleStateError, match=f"changed since: {part};"):
        tuned(text, stream, asked, resume=True)


def test_a_folder_is_searched_by_one_process_alone(stream: Path) -> None:
    with (
        locked(stream.parent / "out"),
        pytest.raises(ConfigError, match="another process is writing into this folder"),
    ):
        tuned(CLASSIFY, stream, search(AXES))
