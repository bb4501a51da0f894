"""Every law of a detector holds for a sound one, and fails for one that breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamadapt.contracts import Detector
from streamadapt.laws import check, laws_for
from tests.laws.broken_detectors import DETECTORS
from tests.laws.sound_detector import RecentAgainstAll, RecentAgainstAllBits

LAWS = {law.__name__: law for law in laws_for(RecentAgainstAllBits())}


@pytest.mark.parametrize("sound", [RecentAgainstAll, RecentAgainstAllBits])
def test_a_sound_detector_keeps_every_law(sound: Callable[..., Detector]) -> None:
    assert [result for result in check(sound) if not result.ok] == []


@pytest.mark.parametrize(("law", "broken"), DETECTORS.pairs, ids=DETECTORS.ids())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broken_detector_is_caught_by(law: str, broken: Callable[..., Detector]) -> None:
    with pytest.raises(DETECTORS.caught_as(broken)):
        LAWS[law](broken)


def test_every_law_of_a_detector_has_one_that_breaks_it() -> None:
    assert set(LAWS) == {law for law, _ in DETECTORS.pairs}
