"""``streamadapt init``: a first pipeline file, from a look at a file or at a topic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamadapt.cli_parts import command
from streamadapt.errors import ConfigError

__all__ = ["init"]


def init(
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    stream: Annotated[
        Path | None,
        typer.Argument(
            metavar="STREAM",
            help="CSV, JSONL, Parquet, ARFF or svmlight; a file, a folder, or river:NAME.",
        ),
    ] = None,
    kafka: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Look at a topic of this Kafka instead.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="EVENTS", help="With --kafka: the topic of the events.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ] = Path("pipeline.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Look at a recorded stream or a topic and write a pipeline file for it, with comments."""
    if (stream is None) == (kafka is None):
        raise typer.BadParameter("give a recorded stream, or --kafka HOST:PORT --topic EVENTS")
    if (kafka is None) != (topic is None):
        raise typer.BadParameter("--kafka and --topic belong together")
    if output.exists() and not force:
        raise ConfigError(f"{output} is there already: give --force to overwrite it, or -o FILE")
    if stream is not None:
        _of_file(stream, target, output)
    elif kafka is not None and topic is not None:
        _of_topic(kafka, topic, target, output)


def _of_file(stream: Path, target: str, output: Path) -> None:
    from streamadapt.scaffold import scaffold

    output.write_text(scaffold(stream, target), encoding="utf-8")
    typer.echo(f"wrote {output}; now: {command('replay', str(output), '--out', 'run')}")


def _of_topic(kafka: str, topic: str, target: str, output: Path) -> None:
    from streamadapt.ops import configure_logs
    from streamadapt.scaffold_live import scaffold_live

    configure_logs("error", clients=False)
    text, n = scaffold_live(kafka, topic, target)
    output.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {output}; now make the other topics, start workers, and look on:")
    typer.echo(f"  {command('topics', str(output), '--create', '--partitions', str(n))}")
    typer.echo(f"  {command('run', str(output), '--workers', '2')}")
    typer.echo(f"  {command('tail', str(output))}")
