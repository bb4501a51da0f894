"""Replay: prequential evaluation over a recorded stream, resumable at any moment.

A checkpoint holds the task, the labels on their way, the source's position and the length of every
file written, as one blob; so a killed run goes on from its last checkpoint and ends with the very
digest and files of a run that was never interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamadapt.build import PIPELINE, build_task, fingerprints
from streamadapt.checkpoint import Checkpoint, CheckpointStore, environment
from streamadapt.config import Config
from streamadapt.connectors.sqlite import SQLiteStore
from streamadapt.contracts import Reporter
from streamadapt.errors import ConfigError, IncompatibleStateError
from streamadapt.fact_lines import report
from streamadapt.feed import POLL_RECORDS, Feed, delay_of, identity_of, opened_source
from streamadapt.folder_lock import locked
from streamadapt.logged_source import is_logged
from streamadapt.replay_files import ReplayFiles
from streamadapt.resources import Resources
from streamadapt.state import State
from streamadapt.task import Outcome, Task

__all__ = ["POLL_RECORDS", "Replay", "ReplayOptions"]

STATE_FILE = "state.sqlite"
SOURCE = "@source"
"""Fingerprint of the recorded stream; no learner can have this name."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to run: ``resume`` an interrupted run or begin ``fresh`` over it; lanes to ``reset``.

    ``predictions`` says whether each prediction is written, None leaves it to the pipeline file; a
    resumed run goes on as it began.
    """

    resume: bool = False
    fresh: bool = False
    reset: frozenset[str] = frozenset()
    predictions: bool | None = None
    poll_records: int = POLL_RECORDS


@dataclass(slots=True)
class _Progress:
    """Where the run stands; part of every checkpoint."""

    resumed_from: int | None = None
    started_s: float = field(default_factory=time.perf_counter)
    saved_s: float = field(default_factory=time.perf_counter)
    saved_at: int = 0


class Replay:
    """One run of a pipeline over one recorded stream into one folder.

    Parameters
    ----------
    config
        The pipeline.
    source_path
        The recorded stream; None for the one that the configuration generates.
    out
        Folder for state and results; made if absent.
    environ
        Environment variables, for secrets.
    options
        Whether to resume, begin fresh, or reset lanes.
    reporter
        Is told counts and facts.

    Raises
    ------
    ConfigError
        If the folder holds an unfinished run and neither ``resume`` nor ``fresh`` is given.
    IncompatibleStateError
        If the run to resume was of another configuration or another source; says what changed.
    SourceError
        If the source cannot be opened.
    """

    def __init__(
        self,
        config: Config,
        source_path: str | Path | None,
        out: str | Path,
        environ: Mapping[str, str],
        options: ReplayOptions = ReplayOptions(),
        reporter: Reporter | None = None,
    ) -> None:
        self.config = config
        self.task: Task = build_task(config, environ)
        self.out = Path(out)
        self._options = options
        self._reporter = reporter
        self._source_path = None if source_path is None else Path(source_path)
        self._delay = delay_of(config, self._source_path)
        self._progress = _Progress()
        self._stop = False
        self.resources = Resources()
        with ExitStack() as stack:  # a run that cannot begin leaves nothing open
            self._open(stack)
            self._fingerprints = {
                **fingerprints(config),
                SOURCE: identity_of(config, self._source_path),
            }
            self._begin()
            self._opened = stack.pop_all()

    @property
    def position(self) -> int:
        """Records taken so far, those of an interrupted run included."""
        return self._source.position()

    def stop(self) -> None:
        """End after the poll at hand, with a checkpoint and a summary of what there is."""
        self._stop = True

    def run(
        self,
        on_outcome: Callable[[Outcome], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Replay to the end, or until `stop`; return the summary.

        Parameters
        ----------
        on_outcome
            Called with what came of each poll.
        on_progress
            Called with the number of records taken, after each poll.
        """
        self._progress.started_s = time.perf_counter()
        while not (self._feed.ended or self._stop):
            outcome = self._step()
            if on_outcome:
                on_outcome(outcome)
            if on_progress:
                on_progress(self.position)
            self.resources.sample(self.position)
            if self._is_due():
                self._save()
        seconds = time.perf_counter() - self._progress.started_s
        self._save()
        self._files.finish(is_over=self._feed.ended)
        return self._summary(seconds)

    def close(self) -> None:
        """Release files; the folder can be resumed from."""
        self._opened.close()

    def _open(self, stack: ExitStack) -> None:
        self._source = opened_source(self.config, self._source_path)
        stack.callback(self._source.close)
        ends = self._source_path is None or not is_logged(self._source_path)
        self._feed = Feed(self.config, self.task, self._delay, self._source, ends=ends)
        stack.callback(locked(self.out).close)
        if self._options.fresh:
            for path in self.out.glob(f"{STATE_FILE}*"):
                path.unlink()
        self._store = SQLiteStore(self.out / STATE_FILE)
        stack.callback(self._store.close)
        self._checkpoints = CheckpointStore(
            self._store, self.config.name, self.config.checkpoint.keep
        )
        asked = self._options.predictions
        kept = self.config.outputs.predictions if asked is None else asked
        self._files = ReplayFiles(self.out, self.config, self.task, kept)
        stack.callback(self._files.close)

    def _note(self, fact: str, fields: Mapping[str, object]) -> None:
        if self._reporter:
            self._reporter.note(fact, fields)

    def _step(self) -> Outcome:
        outcome, records = self._feed.step(self._options.poll_records)
        self._files.take(outcome, records)
        if self._reporter:
            report(self._reporter, outcome.rejects, outcome.facts)
        return outcome

    def _is_due(self) -> bool:
        every, progress = self.config.checkpoint, self._progress
        return (
            self.position - progress.saved_at >= every.every_events
            or time.perf_counter() - progress.saved_s >= every.every_s
        )

    def _save(self) -> None:
        state = State(
            "replay",
            1,
            {
                "task": self.task.state(),
                "delay": self._delay.state(),
                "position": self.position,
                "ended": self._feed.ended,
                **self._files.saved(),
            },
        )
        # The end counts as one more position: it is a checkpoint of its own.
        name = self._checkpoints.save(self.position + self._feed.ended, state, self._fingerprints)
        # After a reset there may be another state of this very position: it is not this run's.
        position = f"{name.split(':')[0]}:"
        stale = {n for n in self._checkpoints.names() if n.startswith(position)} - {name}
        self._checkpoints.discard(stale)
        self._checkpoints.retain([name])
        self.resources.save(self.out)
        self._progress.saved_at, self._progress.saved_s = self.position, time.perf_counter()

    def _begin(self) -> None:
        """Restore what is to be resumed, or begin with nothing."""
        found = self._checkpoints.latest()
        unfinished = found is not None and not found.checkpoint.state.values["ended"]
        if unfinished and not self._options.resume:
            raise ConfigError(
                f"{self.out} holds a run that has not ended: give --resume to go on with it, "
                "or --fresh to begin again and lose it"
            )
        others = {name.split("/")[0] for name in self._store.names()} - {self.config.name}
        if others and found is None:
            raise ConfigError(
                f"{self.out} holds the state of another pipeline ({', '.join(sorted(others))}): "
                "choose another folder, or --fresh to lose it"
            )
        for problem in found.problems if found else ():
            self._note("checkpoint_damaged", {"problem": str(problem)})
        if found is not None and self._options.resume:
            self._restore(found.checkpoint)
            return
        self._store.delete(self._store.names())
        self._files.clear()

    def _restore(self, checkpoint: Checkpoint) -> None:
        reset = self._agreed(checkpoint)
        if checkpoint.environment != environment():
            self._note("environment_changed", {"was": checkpoint.environment})
        state = checkpoint.state.expect("replay", 1)
        self.task.restore(state.child("task"), reset)
        self._delay.restore(state.child("delay"))
        self._source.seek(state.integer("position"))
        self._feed.ended = bool(state.values["ended"])
        self._progress.resumed_from = self._progress.saved_at = state.integer("position")
        self.resources.resume(self.out, state.integer("position"))
        if not self._files.restore(state, self._feed.ended):
            self._note("predictions_not_kept", {"resumed_from": state.integer("position")})

    def _agreed(self, checkpoint: Checkpoint) -> frozenset[str]:
        """Return the lanes to begin anew; raise if anything else is not as it was."""
        old, new = checkpoint.fingerprints, self._fingerprints
        # A learner that is no longer in the file is no obstacle: nothing asks for its state.
        changed = {name for name in new if old.get(name) != new[name]}
        left = sorted(changed - self._options.reset)
        if not left:
            return self._options.reset
        lanes = [name for name in left if name not in {PIPELINE, SOURCE}]
        advice = f" --reset {' --reset '.join(lanes)} begins those anew;" if lanes == left else ""
        raise IncompatibleStateError(
            f"{self.out}: cannot resume, changed since: {', '.join(left)};{advice} "
            "--fresh begins the whole run again"
        )

    def _summary(self, seconds: float) -> dict[str, Any]:
        counts = self.task.counts
        counts |= {f"rows_skipped_by_{lane}": n for lane, n in self.task.rows_skipped().items()}
        return {
            "name": self.config.name,
            "source": self._source_path.name if self._source_path else "generated",
            "complete": self._feed.ended,
            "resumed_from": self._progress.resumed_from,
            "events": counts.get("events", 0),
            "seconds": seconds,
            "events_per_s": self._feed.events / seconds if self._feed.events else None,
            "digest": self.task.state().digest(),
            "learners": self.task.metrics(),
            "confusion": self.task.confusion(),
            "drifts": self.task.drifts(),
            "counters": counts | ({"labels_dropped": n} if (n := self._delay.n_dropped) else {}),
            "seed": self.config.seed,
            "versions": environment(),
            "config": self.config.as_written(),
        }
