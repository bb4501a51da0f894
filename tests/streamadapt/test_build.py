"""From a configuration to a task: what each part is told, and what is said if a part is wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamadapt.build import PIPELINE, SIGNING_KEY_VARIABLE, build_task, fingerprints, imported
from streamadapt.detectors import DETECTORS
from streamadapt.errors import ConfigError
from streamadapt.models import (
    HoeffdingTreeClassifier,
    LogisticRegression,
    Persistence,
    RiverClassifier,
    RunningMean,
)
from streamadapt.models.change import learning_changes
from streamadapt.models.robust import ForgettingRobustLearner
from streamadapt.pipeline import Lane
from streamadapt.task import Task
from tests.streams import CLASSIFY, FORECAST, config

REGRESSION = """
name: price
task: {kind: regression, target: y}
record: {features: {x: numeric}}
learners: {linear: linear}
"""
RIVER = CLASSIFY.split("learners:")[0] + "learners: {bayes: {kind: river_classifier}}"
INDEXED = CLASSIFY.replace("encoding: one_hot", "encoding: index")
KEY = {SIGNING_KEY_VARIABLE: "sixteen or more secret characters"}


def task(text: str, environ: dict[str, str] | None = None, **changes: str) -> Task:
    return build_task(config(text, **changes), environ or {})


def lanes(built: Task) -> dict[str, Lane]:
    return {lane.name: lane for track in built.tracks for lane in track.pipeline.lanes}


# Baselines


def test_the_baselines_that_fit_run_beside_the_learners_and_come_last() -> None:
    assert list(lanes(task(CLASSIFY))) == ["tree", "logistic", "majority", "no_change"]
    assert list(lanes(task(REGRESSION))) == ["linear", "persistence", "running_mean"]


def test_baselines_can_be_left_out_or_chosen() -> None:
    assert list(lanes(task(REGRESSION, baselines="false"))) == ["linear"]
    chosen = REGRESSION + "baselines: [running_mean]"
    assert list(lanes(task(chosen))) == ["linear", "running_mean"]


def test_each_horizon_has_lanes_of_its_own() -> None:
    names = ["linear", "persistence", "running_mean"]
    assert list(lanes(task(FORECAST))) == [f"{name}@{h}" for h in (1, 3) for name in names]


def test_persistence_says_the_value_of_the_series_now() -> None:
    text = FORECAST.replace("{load: numeric}", "{other: numeric, load: numeric}")
    learner = lanes(task(text))["persistence@3"].learner
    assert isinstance(learner, Persistence)
    assert learner.column == 1


def test_a_learner_can_be_robust() -> None:
    text = REGRESSION.replace("linear: linear", "linear: {kind: linear, robust: {window: 99}}")
    learner = lanes(task(text))["linear"].learner
    assert isinstance(learner, ForgettingRobustLearner)
    assert (learner.window, learner.deviations) == (99, 1.5)


# What learners are told


def test_a_learner_is_told_width_and_classes() -> None:
    built = task(CLASSIFY)
    tree = lanes(built)["tree"].learner
    assert isinstance(tree, HoeffdingTreeClassifier)
    assert (tree.n_features, tree.n_classes) == (built.features.n_features, 2)
    assert tree.grace_period == 50


def test_a_tree_is_told_which_features_are_nominal_and_their_number_of_values() -> None:
    tree = lanes(task(INDEXED))["tree"].learner
    assert isinstance(tree, HoeffdingTreeClassifier)
    assert tree.nominal_features == {2: 3}  # red, green, and all that is unknown


def test_without_nominal_features_none_is_told() -> None:
    tree = lanes(task(CLASSIFY))["tree"].learner
    assert isinstance(tree, HoeffdingTreeClassifier)
    assert not tree.nominal_features


def test_a_river_model_is_told_the_names_of_the_features() -> None:
    built = task(RIVER, KEY)
    bayes = lanes(built)["bayes"].learner
    assert isinstance(bayes, RiverClassifier)
    assert bayes.feature_names == tuple(column.name for column in built.features.columns)


def test_a_forecast_learns_changes_unless_told_to_learn_levels() -> None:
    made = type(learning_changes(lambda: RunningMean(1), 0))
    assert isinstance(lanes(task(FORECAST))["linear@1"].learner, made)
    levels = task(FORECAST, task__predict="level")
    assert not isinstance(lanes(levels)["linear@1"].learner, made)


def test_only_watched_learners_are_watched() -> None:
    built = lanes(task(CLASSIFY))
    assert [name for name, lane in built.items() if lane.is_watched] == ["tree", "logistic"]


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_a_pipeline_file_can_name_every_detector(kind: str) -> None:
    named = task(CLASSIFY.replace("{kind: page_hinkley, threshold: 10.0}", kind))
    spelt = task(CLASSIFY.replace("{kind: page_hinkley, threshold: 10.0}", f"{{kind: {kind}}}"))
    for built in (named, spelt):
        watch = lanes(built)["logistic"]._watch
        assert watch is not None
        assert type(watch.drift()) is DETECTORS[kind]


def test_a_learner_is_watched_for_what_the_file_says() -> None:
    built = lanes(task(CLASSIFY, learners__tree__watch__signal="uncertainty"))
    watches = [built[name]._watch for name in ("tree", "logistic")]
    assert [watch.signal for watch in watches if watch is not None] == ["uncertainty", "loss"]


def test_a_detector_for_bits_cannot_watch_numbers() -> None:
    text = FORECAST.replace("{kind: linear}", "{kind: linear, watch: {drift: ddm}}")
    assert text != FORECAST
    with pytest.raises(ConfigError, match="takes 0 and 1 alone"):
        task(text)


# What is wrong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CLASSIFY.replace("grace_period: 50", "grace_period: 0"),
            "learners.tree: grace_period = 0 is not in ",
        ),
        (
            CLASSIFY.replace("threshold: 10.0", "threshold: -1.0"),
            "learners.logistic.watch.drift: threshold = -1.0 is not in ",
        ),
        (
            CLASSIFY.replace("delta: 0.2", "delta: 2.0"),
            "learners.tree.watch.warning: delta = 2.0 is not in ",
        ),
        (
            CLASSIFY.replace("kind: logistic", "kind: no_change"),
            "learners.logistic.watch: this learner cannot forget; use reset or swap",
        ),
        (
            REGRESSION.replace("linear: linear", "mine: logistic"),
            "learners.mine: logistic is for classification, the task needs regression; such "
            "learners are: adaptive_random_forest_regressor, gradient_boosting_regressor, ",
        ),
        (
            CLASSIFY + "baselines: [running_mean]",
            "baselines: 'running_mean' does not fit the task; allowed are majority, no_change",
        ),
        (
            REGRESSION + "baselines: [oracle]",
            "baselines: 'oracle' does not fit the task; allowed are persistence, running_mean",
        ),
        (
            REGRESSION.replace("linear: linear", "running_mean: linear"),
            "learners.running_mean: a baseline has this name; rename the learner",
        ),
        (
            REGRESSION + "labels: {delay: {events: 50}, max_pending: 50}",
            "labels.max_pending: with a delay of 50 events each event would expire before its",
        ),
        (
            REGRESSION.replace("{x: numeric}", "{x: numeric, a: numeric, b: numeric}")
            + "labels: {max_pending: 67108864}",
            "labels.max_pending: 67108864 rows of 3 features may take 1536 MiB",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        task(text)


def test_a_river_model_needs_a_key_to_sign_its_state() -> None:
    with pytest.raises(ConfigError, match=rf"learners\.bayes: .*pickle.*{SIGNING_KEY_VARIABLE}"):
        task(RIVER)


def test_a_key_that_is_too_short_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"learners\.bayes: ") as caught:
        task(RIVER, {SIGNING_KEY_VARIABLE: "tooshort"})
    assert "tooshort" not in str(caught.value)


# Your own components


OWN = '''
from streamadapt.models import LogisticRegression, RunningMean

told = {}

def plain(n_features, n_classes):
    told.update(locals())
    return LogisticRegression(n_features, n_classes)

def curious(n_features, n_classes, **others):
    told.update(others, n_features=n_features)
    return LogisticRegression(n_features, n_classes)

def number(n_features):
    return RunningMean(n_features)

def broken(n_features):
    raise LookupError("no table")

class Nested:
    inner = LogisticRegression
'''  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Return what writes a module and gives the pipeline with a learner of it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str = OWN) -> str:
        module = name.partition(":")[0]
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)
        learner = f"learners: {{mine: {{python: '{name}'}}}}"
        return CLASSIFY.split("learners:")[0] + "seed: 7\n" + learner

    return write


def test_a_factory_is_told_what_it_asks_for_and_no_more(own: Callable[..., str]) -> None:
    task(own("plain_module:plain"))
    assert sys.modules["plain_module"].told.keys() == {"n_features", "n_classes"}


def test_a_factory_that_takes_everything_is_told_everything(own: Callable[..., str]) -> None:
    built = task(own("curious_module:curious"), KEY)
    told = sys.modules["curious_module"].told
    assert told["seed"] == 7
    assert told["feature_names"] == tuple(column.name for column in built.features.columns)
    assert told["n_features"] == built.features.n_features


def test_params_of_the_file_win_over_what_is_told(own: Callable[..., str]) -> None:
    text = own("params_module:curious").replace("}}", ", params: {seed: 1, depth: 2}}}")
    task(text)
    told = sys.modules["params_module"].told
    assert (told["seed"], told["depth"]) == (1, 2)


def test_a_factory_may_stand_inside_of_something(own: Callable[..., str]) -> None:
    assert isinstance(
        lanes(task(own("inner_module:Nested.inner")))["mine"].learner, LogisticRegression
    )


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("m1:absent", OWN, "python: 'm1:absent' cannot be imported: module 'm1' has"),
        ("m2:x", "import nowhere", "'m2:x' cannot be imported: No module named 'nowhere'"),
        ("m3:x", "x = 1 / 0", "'m3:x' cannot be imported: division by zero"),
        ("m4:x", "def x(:", "'m4:x' cannot be imported: invalid syntax"),
        ("m5:broken", OWN, "learners.mine: LookupError: no table"),
        ("m6:number", OWN, "learners.mine: python is for regression, the task needs class"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_factory_is_said(
    own: Callable[..., str], name: str, source: str, message: str
) -> None:
    text = own(name, source)
    with pytest.raises(ConfigError, match=re.escape(message)):
        task(text)


@pytest.mark.parametrize("line", ["import torch", "import torch.nn", "from torch import nn"])
def test_an_extra_that_is_not_installed_is_named(
    own: Callable[..., str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not there
    text = own("needs_torch:Net", line)
    message = (
        "learners.mine: python: 'needs_torch:Net' needs torch: pip install 'streamadapt[torch]'"
    )
    with pytest.raises(ConfigError) as caught:
        task(text)
    assert str(caught.value) == message


def test_a_module_is_imported_by_name() -> None:
    assert imported("streamadapt.models:LogisticRegression", "here") is LogisticRegression
    with pytest.raises(ConfigError, match=r"here: python: 'no\.module:x' cannot be imported"):
        imported("no.module:x", "here")


# Fingerprints


def changed(text: str, **changes: str) -> set[str]:
    """Return the names of the components that a change makes others."""
    before, after = fingerprints(config(text)), fingerprints(config(text, **changes))
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_a_changed_learner_is_another_one_and_the_only_one() -> None:
    assert changed(CLASSIFY, learners__tree__grace_period="60") == {"tree"}
    assert changed(CLASSIFY, learners__tree__watch__drift__delta="0.05") == {"tree"}


def test_watching_uncertainty_is_another_learner_and_watching_the_loss_is_not() -> None:
    assert changed(CLASSIFY, learners__tree__watch__signal="uncertainty") == {"tree"}
    assert changed(CLASSIFY, learners__tree__watch__signal="loss") == set()


def test_a_changed_seed_changes_every_learner() -> None:
    assert changed(CLASSIFY, seed="1") == {"tree", "logistic"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("labels__delay__events", "5"), ("reaction_block", "32"), ("record__key", "null")],
)
def test_what_all_learners_see_is_of_the_pipeline(name: str, value: str) -> None:
    assert changed(CLASSIFY, **{name: value}) == {PIPELINE}


def test_what_decides_nothing_changes_nothing() -> None:
    assert changed(CLASSIFY, checkpoint__every_events="7", name="other") == set()


@pytest.mark.parametrize("name", ["outputs__predictions", "outputs__report"])
def test_what_is_written_is_nobodys_state(name: str) -> None:
    assert changed(CLASSIFY, **{name: "false"}) == set()
