"""Numbers of java.util.Random: against its documented definition, written out in plain Python."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.java_random_kernels import (
    JUMPS,
    jump,
    log_below_1,
    next_double,
    next_gaussian,
    next_int,
    scrambled,
    settled,
)
from tests.streamadapt.naive_java_random import JavaRandom

SEEDS = st.integers(-(2**63), 2**63 - 1)


@given(SEEDS)
def test_doubles_are_javas(seed: int) -> None:
    java, state = JavaRandom(seed), scrambled(seed)
    for _ in range(20):
        state, value = next_double(state)
        assert value == java.next_double()
        assert settled(state) == java.state


@given(SEEDS, st.integers(1, 2**31 - 1))
def test_whole_numbers_are_javas_for_any_bound(seed: int, bound: int) -> None:
    java, state = JavaRandom(seed), scrambled(seed)
    for _ in range(20):
        state, value = next_int(state, bound)
        assert value == java.next_int(bound)
        assert settled(state) == java.state


def test_a_draw_from_the_incomplete_run_is_thrown_away() -> None:
    bound = 2**30 + 1  # nearly half of all draws
    java = JavaRandom(3)
    steps = [java.next(31) for _ in range(100)]
    state, drawn = scrambled(3), []
    for _ in range(20):
        state, value = next_int(state, bound)
        drawn.append(value)
    assert drawn == [bits for bits in steps if bits < bound][:20]
    assert drawn != [bits % bound for bits in steps[:20]]


@pytest.mark.parametrize(
    ("seed", "double", "gaussian"),
    # System.out.println of new Random(seed).nextDouble() and .nextGaussian() in Java 17.
    [
        (1, 0.7308781907032909, 1.561581040188955),
        (42, 0.7275636800328681, 1.1419053154730547),
        (-5, 0.26930095796932485, -1.2205675173074388),
    ],
)
def test_first_numbers_are_those_that_java_prints(
    seed: int, double: float, gaussian: float
) -> None:
    state = scrambled(seed)
    assert next_double(state)[1] == double
    assert next_gaussian(state)[1] == gaussian


@given(SEEDS)
def test_normal_numbers_come_in_pairs_of_the_polar_method(seed: int) -> None:
    java, state = JavaRandom(seed), scrambled(seed)
    for _ in range(5):
        state, first, second = next_gaussian(state)
        u, v = java.polar()
        square = u * u + v * v
        factor = math.sqrt(-2.0 * log_below_1(square) / square)
        assert (first, second) == (u * factor, v * factor)
        assert settled(state) == java.state


def _ulps(x: float) -> float:
    """Error of `log_below_1` in units of the last place, against 40 decimal places."""
    with localcontext() as context:
        context.prec = 40
        exact, found = Decimal(x).ln(), log_below_1(x)
        return float(abs(Decimal(found) - exact) / Decimal(math.ulp(found)))


@given(st.floats(2.0**-110, 1.0, exclude_max=True))
def test_the_logarithm_is_within_one_unit_of_the_last_place(x: float) -> None:
    assert _ulps(x) < 1.0


@pytest.mark.parametrize("x", [0.5, 0.25, 2.0**-60, 1 - 2.0**-53, 1 - 2.0**-21, 0.70710678118])
def test_the_logarithm_at_its_seams(x: float) -> None:
    assert _ulps(x) < 1.0


@given(SEEDS, st.integers(0, 200))
def test_a_jump_is_as_many_steps(seed: int, k: int) -> None:
    java = JavaRandom(seed)
    start = java.state
    for _ in range(k):
        java.next(1)
    found = [jump(k), *JUMPS[k : k + 1].tolist()]
    assert {(start * factor + summand) % 2**48 for factor, summand in found} == {java.state}
