"""In which order a topic of predictions says that records were taken."""

from __future__ import annotations

from typing import Any

import pytest

from streamadapt.log_feed import Stretch
from streamadapt.logged_source import order_taken


@pytest.mark.parametrize("place", [None, b"\xff", b"events/0/x", b"events/0/", b"other/0/1"])
def test_records_that_another_program_wrote_there_tell_no_order(place: Any) -> None:
    headers = [[("input", b"events/0/0")], [("input", place)], [("input", b"events/0/2")]]
    order = order_taken(iter(headers), "events/0/", {"e": 0}, {"e": 3})
    assert list(order) == [Stretch("e", until=until) for until in (1, 2, 3, 3)]
