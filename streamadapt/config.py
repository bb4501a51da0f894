"""The pipeline file as one tree of checked values; `streamadapt.config_file` reads the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from streamadapt.config_kinds import Component, ConfigModel, kinds_of, shortened
from streamadapt.delay import LabelDelay
from streamadapt.derived import DerivedSpec
from streamadapt.detectors import DETECTORS
from streamadapt.events import FeatureField, RecordSchema, TimeField
from streamadapt.labels import LabelLimits
from streamadapt.models import LEARNERS
from streamadapt.reactions import Reaction

__all__ = ["Component", "Config", "LearnerConfig", "Origin", "WatchConfig"]

_NAME = r"^[\w.-]{1,100}$"


class DetectorConfig(Component):
    """A drift detector."""


Detectors: TypeAlias = kinds_of(DetectorConfig, DETECTORS)  # type: ignore[valid-type]


Reactions: TypeAlias = tuple[shortened(Reaction, "reset", "forget", "swap", "alert"), ...]  # type: ignore[valid-type,misc]


class WatchConfig(ConfigModel):
    """Detectors on a learner's loss, and what to do when they speak.

    Parameters
    ----------
    drift
        The detector whose alarms are drifts.
    warning
        A more nervous one, whose alarms are warnings.
    on_drift
        Reactions to a drift, in order.
    on_warning
        Reactions to a warning, in order.
    """

    drift: Detectors
    warning: Detectors | None = None
    on_drift: Reactions = ()
    on_warning: Reactions = ()


class LearnerConfig(Component):
    """A learner, and optionally who watches it."""

    watch: WatchConfig | None = Field(None, description="Detectors on its loss, and reactions.")


Learners: TypeAlias = kinds_of(LearnerConfig, LEARNERS)  # type: ignore[valid-type]


Features: TypeAlias = shortened(FeatureField, "numeric", "boolean", "categorical")  # type: ignore[valid-type]


def _class_name(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    return str(value) if type(value) is int else value  # YAML's 1 is the text "1" of a CSV file


class TaskConfig(ConfigModel):
    """What is predicted: a class, a number, or a series' values some steps ahead.

    Parameters
    ----------
    kind
        ``classification``, ``regression`` or ``forecast``.
    target
        Column of the label or number to predict.
    classes
        Of a classification: all class names, as they stand in the data.
    horizons
        Of a forecast: how many records ahead, e.g. ``[1, 12]``.
    """

    kind: Literal["classification", "regression", "forecast"]
    target: str
    classes: tuple[Annotated[str, BeforeValidator(_class_name)], ...] = ()
    horizons: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = ()

    @model_validator(mode="after")
    def _classes_and_horizons(self) -> TaskConfig:
        _only_for(self.kind, "classification", "classes", self.classes, least=2)
        _only_for(self.kind, "forecast", "horizons", self.horizons, least=1)
        return self


def _only_for(kind: str, owner: str, name: str, values: tuple[object, ...], least: int) -> None:
    """Raise unless `values` are there, and differ, just where the kind is `owner`."""
    if kind != owner and values:
        raise ValueError(f"`{name}` is for a {owner}, not for a {kind}")
    if kind == owner and len(values) < least:
        raise ValueError(f"a {owner} needs `{name}`, at least {least}")
    if len(set(values)) < len(values):
        raise ValueError(f"`{name}` holds a value twice")


class RecordConfig(ConfigModel):
    """The columns of a record; those not named are ignored.

    Parameters
    ----------
    features
        Raw feature columns in the order that learners see: ``numeric``, ``boolean`` or
        ``{kind: categorical, ...}``.
    id
        Column that names an event; by default its position in the source.
    key
        Column that says which entity or series an event belongs to; by default all are one.
    time
        Column of the event time.
    """

    features: dict[str, Features] = Field(min_length=1)
    id: str | None = None
    key: str | None = None
    time: TimeField | None = None


class LabelsConfig(LabelLimits):
    """When labels come (in replay), and how long they are waited for.

    Parameters
    ----------
    delay
        How late labels come in replay, by a number of events or by event time.
    max_pending
        Most events that wait for their label.
    max_early
        Most labels that wait for their event.
    max_age_s
        Longest wait for a label, in seconds of event time.
    remember
        So many of the last labelled events are kept, to know duplicates and corrections.
    learn_corrections
        Whether a label that differs from an earlier one of the same event is learned too.
    allowed_lateness_s
        Events this far behind the newest one are dead letters; by default none is.
    """

    delay: LabelDelay = LabelDelay()


class CheckpointConfig(ConfigModel):
    """How often state is saved, whichever comes first, and how many checkpoints are kept.

    Parameters
    ----------
    every_events
        Events between checkpoints.
    every_s
        Seconds between checkpoints.
    keep
        Checkpoints kept.
    """

    every_events: int = Field(500_000, ge=1)
    every_s: float = Field(10.0, gt=0)
    keep: int = Field(3, ge=1, le=100)


class SourceConfig(ConfigModel):
    """A recorded stream.

    Parameters
    ----------
    path
        The file; relative to where the command runs.
    format
        By default what the file's name says.
    """

    path: str
    format: Literal["csv", "jsonl", "parquet"] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a configuration was read: the file, what stood in it, and the line of each path."""

    file: str = "pipeline"
    written: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


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
    checkpoint
        How often state is saved.
    source
        The recorded stream to replay, unless the command names another.
    seed
        Seed of every learner that takes one and does not name its own.
    """

    name: str = Field(pattern=_NAME)
    task: TaskConfig
    record: RecordConfig
    derived: tuple[DerivedSpec, ...] = ()
    labels: LabelsConfig = LabelsConfig()
    learners: dict[Annotated[str, Field(pattern=_NAME)], Learners] = Field(min_length=1)
    baselines: bool | tuple[str, ...] = True
    reaction_block: int = Field(64, ge=1, le=1 << 20)
    checkpoint: CheckpointConfig = CheckpointConfig()
    source: SourceConfig | None = None
    seed: int = Field(0, ge=0)

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        labels, task = self.labels, self.task
        if self.record.time is None:
            _needs_times("labels.delay.seconds", labels.delay.seconds)
            _needs_times("labels.max_age_s", labels.max_age_s)
            _needs_times("labels.allowed_lateness_s", labels.allowed_lateness_s)
        if task.kind == "forecast" and (labels.delay.seconds or labels.delay.events):
            raise ValueError(
                "labels.delay: leave it out, a forecast's targets mature by themselves"
            )
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


def _needs_times(path: str, value: float | None) -> None:
    if value:
        raise ValueError(f"{path}: needs the column of event times, record.time")
