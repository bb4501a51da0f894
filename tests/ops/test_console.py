"""What a person sees of a replay and of laws."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from streamadapt.laws import LawResult
from streamadapt.ops import law_table, progress_bar, show, summary_view

SUMMARY: dict[str, Any] = {
    "name": "demo",
    "source": "a.csv",
    "events": 45_312,
    "events_per_s": 123_456.7,
    "digest": "0123456789abcdef0123456789abcdef",
    "learners": {
        "tree": {"accuracy": 0.81234567, "kappa": float("nan"), "graded": 45_000},
        "majority": {"accuracy": 0.5, "kappa": None, "graded": 45_000},
    },
    "drifts": {"tree": {"warning": 3, "drift": 7}},
    "counters": {"events": 45_312, "rejected_huge": 2, "unknown_category": 5},
    "config": {"learners": {"tree": "hoeffding_tree"}},
}


def seen(view: Any, width: int = 160) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(view)
    return file.getvalue()


def row(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip("│ ").startswith(start))


def test_learners_stand_beside_baselines_and_say_which_is_which() -> None:
    text = seen(summary_view(SUMMARY))
    assert "demo over a.csv" in text
    assert "0.81235" in row(text, "tree")
    assert "baseline" not in row(text, "tree")
    assert "0.5" in row(text, "majority (baseline)")


def test_a_metric_without_a_value_is_a_dash() -> None:
    text = seen(summary_view(SUMMARY))
    assert " - " in row(text, "tree")
    assert " - " in row(text, "majority")


def test_drifts_and_warnings_of_watched_learners_are_shown() -> None:
    text = seen(summary_view(SUMMARY))
    assert [cell.strip() for cell in row(text, "tree").split("│")][-3:-1] == ["3", "7"]
    without = seen(summary_view({**SUMMARY, "drifts": {}}))
    assert "drifts" not in without


def test_counters_and_dead_letters_by_reason_are_shown() -> None:
    text = seen(summary_view(SUMMARY))
    assert row(text, "unknown_category").split() == ["unknown_category", "5"]
    assert row(text, "dead letters: huge").split()[-1] == "2"


def test_speed_and_digest_are_shown_and_no_speed_where_nothing_ran() -> None:
    assert "45,312 events, 123,457 events/s, digest 0123456789abcdef" in seen(summary_view(SUMMARY))
    text = seen(summary_view({**SUMMARY, "events": 0, "events_per_s": None, "counters": {}}))
    assert "0 events, digest" in text


def test_learners_of_a_forecast_are_told_from_baselines_at_each_horizon() -> None:
    lanes = {"tree@1": {"mae": 1.0}, "persistence@1": {"mae": 2.0}}
    text = seen(summary_view({**SUMMARY, "learners": lanes}))
    assert "baseline" not in row(text, "tree@1")
    assert row(text, "persistence@1 (baseline)")


def test_names_are_never_taken_for_markup() -> None:
    lanes = {"[red]x": {"mae": 1.0}}
    config = {"learners": {"[red]x": "linear"}}
    summary = {**SUMMARY, "name": "[b]a", "learners": lanes, "config": config}
    text = seen(summary_view(summary))
    assert "[red]x" in text
    assert "[b]a over a.csv" in text


def test_a_law_is_a_sentence_and_a_broken_one_says_what_differed() -> None:
    results = [LawResult("the_end_is_for_ever", True), LawResult("a_b", False, "row [3] differs")]
    text = seen(law_table(results, "my.module:Make"))
    assert "Laws of my.module:Make" in text
    assert "yes" in row(text, "the end is for ever")
    assert "no" in row(text, "a b")
    assert "row [3] differs" in row(text, "a b")


def test_there_is_no_progress_bar_but_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(0) as on_progress:
        assert on_progress is None
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_the_progress_bar_shows_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar(0) as on_progress:
        assert on_progress is not None
        on_progress(12_345)
    out, err = capsys.readouterr()
    assert out == ""
    assert "12,345 records" in err


def test_quiet_means_no_progress_bar_even_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar(0, quiet=True) as on_progress:
        assert on_progress is None


def test_what_is_shown_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    show(summary_view(SUMMARY))
    out, err = capsys.readouterr()
    assert "tree" in out
    assert err == ""
