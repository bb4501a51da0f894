from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from streamadapt.supervisor import Supervisor, _Slot


@pytest.mark.parametrize(("slot", "slots"), [("", ["0", "1"]), ("web-3", ["web-3-0", "web-3-1"])])
def test_each_worker_has_a_slot_of_its_own_on_this_machine_and_among_all(
    slot: str, slots: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], str]] = []

    def start(command: list[str], env: dict[str, str], **_: Any) -> None:
        started.append((command[3:], env["STREAMADAPT_SLOT"]))

    monkeypatch.setattr("streamadapt.supervisor.subprocess.Popen", start)
    monkeypatch.setattr(sys, "argv", ["streamadapt", "run", "p.yaml", "--workers", "2"])
    Supervisor(2, slot)
    assert started == [(["run", "p.yaml"], name) for name in slots]


def test_a_worker_that_failed_all_night_is_still_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ended:
        def poll(self) -> int:
            return 5

    monkeypatch.setattr(sys, "argv", ["streamadapt", "run", "p.yaml"])
    slot = _Slot("0", Ended(), time.monotonic(), failures=5000)  # type: ignore[arg-type]
    assert Supervisor(0)._look(slot) is None
    assert slot.start_at_s is not None
    assert 0 < slot.start_at_s - time.monotonic() <= 30.0
