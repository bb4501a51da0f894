"""What a search tries: grids, draws, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.errors import ConfigError
from streamadapt.search_space import MAX_TRIALS, grid, random_values, read_axes


def test_a_grid_is_all_combinations_in_order() -> None:
    axes = read_axes(["seed=1,2", "learners.tree.leaf_prediction=mc,nb"])
    assert [tuple(values.values()) for values in grid(axes)] == [
        (1, "mc"),
        (1, "nb"),
        (2, "mc"),
        (2, "nb"),
    ]


def test_listed_values_are_yaml_and_may_be_mappings() -> None:
    (axis,) = read_axes(["learners.t.watch.drift=adwin,{kind: adwin, delta: 1e-3},null,'1','a, b'"])
    assert axis.values == ("adwin", {"kind": "adwin", "delta": 1e-3}, None, "1", "a, b")


def test_a_grid_takes_no_range() -> None:
    with pytest.raises(ConfigError, match=r"--set seed: a range is drawn from: give --random N"):
        grid(read_axes(["seed=1..3"]))


def test_a_grid_that_is_too_large_is_refused() -> None:
    many = ",".join(map(str, range(1, 202)))
    with pytest.raises(ConfigError, match=str(MAX_TRIALS)):
        grid(read_axes([f"seed={many}", f"reaction_block={many}"]))


def test_draws_are_decided_by_the_seed() -> None:
    axes = read_axes(["learners.t.delta=log(1e-9,1e-2)", "seed=1..1000"])
    assert random_values(axes, 20, 7) == random_values(axes, 20, 7)
    assert random_values(axes, 20, 7) != random_values(axes, 20, 8)


def test_fewer_draws_are_the_first_of_more() -> None:
    axes = read_axes(["learners.t.delta=uniform(0,1)", "seed=1..1000"])
    assert random_values(axes, 20, 7)[:5] == random_values(axes, 5, 7)


def test_draws_on_a_log_scale_are_as_many_in_each_decade() -> None:
    axes = read_axes(["learners.t.delta=log(1e-8,1e-2)"])
    decades = [math.floor(math.log10(v["learners.t.delta"])) for v in random_values(axes, 6_000, 1)]
    counts = np.bincount(np.array(decades) + 8, minlength=6)
    assert counts.shape == (6,)
    assert np.abs(counts - 1_000).max() < 5 * math.sqrt(1_000)


def test_draws_are_different_and_end_with_the_space() -> None:
    axes = read_axes(["seed=1..3", "reaction_block=8,16"])
    found = [tuple(values.values()) for values in random_values(axes, 50, 0)]
    assert sorted(found) == [(seed, block) for seed in (1, 2, 3) for block in (8, 16)]


@given(low=st.integers(-1000, 1000), width=st.integers(1, 50), seed=st.integers(0, 99))
def test_integers_are_drawn_from_both_ends_inclusive(low: int, width: int, seed: int) -> None:
    axes = read_axes([f"seed={low}..{low + width}"])
    drawn = [values["seed"] for values in random_values(axes, 10, seed)]
    assert all(low <= value <= low + width and type(value) is int for value in drawn)


@given(
    low=st.floats(1e-12, 1.0), factor=st.floats(1.0, 1e9, exclude_min=True), seed=st.integers(0, 99)
)
def test_draws_stay_inside_a_range(low: float, factor: float, seed: int) -> None:
    high = low * factor
    if not low < high:
        return
    for kind in ("log", "uniform"):
        (axis,) = read_axes([f"learners.t.x={kind}({low!r},{high!r})"])
        rng = np.random.default_rng(seed)
        assert all(low <= axis.draw(rng) <= high for _ in range(20))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed", "write PATH=VALUES"),
        ("=3", "write PATH=VALUES"),
        ("seed=", "write PATH=VALUES"),
        ("seed=3..1", "from 3 to 1: write low < high"),
        ("seed=2..2", "write low < high"),
        ("learners.t.x=log(0,1)", "write 0 < low < high"),
        ("learners.t.x=uniform(0,inf)", "both finite"),
        ("learners.t.x=uniform(a,1)", "'a' is no number"),
        ("seed=1,2,1", "a value stands twice"),
        ("seed=[", "--set seed: line 1"),
        ("labels.delay.events=0,100", "it decides what is predicted or how it is graded"),
        ("task.target=a,b", "it decides what is predicted"),
        ("evaluation.window=10,20", "it decides what is predicted"),
        ("record.features.a.missing=keep,reject", "it decides what is predicted"),
        ("learners=a,b", "it decides what is predicted"),
    ],
)
def test_what_cannot_be_searched_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_axes([text])
    assert problem in str(error.value)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        read_axes(["seed=3..1", "seed=1,2", "seed=5", "task.kind=x"])
    assert str(error.value).count("--set") == 3
    assert "given twice" in str(error.value)


def test_without_any_path_there_is_nothing_to_search() -> None:
    with pytest.raises(ConfigError, match="nothing to search"):
        read_axes([])
