"""A user's own learner, feature function and codec, named in a pipeline file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streamadapt.errors import ConfigError
from streamadapt.replay import Replay
from tests.streams import config

OWN = """
import numpy as np
from streamadapt.models import MajorityClass
from streamadapt.state import State

def learner(n_features, n_classes, extra=0):
    assert extra == 7
    return MajorityClass(n_features, n_classes)

class Squares:
    names = ("a_squared",)
    def transform(self, records, rows):
        return records.numbers["a"][rows].reshape(-1, 1) ** 2
    def state(self):
        return State("squares", 1, {})
    def restore(self, state):
        state.expect("squares", 1)

def codec(separator):
    def read(message):
        a, label = message.decode().split(separator)
        return {"a": float(a), "label": label}
    return read
"""

PIPELINE = """
name: own
task: {kind: classification, target: label, classes: ["no", "yes"]}
record:
  features: {a: numeric}
  codec: {python: "own_parts:codec", params: {separator: "|"}}
derived: [{python: "own_parts:Squares"}]
learners:
  mine: {python: "own_parts:learner", params: {extra: 7}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_parts.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_parts", raising=False)
    return tmp_path


def test_they_work_together_and_bad_messages_are_dead_letters(folder: Path) -> None:
    stream = folder / "stream.txt"
    stream.write_text("1|yes\n2|yes\nbroken\nx|no\n3|no\n\xff|no\n", encoding="latin-1")
    run = Replay(config(PIPELINE), stream, folder / "out", {})
    summary = run.run()
    run.close()
    assert [column.name for column in run.task.features.columns] == ["a", "a_squared"]
    assert summary["events"] == 3
    assert summary["counters"]["rejected_malformed"] == 3
    assert summary["learners"]["mine"]["graded"] == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("own_parts:learner", "own_parts:lerner", r"learners.mine.*lerner"),
        ("own_parts:learner", "no_such_module:x", r"learners.mine.*no_such_module"),
        ("extra: 7", "extra: 8", r"learners.mine.*AssertionError"),
        ("own_parts:codec", "own_parts:nothing", r"record.codec.*nothing"),
        ("own_parts:Squares", "own_parts:Cubes", r"derived.*Cubes"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    folder: Path, old: str, new: str, message: str
) -> None:
    (folder / "stream.txt").write_text("1|yes\n")
    with pytest.raises(ConfigError, match=message):
        Replay(config(PIPELINE.replace(old, new)), folder / "stream.txt", folder / "out", {})
