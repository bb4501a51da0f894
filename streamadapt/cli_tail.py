"""``streamadapt tail``: predictions as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from streamadapt.cli_parts import PipelineFile, kafka_of, live_config, soon_answered, stopping

if TYPE_CHECKING:
    from streamadapt.config import Config
    from streamadapt.tail import FactLine, PredictionLine, Tail

__all__ = ["tail"]

_REDRAW_S = 0.25


def tail(
    pipeline: PipelineFile,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the oldest prediction there is.")
    ] = False,
    n: Annotated[int | None, typer.Option("--n", "-n", min=1, help="End after so many.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, on a terminal too.")] = False,
) -> None:
    """Show predictions as they come, how good they are as labels come, and drifts; until Ctrl-C.

    Reads what is committed, so it sees each prediction once, and no one's work is disturbed.
    """
    from streamadapt.ops import configure_logs, totals_line

    configure_logs("error", clients=False)
    config = live_config(pipeline)
    stop = _Stop()
    with (
        closing(opened_tail(config, str(pipeline), from_start)) as shown,
        stopping(stop, "now"),
        _output(config, shown, json, plain) as show,
    ):
        while not stop.asked:
            for line in shown.poll():
                show(line)
                if n is not None and shown.totals.predictions >= n:
                    stop.asked = True
                    break
            show(None)
    if not json:
        typer.echo(totals_line(shown.totals, shown.grade), err=True)


class _Stop:
    asked = False

    def stop(self) -> None:
        self.asked = True


def opened_tail(config: Config, pipeline: str, from_start: bool) -> Tail:
    """Return a reader of the pipeline's predictions, labels and facts."""
    from streamadapt.connectors.kafka import open_driver
    from streamadapt.pipeline_topics import check_there
    from streamadapt.tail import Tail

    kafka = kafka_of(config)
    labels = kafka.labels.topic if kafka.labels else None
    wanted = [kafka.output, kafka.events, labels, kafka.facts]
    topics = [topic for topic in wanted if topic is not None]
    driver = open_driver(soon_answered(kafka), f"{config.name}-tail")
    with closing(driver.admin()) as admin:
        counts = check_there(admin, kafka, topics, pipeline)
    return Tail(config, driver, counts, from_start)


Show = Callable[["PredictionLine | FactLine | None"], None]


@contextmanager
def _output(config: Config, shown: Tail, json: bool, plain: bool) -> Iterator[Show]:
    """Give what shows a line; it is called with None when there is no more for the moment."""
    if json or plain or not sys.stdout.isatty():
        yield _lines(shown, json)
        return
    from rich.live import Live

    from streamadapt.ops import TailView, absent_columns

    title = f"{config.name}: predictions in {kafka_of(config).output}"
    view = TailView(title, absent_columns(config.schema_of_records()))
    drawn_s = 0.0
    with Live(view.view(shown.totals, shown.grade), auto_refresh=False) as live:

        def show(line: PredictionLine | FactLine | None) -> None:
            nonlocal drawn_s
            if line is not None:
                view.add(line)
            if time.monotonic() - drawn_s >= _REDRAW_S:
                live.update(view.view(shown.totals, shown.grade), refresh=True)
                drawn_s = time.monotonic()

        yield show
        live.update(view.view(shown.totals, shown.grade), refresh=True)


def _lines(shown: Tail, json: bool) -> Show:
    from streamadapt.ops import json_line, plain_line

    write = json_line if json else plain_line

    def show(line: PredictionLine | FactLine | None) -> None:
        if line is not None:
            sys.stdout.write(write(line, shown.grade) + "\n")
        else:
            sys.stdout.flush()

    return show
