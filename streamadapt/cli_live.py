"""``streamadapt run`` and ``control``: live workers, and what an operator tells them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streamadapt.cli_parts import (
    LogLevel,
    PipelineFile,
    kafka_of,
    live_config,
    soon_answered,
    stopping,
)
from streamadapt.errors import ConfigError

if TYPE_CHECKING:
    from streamadapt.config import Config
    from streamadapt.ops import LogReporter
    from streamadapt.worker import Worker

__all__ = ["control", "run"]

_ANSWER_S = 10.0


def run(
    pipeline: PipelineFile,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Start so many, and look after them.")
    ] = None,
    slot: Annotated[
        str,
        typer.Option(
            envvar="STREAMADAPT_SLOT",
            show_default="0",
            help="Name of this worker's place: stable over restarts, its own among all workers. "
            "With --workers, what their places begin with.",
        ),
    ] = "",
    reset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="This learner begins anew where a state is restored."),
    ] = None,
    on_lost_state: Annotated[
        Literal["fail", "rebuild", "reset"] | None,
        typer.Option(help="What to do with a partition whose state is lost; else the pipeline's."),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="Least level of the log on stderr.")] = "info",
) -> None:
    """Predict, learn and publish live, over Kafka; stop in order with Ctrl-C or SIGTERM."""
    from streamadapt.ops import LogReporter, configure_logs

    config = live_config(pipeline, on_lost_state)
    configure_logs(log_level)
    if workers is not None:
        from streamadapt.build import build_task, warm_up
        from streamadapt.config_file import placed
        from streamadapt.supervisor import Supervisor

        with placed(config):
            task = build_task(config, os.environ)
        warm_up(task)  # so that they do not all compile the same
        supervisor = Supervisor(workers, slot)
        with stopping(supervisor, "all workers in order"):
            raise typer.Exit(supervisor.run())
    slot = slot or "0"
    with closing(LogReporter(pipeline=config.name, slot=slot)) as reporter:
        worker = opened_worker(config, slot, frozenset(reset or ()), reporter)
        with stopping(worker):
            worker.run()


def opened_worker(
    config: Config, slot: str, reset: frozenset[str], reporter: LogReporter
) -> Worker:
    """Return a worker that is about to join its group; topics and settings are right."""
    from streamadapt.build import fingerprints
    from streamadapt.config_file import placed
    from streamadapt.connectors.kafka import open_driver
    from streamadapt.open_store import open_store
    from streamadapt.pipeline_topics import check_all
    from streamadapt.worker import Worker, WorkerOptions

    kafka = kafka_of(config)
    unknown = sorted(reset - fingerprints(config).keys())
    if unknown:
        raise ConfigError(f"--reset {unknown[0]}: there are {', '.join(config.learners)}")
    with placed(config):
        driver = open_driver(kafka, f"{config.name}-{slot}")
    with closing(driver.admin()) as admin:
        check_all(admin, kafka, config.origin.file)
    reporter.note("starting", {"events": kafka.events, "bootstrap": kafka.bootstrap})
    options = WorkerOptions(slot, reset, is_wanted=parent_lives())
    with placed(config):
        return Worker(config, os.environ, driver, lambda: open_store(config), reporter, options)


def control(
    pipeline: PipelineFile,
    command: Annotated[
        Literal["reset", "promote", "pause", "resume"],
        typer.Argument(metavar="COMMAND", help="reset, promote, pause or resume."),
    ],
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="Which; by default all of them.")
    ] = "",
    partition: Annotated[
        list[int] | None, typer.Option(min=0, help="Only this partition; repeatable.")
    ] = None,
) -> None:
    """Tell a live pipeline what to do, by a record in its control topic.

    reset begins a learner anew; pause lets it predict without learning until resume; promote makes
    it the one whose prediction is the answer.
    """
    import getpass

    from streamadapt.connectors.kafka import open_driver
    from streamadapt.connectors.partition_log import Outgoing
    from streamadapt.live_input import CommandCodec
    from streamadapt.ops import configure_logs
    from streamadapt.pipeline_topics import check_there

    config = live_config(pipeline)
    kafka = kafka_of(config)
    topic = kafka.control
    if topic is None:
        raise ConfigError(f"{pipeline}: kafka.control names no topic of commands")
    value = CommandCodec(config.learners).encode(command, learner, getpass.getuser())
    configure_logs("error", clients=False)
    driver = open_driver(soon_answered(kafka), f"{config.name}-control")
    with closing(driver.admin()) as admin:
        count = check_there(admin, kafka, [topic], str(pipeline))[topic]
    chosen = partition or list(range(count))
    if max(chosen) >= count:
        raise ConfigError(f"--partition {max(chosen)}: {topic} has {count} partitions")
    with closing(driver.producer()) as producer:
        for number in chosen:
            producer.send(Outgoing(topic, number, [None], [value]))
        producer.flush(_ANSWER_S)
    typer.echo(f"told {len(chosen)} partitions: {command} {learner or 'all learners'}")


def parent_lives() -> Callable[[], bool]:
    """Return what says whether the supervisor that started this process is still there.

    Left alone, a worker would hold its slot against the one that the next supervisor starts.
    """
    from streamadapt.supervisor import SUPERVISOR_VARIABLE

    supervisor = os.environ.get(SUPERVISOR_VARIABLE)
    return lambda: supervisor is None or os.getppid() == int(supervisor)
