"""A plan of faults, drawn from a seed and nothing else, so that it can be had again."""

from __future__ import annotations

import random
from collections.abc import Collection

from streamadapt.transactions import MOMENTS
from tests.faults.chaos.faults import KINDS, Drawn

TOGETHER = 0.25


def drawn(
    seed: int, n: int, slots: int, only: Collection[str] = (), together: float = TOGETHER
) -> list[list[Drawn]]:
    """Return `n` faults in groups of one, or of two that are made at the same time.

    ``together`` is the part of them that are, where two leave each other alone.
    """
    chance = random.Random(f"plan {seed}")
    kinds = [name for name in KINDS if not only or name in only]
    plan: list[list[Drawn]] = []
    bag = _bag(chance, kinds)
    for i in range(n):
        if not bag:
            bag = _bag(chance, kinds)
        fault = Drawn(
            bag.pop(), str(chance.randrange(slots)), chance.choice(MOMENTS),
            round(chance.uniform(0.3, 2.5), 2), i,
        )  # fmt: skip
        is_second = chance.random() < together
        if plan and len(plan[-1]) == 1 and is_second and _can_meet(plan[-1][0], fault):
            plan[-1].append(fault)
        else:
            plan.append([fault])
    return plan


def _bag(chance: random.Random, kinds: list[str]) -> list[str]:
    """Return each kind as often as its weight, in random order: no kind is left out for long."""
    most = [name for name in kinds for _ in range(KINDS[name].weight)]
    chance.shuffle(most)
    once = list(kinds)
    chance.shuffle(once)
    return most + once  # taken from the end: first each kind once


def _can_meet(a: Drawn, b: Drawn) -> bool:
    """Whether two faults leave each other alone."""
    return not _touched(a) & _touched(b)


def _touched(fault: Drawn) -> set[str]:
    needs = KINDS[fault.kind].needs
    slots = {f"slot {fault.slot}"} if "slot" in needs else set()
    if "slots" in needs:
        slots = {f"slot {i}" for i in range(10)}
    return slots | (needs - {"slot", "slots"})
