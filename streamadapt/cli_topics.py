"""``streamadapt topics``: the topics of a pipeline, looked at and made."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from streamadapt.cli_parts import PipelineFile, command, kafka_of, live_config, soon_answered
from streamadapt.errors import SourceError

__all__ = ["topics"]


def topics(
    pipeline: PipelineFile,
    create: Annotated[bool, typer.Option("--create", help="Make those that are missing.")] = False,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000, help="Of what is made; by default as many as the events have, or 1."
        ),
    ] = None,
) -> None:
    """Say which topics a pipeline has, and make those that are missing."""
    from streamadapt.connectors.kafka import count_partitions, open_driver
    from streamadapt.ops import configure_logs
    from streamadapt.pipeline_topics import make_topics, roles

    config = live_config(pipeline)
    kafka = kafka_of(config)
    configure_logs("error", clients=False)
    with closing(open_driver(soon_answered(kafka), f"{config.name}-topics").admin()) as admin:
        made = make_topics(admin, kafka, partitions) if create else []
        counts = count_partitions(admin, list(roles(kafka)), 10.0)
    width = max(map(len, counts))
    for topic, role in roles(kafka).items():
        n = counts[topic]
        size = f"{n} partition{'s' if n > 1 else ''}" if n else "MISSING"
        typer.echo(f"{topic:<{width}}  {role:<12}  {size}{', made now' if topic in made else ''}")
    if not all(counts.values()):
        again = command("topics", str(pipeline), "--create", "--partitions", "4")
        raise SourceError(f"topics are missing; to make them: {again}")
