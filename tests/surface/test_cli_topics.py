"""``streamadapt topics`` where brokers hear of topics one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from streamadapt.cli import app
from streamadapt.connectors import kafka
from tests.streamadapt.live import LIVE


class SlowToHear:
    """An admin whose brokers hear of what was made when they are asked for the second time."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self.asked: set[str] = set()

    def create(self, topics: Mapping[str, int], settings: Mapping[str, str]) -> None:
        self.made |= topics

    def partitions(self, topics: Collection[str], timeout_s: float) -> dict[str, int]:
        heard = {t: self.made.get(t, 0) if t in self.asked else 0 for t in topics}
        self.asked |= set(topics) & self.made.keys()
        return heard

    def close(self) -> None:
        pass


def test_a_topic_just_made_is_not_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.yaml").write_text(LIVE.replace("memory:1", "localhost:9"))
    driver = SimpleNamespace(admin=SlowToHear)
    monkeypatch.setattr(kafka, "open_driver", lambda settings, instance: driver)
    done = CliRunner().invoke(app, ["topics", str(tmp_path / "p.yaml"), "--create"])
    assert "MISSING" not in done.output
    assert done.output.count("made now") == 6
    assert done.exit_code == 0
