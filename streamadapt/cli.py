"""The command line.  Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from streamadapt.cli_calibrate import calibrate
from streamadapt.cli_init import init
from streamadapt.cli_live import control, run
from streamadapt.cli_parts import INTERRUPTED, LogLevel, PipelineFile, command, stopping
from streamadapt.cli_produce import produce
from streamadapt.cli_tail import tail
from streamadapt.cli_topics import topics
from streamadapt.cli_tune import tune
from streamadapt.errors import (
    ConfigError,
    RetryableError,
    SourceError,
    StateError,
    StreamAdaptError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamadapt.config import Config
    from streamadapt.replay import Replay
    from streamadapt.task import Task

__all__ = ["app", "exit_code", "main"]

_EPILOG = """\b
Exit codes:
  0    done
  1    failed; or `check` found a broken law
  2    wrong pipeline file, argument or option
  3    a checkpoint cannot be used as it is
  4    a source cannot be opened or read, or a topic is missing
  5    Kafka or the store is away, or a call never returned: start again
  130  stopped by Ctrl-C or SIGTERM; `--resume` goes on
"""


def exit_code(error: Exception) -> int:
    """Return what a command that ends with this error exits with.

    >>> exit_code(ConfigError("no learner")), exit_code(SourceError("no file"))
    (2, 4)
    """
    codes = {ConfigError: 2, StateError: 3, SourceError: 4, RetryableError: 5}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 1)


class _Commands(TyperGroup):
    """Says errors in one message, without a traceback unless ``--debug`` is given."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read our output has read enough
            raise
        except (StreamAdaptError, OSError) as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"streamadapt: {error}", err=True)
            raise typer.Exit(exit_code(error)) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(init)
app.command()(tune)
app.command()(calibrate)
app.command()(run)
app.command()(control)
app.command()(topics)
app.command()(produce)
app.command()(tail)


def main() -> None:
    """Run the command line."""
    app(prog_name="streamadapt")


@app.callback()
def _all_commands(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Models that keep learning while they serve.

    Any value of a pipeline file can be overridden from the environment, e.g.
    STREAMADAPT__learners__tree__delta=1e-5.
    """
    # `python: package.module:factory` may stand in the current folder, but hides nothing installed.
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)


@app.command()
def version() -> None:
    """Print the version, and those of Python and of the libraries that compute."""
    import platform
    from importlib.metadata import version as installed

    from streamadapt import __version__

    typer.echo(f"streamadapt {__version__}")
    typer.echo(f"python {platform.python_version()}")
    for name in ("numba", "numpy", "river"):
        typer.echo(f"{name} {installed(name)}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    import json

    from streamadapt.config_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def validate(pipeline: PipelineFile) -> None:
    """Say whether a pipeline file is right, or all that is wrong in it."""
    from streamadapt.config_file import placed
    from streamadapt.generate import generated_source
    from streamadapt.recorded import is_there, recorded_stream

    config = _config(pipeline)
    task = _checked(config)
    source = config.source
    with placed(config):
        generated_source(config)
    if source is not None and source.path is not None and is_there(Path(source.path)):
        recorded_stream(config, Path(source.path)).close()
    typer.echo(
        f"{pipeline}: right: {config.task.kind} of {config.task.target} from "
        f"{task.features.n_features} features by {', '.join(config.learners)}"
    )


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - one parameter for each option
    pipeline: PipelineFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for state and results.")],
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file, a folder, river:NAME, or kafka://HOST:PORT/TOPIC?partition=0&from=..&to=..;"
            " else the pipeline's.",
        ),
    ] = None,
    order_from: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC", help="With a kafka:// source: take records as those predictions tell."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where DIR was left.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again; lose what is in DIR.")
    ] = False,
    reset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --resume: this learner begins anew; repeatable."),
    ] = None,
    predictions: Annotated[
        bool | None,
        typer.Option(
            "--predictions/--no-predictions",
            help="Write DIR/predictions.parquet: each learner's output; else as PIPELINE says.",
        ),
    ] = None,
    report: Annotated[
        bool | None,
        typer.Option("--report/--no-report", help="Write DIR/report.html; else as PIPELINE says."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar, no table.")
    ] = False,
    log_level: Annotated[
        LogLevel, typer.Option(help="Least level of the log on stderr.")
    ] = "warning",
) -> None:
    """Run a pipeline over a recorded stream; write DIR/summary.json and print the results."""
    if resume and fresh:
        raise typer.BadParameter("--resume goes on, --fresh begins again: give one of them")
    if order_from is not None:
        source = ordered(source, order_from)
    if reset and not resume:
        raise typer.BadParameter("--reset goes with --resume")
    from streamadapt.ops import SUMMARY_FILE, progress_bar, write_summary
    from streamadapt.ops.report import REPORT_FILE, write_report
    from streamadapt.ops.results import WINDOWS_FILE, write_series

    chosen = (resume, fresh, reset or [])
    run = _opened_replay(pipeline, source, out, log_level, chosen, predictions)
    for name in (SUMMARY_FILE,) if resume else (SUMMARY_FILE, WINDOWS_FILE, REPORT_FILE):
        (out / name).unlink(missing_ok=True)  # that of an earlier run
    with closing(run), stopping(run), progress_bar(run.position, quiet) as on_progress:
        summary = run.run(on_progress=on_progress)
        write_series(out, run)
    write_summary(out, summary)
    if run.config.outputs.report if report is None else report:
        write_report(out)
    _say(summary, quiet)
    if not summary["complete"]:
        files = ["--source", str(source)] if source else []
        again = command("replay", str(pipeline), *files, "--out", str(out), "--resume")
        typer.echo(f"stopped after {summary['events']} events; to go on: {again}", err=True)
        raise typer.Exit(INTERRUPTED)


def _say(summary: Mapping[str, Any], quiet: bool) -> None:
    from streamadapt.ops import show, summary_view, why_ungraded

    if not quiet:
        show(summary_view(summary))
    if problem := why_ungraded(summary):
        typer.echo(problem, err=True)


@app.command()
def generate(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="E.g. sea, led, agrawal; a wrong one lists all.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="CSV, JSONL (.gz) or Parquet file."),
    ],
    rows: Annotated[int, typer.Option("--rows", "-n", help="How many.")] = 100_000,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="Of the generator; repeatable."),
    ] = None,
    drift: Annotated[
        list[str] | None,
        typer.Option(
            metavar="YAML",
            help="E.g. '{to: {kind: sea, function: 3}, position: 5000, width: 100}'; repeatable.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write the rows that MOA's stream generators make for the same seeds."""
    from streamadapt.generate import asked_stream, write_stream

    stream = asked_stream(kind, param or [], rows, drift or [])
    if output.exists() and not force:
        raise ConfigError(f"{output} is there already: give --force to overwrite it, or -o FILE")
    write_stream(stream, output)
    typer.echo(f"wrote {output}; now: {command('init', str(output), '--target', 'class')}")


@app.command()
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders that replays have written.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write.")
    ] = Path("compare.html"),
    block_length: Annotated[
        str, typer.Option(metavar="N|auto", help="Events in a block of the bootstrap, on average.")
    ] = "auto",
) -> None:
    """Show runs over one stream side by side, and which differences are real."""
    from streamadapt.ops.compare import asked_block_length, compare_runs

    for pair in compare_runs(folders, output, asked_block_length(block_length)):
        typer.echo(f"{pair.learner} less {pair.best}: {pair.difference or 'no events in common'}")
    typer.echo(f"wrote {output}")


@app.command()
def check(
    factory: Annotated[
        str, typer.Argument(metavar="PACKAGE.MODULE:FACTORY", help="What makes equal components.")
    ],
) -> None:
    """Put a learner, detector, source, store or sink of your own to the laws of its contract."""
    from streamadapt.build import imported
    from streamadapt.laws import check as put_to_laws
    from streamadapt.ops import law_table, show

    if ":" not in factory:
        raise ConfigError(f"{factory!r} names no factory: write package.module:factory")
    results = put_to_laws(imported(factory, "check"))
    show(law_table(results, factory))
    n_broken = sum(not result.ok for result in results)
    typer.echo(f"{len(results) - n_broken} laws hold, {n_broken} are broken")
    if n_broken:
        raise typer.Exit(1)


def _config(pipeline: Path) -> Config:
    from streamadapt.config_file import load_config

    return load_config(pipeline, os.environ)


def _checked(config: Config) -> Task:
    """Return the task of a configuration; what is wrong is said with file and line."""
    from streamadapt.build import build_task
    from streamadapt.config_file import placed

    with placed(config):
        return build_task(config, os.environ)


def ordered(source: Path | None, topic: str) -> Path:
    """Return the URL of a log with the topic whose predictions tell the order."""
    if source is None or not str(source).startswith("kafka:/"):
        raise ConfigError("--order-from goes with --source kafka://HOST:PORT/TOPIC")
    return Path(f"{source}{'&' if '?' in str(source) else '?'}order_from={topic}")


def _opened_replay(
    pipeline: Path,
    source: Path | None,
    out: Path,
    log_level: str,
    options: tuple[bool, bool, list[str]],
    predictions: bool | None,
) -> Replay:
    from streamadapt.build import PIPELINE, fingerprints
    from streamadapt.config_file import placed
    from streamadapt.ops import LogReporter, configure_logs
    from streamadapt.replay import Replay, ReplayOptions

    config = _config(pipeline)
    resume, fresh, reset = options
    own = config.source
    path = source or (Path(own.path) if own and own.path else None)
    if path is None and (own is None or own.generator is None):
        raise ConfigError(f"{pipeline} names no `source`: give --source FILE")
    configure_logs(log_level)
    with placed(config):
        lanes = fingerprints(config).keys() - {PIPELINE}
        unknown = [name for name in reset if name not in lanes]
        if unknown:
            raise ConfigError(f"--reset {unknown[0]}: there are {', '.join(sorted(lanes))}")
        chosen = ReplayOptions(resume, fresh, frozenset(reset), predictions)
        return Replay(config, path, out, os.environ, chosen, LogReporter(pipeline=config.name))
