"""A recorded stream on its way through a task: what replay and every trial of a search do alike."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from streamadapt.config import Config
from streamadapt.delay import DelayedLabels, LabelDelay
from streamadapt.errors import ConfigError
from streamadapt.events import Records, Source, no_records
from streamadapt.generate import generated_source
from streamadapt.logged_source import LoggedSource, is_logged, logged_stream
from streamadapt.recorded import recorded_stream, stream_fingerprint
from streamadapt.task import Outcome, Task

__all__ = ["POLL_RECORDS", "Feed", "Head", "delay_of", "identity_of", "opened_source"]

POLL_RECORDS = 16_384
"""Records of one poll: large enough that calls cost nothing, small enough for a quick Ctrl-C."""


@dataclass(slots=True)
class Feed:
    """Takes records off a source, lets labels take their time, and gives both to a task.

    ``events`` counts the records taken by this object, ``ended`` says that there are no more.
    ``ends`` is False for a log that goes on after the part that is read: labels whose event has
    not come yet may still find it.
    """

    config: Config
    task: Task
    delay: DelayedLabels
    source: Source
    ended: bool = False
    events: int = 0
    ends: bool = True

    def step(self, max_records: int) -> tuple[Outcome, Records]:
        """Take up to `max_records`, or at the end the labels that still wait."""
        records = self.source.poll(max_records)
        if records is None:
            self.ended = True
            records = no_records(self.config.schema_of_records())
            outcome = self.task.process(self.delay.flush(), records)
            if self.ends:
                outcome.rejects += self.task.end()
            return outcome, records
        self.events += len(records) + len(records.rejects)
        return self.task.run(records, self.delay.interleave), records


class Head:
    """The first records of a stream; what follows them is never asked for.

    Examples
    --------
    >>> from streamadapt.connectors.generator_source import GeneratorSource
    >>> from streamadapt.connectors.generators import SEA
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> features = {"attrib1": NumericField()}
    >>> schema = RecordSchema(features=features, target="class", classes=("0", "1"))
    >>> head = Head(GeneratorSource(SEA(), schema, 100), 5)
    >>> len(head.poll(3)), len(head.poll(3)), head.poll(3)
    (3, 2, None)
    """

    def __init__(self, source: Source, end: int) -> None:
        self._source, self.end = source, end

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records, or None at the end."""
        left = self.end - self.position()
        return self._source.poll(min(max_records, left)) if left > 0 else None

    def position(self) -> int:
        """Return the position of the record that comes next."""
        return self._source.position()

    def seek(self, position: int) -> None:
        """Go on from `position`."""
        self._source.seek(position)

    def close(self) -> None:
        """Release what is held."""
        self._source.close()


def delay_of(config: Config, path: Path | None) -> DelayedLabels:
    """Return what lets labels take their time: in a log they have taken it already."""
    is_over = path is not None and is_logged(path)
    delay = LabelDelay() if is_over else config.labels.delay
    return DelayedLabels(delay, config.labels)


def opened_source(config: Config, path: Path | None) -> Source:
    """Open the recorded stream at `path`, or the one that the configuration generates if None.

    Raises
    ------
    ConfigError
        If there is neither.
    SourceError
        If it cannot be opened.
    """
    if path is not None and is_logged(path):
        return LoggedSource(config, logged_stream(path))
    if path is not None:
        return recorded_stream(config, path)
    generated = generated_source(config)
    if generated is None:
        raise ConfigError("there is no source: name a file, or a generator in the pipeline")
    return generated


def identity_of(config: Config, path: Path | None) -> str:
    """Return what tells this stream from another."""
    if path is not None:
        return str(path) if is_logged(path) else stream_fingerprint(config, path)
    asked = config.source.model_dump_json() if config.source else ""
    return sha256(asked.encode()).hexdigest()[:16]
