"""``streamadapt calibrate``: set a detector's threshold by how often it may be wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from streamadapt.cli_parts import PipelineFile, command
from streamadapt.errors import ConfigError

if TYPE_CHECKING:
    from streamadapt.calibrate import Calibrated

__all__ = ["calibrate"]


def calibrate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    pipeline: PipelineFile,
    between: Annotated[
        int,
        typer.Option(
            "--mean-time-between-false-alarms",
            metavar="N",
            min=10,
            help="How many values (losses) there are to be between false alarms, on average.",
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The recorded stream; else the pipeline's."),
    ] = None,
    learner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose detector; if several are watched.")
    ] = None,
    detector: Annotated[
        Literal["drift", "warning"], typer.Option(help="Which of its detectors.")
    ] = "drift",
    change: Annotated[
        list[float] | None,
        typer.Option(metavar="SIZE", help="A change of the mean to tell the delay of; repeatable."),
    ] = None,
    skip: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Leave out the first N values; else a tenth."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Set it in PIPELINE.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write PIPELINE with it set to FILE."),
    ] = None,
) -> None:
    """Set a detector's threshold such that false alarms are as rare as you want them.

    The pipeline is replayed; blocks of its learner's losses make streams without a change.
    """
    if write and output is not None:
        raise typer.BadParameter("--write sets it in PIPELINE, -o writes to FILE: give one of them")
    from streamadapt.calibrate import Calibration, Watched
    from streamadapt.config_file import read_text
    from streamadapt.trial import PipelineText

    text = PipelineText(read_text(pipeline), str(pipeline))
    config = text.config({}, os.environ)
    path = _source(config, source)
    watched = Watched.of(config, os.environ, learner, detector)
    found = Calibration(config, watched, path, between, seed).run(os.environ, skip, change or ())
    for line in told(found):
        typer.echo(line)
    target = pipeline if write else output
    if target is not None:
        from streamadapt.config_edit import edited
        from streamadapt.config_file import ENVIRONMENT_PREFIX

        # Overrides of the environment are in force here, but are not the file's.
        environ = {n: v for n, v in os.environ.items() if not n.startswith(ENVIRONMENT_PREFIX)}
        wanted = text.config({found.path: found.value}, environ).as_written()
        put_text(target, edited(text.text, wanted))
        typer.echo(f"wrote {target}; now: {command('validate', str(target))}")


def put_text(target: Path, text: str) -> None:
    """Write a file that may be there: whole, or on a full disk not at all."""
    from streamadapt.connectors.append_file import put_in_place

    path = target.resolve()  # a link stays one
    if path.exists() and not path.is_file():  # /dev/stdout
        path.write_text(text, encoding="utf-8")
        return
    new = path.with_name(f".{path.name}.new")
    try:
        if path.exists():
            new.touch(0o600)  # for nobody's eyes but those that see the old one
            shutil.copymode(path, new)
        new.write_text(text, encoding="utf-8")
        put_in_place(new, path)
    finally:
        new.unlink(missing_ok=True)


def told(found: Calibrated) -> list[str]:
    """Return what a person is told of a calibration, line by line."""
    unit = "losses" if found.signal == "loss" else "predictions"
    lines = [
        f"{found.lane}: {found.kind} on its {found.signal}: "
        f"{found.n:,} of {found.n_heard:,} {unit}, in blocks of {found.block:.3g}",
        f"{found.path}: {found.value:g} (as it is: {found.given:g})",
        f"between false alarms: {_time(found.time)} {unit}, {found.between:,} asked for",
        f"as it is: {_time(found.time_as_it_is)} {unit}",
        "after a lasting change of the mean, the alarm comes",
    ]
    return lines + [_delay(size, delay, found.between) for size, delay in found.delays]


def _time(time: Any) -> str:  # noqa: ANN401 - loaded when it runs
    return f"{_rounded(time.mean)} (95 % interval {_rounded(time.low)} to {_rounded(time.high)})"


def _rounded(n: float) -> str:
    return f"{float(f'{n:.3g}'):,.0f}"


def _delay(size: float, delay: Any, between: int) -> str:  # noqa: ANN401 - loaded when it runs
    head = f"  by {size:+g}: "
    if delay is None:
        return f"{head}the mean cannot change so far"
    if delay.missed == 1.0:
        return f"{head}not within {between:,}"
    missed = f"; not within {between:,} in {delay.missed:.0%} of runs" if delay.missed else ""
    return f"{head}after {delay.median:,.0f} (median), {delay.most:,.0f} (nine of ten){missed}"


def _source(config: Any, source: Path | None) -> Path | None:  # noqa: ANN401 - loaded when it runs
    own = config.source
    path = source or (Path(own.path) if own and own.path else None)
    if path is None and (own is None or own.generator is None):
        raise ConfigError(f"{config.origin.file} names no `source`: give --source FILE")
    return path
