"""YAML without surprises, and without bombs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.config_yaml import MAX_DEPTH, MAX_VALUES, read_yaml
from streamadapt.errors import ConfigError


def tree(text: str) -> Any:
    return read_yaml(text, "a.yaml")[0]


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        tree(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "y", "010", "12:30", "2024-01-31", "1_000", "0o7", "1e", "="]
)
def test_what_old_yaml_turns_into_something_else_is_a_text(text: str) -> None:
    assert tree(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("-3", -3),
        ("+.5", 0.5),
        ("7.", 7.0),
        ("0x1F", 31),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("'1'", "1"),
    ],
)
def test_numbers_truth_values_and_nothing_are_what_they_look_like(text: str, value: object) -> None:
    found = tree(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_lines_are_those_of_keys_and_of_places_in_lists() -> None:
    _, lines = read_yaml("a:\n  b: 1\n  c:\n  - x\n  - y: 2\n", "a.yaml")
    assert lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", "0"): 4,
        ("a", "c", "1"): 5,
        ("a", "c", "1", "y"): 5,
    }


def test_an_alias_is_a_copy() -> None:
    found = tree("a: &x {p: [1]}\nb: *x\n")
    found["a"]["p"].append(2)
    assert found["b"] == {"p": [1]}


def test_a_merged_mapping_gives_way_to_what_stands_there() -> None:
    assert tree("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n")["b"] == {"p": 1, "q": 3}


def bomb(n_levels: int) -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, n_levels)]
    return "\n".join(lines)


def test_a_bomb_of_aliases_is_counted_and_not_unpacked() -> None:
    assert f"more than {MAX_VALUES} values, aliases counted in full" in problem(bomb(60))


def test_a_bomb_of_merged_mappings_is_counted_and_not_unpacked() -> None:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 60)]
    assert "aliases counted in full" in problem("\n".join(lines))


def test_a_few_aliases_are_fine() -> None:
    assert len(tree(bomb(3))["a2"]) == 9


def test_an_alias_inside_what_it_names_is_refused() -> None:
    assert (
        problem("a: &a {b: *a}") == "a.yaml: line 1, column 4: an alias stands inside what it names"
    )


@pytest.mark.parametrize("text", ["[" * 10_000, "{a: " * 60, "- " * 60 + "x", "? " * 60 + "x"])
def test_too_deep_a_tree_is_refused(text: str) -> None:
    assert f"nested more than {MAX_DEPTH} deep" in problem(text)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [x]", "!!binary aGk=", "!!set {a}", "!mine 1"]
)
def test_no_tag_makes_anything(tag: str) -> None:
    assert "could not determine a constructor for the tag" in problem(f"a: {tag}")


@pytest.mark.parametrize("key", ["[1]", "{a: 1}"])
def test_a_key_that_is_no_scalar_is_refused_with_its_line(key: str) -> None:
    assert problem(f"b: 1\n? {key}\n: 2") == (
        "a.yaml: line 2, column 3: while constructing a mapping, found unhashable key"
    )


def test_a_number_of_many_digits_is_refused() -> None:
    assert problem("a: " + "9" * 5000).startswith("a.yaml: Exceeds the limit")


def test_a_second_document_is_refused() -> None:
    assert "expected a single document" in problem("--- 1\n--- 2\n")


def test_control_characters_are_refused() -> None:
    assert problem("a: \x00").startswith("a.yaml: unacceptable character #x0000")


@given(st.text(max_size=60))
def test_arbitrary_text_is_a_tree_or_a_config_error(text: str) -> None:
    try:
        tree(text)
    except ConfigError as error:
        assert str(error).startswith("a.yaml: ")  # noqa: PT017 - that nothing is raised is fine, too


@given(st.text(alphabet="ab:{}[],&*-?!'\"\n #|>%@~0.<", max_size=80))
def test_arbitrary_yaml_marks_are_a_tree_or_a_config_error(text: str) -> None:
    try:
        tree(text)
    except ConfigError as error:
        assert str(error).startswith("a.yaml: ")  # noqa: PT017 - as above
