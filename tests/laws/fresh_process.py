"""Run in another process: restore what is in a folder, go on, and write down what came out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from streamadapt.checkpoint import decode
from streamadapt.contracts import Learner
from streamadapt.law_evidence import feed
from streamadapt.law_streams import Stream, errors, stream_for
from tests.laws import registered

N_BEFORE = 700


def rest(learner: Learner) -> Stream:
    """Return the rows that come after the first `N_BEFORE`."""
    stream = stream_for(learner)
    return stream.part(N_BEFORE, len(stream))


def learner_outcome(learner: Learner) -> list[str]:
    """Go on and return predictions and state as texts that show every bit."""
    return [feed(learner, rest(learner)).tobytes().hex(), learner.state().digest()]


def detector_outcome(kind: str, blob: bytes) -> list[str]:
    detector = registered.detector(kind)()
    detector.restore(decode(blob).state)
    return [detector.update_many(errors()[N_BEFORE:]).tobytes().hex(), detector.state().digest()]


def outcomes(folder: Path) -> dict[str, list[str]]:
    """Return what comes out for each blob in the folder, by the name of its file."""
    found = {}
    for path in sorted(folder.glob("*.learner")):
        learner = registered.learner(path.stem)()
        learner.restore(decode(path.read_bytes()).state)
        found[path.name] = learner_outcome(learner)
    for path in sorted(folder.glob("*.detector")):
        found[path.name] = detector_outcome(path.stem, path.read_bytes())
    return found


if __name__ == "__main__":
    (Path(sys.argv[1]) / "outcomes.json").write_text(json.dumps(outcomes(Path(sys.argv[1]))))
