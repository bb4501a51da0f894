"""Deltas: whatever changes between two states, the old one and the delta make the new one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.array_patch import BLOCK_BYTES, patch, patched
from streamadapt.envelope import decode, encode
from streamadapt.errors import CorruptStateError, IncompatibleStateError
from streamadapt.state import ARRAY_DTYPES, State, Value
from streamadapt.state_delta import apply, delta
from streamadapt.state_tree import MAX_DEPTH
from tests.streamadapt.states import STATES, VALUES


def check(old: State, new: State) -> State:
    """Assert that the delta, written and read, makes `new` of `old`, and leaves `old` alone."""
    before = old.digest()
    change = decode(encode(delta(old, new), {})).state
    found = apply(old, change)
    assert found.digest() == new.digest()
    assert old.digest() == before
    return change


@given(STATES, STATES)
def test_any_state_is_made_of_any_other(old: State, new: State) -> None:
    check(old, new)


@st.composite
def edited(draw: st.DrawFn, state: State) -> State:
    """Return a state like this one, with some values replaced, gone or new."""
    values: dict[str, Value] = {}
    for name, value in state.values.items():
        what = draw(st.sampled_from(["same", "same", "other", "gone", "inside"]))
        if what == "inside" and isinstance(value, State):
            values[name] = draw(edited(value))
        elif what == "other":
            values[name] = draw(VALUES)
        elif what != "gone":
            values[name] = value
    values |= draw(st.dictionaries(st.text("a/~01", max_size=4), VALUES, max_size=2))
    return State(draw(st.sampled_from([state.kind, "k"])), state.version, values)


@given(st.data())
def test_a_state_is_made_of_one_that_is_nearly_the_same(data: st.DataObject) -> None:
    old = data.draw(STATES)
    check(old, data.draw(edited(old)))


SIZES = st.one_of(st.integers(0, 300), st.sampled_from([4096 * 64 // 8 - 1, 4096 * 64 // 8 + 9]))


@settings(max_examples=200)
@given(st.sampled_from(sorted(ARRAY_DTYPES)), SIZES, SIZES, st.data())
def test_arrays_that_grow_shrink_and_change_in_places(
    dtype: str, n_old: int, n_new: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    top = 2 if dtype == "|b1" else 100
    a = rng.integers(0, top, n_old).astype(dtype)
    b = np.resize(a, n_new) if n_old else np.zeros(n_new, dtype)
    for place in data.draw(st.lists(st.integers(0, max(n_new - 1, 0)), max_size=5)):
        b[place : place + 1] = rng.integers(0, top)
    check(State("k", 1, {"w": a}), State("k", 1, {"w": b}))


def touched(rows: np.ndarray[Any, Any], *places: int) -> np.ndarray[Any, Any]:
    rows = rows.copy()
    rows[list(places)] += 1
    return rows


def test_only_touched_blocks_are_written() -> None:
    rows = np.random.default_rng(1).random((10_000, 32))
    new = State("k", 1, {"rows": touched(rows, 3, 4000, 9999), "same": rows})
    change = check(State("k", 1, {"rows": rows, "same": rows}), new)
    assert change.child("whole").values == {}
    assert list(change.child("patches").values) == ["/rows"]
    assert len(change.child("patches").child("/rows").array("blocks")) == 3 * 32 * 8 // BLOCK_BYTES
    assert change.nbytes() < 1000


def test_rows_that_are_added_do_not_write_the_others_again() -> None:
    rows = np.random.default_rng(1).random((1000, 32))
    grown = np.concatenate([rows, np.ones((2, 32))])
    for old, new, limit in ((rows, grown, 700), (grown, rows, 100)):
        assert check(State("k", 1, {"w": old}), State("k", 1, {"w": new})).nbytes() < limit


def test_what_did_not_change_is_an_empty_delta() -> None:
    state = State("k", 1, {"w": np.ones(999), "n": 7, "c": State("d", 1, {"x": float("nan")})})
    change = check(state, decode(encode(state, {})).state)
    assert change.nbytes() == 0
    assert {name: len(change.child(name).values) for name in change.values} == {
        "gone": 0,
        "patches": 0,
        "whole": 0,
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (0.0, -0.0),
        (1, True),
        (1, 1.0),
        ("a", b"a"),
        (None, State("k", 1)),
        (State("k", 1, {"x": 1}), State("k", 2, {"x": 1})),
        (State("k", 1, {"x": 1}), 7),
        (np.zeros(99), np.zeros(99, np.float32)),
        (np.zeros(99), np.zeros((9, 11))),
        (np.zeros(99), -np.zeros(99)),
        (np.full(99, np.nan), np.full(99, np.nan).view(np.int64).__neg__().view(np.float64)),
        (np.zeros((0, 9)), np.zeros((9, 0))),
        (np.zeros(()), np.ones(())),
        (np.asfortranarray(np.eye(20)), np.ones((20, 20)).T),
    ],
)
def test_what_looks_equal_and_is_not_is_written(old: Value, new: Value) -> None:
    change = check(State("k", 1, {"x": old}), State("k", 1, {"x": new}))
    assert change.child("whole").values or change.child("patches").values


def test_names_that_look_like_paths_are_kept_apart() -> None:
    one = State("k", 1, {"a/b": 1, "a": State("k", 1, {"b": 2}), "~1": 3, "/": 4, "": 5, "~01": 6})
    check(one, State("k", 1, {"a": State("k", 1, {"b": 7}), "": State("k", 1, {"": 8})}))
    check(State("k", 1), one)


def test_states_as_deep_as_may_be_have_deltas() -> None:
    old = new = State("k", 1, {"w": np.zeros(100)})
    new = State("k", 1, {"w": touched(np.zeros(100), 5)})
    for _ in range(MAX_DEPTH - 1):
        old, new = State("k", 1, {"x": old}), State("k", 1, {"x": new})
    check(old, new)
    check(State("k", 1), new)


def test_many_deltas_are_applied_one_after_the_other() -> None:
    rng = np.random.default_rng(1)
    states = [State("k", 1, {"w": np.zeros((50, 16)), "n": 0})]
    for i in range(10):
        rows = states[-1].array("w")
        rows[rng.integers(0, 50)] = rng.random(16)
        rows = np.concatenate([rows, np.ones((1, 16))]) if i % 3 == 0 else rows
        states.append(State("k", 1, {"w": rows, "n": i}))
    changes = [delta(a, b) for a, b in pairwise(states)]
    digests = [state.digest() for state in states]
    for n in range(len(changes) + 1):
        assert apply(states[0], *changes[:n]).digest() == digests[n]
    assert [state.digest() for state in states] == digests


def test_the_arrays_of_a_delta_are_left_alone_by_those_after_it() -> None:
    zeros = np.zeros(100)
    first = delta(State("k", 1), State("k", 1, {"w": zeros}))
    second = delta(State("k", 1, {"w": zeros}), State("k", 1, {"w": touched(zeros, 7)}))
    assert apply(State("k", 1), first, second).array("w")[7] == 1
    assert zeros[7] == 0


WORDS = np.zeros(100)  # 800 bytes: 12 blocks and 32 bytes
GOOD = patch(WORDS, touched(WORDS, 7, 50))
assert GOOD is not None

FORGED: dict[str, dict[str, Value]] = {
    "no shape": {"shape": 7},
    "a negative shape": {"shape": np.array([-1])},
    "a huge shape": {"shape": np.array([2**62])},
    "another huge shape": {"shape": np.array([2**62, 4, 0, 0])},
    "a shape that needs more blocks": {"shape": np.array([200])},
    "too few dimensions' bytes": {"shape": np.array([3])},
    "blocks of another type": {"blocks": np.array([0.0, 6.0])},
    "blocks beyond the end": {"blocks": np.array([0, 12], np.uint32)},
    "blocks twice": {"blocks": np.array([6, 6], np.uint32)},
    "blocks in another order": {"blocks": np.array([6, 0], np.uint32)},
    "blocks of two dimensions": {"blocks": np.array([[0], [6]], np.uint32)},
    "one block too many": {"blocks": np.array([0, 6, 7], np.uint32)},
    "bytes of another type": {"bytes": np.zeros((2, 64), np.int8)},
    "bytes of another shape": {"bytes": np.zeros((2, 32), np.uint8)},
    "a short tail": {"tail": b""},
    "a tail that is no bytes": {"tail": "a" * 32},
}


@pytest.mark.parametrize("what", FORGED)
def test_a_patch_that_does_not_fit_is_refused(what: str) -> None:
    assert GOOD is not None
    assert np.array_equal(patched(WORDS, GOOD), touched(WORDS, 7, 50))
    forged = State("patch", 1, {**GOOD.values, **FORGED[what]})
    with pytest.raises((CorruptStateError, IncompatibleStateError)):
        patched(WORDS, forged)


def test_a_patch_for_an_array_of_another_size_is_refused() -> None:
    assert GOOD is not None
    with pytest.raises(CorruptStateError):
        patched(np.zeros(7), GOOD)


def test_truth_values_of_two_are_refused() -> None:
    old = np.zeros(1000, np.bool_)
    new = old.copy()
    new[7] = True
    change = patch(old, new)
    assert change is not None
    with pytest.raises(CorruptStateError, match="truth"):
        patched(
            old, State("patch", 1, {**change.values, "bytes": change.array("bytes") + np.uint8(2)})
        )


def forged_delta(**parts: dict[str, Value]) -> State:
    names = ("gone", "patches", "whole")
    return State("delta", 1, {name: State(name, 1, parts.get(name, {})) for name in names})


@pytest.mark.parametrize(
    "change",
    [
        forged_delta(gone={"/absent": None}),
        forged_delta(gone={"": None}),
        forged_delta(whole={"": 7}),
        forged_delta(whole={"/a/b": 7}),
        forged_delta(whole={"/w/b": 7}),
        forged_delta(whole={"no path": 7}),
        forged_delta(patches={"/n": GOOD}),
        forged_delta(patches={"/w": 7}),
        forged_delta(patches={"/absent": GOOD}),
        forged_delta(whole={"/x" * (i + 1): State("k", 1) for i in range(2000)}),
        State("delta", 2),
        State("delta", 1),
        State("k", 1),
    ],
)
def test_a_delta_that_does_not_fit_is_refused(change: State) -> None:
    state = State("k", 1, {"w": WORDS, "n": 7})
    with pytest.raises((CorruptStateError, IncompatibleStateError)):
        apply(state, change)
    assert state.integer("n") == 7
