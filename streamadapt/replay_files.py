"""The files that a replay fills while it goes on; all can be cut back to a checkpoint together."""

from __future__ import annotations

from pathlib import Path

from streamadapt.config import Config
from streamadapt.connectors import JSONLSink
from streamadapt.events import Records
from streamadapt.fact_lines import FactLines
from streamadapt.predictions import PREDICTIONS_FILE, Predictions
from streamadapt.state import State, Value
from streamadapt.task import Outcome, Task

__all__ = ["ReplayFiles"]

_SINKS = ("dead_letters", "drifts", "alerts")


class ReplayFiles:
    """``dead_letters.jsonl``, ``drifts.jsonl``, ``alerts.jsonl``, and the predictions if asked for.

    Parameters
    ----------
    folder
        Where the files are written.
    config
        The pipeline.
    task
        Its task; `take` is called right after it has taken the records.
    predictions
        Whether predictions are kept.
    """

    def __init__(self, folder: Path, config: Config, task: Task, predictions: bool) -> None:
        self._folder = folder
        self._fact_lines = FactLines(config, task)
        self._sinks: dict[str, JSONLSink] = {}
        self._predictions: Predictions | None = None
        try:
            for name in _SINKS:
                self._sinks[name] = JSONLSink(folder / f"{name}.jsonl")
            if predictions:
                self._predictions = Predictions(folder, config.schema_of_records(), task)
        except BaseException:
            self.close()
            raise

    def take(self, outcome: Outcome, records: Records) -> None:
        """Write what came of `records`."""
        lines = self._fact_lines.take(outcome)
        self._sinks["dead_letters"].write([reject.letter() for reject in outcome.rejects])
        self._sinks["drifts"].write(lines)
        self._sinks["alerts"].write([line for line in lines if line["kind"] == "alert"])
        if self._predictions:
            self._predictions.take(outcome, records)

    def finish(self, is_over: bool) -> None:
        """Write the table of predictions as far as they go; nothing comes after it if `is_over`."""
        if self._predictions:
            self._predictions.finish()
            if is_over:
                self._predictions.discard()

    def saved(self) -> dict[str, Value]:
        """Make all that was taken survive a crash; return what a checkpoint needs to know of it."""
        for sink in self._sinks.values():
            sink.flush()
        if self._predictions:
            self._predictions.flush()
        lengths = {name: sink.position() for name, sink in self._sinks.items()}
        return {
            "fact_lines": self._fact_lines.state(),
            "predictions": self._predictions.state() if self._predictions else None,
            "sinks": State("sinks", 1, lengths),
        }

    def clear(self) -> None:
        """Drop what an earlier run has written."""
        for sink in self._sinks.values():
            sink.truncate(0)
        (self._folder / PREDICTIONS_FILE).unlink(missing_ok=True)
        if self._predictions:
            self._predictions.clear()

    def restore(self, state: State, is_over: bool) -> bool:
        """Cut back to the checkpoint `state`, of a run that `is_over` or not; the task is restored.

        Returns
        -------
        bool
            False if predictions are asked for, but were not kept from the beginning: the table
            would lack all that came before, so none is written.
        """
        for name, sink in self._sinks.items():
            sink.truncate(state.child("sinks").integer(name))
        self._fact_lines.restore(state.child("fact_lines"))
        if self._predictions is None:
            return True
        was_kept = state.values["predictions"] is not None
        if was_kept and not (is_over and self._predictions.is_finished(state.child("predictions"))):
            self._predictions.restore(state.child("predictions"))
            return True
        self._predictions.close()
        self._predictions.discard()
        self._predictions = None
        return was_kept

    def close(self) -> None:
        """Flush and release; nothing may be called after it."""
        if self._predictions:
            self._predictions.close()
        for sink in self._sinks.values():
            sink.close()
