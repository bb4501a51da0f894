"""What a pipeline file may hold, and what is said about one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamadapt.build import build_task
from streamadapt.config import Config
from streamadapt.config_file import load_config, parse_config, placed
from streamadapt.config_yaml import read_yaml
from streamadapt.errors import ConfigError

BASE = """\
name: demo
task: {kind: classification, target: y, classes: [0, 1]}
record:
  features:
    a: numeric
    b: {kind: categorical, encoding: one_hot, values: [u, v]}
learners:
  tree:
    kind: hoeffding_tree
    grace_period: 50
"""


def parsed(text: str = BASE, **environ: str) -> Config:
    return parse_config(text, environ, "demo.yaml")


def problem(text: str = BASE, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(text, **environ)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


def learner(config: Config, name: str = "tree") -> Any:
    return config.learners[name]


def test_a_right_file_gives_its_values() -> None:
    config = parsed()
    assert config.task.classes == ("0", "1")
    assert learner(config).given() == {"grace_period": 50}


def test_a_kind_alone_is_short_for_a_mapping() -> None:
    config = parsed(
        changed("tree:\n    kind: hoeffding_tree\n    grace_period: 50", "tree: majority")
    )
    assert learner(config).kind == "majority"
    assert learner(config).given() == {}


def test_all_mistakes_are_told_at_once_each_with_line_path_value_and_what_is_allowed() -> None:
    text = changed("grace_period: 50", "grace_period: many") + "seed: -1\n"
    assert problem(text) == (
        "demo.yaml: 2 mistakes\n"
        "  line 10, learners.tree.grace_period = 'many': should be a valid integer, unable to "
        "parse string as an integer\n"
        "  line 11, seed = -1: should be greater than or equal to 0"
    )


def test_what_is_missing_is_told_with_the_line_of_what_holds_it() -> None:
    assert "line 3, record.features: missing" in problem(
        "name: demo\ntask: {kind: regression, target: y}\nrecord: {}\nlearners: {a: linear}\n"
    )


def test_an_unknown_name_is_an_error_that_lists_the_names_of_that_place() -> None:
    text = problem(BASE + "labels: {delay: {evnts: 3}}\n")
    assert (
        "line 11, labels.delay.evnts = 3: unknown name; allowed are 'events', 'seconds'; " in text
    )
    assert "did you mean 'events'?" in text


def test_a_suggestion_is_a_name_of_that_place_not_of_another() -> None:
    # `delta` is a parameter of trees, not of `task`; `classs` is near to `classes` of `task`.
    text = problem(changed("target: y,", "target: y, delt: 1, classs: 2,"))
    delta, classes = sorted(line for line in text.splitlines() if "unknown name" in line)[::-1]
    assert "did you mean" not in delta
    assert classes.endswith("did you mean 'classes'?")


def test_an_unknown_parameter_of_a_learner_is_answered_with_those_of_that_learner() -> None:
    text = problem(changed("grace_period: 50", "grace_perod: 50"))
    assert "line 10, learners.tree.grace_perod = 50: unknown name;" in text
    assert "'split_criterion'" in text
    assert "'learning_rate'" not in text
    assert text.endswith("did you mean 'grace_period'?")


def test_an_unknown_parameter_of_a_detector_is_answered_with_those_of_that_detector() -> None:
    text = problem(changed("grace_period: 50", "watch: {drift: {kind: adwin, dleta: 1}}"))
    assert "learners.tree.watch.drift.dleta = 1: unknown name; allowed are 'kind', 'delta'" in text


def test_an_unknown_kind_is_answered_with_all_kinds() -> None:
    text = problem(changed("hoeffding_tree", "hoefding_tree"))
    assert "line 9, learners.tree.kind = 'hoefding_tree': allowed are " in text
    assert "'hoeffding_tree', " in text
    assert "'python'; did you mean 'hoeffding_tree'?" in text


def test_an_unknown_kind_alone_is_told_at_its_own_place() -> None:
    text = problem(changed("a: numeric", "a: numerc"))
    assert "line 5, record.features.a = 'numerc': allowed are 'numeric', 'boolean', 'cat" in text


def test_a_value_out_of_a_short_list_is_answered_with_the_list() -> None:
    text = problem(changed("grace_period: 50", "leaf_prediction: nb_adaptive"))
    assert "learners.tree.leaf_prediction = 'nb_adaptive': allowed are 'mc', 'nb', 'nba'" in text


@pytest.mark.parametrize(
    "text",
    [
        BASE + "baselines: 7\n",
        BASE + "derived: [{python: nowhere}, {kind: lag, of: a, steps: [0]}]\n",
        BASE + "labels: {max_age_s: soon}\n",
        changed("a: numeric", "a: {kind: numeric, max_abs: [1]}"),
        changed("kind: hoeffding_tree", "python: nowhere"),
        changed("kind: hoeffding_tree", "kind: logistic\n    watch: {drift: 3, on_drift: [1, x]}"),
        changed("grace_period: 50", "max_depth: deep"),
        changed("[0, 1]", "[[1], {}]"),
    ],
)
def test_no_part_of_a_path_is_the_checker_s_own(text: str) -> None:
    said = problem(text)
    paths = [
        line.split(", ", 1)[1].split(" = ")[0].split(": ")[0] for line in said.splitlines()[1:]
    ]
    assert paths
    for path in paths:
        place, _ = read_yaml(text, "")
        for part in path.split("."):
            place = place[int(part)] if isinstance(place, list) else place[part]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("labels: 500", "labels = 500: should be a mapping of names to values"),
        ("source: clicks.csv", "source = 'clicks.csv': should be a mapping of names to values"),
        ("derived: {kind: lag}", "derived: should be a list, as in [a, b]"),
        ("baselines: all", "baselines = 'all': should be true or false or should be a list"),
    ],
)
def test_what_form_a_value_should_have_is_said_in_words_of_the_file(text: str, said: str) -> None:
    assert f"line 11, {said}" in problem(f"{BASE}{text}\n")


def test_a_name_with_odd_characters_is_refused_with_the_pattern() -> None:
    text = problem(changed("  tree:", "  my tree:"))
    assert "line 8, learners.my tree: the name 'my tree' should match ^[\\w.-]{1,100}$" in text


def test_names_and_classes_that_yaml_takes_for_something_else_are_to_be_quoted() -> None:
    assert "task.classes.0 = True: should be text: put it in quotes" in problem(
        changed("[0, 1]", "[true, false]")
    )
    assert "line 6, record.features.7: the name 7 should be text" in problem(
        changed("    b:", "    7:")
    )


def test_words_that_old_yaml_takes_for_truth_values_are_texts() -> None:
    assert parsed(changed("[0, 1]", "[no, yes]")).task.classes == ("no", "yes")


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    assert (
        problem(BASE + "name: other\n") == "demo.yaml: line 11, column 1: key 'name' stands twice"
    )


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    assert problem("name: 'demo\n").startswith(
        "demo.yaml: line 2, column 1: while scanning a quoted"
    )


@pytest.mark.parametrize("text", ["", "- 1\n", "name\n", "3"])
def test_what_is_no_mapping_is_no_pipeline(text: str) -> None:
    assert problem(text) == "demo.yaml: a pipeline file is a mapping of names to values"


def test_a_whole_that_does_not_fit_together_is_told_where_to_mend_it() -> None:
    assert "line 11, labels.delay.seconds = 60: needs the column of event times" in problem(
        BASE + "labels: {delay: {seconds: 60}}\n"
    )
    assert "line 5, record.features.a = 'numeric': it is the target" in problem(
        changed("target: y", "target: a")
    )


def test_the_file_is_named_and_so_is_why_it_cannot_be_read(tmp_path: Path) -> None:
    absent, binary = tmp_path / "absent.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        load_config(absent, {})
    with pytest.raises(ConfigError, match=r"binary\.yaml: not UTF-8: byte 6"):
        load_config(binary, {})
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path, {})


def test_a_file_is_read_with_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_config(path, {}).name == "demo"


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load_config(path, {})


# Overrides


def test_an_override_replaces_one_value() -> None:
    assert parsed(STREAMADAPT__seed="4").seed == 4
    assert learner(parsed(STREAMADAPT__learners__tree__grace_period="70")).grace_period == 70


def test_an_override_adds_what_the_file_leaves_out() -> None:
    config = parsed(
        STREAMADAPT__checkpoint__every_events="10", STREAMADAPT__learners__tree__delta="1e-5"
    )
    assert config.checkpoint.every_events == 10
    assert learner(config).delta == 1e-5


def test_the_case_of_an_override_does_not_matter() -> None:
    config = parsed(STREAMADAPT__LEARNERS__TREE__DELTA="1e-5", STREAMADAPT__CHECKPOINT__KEEP="7")
    assert learner(config).delta == 1e-5
    assert config.checkpoint.keep == 7


def test_where_two_names_differ_by_case_alone_the_exact_one_is_meant() -> None:
    text = changed("learners:\n", "learners:\n  Tree: logistic\n")
    config = parsed(text, STREAMADAPT__learners__tree__delta="0.5")
    assert learner(config).delta == 0.5
    assert learner(config, "Tree").given() == {}


def test_an_override_reaches_into_lists_and_into_kinds_that_stand_alone() -> None:
    text = (
        changed("grace_period: 50", "watch: {drift: adwin}")
        + "derived: [{kind: lag, of: a, steps: [1]}]\n"
    )
    config = parsed(
        text,
        STREAMADAPT__learners__tree__watch__drift__delta="0.01",
        STREAMADAPT__derived__0__steps="[2, 3]",
    )
    assert learner(config).watch.drift.given() == {"delta": 0.01}
    assert config.derived[0].names() == ("a_lag_2", "a_lag_3")  # type: ignore[union-attr]


def test_an_override_of_something_shared_by_an_alias_changes_one_place() -> None:
    text = changed(
        "  tree:\n    kind: hoeffding_tree\n    grace_period: 50",
        "  tree: &t {kind: hoeffding_tree}\n  other: *t",
    )
    config = parsed(text, STREAMADAPT__learners__tree__delta="0.5")
    assert learner(config).delta == 0.5
    assert learner(config, "other").given() == {}


def test_a_wrong_override_is_told_by_its_variable() -> None:
    name = "STREAMADAPT__learners__tree__delta"
    assert f"{name}, learners.tree.delta = 'high': should be a valid number" in problem(
        **{name: "high"}
    )
    assert "STREAMADAPT__seed__x, seed: should be a valid integer" in problem(
        STREAMADAPT__seed__x="1"
    )
    assert "STREAMADAPT__name: line 1, column 2:" in problem(STREAMADAPT__name="[")


@pytest.mark.parametrize(
    "name", ["STREAMADAPT__", "STREAMADAPT__task__classes__7", "STREAMADAPT__task__classes__x__y"]
)
def test_an_override_of_what_cannot_be_is_refused_by_name(name: str) -> None:
    assert f"{name}: there is no" in problem(**{name: "1"})


def test_other_variables_override_nothing() -> None:
    assert parsed(STREAMADAPT_SEED="4", streamadapt__seed="5").seed == 0


# Variables


def test_a_variable_is_filled_in_and_a_default_where_it_is_not_set() -> None:
    text = BASE + "source: {path: '${FOLDER:-data}/${FILE}'}\n"
    config = parsed(text, FILE="a.csv")
    assert config.source is not None
    assert config.source.path == "data/a.csv"
    other = parsed(text, FILE="a.csv", FOLDER="/b")
    assert other.source is not None
    assert other.source.path == "/b/a.csv"


def test_a_variable_may_hold_a_number_and_an_empty_default_is_one() -> None:
    assert learner(parsed(changed("50", "${GRACE}"), GRACE="77")).grace_period == 77
    config = parsed(BASE + "source: {path: 'a${EMPTY:-}b'}\n")
    assert config.source is not None
    assert config.source.path == "ab"


def test_two_dollar_signs_stand_for_one_before_a_brace() -> None:
    config = parsed(BASE + "source: {path: '$${A}-${A}-$$-$${'}\n", A="1")
    assert config.source is not None
    assert config.source.path == "${A}-1-$$-${"
    assert config.as_written()["source"] == {"path": "$${A}-${A}-$$-$${"}


def test_a_variable_that_is_not_set_is_named_with_line_and_path() -> None:
    assert problem(changed("50", "${GRACE}")) == (
        "demo.yaml: line 10, learners.tree.grace_period = '${GRACE}': GRACE is not set in the "
        "environment; set it, or write ${GRACE:-default}"
    )


@pytest.mark.parametrize("broken", ["${GRACE-1}", "${GRACE", "${}", "${A B}"])
def test_what_looks_like_a_variable_but_is_none_is_an_error(broken: str) -> None:
    assert "write ${NAME} or ${NAME:-default}" in problem(changed("50", f"'{broken}'"), GRACE="1")


def test_a_variable_inside_an_override_is_filled_in_too() -> None:
    config = parsed(STREAMADAPT__source__path="${FOLDER}/a.csv", FOLDER="/secret")
    assert config.source is not None
    assert config.source.path == "/secret/a.csv"
    assert config.as_written()["source"] == {"path": "${FOLDER}/a.csv"}


def test_a_value_that_came_by_a_variable_is_never_filled_in_again() -> None:
    config = parsed(BASE + "source: {path: '${A}'}\n", A="${B}", B="no")
    assert config.source is not None
    assert config.source.path == "${B}"


def test_a_secret_stands_in_no_error_and_not_in_what_is_shown() -> None:
    secret = "hunter2hunter2"
    wrong = [
        changed("50", "${KEY}"),
        changed("hoeffding_tree", "${KEY}"),
        changed("a: numeric", "a: '${KEY}'"),
        changed("kind: classification", "kind: '${KEY}'"),
        changed("kind: hoeffding_tree", "python: '${KEY}'"),
        BASE + "source: {path: a, format: '${KEY}'}\n",
        BASE + "baselines: '${KEY}'\n",
        BASE + "unknown: '${KEY}'\n",
        changed("grace_period: 50", "watch: {drift: '${KEY}'}"),
    ]
    for text in wrong:
        said = problem(text, KEY=secret)
        assert secret not in said
        assert "${KEY}" in said
    config = parsed(BASE + "source: {path: '${KEY}'}\n", KEY=secret)
    assert secret not in repr(config.as_written())
    assert "${KEY}" in repr(config.as_written())


def test_what_is_shown_holds_overrides_as_if_they_stood_in_the_file() -> None:
    config = parsed(STREAMADAPT__seed="4")
    assert config.as_written()["seed"] == 4
    assert config.as_written()["name"] == "demo"


# What only building finds


def built_problem(text: str) -> str:
    config = parsed(text)
    with pytest.raises(ConfigError) as caught, placed(config):
        build_task(config, {})
    return str(caught.value)


def test_a_parameter_that_its_constructor_refuses_is_told_with_file_and_line() -> None:
    text = built_problem(changed("grace_period: 50", "delta: 7"))
    assert text == "demo.yaml: line 10, learners.tree.delta = 7.0 is not in (0, 1.0]"


def test_what_components_refuse_is_told_of_all_learners_at_once() -> None:
    text = changed("grace_period: 50", "delta: 7")
    assert built_problem(text + "  near: {kind: knn, window_size: 0}\n  bayes: no_change\n") == (
        "demo.yaml: 2 mistakes\n"
        "  line 10, learners.tree.delta = 7.0 is not in (0, 1.0]\n"
        "  line 11, learners.near.window_size = 0 is not in [1, 1000000]"
    )


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        ("{drift: kernel_two_sample}", "the drift detector takes rows: give it `signal: features`"),
        ("{signal: features, drift: adwin}", "the drift detector takes numbers, not rows"),
        ("{signal: uncertainty, drift: ddm}", "the drift detector takes 0 and 1 alone"),
    ],
)
def test_a_detector_that_does_not_fit_is_told_with_file_and_line(watch: str, said: str) -> None:
    text = built_problem(changed("grace_period: 50", f"watch: {watch}"))
    assert text.startswith(f"demo.yaml: line 10, learners.tree.watch: {said}")


def test_a_learner_that_does_not_fit_the_task_is_told_with_file_and_line() -> None:
    text = built_problem(changed("hoeffding_tree\n    grace_period: 50", "linear"))
    assert text.startswith("demo.yaml: line 8, learners.tree: linear is for regression")


def test_a_factory_that_is_not_there_is_told_with_file_and_line() -> None:
    text = built_problem(
        changed("kind: hoeffding_tree\n    grace_period: 50", "python: no_module.at_all:Make")
    )
    assert text.startswith("demo.yaml: line 8, learners.tree: ")
    assert "no_module" in text


def test_a_baseline_that_does_not_fit_is_told_with_file_line_and_what_fits() -> None:
    text = built_problem(BASE + "baselines: [persistence]\n")
    assert text.startswith("demo.yaml: line 11, baselines: 'persistence' does not fit")
    assert "majority" in text


def test_an_error_about_something_else_is_left_as_it_is() -> None:
    with (
        pytest.raises(ConfigError, match=r"^run holds a run that has not ended$"),
        placed(parsed()),
    ):
        raise ConfigError("run holds a run that has not ended")


def test_a_secret_that_an_override_refers_to_is_not_said_either() -> None:
    environ = {"STREAMADAPT__learners__mine": "{python: a:b, params: {t: '${TOKEN}'}}"}
    config = parsed(BASE, TOKEN="hidden-token", **environ)
    with pytest.raises(ConfigError, match=r"\$\{TOKEN\} is refused"), placed(config):
        raise ConfigError(
            f"learners.mine: {config.learners['mine'].given()['params']['t']} is refused"
        )


def test_a_secret_that_begins_like_another_leaves_nothing_of_it_to_be_read() -> None:
    secrets = {f"KEY{n}": "hunter" + "2" * n for n in range(30)}
    path = "".join(f"${{{name}}}" for name in secrets)
    config = parsed(BASE + f"source: {{path: '{path}'}}\n", **secrets)
    with pytest.raises(ConfigError, match=r" \$\{KEY29\} is refused$"), placed(config):
        raise ConfigError(f"source: {secrets['KEY29']} is refused")


@pytest.mark.parametrize("url", ["redis://:hunter2@${HOST}/0", "redis://a@corp:hunter2@${HOST/0"])
def test_a_password_in_a_url_is_not_said_when_something_else_in_it_is_wrong(url: str) -> None:
    said = problem(BASE + f"store: {{url: '{url}'}}\n")
    assert "hunter2" not in said
    assert ":***@${HOST" in said
