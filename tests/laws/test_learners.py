"""Every registered learner keeps every law that applies to it."""

from __future__ import annotations

import pytest

from streamadapt.laws import Law, laws_for
from tests.laws import registered

CASES = [
    pytest.param(kind, law, id=f"{kind}-{law.__name__}")
    for kind in sorted(registered.LEARNERS.keys() & registered.LEARNER_CLASSES.keys())
    for law in laws_for(registered.learner(kind)())
]


@pytest.mark.parametrize(("kind", "law"), CASES)
def test_learner(kind: str, law: Law) -> None:
    law(registered.learner(kind))


def test_every_registered_learner_is_here() -> None:
    assert sorted(registered.LEARNERS) == sorted(registered.LEARNER_CLASSES)


def test_every_kind_of_state_belongs_to_one_learner() -> None:
    kinds = [registered.learner(kind)().state().kind for kind in registered.LEARNERS]
    assert sorted(kinds) == sorted(set(kinds))
