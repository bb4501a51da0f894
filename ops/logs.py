"""Logs: lines for people on a terminal, JSON lines for machines elsewhere; always on stderr."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from streamadapt.ops.client_logs import bridge_client_logs

__all__ = ["LogReporter", "configure_logs"]

# What a person should look at; all other facts are information.
_FACT_LEVELS = {"alert": logging.WARNING}


class _Stderr:
    """Writes to what `sys.stderr` is at the time: a progress bar puts itself there."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logs(
    level: str = "warning", json: bool | None = None, *, clients: bool = True
) -> None:
    """Send all logs to stderr, those of Kafka's clients too.

    Parameters
    ----------
    level
        ``debug``, ``info``, ``warning`` or ``error``; what is below it is dropped.
    json
        Whether lines are JSON; by default where stderr is no terminal.
    clients
        Whether what Kafka's client logs is wanted: a command that fails says why by itself.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    render: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    stream: Any = _Stderr()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    bridge_client_logs(level, clients)


class LogReporter:
    """Logs each fact as it comes; keeps counts and gauges, and logs them on `close`.

    It raises nothing: a full disk or a closed terminal must not stop a stream.

    Parameters
    ----------
    fields
        Stand in every line, e.g. the pipeline's name.

    Examples
    --------
    >>> reporter = LogReporter()
    >>> reporter.count("rejected_huge"), reporter.count("rejected_huge", 2)
    (None, None)
    >>> reporter.counts
    Counter({'rejected_huge': 3})
    """

    def __init__(self, **fields: object) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self._log = structlog.get_logger(**fields)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`."""
        self.counts[name] += n

    def gauge(self, name: str, value: float) -> None:
        """Keep the last value of `name`."""
        self.gauges[name] = value

    def note(self, fact: str, fields: Mapping[str, object]) -> None:
        """Log that something happened; an alert as a warning, all else as information."""
        self._say(_FACT_LEVELS.get(fact, logging.INFO), fact, fields)

    def close(self) -> None:
        """Log counts and gauges, once, if there are any."""
        if self.counts or self.gauges:
            self._say(logging.INFO, "counts", {**self.counts, **self.gauges})

    def _say(self, level: int, fact: str, fields: Mapping[str, object]) -> None:
        with suppress(OSError, ValueError):
            # Under one name: a field may be called as the logger's own parameters are.
            self._log.log(
                level, fact, **{f"{k}_" if k in _RESERVED else k: v for k, v in fields.items()}
            )


_RESERVED = frozenset({"event", "level", "timestamp", "self"})
