"""What Kafka's client logs stands among our lines, as a warning, and each thing seldom."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from streamadapt.ops import configure_logs
from streamadapt.ops.client_logs import ClientLogs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    configure_logs("warning", clients=False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_error_of_the_client_is_a_warning_that_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("info", json=True)
    logging.getLogger("kafka.net.manager").error("Connection failed: %s", "refused")
    (line,) = lines(capsys)
    assert line["event"] == "kafka_client"
    assert line["level"] == "warning"
    assert line["client"] == "kafka.net.manager"
    assert line["message"] == "Connection failed: refused"


def test_lines_alike_come_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", json=True)
    for port in range(100):
        logging.getLogger("kafka.conn").warning("lost %d", port)
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize(("level", "n"), [("info", 0), ("debug", 1)])
def test_information_of_the_client_comes_with_debug_alone(
    capsys: pytest.CaptureFixture[str], level: str, n: int
) -> None:
    configure_logs(level, json=True)
    logging.getLogger("kafka.conn").info("connected")
    assert len(lines(capsys)) == n


def test_a_command_that_says_itself_what_is_wrong_shows_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("error", clients=False)
    logging.getLogger("kafka.conn").error("lost")
    assert capsys.readouterr().err == ""


def test_a_line_that_cannot_be_formatted_stops_nothing() -> None:
    said: list[object] = []
    handler = ClientLogs(say=lambda *line: said.append(line))
    handler.emit(logging.LogRecord("kafka.conn", 30, "", 0, "lost %d", ("no number",), None))
    handler.emit(logging.LogRecord("kafka.conn", 30, "", 0, "lost", (), None))
    assert len(said) == 1
