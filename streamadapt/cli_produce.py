"""``streamadapt produce``: a recorded stream played into Kafka."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamadapt.cli_parts import (
    INTERRUPTED,
    PipelineFile,
    command,
    kafka_of,
    live_config,
    soon_answered,
    stopping,
)
from streamadapt.errors import ConfigError, RetryableError, SourceError

if TYPE_CHECKING:
    from streamadapt.config import Config
    from streamadapt.connectors.partition_log import Driver
    from streamadapt.events import Source
    from streamadapt.producing import Producing, Sent
    from streamadapt.production import Production, Spread

__all__ = ["produce"]


def produce(  # noqa: PLR0913, PLR0917 - one parameter for each option
    pipeline: PipelineFile,
    source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recorded stream; else the pipeline's.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/s", help="Events per second; by default all it can.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="X times as fast as the events happened.")
    ] = None,
    records: Annotated[
        int | None, typer.Option("--records", "-n", min=1, help="End after so many.")
    ] = None,
    skip: Annotated[int, typer.Option(min=0, help="Go on behind the first N records.")] = 0,
    partitions_by: Annotated[
        str, typer.Option(metavar="HOW", help="key, id or round-robin; by default key if any.")
    ] = "",
    make_ids: Annotated[
        bool, typer.Option("--make-ids", help="Number the records: they have no id of their own.")
    ] = False,
    create_topics: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, metavar="N", help="Make missing topics, of N partitions."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no result.")] = False,
) -> None:
    """Play a recorded stream into the topics of a pipeline, at a rate or as fast as it goes.

    Labels stand in their events; where the pipeline has a topic of labels, they come there,
    as late as `labels.delay` says.
    """
    from streamadapt.connectors.kafka import open_driver
    from streamadapt.ops import configure_logs, progress_bar
    from streamadapt.pace import Pace
    from streamadapt.producing import Producing

    config = live_config(pipeline)
    kafka = kafka_of(config)
    configure_logs("error", clients=False)
    pace = Pace(_per_second(rate), speed)
    if speed is not None and config.record.time is None:
        raise ConfigError("--speed: the pipeline names no event time: name record.time")
    driver = open_driver(soon_answered(kafka), f"{config.name}-produce")
    with closing(_opened(config, source, make_ids)) as stream:
        n = _partitions(driver, config, str(pipeline), create_topics)
        production = _production(config, n, partitions_by, make_ids)
        if kafka.labels is None:
            stream.seek(skip)  # no label from before is still to come
        labels = kafka.labels.topic if kafka.labels else kafka.events
        end = None if records is None else skip + records
        with closing(driver.producer()) as publisher:
            run = Producing(
                stream, production, publisher, (kafka.events, labels), pace,
                part=(skip, end), flush_s=kafka.delivery_timeout_s,
            )  # fmt: skip
            begun_s = time.monotonic()
            with stopping(run), progress_bar(skip, quiet) as on_progress:
                is_whole = _run(run, on_progress)
    _tell(run.sent, (kafka.events, n), time.monotonic() - begun_s, quiet)
    if not is_whole:
        words = ["--source", str(source)] if source else []
        again = command("produce", str(pipeline), *words, "--skip", str(run.sent.position))
        typer.echo(f"to go on, with the same options: {again} ...", err=True)
        raise typer.Exit(INTERRUPTED)


def _per_second(rate: str | None) -> float | None:
    """Return the number in ``5000/s`` or ``5000``."""
    if rate is None:
        return None
    try:
        return float(rate.removesuffix("/s").replace("_", "").replace(",", ""))
    except ValueError:
        raise typer.BadParameter(f"{rate!r} is not so many per second: write 5000/s") from None


def _opened(config: Config, path: Path | None, make_ids: bool) -> Source:
    """Return the recorded stream, at its beginning."""
    from streamadapt.config_file import placed
    from streamadapt.generate import generated_source
    from streamadapt.production import recorded_schema

    if config.record.codec is not None:
        raise ConfigError("record.codec: produce writes JSON, which this pipeline does not read")
    own = config.source
    path = path or (Path(own.path) if own and own.path else None)
    schema = recorded_schema(config, make_ids)
    config = config.model_copy(
        update={"record": config.record.model_copy(update={"id": schema.id})}
    )
    with placed(config):
        generated = generated_source(config) if path is None else None
        if generated is not None:
            return generated
        if path is None:
            raise ConfigError(f"{config.origin.file} names no `source`: give --source FILE")
        return _with_ids(config, path)


def _with_ids(config: Config, path: Path) -> Source:
    from streamadapt.recorded import recorded_stream

    try:
        return recorded_stream(config, path)
    except SourceError as error:
        if config.record.id is not None and f"no column {config.record.id!r}" in str(error):
            raise SourceError(f"{error}; --make-ids numbers the records instead") from None
        raise


def _partitions(driver: Driver, config: Config, pipeline: str, create: int | None) -> int:
    """Return how many partitions events have; make missing topics if asked to."""
    from streamadapt.pipeline_topics import check_there, make_topics

    kafka = kafka_of(config)
    needed = [kafka.events, *([kafka.labels.topic] if kafka.labels else [])]
    with closing(driver.admin()) as admin:
        if create is not None:
            make_topics(admin, kafka, create)
        counts = check_there(admin, kafka, needed, pipeline)
    if len(set(counts.values())) > 1:
        raise SourceError(
            "a label stands in the partition of the same number as its event, but "
            + ", ".join(f"{topic} has {n}" for topic, n in counts.items())
        )
    return counts[kafka.events]


def _production(config: Config, n: int, how: str, make_ids: bool) -> Production:
    from streamadapt.production import Production

    spreads: dict[str, Spread] = {"key": "key", "id": "id", "round-robin": "round-robin"}
    spread = spreads.get(how or ("key" if config.record.key else "round-robin"))
    if spread is None:
        raise typer.BadParameter(f"--partitions-by {how}: it is key, id or round-robin")
    return Production(config, n, spread, make_ids)


def _run(run: Producing, on_progress: object) -> bool:
    try:
        return run.run(on_progress)  # type: ignore[arg-type]
    except RetryableError as error:
        sent = f"{run.sent.events:,} events have arrived for certain"
        raise type(error)(f"{error}\n{sent}; to go on: --skip {run.sent.position}") from None


def _tell(sent: Sent, to: tuple[str, int], took_s: float, quiet: bool) -> None:
    if quiet:
        return
    labels = f" and {sent.labels:,} labels" if sent.labels else ""
    rate = f", {sent.events / took_s:,.0f} events/s" if took_s > 0 else ""
    topic, n = to
    typer.echo(f"sent {sent.events:,} events{labels} to {topic} ({n} partitions){rate}")
