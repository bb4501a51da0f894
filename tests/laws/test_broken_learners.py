"""Every law of a learner holds for sound ones, and fails for one that breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamadapt.contracts import Learner
from streamadapt.laws import Law, LawResult, check, laws_for, sized
from tests.laws.broken_learners import LEARNERS
from tests.laws.sound_learners import NearestMean, RecentMean


def _laws(factory: Callable[..., Learner]) -> dict[str, Law]:
    return {law.__name__: law for law in laws_for(sized(factory)())}


@pytest.mark.parametrize("sound", [NearestMean, RecentMean])
def test_a_sound_learner_keeps_every_law(sound: Callable[..., Learner]) -> None:
    assert [result for result in check(sound) if not result.ok] == []


@pytest.mark.parametrize(("law", "broken"), LEARNERS.pairs, ids=LEARNERS.ids())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broken_learner_is_caught_by(law: str, broken: Callable[..., Learner]) -> None:
    with pytest.raises(LEARNERS.caught_as(broken)):
        _laws(broken)[law](sized(broken))


def test_every_law_of_a_learner_has_one_that_breaks_it() -> None:
    laws = {**_laws(NearestMean), **_laws(RecentMean)}
    assert set(laws) == {law for law, _ in LEARNERS.pairs}


def test_check_says_which_law_is_broken_and_what_differed() -> None:
    broken = dict(LEARNERS.pairs)["a_restored_learner_goes_on_bit_for_bit"]
    results = {result.name: result for result in check(broken) if not result.ok}
    assert set(results) >= {"a_restored_learner_goes_on_bit_for_bit"}
    assert all(isinstance(result, LawResult) and result.problem for result in results.values())
    assert "state.sums" in results["a_restored_learner_goes_on_bit_for_bit"].problem
