"""``streamadapt tune``: search for better values, scored on what no trial saw."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamadapt.cli_parts import INTERRUPTED, PipelineFile, command, stopping
from streamadapt.errors import ConfigError

if TYPE_CHECKING:
    from streamadapt.tune import Tune

__all__ = ["tune"]


def tune(  # noqa: PLR0913, PLR0917 - one parameter for each option
    pipeline: PipelineFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for trials and results.")],
    choose: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="PATH=VALUES",
            help="E.g. learners.tree.grace_period=50,100,200; with --random also 1..10, "
            "uniform(0,1), log(1e-9,1e-2); repeatable.",
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The recorded stream; else the pipeline's."),
    ] = None,
    random: Annotated[
        int | None, typer.Option(metavar="N", help="Draw N trials; else all combinations.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    learner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose metric decides.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="E.g. kappa, log_loss, rmse.")
    ] = None,
    held_out: Annotated[
        float, typer.Option(help="Share of records at the end that no trial sees.")
    ] = 0.3,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time; by default one for each core.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where DIR was left.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again; lose what is in DIR.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Search for better values of a pipeline file, by replays beside each other.

    Trials see only the first part of the stream.  The best one is then scored on the rest,
    against the file as it is; DIR/best.yaml is the file with the best values.
    """
    if resume and fresh:
        raise typer.BadParameter("--resume goes on, --fresh begins again: give one of them")
    from streamadapt.config_file import read_text
    from streamadapt.search import Search
    from streamadapt.search_space import read_axes
    from streamadapt.trial import PipelineText
    from streamadapt.tune import Tune

    axes = tuple(read_axes(choose))
    text = PipelineText(read_text(pipeline), str(pipeline))
    path = _source(text, source)
    asked = Search(axes, random, seed, learner, metric, held_out)
    search = Tune(
        text, path, out, asked, os.environ, resume=resume, fresh=fresh,
        processes=processes or len(os.sched_getaffinity(0)),
    )  # fmt: skip
    with closing(search), stopping(search, "without the trials under way"):
        results = search.run(None if quiet else _say)
        if results is not None:
            _write(text, out, search, results)
    if results is None:
        words = ["--source", str(source)] if source else []
        again = command("tune", str(pipeline), *words, "--out", str(out), "--resume")
        typer.echo(f"stopped; to go on, with the same options: {again} ...", err=True)
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        _show(search, results, out)


def _source(text: Any, source: Path | None) -> Path | None:  # noqa: ANN401 - loaded when it runs
    """Return the stream to search over; one that can be read only once will not do."""
    own = text.config({}, os.environ).source
    path = source or (Path(own.path) if own and own.path else None)
    if path is None and (own is None or own.generator is None):
        raise ConfigError(f"{text.where} names no `source`: give --source FILE")
    if str(path) == "-":
        raise ConfigError("--source -: every trial reads the stream anew: give a file")
    return path


def _say(done: int, of: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{done} of {of} trials", err=True, nl=done == of)


def _write(text: Any, out: Path, search: Tune, results: dict[str, Any]) -> None:  # noqa: ANN401
    from streamadapt.config_edit import edited
    from streamadapt.ops import write_summary
    from streamadapt.tune_folder import BEST_FILE, RESULTS_FILE

    best = edited(text.text, search.best_config(results).as_written())
    (out / BEST_FILE).write_text(best, encoding="utf-8")
    write_summary(out, results, RESULTS_FILE)  # the last: it says that the search has ended


def _show(search: Tune, results: dict[str, Any], out: Path) -> None:
    from streamadapt.ops import show, tune_view
    from streamadapt.tune_folder import BEST_FILE

    scores = [trial.get("score") for trial in results["trials"]]
    show(tune_view(results, search.objective.ranked(scores)))
    typer.echo(f"wrote {out / BEST_FILE}")
