"""A state's digest is over its very bits, and reading from it is safe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from streamadapt.errors import IncompatibleStateError
from streamadapt.state import State, Value
from tests.streamadapt.states import STATES

PINNED = "d219f8df79d6500f2e1844bc4be17a187f7b3f71816d0e8d79429c54bc6c6a6e"


def digest(value: Any) -> str:
    return State("kind", 1, {"x": value}).digest()


@given(STATES)
def test_the_order_of_names_does_not_matter_to_the_digest(state: State) -> None:
    backwards = dict(reversed(list(state.values.items())))
    assert State(state.kind, state.version, backwards).digest() == state.digest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        (0, False),
        (None, False),
        ("a", b"a"),
        ("", None),
        (np.zeros(3), -np.zeros(3)),
        (np.zeros(3), np.zeros(3, np.float32)),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros((0, 2)), np.zeros((2, 0))),
        (np.zeros(1), 0.0),
        (np.array(1.0), np.array([1.0])),
        (np.array([1.0, np.nan]), np.array([np.nan, 1.0])),
        (State("a", 1, {}), State("b", 1, {})),
        (State("a", 1, {}), State("a", 2, {})),
        (State("a", 1, {"b": 1}), State("ab", 1, {"": 1})),
        (2**64, 2**65),
    ],
)
def test_values_that_differ_in_any_bit_or_type_have_other_digests(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


def test_a_value_under_another_name_gives_another_digest() -> None:
    assert State("k", 1, {"a": 1}).digest() != State("k", 1, {"b": 1}).digest()


def test_the_layout_of_an_array_in_memory_does_not_matter() -> None:
    rows = np.arange(12.0).reshape(3, 4)
    assert digest(rows) == digest(np.asfortranarray(rows)) == digest(np.repeat(rows, 2, 0)[::2])


def test_the_digest_is_the_same_for_ever() -> None:
    state = State("demo", 1, {"w": np.arange(3.0), "n": 7, "child": State("c", 2, {"t": "é"})})
    assert state.digest() == PINNED


@pytest.mark.parametrize(
    "value", [np.array(["a"]), np.array([{}]), np.zeros(2, ">f8"), np.zeros(2, "c16"), {1}, [1]]
)
def test_what_is_no_kind_of_state_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="not a kind of state"):
        digest(value)


def test_arrays_are_read_as_writable_copies() -> None:
    original = np.zeros(3)
    original.flags.writeable = False
    state = State("k", 1, {"w": original})
    for copy in (state.array("w"), state.floats("w"), state.integers("w")):
        copy[0] = 1
    assert original.tolist() == [0.0, 0.0, 0.0]


def test_reading_another_kind_or_version_is_refused_and_both_are_named() -> None:
    with pytest.raises(IncompatibleStateError, match=r"'tree' version 1 .* 'forest' version 2"):
        State("tree", 1).expect("forest", 2)


@pytest.mark.parametrize("reader", ["array", "integer", "number", "text", "child"])
def test_absent_and_wrongly_typed_values_are_state_errors(reader: str) -> None:
    wrong: dict[str, Value] = {"array": 1, "text": 1, "child": 1, "integer": "a", "number": "a"}
    state = State("k", 1, {"x": wrong[reader]})
    for name in ("x", "absent"):
        with pytest.raises(IncompatibleStateError, match=name):
            getattr(state, reader)(name)


def test_numbers_texts_and_children_are_read_back() -> None:
    child = State("c", 1)
    state = State("k", 1, {"i": 7, "f": 0.5, "t": "é", "c": child})
    assert (state.integer("i"), state.number("i"), state.number("f")) == (7, 7.0, 0.5)
    assert (state.text("t"), state.child("c")) == ("é", child)


def test_size_counts_all_arrays_texts_and_numbers() -> None:
    child = State("c", 1, {"w": np.zeros(5)})
    assert State("k", 1, {"c": child, "t": "abc", "n": 1, "w": np.zeros(2)}).nbytes() == 67


def test_a_state_of_another_configuration_disagrees_and_an_older_one_does_not() -> None:
    state = State("demo", 1, {"columns": np.array([0, 4])})
    assert state.agreeing("columns", np.array([0, 4])).agreeing("period", 7) is state
    with pytest.raises(IncompatibleStateError, match="columns = "):
        state.agreeing("columns", np.array([4, 0]))
