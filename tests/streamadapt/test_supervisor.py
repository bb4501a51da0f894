from __future__ import annotations

import sys
from typing import Any

import pytest

from streamadapt.supervisor import Supervisor


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
