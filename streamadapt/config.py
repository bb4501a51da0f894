"""The pipeline file as one tree of checked values; `streamadapt.config_file` reads the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, model_validator

from streamadapt.config_kinds import Component, ConfigModel
from streamadapt.config_live import KafkaConfig, StoreConfig
from streamadapt.config_parts import (
    CheckpointConfig,
    DerivedFeature,
    LabelsConfig,
    LearnerConfig,
    Learners,
    OutputsConfig,
    RecordConfig,
    SourceConfig,
    TaskConfig,
    WatchConfig,
)
from streamadapt.evaluation import DEFAULT_EVALUATION, Evaluation
from streamadapt.events import RecordSchema

__all__ = ["Component", "Config", "LearnerConfig", "Origin", "WatchConfig"]

_NAME = r"^[\w.-]{1,100}$"

# What the table of predictions holds beside the learners.
_COLUMNS = frozenset({"number", "position", "id", "key", "time", "label", "label_after"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a configuration was read: the file, what stood in it, and the line of each path."""

    file: str = "pipeline"
    written: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """{value from the environment: its variable}; never shown."""


class Config(ConfigModel):
    """A pipeline file.

    Parameters
    ----------
    name
        Names the pipeline in state, logs and reports.
    task
        What is predicted.
    record
        The columns of a record.
    derived
        Features computed from past records: lags, rolling statistics, calendar, your own.
    labels
        Late labels: how late in replay, how long they are waited for.
    learners
        Learners by name; all see the same rows.
    baselines
        Trivial learners that run beside them: ``true`` for those that fit the task, or their names.
    reaction_block
        Reactions take effect at multiples of this number of rows.
    evaluation
        Windows and fading of the metrics.
    checkpoint
        How often state is saved.
    outputs
        What is written beside the summary: predictions, the report.
    source
        The recorded stream to replay, unless the command names another.
    kafka
        Topics and servers of a live worker; replay does not read it, but for its labels.
    store
        Where a live worker keeps its checkpoints.
    seed
        Seed of every learner that takes one and does not name its own.
    """

    name: str = Field(pattern=_NAME)
    task: TaskConfig
    record: RecordConfig
    derived: tuple[DerivedFeature, ...] = ()
    labels: LabelsConfig = LabelsConfig()
    learners: dict[Annotated[str, Field(pattern=_NAME)], Learners] = Field(min_length=1)
    baselines: bool | tuple[str, ...] = True
    reaction_block: int = Field(64, ge=1, le=1 << 20)
    evaluation: Evaluation = DEFAULT_EVALUATION
    checkpoint: CheckpointConfig = CheckpointConfig()
    outputs: OutputsConfig = OutputsConfig()
    source: SourceConfig | None = None
    kafka: KafkaConfig | None = None
    store: StoreConfig = StoreConfig()
    seed: int = Field(0, ge=0)

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        labels, task = self.labels, self.task
        for name in sorted(self.learners.keys() & _COLUMNS):
            raise ValueError(f"learners.{name}: predictions.parquet has a column of this name")
        if self.record.time is None:
            _needs_times("labels.delay.seconds", labels.delay.seconds)
            _needs_times("labels.max_age_s", labels.max_age_s)
            _needs_times("labels.allowed_lateness_s", labels.allowed_lateness_s)
        if task.kind == "forecast" and (labels.delay.seconds or labels.delay.events):
            raise ValueError(
                "labels.delay: leave it out, a forecast's targets mature by themselves"
            )
        if self.kafka is not None:
            _check_live(self.kafka, self)
        if self.evaluation.rolling_auc and len(task.classes) != 2:
            raise ValueError("evaluation.rolling_auc: leave it out, it is for two classes")
        if task.target in self.record.features and task.kind != "forecast":
            raise ValueError(
                f"record.features.{task.target}: it is the target: a prediction would peek at it"
            )
        return self

    def model_post_init(self, context: Any) -> None:  # noqa: ANN401 - pydantic's own
        """Remember where it was read, if the validation's context tells."""
        if isinstance(context, Origin):
            self._origin = context

    @property
    def origin(self) -> Origin:
        """Where this was read."""
        return self._origin

    def as_written(self) -> dict[str, Any]:
        """Return the file's tree, with overrides, but with ``${VAR}`` as such: fit to be shown."""
        return self._origin.written

    def schema_of_records(self) -> RecordSchema:
        """Return what sources decode by."""
        return RecordSchema(
            features=self.record.features,
            target=self.task.target,
            classes=self.task.classes,
            id=self.record.id,
            key=self.record.key,
            time=self.record.time,
        )


def _check_live(kafka: KafkaConfig, config: Config) -> None:
    """Raise if topics do not fit the rest of the file."""
    unknown = sorted(set(kafka.publish) - config.learners.keys())
    if unknown:
        raise ValueError(f"kafka.publish: there is no learner {', '.join(unknown)}")
    if kafka.labels is None:
        return
    if config.task.kind == "forecast":
        raise ValueError("kafka.labels: leave it out, a forecast's targets mature by themselves")
    if (kafka.labels.id or config.record.id) is None or config.record.id is None:
        raise ValueError("kafka.labels: labels find their events by id: name record.id")


def _needs_times(path: str, value: float | None) -> None:
    if value:
        raise ValueError(f"{path}: needs the column of event times, record.time")
