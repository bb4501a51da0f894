"""Lines of drifts.jsonl: each fact where it belongs along the stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamadapt.replay import Replay, ReplayOptions
from tests.streams import CLASSIFY, config, write_classes

N = 3000


def lines_of(tmp_path: Path, polls: int = 100, **changes: str) -> list[dict[str, Any]]:
    stream = write_classes(tmp_path / "stream.csv", N, dirty=False)
    out = tmp_path / f"out{polls}"
    run = Replay(config(CLASSIFY, **changes), stream, out, {}, ReplayOptions(poll_records=polls))
    run.run()
    run.close()
    return [json.loads(line) for line in (out / "drifts.jsonl").read_text().splitlines()]


def test_a_drift_says_its_detector_and_comes_after_the_concept_turned(tmp_path: Path) -> None:
    drifts = [line for line in lines_of(tmp_path) if line["kind"] == "drift"]
    by_lane = {line["learner"]: line["detector"] for line in drifts}
    assert by_lane == {"tree": "adwin", "logistic": "page_hinkley"}
    assert all(line["direction"] == "rise" for line in drifts)
    assert any(N // 2 < line["position"] < N // 2 + 500 for line in drifts)


def test_position_event_and_time_are_of_one_event(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    assert lines
    for line in lines:  # nothing is dropped: the stream counts events, and so do its times
        assert line["event"] == line["position"]
        at = datetime.fromtimestamp(1_000 + line["position"], UTC)
        assert datetime.fromisoformat(line["time"]) == at


@pytest.mark.parametrize("delay", [0, 40])
def test_a_fact_is_at_the_row_after_which_it_was_known(tmp_path: Path, delay: int) -> None:
    lines = lines_of(tmp_path, labels__delay__events=str(delay))
    drifts = [line for line in lines if line["kind"] == "drift"]
    assert drifts
    for line in drifts:
        rows = line["row"] if delay == 0 else (line["row"] + delay) / 2  # event, label, event, ...
        assert line["event"] == pytest.approx(rows, abs=2)


def test_reactions_take_effect_at_the_end_of_a_block(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    reactions = [line for line in lines if "reaction" in line]
    assert {line["reaction"] for line in reactions} == {"alert", "swap", "forget"}
    assert all(line["row"] % 64 == 0 for line in reactions)
    assert all(line["event"] == line["row"] - 1 for line in reactions)


@pytest.mark.parametrize("delay", ["0", "40"])
def test_how_the_stream_is_cut_into_polls_moves_no_fact(tmp_path: Path, delay: str) -> None:
    changes = {"labels__delay__events": delay}
    some, others = (lines_of(tmp_path, polls, **changes) for polls in (64, 1000))

    def ordered(lines: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(line, sort_keys=True) for line in lines)

    assert ordered(some) == ordered(others)
    assert len(some) > 2
