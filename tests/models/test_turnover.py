"""When experts are switched, and when renewed."""

from __future__ import annotations

import numpy as np
import pytest

from streamadapt.contracts import FloatArray
from streamadapt.models.turnover import RENEW, STAY, SWITCH, Turnover
from streamadapt.state import State


def steady(n: int, n_experts: int = 2) -> FloatArray:
    """Losses of experts and, last, of their mixture, around 0.1."""
    return 0.1 + np.random.default_rng(0).normal(size=(n, n_experts + 1)) * 0.005


def test_steady_losses_change_nothing() -> None:
    rule = Turnover(2)
    assert {rule.judge(losses) for losses in steady(500)} == {STAY}


@pytest.mark.parametrize(
    ("broken", "wanted"), [([0.5, 0.1, 0.5], SWITCH), ([0.5, 0.5, 0.5], RENEW)]
)
def test_what_a_rise_asks_for_depends_on_the_experts(broken: list[float], wanted: int) -> None:
    rule = Turnover(2)
    for losses in steady(50):
        rule.judge(losses)
    assert rule.judge(np.array(broken)) == wanted
    assert rule.judge(np.array(broken)) == STAY  # the new level makes new thresholds


def test_an_expert_that_rises_alone_is_no_matter() -> None:
    rule = Turnover(2)
    for losses in steady(50):
        rule.judge(losses)
    assert rule.judge(np.array([0.9, 0.1, 0.1])) == STAY


def test_nothing_is_judged_before_there_is_a_threshold() -> None:
    rule = Turnover(1)
    assert {rule.judge(np.full(2, float(i))) for i in range(13)} == {STAY}


def test_what_learners_lose_at_first_makes_no_threshold() -> None:
    rule = Turnover(2)
    for losses in np.vstack([np.ones((3, 3)), steady(20)]):
        rule.judge(losses)
    assert rule.judge(np.full(3, 0.3)) == RENEW


def test_a_rule_restored_goes_on_the_same() -> None:
    rule = Turnover(2, n_segments=7)
    for losses in steady(20):
        rule.judge(losses)
    other = rule.restored(State("turnover", 1, rule.values()))
    more = steady(30) * np.linspace(1, 4, 30)[:, None]
    assert [rule.judge(losses) for losses in more] == [other.judge(losses) for losses in more]
    assert rule.counts() == other.counts()
