"""The command line.  Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from streamadapt.errors import ConfigError, SourceError, StateError, StreamAdaptError

if TYPE_CHECKING:
    from streamadapt.config import Config
    from streamadapt.replay import Replay

__all__ = ["app", "exit_code", "main"]

INTERRUPTED = 130

_EPILOG = """\b
Exit codes:
  0    done
  1    failed; or `check` found a broken law
  2    wrong pipeline file, argument or option
  3    a checkpoint cannot be used as it is
  4    a source cannot be opened or read
  130  stopped by Ctrl-C or SIGTERM; `replay --resume` goes on
"""


def exit_code(error: StreamAdaptError) -> int:
    """Return what a command that ends with this error exits with.

    >>> exit_code(ConfigError("no learner")), exit_code(SourceError("no file"))
    (2, 4)
    """
    codes = {ConfigError: 2, StateError: 3, SourceError: 4}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 1)


class _Commands(TyperGroup):
    """Says errors in one message, without a traceback unless ``--debug`` is given."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own
        try:
            return super().invoke(ctx)
        except StreamAdaptError as error:
            problem, code = str(error), exit_code(error)
        except OSError as error:
            problem, code = f"{error.filename or 'input or output'}: {error.strerror or error}", 1
        if ctx.params.get("debug"):
            raise  # noqa: PLE0704 - see below
        typer.echo(f"streamadapt: {problem}", err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PipelineFile = Annotated[Path, typer.Argument(metavar="PIPELINE", help="The pipeline file.")]


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
    from streamadapt.connectors import open_source

    config = _config(pipeline)
    task = _checked(config)
    source = config.source
    if source is not None and Path(source.path).exists():
        open_source(source.path, config.schema_of_records(), format=source.format).close()
    typer.echo(
        f"{pipeline}: right: {config.task.kind} of {config.task.target} from "
        f"{task.features.n_features} features by {', '.join(config.learners)}"
    )
