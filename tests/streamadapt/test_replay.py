"""Replay: its summary, its files, and that an interrupted run ends like one that was not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamadapt.errors import ConfigError, IncompatibleStateError
from streamadapt.events import ORIGINAL_LIMIT_BYTES
from streamadapt.replay import STATE_FILE, Replay, ReplayOptions
from streamadapt.task import Outcome
from tests.streams import CLASSIFY, config, write_classes

Start = Callable[..., Replay]
LATE = {"labels__delay__events": "50", "checkpoint__every_events": "100"}


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "stream.csv")


@pytest.fixture
def start(stream: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a replay of the stream, in folder `out` unless named; all are closed in the end."""
    started: list[Replay] = []

    def begin(out: str = "out", changes: dict[str, str] = LATE, **options: Any) -> Replay:
        options.setdefault("poll_records", 100)
        settings = config(CLASSIFY, **changes)
        run = Replay(settings, stream, tmp_path / out, {}, ReplayOptions(**options))
        started.append(run)
        return run

    yield begin
    for run in started:
        run.close()


def stop_after(run: Replay, polls: int) -> dict[str, Any]:
    left = iter(range(polls - 1))

    def count(_: Outcome) -> None:
        if next(left, None) is None:
            run.stop()

    return run.run(on_outcome=count)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_summary_tells_what_was_done(start: Start) -> None:
    summary = start().run()
    assert summary["complete"] is True
    assert summary["learners"]["tree"]["accuracy"] > summary["learners"]["majority"]["accuracy"]
    assert summary["learners"]["tree"]["graded"] <= summary["events"]
    assert set(summary["learners"]) == {"tree", "logistic", "majority", "no_change"}
    assert set(summary["learners"]["tree"]) >= {"accuracy", "kappa", "log_loss"}
    assert summary["counters"]["records"] == 3000
    assert summary["drifts"]["tree"]["drift"] >= 1
    assert len(summary["digest"]) == 64
    assert {"python", "numpy", "numba", "streamadapt"} <= summary["versions"].keys()
    json.dumps(summary)


def test_a_line_of_a_drift_tells_where_the_change_was_and_how_large(start: Start) -> None:
    run = start()
    run.run()
    told = [line for line in lines(run.out / "drifts.jsonl") if "detector" in line]
    adwin = next(line for line in told if line["detector"] == "adwin")
    assert adwin["statistic"] > adwin["threshold"]
    assert 0 < adwin["p_value"] < 0.05
    assert 1 <= adwin["age"] <= adwin["row"] + 1
    assert (adwin["size"] > 0) == (adwin["direction"] == "rise")
    assert {line["kind"] for line in told if line["direction"] == "fall"} <= {"improvement"}


def test_dead_letters_say_why_and_hold_the_record(start: Start, stream: Path) -> None:
    run = start()
    summary = run.run()
    letters = lines(run.out / "dead_letters.jsonl")
    rows = stream.read_text().splitlines()[1:]
    counters = summary["counters"]
    assert len(letters) == sum(n for name, n in counters.items() if name.startswith("rejected_"))
    reasons = {letter["reason"] for letter in letters}
    assert {"infinite", "wrong_type", "unknown_class", "malformed"} <= reasons
    for letter in letters:
        assert letter["original"].rstrip("\r\n") == rows[letter["position"]]
        assert letter["length_bytes"] == len(letter["original"].encode())


def test_a_long_original_is_cut_but_its_length_and_hash_are_of_the_whole(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "long.csv", 5, dirty=False)
    with path.open("a") as file:
        file.write("x," + "y" * 200_000 + "\n")
    run = Replay(config(CLASSIFY), path, tmp_path / "out", {})
    run.run()
    run.close()
    (letter,) = lines(run.out / "dead_letters.jsonl")
    assert len(letter["original"]) == ORIGINAL_LIMIT_BYTES
    assert letter["length_bytes"] >= 200_002


@pytest.mark.parametrize("polls", [1, 7, 15, 29])
def test_a_stopped_run_resumes_to_the_same_end(start: Start, polls: int) -> None:
    whole = start("whole")
    expected = whole.run()
    first = start("cut")
    partial = stop_after(first, polls)
    at = first.position
    first.close()
    assert partial["complete"] is False
    assert 0 < at < 3000
    second = start("cut", resume=True)
    summary = second.run()
    assert summary["resumed_from"] == at
    assert summary["digest"] == expected["digest"]
    assert summary["learners"] == expected["learners"]
    assert summary["counters"] == expected["counters"]
    for name in ("dead_letters.jsonl", "drifts.jsonl", "alerts.jsonl"):
        assert (second.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_a_run_that_ended_resumes_to_its_own_summary(start: Start) -> None:
    first = start()
    expected = first.run()
    first.close()
    again = start(resume=True).run()
    assert again["digest"] == expected["digest"]
    assert again["learners"] == expected["learners"]


def test_what_was_written_after_the_last_checkpoint_is_not_there_twice(start: Start) -> None:
    whole = start("whole")
    whole.run()
    first = start("cut", {**LATE, "checkpoint__every_events": "1000"})
    stop_after(first, 10)  # saves at 1000
    first.close()
    with (first.out / "dead_letters.jsonl").open("a") as file:
        file.write('{"torn": "by a kill')
    second = start("cut", {**LATE, "checkpoint__every_events": "1000"}, resume=True)
    second.run()
    for name in ("dead_letters.jsonl", "drifts.jsonl"):
        assert (second.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_an_unfinished_run_is_not_overwritten_by_accident(start: Start) -> None:
    first = start()
    stop_after(first, 3)
    first.close()
    with pytest.raises(ConfigError, match="--resume"):
        start()
    assert start(fresh=True).run()["complete"] is True


def test_a_finished_run_is_replaced(start: Start) -> None:
    first = start()
    expected = first.run()
    first.close()
    assert start().run()["digest"] == expected["digest"]


def test_a_run_leaves_no_predictions_of_the_one_before(start: Start, tmp_path: Path) -> None:
    with closing(start(predictions=True)) as run:
        run.run()
    assert (tmp_path / "out" / "predictions.parquet").exists()
    start(predictions=False).run()
    assert not (tmp_path / "out" / "predictions.parquet").exists()


def test_a_changed_learner_stops_the_resume_and_is_named(start: Start) -> None:
    first = start()
    stop_after(first, 10)
    first.close()
    changed = {**LATE, "learners__tree__grace_period": "51"}
    with pytest.raises(IncompatibleStateError, match=r"tree.*--reset tree"):
        start(changes=changed, resume=True)
    summary = start(changes=changed, resume=True, reset=frozenset({"tree"})).run()
    grades = summary["learners"]
    assert grades["tree"]["graded"] + grades["tree"]["ungraded"] < grades["logistic"]["graded"]
    assert grades["tree"]["ungraded"] > 0  # predictions of the old tree, labels of the new one


def test_a_changed_pipeline_or_source_cannot_be_resumed(start: Start, stream: Path) -> None:
    first = start()
    stop_after(first, 10)
    first.close()
    with pytest.raises(IncompatibleStateError, match="@pipeline"):
        start(changes={**LATE, "reaction_block": "32"}, resume=True)
    stream.write_text(stream.read_text() + "\n")
    with pytest.raises(IncompatibleStateError, match="@source"):
        start(resume=True)


def test_the_size_of_polls_changes_nothing(start: Start) -> None:
    digests = {start(f"p{n}", poll_records=n).run()["digest"] for n in (7, 64, 1000, 16_384)}
    assert len(digests) == 1


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(start: Start) -> None:
    expected = start("whole").run()
    first = start("cut")
    stop_after(first, 20)
    at = first.position
    first.close()
    with sqlite3.connect(first.out / STATE_FILE) as db:
        newest = "SELECT name, blob FROM blobs ORDER BY name DESC LIMIT 1"
        ((name, blob),) = db.execute(newest).fetchall()
        broken = bytearray(blob)
        broken[len(broken) // 2] ^= 1
        db.execute("UPDATE blobs SET blob = ? WHERE name = ?", (bytes(broken), name))
    db.close()
    second = start("cut", resume=True)
    summary = second.run()
    assert 0 < summary["resumed_from"] < at
    assert summary["digest"] == expected["digest"]


def test_metrics_are_those_of_the_predictions(start: Start) -> None:
    run = start(changes={})
    outputs: list[np.ndarray] = []
    positions: list[np.ndarray] = []

    def keep(outcome: Outcome) -> None:
        outputs.append(outcome.outputs["tree"])
        positions.append(outcome.positions)

    summary = run.run(on_outcome=keep)
    rows = (run.out.parent / "stream.csv").read_text().splitlines()[1:]
    said = np.concatenate(outputs).argmax(axis=1)
    truth = [{"yes": 1, "no": 0}.get(rows[i].split(",")[-1], -1) for i in np.concatenate(positions)]
    known = np.array(truth) >= 0
    accuracy = (said == truth)[known].mean()
    assert summary["learners"]["tree"]["accuracy"] == pytest.approx(accuracy, abs=1e-12)


def test_a_folder_of_another_pipeline_is_not_overwritten(start: Start) -> None:
    first = start()
    stop_after(first, 3)
    first.close()
    for options in ({}, {"resume": True}):
        with pytest.raises(ConfigError, match=r"another pipeline \(demo\)"):
            start(changes={**LATE, "name": "other"}, **options)
    assert start(resume=True).run()["complete"] is True


def test_two_processes_cannot_write_into_one_folder(start: Start) -> None:
    start()
    with pytest.raises(ConfigError, match="another process"):
        start(resume=True)


def test_learners_called_like_parts_of_the_pipeline_hide_no_change(
    stream: Path, tmp_path: Path
) -> None:
    text = CLASSIFY.replace("  tree:", "  pipeline:").replace("  logistic:", "  source:")
    first = Replay(config(text, **LATE), stream, tmp_path / "out", {})
    stop_after(first, 1)
    first.close()
    changed = config(text, **LATE, task__classes='["yes", "no"]')
    with pytest.raises(IncompatibleStateError, match="@pipeline"):
        Replay(changed, stream, tmp_path / "out", {}, ReplayOptions(resume=True))


@pytest.mark.parametrize("l2", ["0.1", "0.2", "0.3", "0.4"])
def test_after_a_reset_the_state_before_it_is_not_gone_back_to(start: Start, l2: str) -> None:
    first = start()
    first.run()
    first.close()
    changed = {**LATE, "learners__logistic__l2": l2}
    second = start(changes=changed, resume=True, reset=frozenset({"logistic"}))
    expected = second.run()["digest"]
    second.close()
    assert start(changes=changed, resume=True).run()["digest"] == expected


def test_a_learner_taken_out_of_the_file_is_no_obstacle(start: Start, stream: Path) -> None:
    first = start()
    stop_after(first, 3)
    out = first.out
    first.close()
    fewer = CLASSIFY[: CLASSIFY.index("  logistic:")]
    second = Replay(config(fewer, **LATE), stream, out, {}, ReplayOptions(resume=True))
    summary = second.run()
    second.close()
    assert "logistic" not in summary["learners"]
    assert summary["complete"] is True


def test_fresh_begins_over_a_broken_state_file(start: Start) -> None:
    first = start()
    first.close()
    (first.out / STATE_FILE).write_bytes(b"no database at all" * 100)
    assert start(fresh=True).run()["complete"] is True


def test_labels_without_event_end_as_dead_letters_with_their_value(start: Start) -> None:
    run = start(changes={**LATE, "labels__delay__events": "900", "labels__max_pending": "901"})
    summary = run.run()
    letters = lines(run.out / "dead_letters.jsonl")
    lonely = [json.loads(x["original"]) for x in letters if x["reason"] == "unknown_id"]
    assert len(lonely) == summary["counters"].get("unknown_id", 0)
    assert all({"id_hash", "label"} == set(label) for label in lonely)


def test_a_folder_that_cannot_be_made_is_said_by_name(stream: Path) -> None:
    with pytest.raises(ConfigError, match="--out"):
        Replay(config(CLASSIFY), stream, stream / "inside", {})
