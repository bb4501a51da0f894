"""Logs go to stderr, in the form asked for, and stop nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from streamadapt.contracts import Reporter
from streamadapt.ops import LogReporter, configure_logs


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_fact_is_one_line_of_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", json=True)
    LogReporter(pipeline="demo").note("drift", {"learner": "tree", "row": 7})
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "drift",
        "level": "info",
        "pipeline": "demo",
        "learner": "tree",
        "row": 7,
    }


def test_an_alert_is_a_warning_and_all_else_is_information(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("warning", json=True)
    reporter = LogReporter()
    for fact in ("drift", "reset", "alert"):
        reporter.note(fact, {})
    assert [(line["event"], line["level"]) for line in lines(capsys)] == [("alert", "warning")]


def test_counts_are_kept_and_logged_once_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", json=True)
    reporter = LogReporter()
    reporter.count("rejected_huge")
    reporter.count("rejected_huge", 4)
    reporter.gauge("lag_s", 1.0)
    reporter.gauge("lag_s", 2.5)
    assert lines(capsys) == []
    reporter.close()
    (line,) = lines(capsys)
    assert (line["event"], line["rejected_huge"], line["lag_s"]) == ("counts", 5, 2.5)


def test_with_nothing_counted_nothing_is_logged_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("debug", json=True)
    LogReporter().close()
    assert lines(capsys) == []


@pytest.mark.parametrize("name", ["event", "level", "timestamp", "self", "name", "exc_info"])
def test_a_field_may_have_any_name(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure_logs("info", json=True)
    LogReporter().note("drift", {name: "mine"})
    (line,) = lines(capsys)
    assert line["event"] == "drift"
    assert "mine" in line.values()


def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise ValueError("I/O operation on closed file")

        def flush(self) -> None:
            raise ValueError("I/O operation on closed file")

        def isatty(self) -> bool:
            return False

    configure_logs("info", json=True)
    monkeypatch.setattr(sys, "stderr", Closed())
    reporter = LogReporter()
    reporter.note("drift", {})
    reporter.count("a")
    reporter.close()
    assert reporter.counts == {"a": 1}


def test_people_get_lines_without_braces(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", json=False)
    LogReporter().note("drift", {"row": 7})
    text = capsys.readouterr().err
    assert "drift" in text
    assert "row" in text
    assert "{" not in text


def test_where_stderr_is_no_terminal_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    LogReporter().note("drift", {})
    assert lines(capsys)[0]["event"] == "drift"


def test_it_keeps_the_contract_of_reporters() -> None:
    reporter: Reporter = LogReporter()
    assert {"count", "gauge", "note"} <= set(dir(reporter))
