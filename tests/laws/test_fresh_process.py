"""What was written as a checkpoint goes on bit for bit in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamadapt.checkpoint import encode
from streamadapt.law_evidence import feed
from streamadapt.law_streams import errors, stream_for
from tests.laws import fresh_process, registered

ROOT = Path(__file__).parents[2]
LEARNERS = sorted(registered.LEARNERS.keys() & registered.LEARNER_CLASSES.keys())
DETECTORS = sorted(registered.DETECTORS.keys() & registered.DETECTOR_CLASSES.keys())

Outcomes = dict[str, list[str]]


def _learner_goes_on(kind: str, folder: Path) -> list[str]:
    learner = registered.learner(kind)()
    feed(learner, stream_for(learner).part(0, fresh_process.N_BEFORE))
    (folder / f"{kind}.learner").write_bytes(encode(learner.state(), {}))
    return fresh_process.learner_outcome(learner)


def _detector_goes_on(kind: str, folder: Path) -> list[str]:
    detector = registered.detector(kind)()
    detector.update_many(errors()[: fresh_process.N_BEFORE])
    (folder / f"{kind}.detector").write_bytes(encode(detector.state(), {}))
    flags = detector.update_many(errors()[fresh_process.N_BEFORE :])
    return [flags.tobytes().hex(), detector.state().digest()]


@pytest.fixture(scope="module")
def here_and_there(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcomes, Outcomes]:
    """Return what came out in this process and in one other that restores everything at once."""
    folder = tmp_path_factory.mktemp("fresh")
    here = {f"{kind}.learner": _learner_goes_on(kind, folder) for kind in LEARNERS}
    here |= {f"{kind}.detector": _detector_goes_on(kind, folder) for kind in DETECTORS}
    command = [sys.executable, "-m", "tests.laws.fresh_process", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    return here, json.loads((folder / "outcomes.json").read_text())


@pytest.mark.parametrize(
    "name", [f"{k}.learner" for k in LEARNERS] + [f"{k}.detector" for k in DETECTORS]
)
def test_goes_on_in_another_process(name: str, here_and_there: tuple[Outcomes, Outcomes]) -> None:
    here, there = here_and_there
    assert there[name][0] == here[name][0], "predictions or alarms differ"
    assert there[name][1] == here[name][1], "states differ"
