"""What Kafka's client logs, among our own lines: only what may matter, and each thing seldom."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

__all__ = ["ClientLogs", "bridge_client_logs"]

_CLIENTS = ("kafka", "confluent_kafka")
_QUIET_S = 30.0
_MOST_REMEMBERED = 1000


class ClientLogs(logging.Handler):
    """Passes lines of the standard library's logging on to ours, as the fact ``kafka_client``.

    A client that looks for its broker says so several times a second: of lines that differ only
    in their values, one in `quiet_s` is passed on, with how many there were since the one before.

    Parameters
    ----------
    quiet_s
        In seconds.
    clock
        For tests.

    Examples
    --------
    >>> lines = []
    >>> times_s = iter([0.0, 1.0, 31.0])
    >>> handler = ClientLogs(30.0, lambda: next(times_s), lambda *line: lines.append(line))
    >>> for port in (1, 2, 3):
    ...     record = logging.LogRecord("kafka.conn", 30, "", 0, "lost %d", (port,), None)
    ...     handler.emit(record)
    >>> [(message, times) for _, _, message, times in lines]
    [('lost 1', 1), ('lost 3', 2)]
    """

    def __init__(
        self,
        quiet_s: float = _QUIET_S,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[int, str, str, int], None] | None = None,
    ) -> None:
        super().__init__()
        self._quiet_s = quiet_s
        self._clock = clock
        self._say = say or _say
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, or count it."""
        kind = (record.name, str(record.msg))
        now_s = self._clock()
        said_s, n = self._last.pop(kind, (-self._quiet_s, 0))
        is_due = now_s - said_s >= self._quiet_s
        self._last[kind] = (now_s, 0) if is_due else (said_s, n + 1)
        if len(self._last) > _MOST_REMEMBERED:
            del self._last[next(iter(self._last))]
        if is_due:
            with suppress(Exception):  # a line that cannot be formatted must stop nothing
                self._say(record.levelno, record.name, record.getMessage(), n + 1)


def bridge_client_logs(level: str, wanted: bool = True) -> None:
    """Send warnings of Kafka's clients to our log, at ``debug`` also information; or nothing.

    Their errors are warnings to us: whether something is lost is known to the caller alone.
    """
    for name in _CLIENTS:
        logger = logging.getLogger(name)
        for handler in [each for each in logger.handlers if isinstance(each, ClientLogs)]:
            logger.removeHandler(handler)
        logger.addHandler(ClientLogs() if wanted else logging.NullHandler())
        logger.setLevel(logging.INFO if level == "debug" else logging.WARNING)


def _say(level: int, name: str, message: str, n: int) -> None:
    more = {"times": n} if n > 1 else {}
    log = structlog.get_logger(client=name)
    log.log(min(level, logging.WARNING), "kafka_client", message=message, **more)
