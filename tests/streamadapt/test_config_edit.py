"""Other values in a pipeline file, whose comments stay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.config_edit import edited
from streamadapt.config_yaml import dumped, read_yaml

TEXT = """\
# what it is
learners:
  tree:  # the first
    kind: hoeffding_tree
    delta: 1e-7  # River's
  plain: logistic
  flow: {kind: linear, l2: 0.5}
  lone:
derived:
  - {kind: lag, steps: [1, 2]}
"""


def changed(path: str, value: Any) -> tuple[str, Any]:
    wanted = read_yaml(TEXT, "t")[0]
    branch = wanted
    *parents, last = path.split(".")
    for part in parents:
        branch = branch[int(part) if isinstance(branch, list) else part]
    branch[int(last) if isinstance(branch, list) else last] = value
    return edited(TEXT, wanted), wanted


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("learners.tree.delta", 0.25, "    delta: 0.25  # River's"),
        ("learners.tree.grace_period", 50, "    grace_period: 50"),
        ("learners.flow.l2", 1, "  flow: {kind: linear, l2: 1}"),
        ("learners.flow.seed", 3, "  flow: {seed: 3, kind: linear, l2: 0.5}"),
        ("learners.plain", {"kind": "logistic", "l2": 2.0}, "  plain: {kind: logistic, l2: 2.0}"),
        ("learners.lone", "no", "  lone: no"),
        ("learners.lone", "1e-3", "  lone: '1e-3'"),
        ("derived.0.steps", [3, 4], "  - {kind: lag, steps: [3, 4]}"),
        ("seed", 7, "seed: 7"),
    ],
)
def test_a_value_changes_where_it_stands(path: str, value: Any, line: str) -> None:
    text, wanted = changed(path, value)
    assert line in text.splitlines()
    assert "# the first" in text
    assert read_yaml(text, "t")[0] == wanted


def test_nothing_changes_where_nothing_is_wanted() -> None:
    assert edited(TEXT, read_yaml(TEXT, "t")[0]) == TEXT


@pytest.mark.parametrize("gone", ["learners", "derived"])
def test_what_cannot_be_edited_is_written_anew(gone: str) -> None:
    wanted = read_yaml(TEXT, "t")[0]
    del wanted[gone]
    assert read_yaml(edited(TEXT, wanted), "t")[0] == wanted


def test_a_value_behind_an_alias_changes_in_one_place_alone() -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    wanted = {"a": {"b": 1}, "c": {"b": 2}}
    assert read_yaml(edited(text, wanted), "t")[0] == wanted


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["no", "1e-3", "0x1F", "12:30", "true", "", "a: b", "# x", "null", "~", "010"]
    )
)
trees = st.recursive(
    scalars, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.sampled_from("abcd"), t)
)


@given(tree=trees)
def test_what_is_dumped_reads_as_it_was(tree: Any) -> None:
    for inline in (False, True):
        assert read_yaml(dumped(tree, inline), "t")[0] == tree


@given(before=st.dictionaries(st.sampled_from("abcd"), trees), after=trees)
def test_an_edited_file_reads_as_wanted(before: dict[str, Any], after: Any) -> None:
    assert read_yaml(edited(dumped(before), {**before, "b": after}), "t")[0] == {
        **before,
        "b": after,
    }
