"""Every registered detector keeps every law."""

from __future__ import annotations

import pytest

from streamadapt.laws import Law, laws_for
from tests.laws import registered

CASES = [
    pytest.param(kind, law, id=f"{kind}-{law.__name__}")
    for kind in sorted(registered.DETECTORS.keys() & registered.DETECTOR_CLASSES.keys())
    for law in laws_for(registered.detector(kind)())
]


@pytest.mark.parametrize(("kind", "law"), CASES)
def test_detector(kind: str, law: Law) -> None:
    law(registered.detector(kind))


def test_every_registered_detector_is_here() -> None:
    assert sorted(registered.DETECTORS) == sorted(registered.DETECTOR_CLASSES)
