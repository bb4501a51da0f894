"""One worker as a process: ``python -m tests.faults.chaos.member PIPELINE SLOT ORDERS [BUG]``.

ORDERS is a file; while it is there it says at which moment of a transaction the worker stops or
kills itself: ``stop after_flush``.  It takes the file away first.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from streamadapt.cli_parts import stopping
from streamadapt.config_file import load_config
from streamadapt.connectors.kafka import open_driver
from streamadapt.errors import StreamAdaptError
from streamadapt.open_store import open_store
from streamadapt.ops import LogReporter, configure_logs
from streamadapt.worker import Worker, WorkerOptions

_SIGNALS = {"stop": signal.SIGSTOP, "kill": signal.SIGKILL}


def obeying(orders: Path) -> Callable[[str], None]:
    """Return a probe that does what the file says, once."""

    def probe(moment: str) -> None:
        if not orders.exists():
            return
        what, when = orders.read_text().split()
        if when == moment:
            orders.unlink()
            sys.stderr.write(f'{{"event": "{what} at {moment}"}}\n')
            sys.stderr.flush()
            os.kill(os.getpid(), _SIGNALS[what])

    return probe


def main(pipeline: str, slot: str, orders: str, bug: str = "") -> int:
    configure_logs("info", json=True)
    config = load_config(Path(pipeline), {})
    assert config.kafka is not None
    driver = open_driver(config.kafka, f"{config.name}-{slot}")
    worker_class = Worker
    if bug:
        from tests.faults.chaos.broken_workers import planted

        worker_class, driver = planted(bug, driver)
    parent = os.getppid()
    options = WorkerOptions(
        slot, probe=obeying(Path(orders)), is_wanted=lambda: os.getppid() == parent
    )
    reporter = LogReporter(slot=slot, pid=os.getpid())
    try:
        worker = worker_class(
            config, os.environ, driver, lambda: open_store(config), reporter, options
        )
        with stopping(worker):
            worker.run()
    except StreamAdaptError as error:
        reporter.note("ended", {"error": type(error).__name__, "problem": str(error)})
        from streamadapt.cli import exit_code

        return exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
