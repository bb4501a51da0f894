"""`check` finds the contract of any class, fills in sizes, and says what is missing or broken."""

from __future__ import annotations

from functools import partial

import pytest

from streamadapt.contracts import Detector, Learner, Sink, Store
from streamadapt.errors import LawError, ParameterError
from streamadapt.events import Source
from streamadapt.laws import LawResult, check, contract_of, laws_for, sized
from tests.laws.sound_detector import RecentAgainstAll
from tests.laws.sound_learners import NearestMean, RecentMean
from tests.laws.sound_storage import LINES, DictStore, ListSink, TextSource


def test_the_contract_is_found_by_what_a_class_can_do() -> None:
    assert contract_of(NearestMean(5, 3)) is Learner
    assert contract_of(RecentAgainstAll()) is Detector
    assert contract_of(TextSource(LINES)) is Source
    assert contract_of(DictStore({})) is Store
    assert contract_of(ListSink([])) is Sink


def test_what_keeps_no_contract_is_told_what_it_lacks() -> None:
    class NoRestore(RecentAgainstAll):
        restore = property()

    with pytest.raises(LawError, match=r"NoRestore keeps no contract; for a Detector .* restore"):
        contract_of(NoRestore())


def test_sizes_are_filled_in_where_they_are_taken() -> None:
    assert sized(NearestMean)().n_outputs == 3
    assert sized(RecentMean)().n_features == 5
    assert sized(partial(NearestMean, n_classes=7))().n_outputs == 7
    assert sized(lambda: 1)() == 1


def test_a_factory_that_needs_more_is_refused_with_the_name() -> None:
    def factory(n_features: int, path: str) -> RecentMean:
        return RecentMean(n_features)

    with pytest.raises(ParameterError, match="also needs path"):
        check(factory)


def test_optional_laws_apply_to_those_who_can() -> None:
    names = {law.__name__ for law in laws_for(RecentMean(5))}
    assert "wider_coverage_is_a_wider_interval" in names
    assert "probabilities_are_the_softmax_of_logits" not in names
    assert "probabilities_are_the_softmax_of_logits" in {
        law.__name__ for law in laws_for(NearestMean(5, 3))
    }


def test_a_result_says_what_was_raised() -> None:
    class Raises(RecentMean):
        def adapt(self, X: object) -> None:
            raise ZeroDivisionError("by zero")

    results = {result.name: result for result in check(Raises)}
    assert results["adapting_is_the_same_however_it_is_cut"] == LawResult(
        "adapting_is_the_same_however_it_is_cut", ok=False, problem="ZeroDivisionError: by zero"
    )
    assert results["a_state_is_data"].ok


def test_each_law_is_named_once_and_says_what_it_means() -> None:
    for component in (NearestMean(5, 3), RecentAgainstAll(), TextSource(LINES), DictStore({})):
        laws = laws_for(component)
        assert len({law.__name__ for law in laws}) == len(laws)
        assert all(law.__doc__ for law in laws)
