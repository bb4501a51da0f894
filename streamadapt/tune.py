"""Search for better values of a pipeline: parallel replays over the head, one look at the tail.

Trials are scored prequentially on the first part of the stream.  The best of them, and the file as
it is, then go on into the held-out tail, which no trial has seen; so what is told of the tail is no
outcome of the choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from streamadapt.build import build_task
from streamadapt.checkpoint import environment
from streamadapt.config import Config
from streamadapt.config_file import placed
from streamadapt.errors import ConfigError, FatalError
from streamadapt.feed import POLL_RECORDS, identity_of, opened_source
from streamadapt.objective import Objective
from streamadapt.processes import Failed, Processes
from streamadapt.search import Search
from streamadapt.search_space import Values
from streamadapt.trial import Assignment, PipelineText, Scores, run_trial
from streamadapt.tune_folder import TuneFolder
from streamadapt.tune_results import told

__all__ = ["Tune"]

_WARM_RECORDS = 4_096
_SHOWN_MISTAKES = 20


class Tune:
    """One search over one recorded stream into one folder.

    Every configuration is checked before anything runs.

    Parameters
    ----------
    pipeline
        The pipeline file.
    source
        The recorded stream; None for the one that the pipeline generates.
    out
        Folder for ``trials.jsonl`` and results; made if absent.
    search
        What to try.
    environ
        Environment variables, for secrets and overrides; trials have those of this process.
    resume, fresh
        Go on with the search in the folder, or lose it.
    processes
        Trials at a time.

    Raises
    ------
    ConfigError
        If anything is wrong in the file, the search or any trial; says all mistakes.
    IncompatibleStateError
        If the search to resume was another one; says what changed.
    SourceError
        If the source cannot be opened.
    """

    def __init__(  # noqa: PLR0913 - as many things decide a search
        self,
        pipeline: PipelineText,
        source: Path | None,
        out: Path,
        search: Search,
        environ: Mapping[str, str],
        *,
        resume: bool = False,
        fresh: bool = False,
        processes: int = 1,
    ) -> None:
        self.config = pipeline.config({}, environ)
        self.objective = Objective.chosen(
            self.config, search.learner, search.metric, [axis.path for axis in search.axes]
        )
        self.trials = search.trials()
        _check_all(pipeline, self.trials, environ)
        self._pipeline, self._source, self._environ = pipeline, source, environ
        self._search = search
        self._stop = False
        described = {
            "pipeline": self.config.model_dump(mode="json"),
            "source": identity_of(self.config, source),
            "search": search.described(self.objective),
        }
        with ExitStack() as stack:
            self._folder = TuneFolder(out, described, resume=resume, fresh=fresh)
            stack.callback(self._folder.close)
            self._processes = Processes(run_trial, min(processes, len(self.trials)))
            stack.callback(self._processes.close)
            self._opened = stack.pop_all()

    def stop(self) -> None:
        """End soon; trials under way are lost, and run again when the search is resumed."""
        self._stop = True
        self._processes.stop()

    def close(self) -> None:
        """End all processes and release the folder."""
        self._opened.close()

    def run(self, on_trial: Callable[[int, int], None] | None = None) -> dict[str, Any] | None:
        """Run what trials are left, then the tail; return the results, None if stopped before.

        Parameters
        ----------
        on_trial
            Called with how many trials of how many are done.

        Raises
        ------
        FatalError
            If no trial came to a score, or the best one fails on the tail.
        """
        self._processes.start()
        n, cut = self._cut()
        if not self._stop:
            self._run_trials(cut, on_trial or (lambda done, of: None))
        if self._stop:
            return None
        scores = self._scores()
        best = self.objective.best(scores)
        if best is None:
            reasons = {str(line.get("error")) for line in self._folder.trials.values()}
            raise FatalError(f"no trial came to a score: {'; '.join(sorted(reasons))}")
        tails = self._run_tails([0, best] if best else [0], cut)
        if tails is None:
            return None
        lines = [self._folder.trials[i] for i in range(len(self.trials))]
        return {
            "name": self.config.name,
            "source": self._source.name if self._source else "generated",
            "objective": self._search.described(self.objective),
            "records": {"all": n, "head": cut, "tail": n - cut},
            "trials": lines,
            **told(self.objective, lines, best, tails),
            "versions": environment(),
            "config": self.config.as_written(),
        }

    def best_config(self, results: Mapping[str, Any]) -> Config:
        """Return the configuration that won."""
        return self._pipeline.config(self.trials[results["best"]["trial"]], self._environ)

    def _assignment(self, trial: int, cut: int, tail: bool = False) -> Assignment:
        return Assignment(self._pipeline, self.trials[trial], self._source, cut, tail)

    def _cut(self) -> tuple[int, int]:
        """Return how many records there are, and how many of them trials see."""
        n = self._folder.records
        if n is None:
            n = self._counted()
            if not self._stop:
                self._folder.keep_records(n)
        cut = int(n * (1 - self._search.held_out))
        if not (self._stop or 0 < cut < n):
            raise ConfigError(f"{n} records are too few to hold out {self._search.held_out:g}")
        return n, cut

    def _counted(self) -> int:
        source = opened_source(self.config, self._source)
        try:
            while not self._stop and source.poll(POLL_RECORDS) is not None:
                pass
            return source.position()
        finally:
            source.close()

    def _run_trials(self, cut: int, on_trial: Callable[[int, int], None]) -> None:
        done = self._folder.trials
        left = [i for i in range(len(self.trials)) if "error" in done.get(i, {"error": ""})]
        on_trial(len(self.trials) - len(left), len(self.trials))
        self._warm_up(left, cut)
        finished = len(self.trials) - len(left)
        for place, result in self._processes.run([self._assignment(i, cut) for i in left]):
            trial, finished = left[place], finished + 1
            self._folder.add(self._line(trial, result))
            on_trial(finished, len(self.trials))

    def _warm_up(self, trials: Sequence[int], cut: int) -> None:
        """Compile what trials need in one process, lest all of them compile the same at once.

        Which kernels a trial calls depends on kinds and choices, hardly on numbers.
        """
        kinds = {repr([_without_number(v) for v in self.trials[i].values()]): i for i in trials}
        few = min(cut, _WARM_RECORDS)
        tasks = [self._assignment(i, few) for i in kinds.values()]
        if tasks:
            list(self._processes.run(tasks, at_once=1))  # what fails here, fails as a trial too

    def _line(self, trial: int, result: Scores | Failed) -> dict[str, Any]:
        line: dict[str, Any] = {"trial": trial, "values": self.trials[trial]}
        if isinstance(result, Failed):
            return {**line, "error": result.reason}
        score = self.objective.score(result.metrics)
        if not math.isfinite(score):
            return {**line, "error": f"{self.objective.metric} is not finite: no row was graded?"}
        lanes = self.objective.lanes(result.metrics)
        return {**line, "score": score, "metrics": {lane: result.metrics[lane] for lane in lanes}}

    def _scores(self) -> list[float | None]:
        return [self._folder.trials[i].get("score") for i in range(len(self.trials))]

    def _run_tails(self, trials: Sequence[int], cut: int) -> dict[int, Scores] | None:
        found: dict[int, Scores] = {}
        tasks = [self._assignment(i, cut, tail=True) for i in trials]
        for place, result in self._processes.run(tasks):
            if isinstance(result, Failed):
                raise FatalError(f"trial {trials[place]} failed on the tail: {result.reason}")
            found[trials[place]] = result
        return None if self._stop else found


def _check_all(
    pipeline: PipelineText, trials: Sequence[Values], environ: Mapping[str, str]
) -> None:
    """Raise one `ConfigError` that says what is wrong in any trial."""
    problems: dict[str, None] = {}
    for values in trials:
        try:
            config = pipeline.config(values, environ)
            with placed(config):
                build_task(config, environ)
        except ConfigError as error:
            shown = ", ".join(f"{path}={value}" for path, value in values.items())
            problems[f"with {shown}: {error}" if values else str(error)] = None
    if not problems:
        return
    found = list(problems)
    more = [f"and {len(found) - _SHOWN_MISTAKES} more"] * (len(found) > _SHOWN_MISTAKES)
    head = f"{len(found)} of {len(trials)} trials cannot run"
    raise ConfigError("\n".join([head, *found[:_SHOWN_MISTAKES], *more]))


def _without_number(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, dict):
        return {key: _without_number(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_number(inner) for inner in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return type(value).__name__ if is_number else value
