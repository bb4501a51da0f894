"""The parts of a pipeline file: task, record, labels, learners and who watches them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from streamadapt.config_generators import DriftConfig, GeneratedStream, Generators
from streamadapt.config_kinds import Component, ConfigModel, kinds_of, shortened
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.files import FileFormat
from streamadapt.delay import LabelDelay
from streamadapt.derived import DerivedSpec
from streamadapt.detectors import DETECTORS, ROW_DETECTORS
from streamadapt.events import FeatureField, TimeField
from streamadapt.labels import LabelLimits
from streamadapt.models import LEARNERS
from streamadapt.reactions import Reaction

__all__ = [
    "CheckpointConfig",
    "DerivedFeature",
    "DetectorConfig",
    "LabelsConfig",
    "LearnerConfig",
    "Learners",
    "OutputsConfig",
    "OwnFeature",
    "RecordConfig",
    "RobustConfig",
    "SourceConfig",
    "TaskConfig",
    "WatchConfig",
]


class DetectorConfig(Component):
    """A drift detector."""


Detectors: TypeAlias = kinds_of(DetectorConfig, DETECTORS | ROW_DETECTORS)  # type: ignore[valid-type]


Reactions: TypeAlias = tuple[shortened(Reaction, "reset", "forget", "swap", "alert"), ...]  # type: ignore[valid-type,misc]


class WatchConfig(ConfigModel):
    """Detectors on a learner's loss, uncertainty or features, and what to do when they speak.

    Parameters
    ----------
    signal
        ``loss``, known when the label comes; or what is known at once, for streams whose labels
        are late or rare: ``uncertainty``, the entropy of the predicted classes, or ``features``,
        the rows themselves, for detectors that take rows.
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
    signal: Literal["loss", "uncertainty", "features"] = "loss"
    warning: Detectors | None = None
    on_drift: Reactions = ()
    on_warning: Reactions = ()


def _feature_watch(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    return {"signal": "features", "drift": "kernel_two_sample"} if value == "features" else value


Watching: TypeAlias = Annotated[
    WatchConfig,
    BeforeValidator(_feature_watch, json_schema_input_type=Literal["features"] | WatchConfig),
]
"""``features`` alone is short for the usual detector on them, without a reaction."""


class RobustConfig(ConfigModel):
    """Rows whose loss is far above what losses are now are not learned: their labels may be wrong.

    Parameters
    ----------
    window
        About how many rows mean and deviation of the losses follow.
    deviations
        A loss so many of them above the mean is too large.
    most_left_out
        If lately a larger share of losses was too large, it is a drift, and all rows are learned.
    """

    window: int = Field(500, ge=10, le=10**9)
    deviations: float = Field(1.5, ge=0.0, le=1e6)
    most_left_out: float = Field(0.4, ge=0.0, le=1.0)


class LearnerConfig(Component):
    """A learner, and optionally who watches it."""

    robust: RobustConfig | None = Field(
        None, description="Leave out rows whose labels may be wrong; {} for the defaults."
    )
    watch: Watching | None = Field(
        None, description="Detectors on its loss, uncertainty or features, and reactions."
    )


Learners: TypeAlias = kinds_of(LearnerConfig, LEARNERS)  # type: ignore[valid-type]


Features: TypeAlias = shortened(FeatureField, "numeric", "boolean", "categorical", "text")  # type: ignore[valid-type]


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
    predict
        Of a forecast whose target is also a feature: ``change`` lets learners predict what the
        series will add to its value now, ``level`` the value itself.
    """

    kind: Literal["classification", "regression", "forecast"]
    target: str
    classes: tuple[Annotated[str, BeforeValidator(_class_name)], ...] = ()
    horizons: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = ()
    predict: Literal["change", "level"] = "change"

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


class CodecConfig(ConfigModel):
    """What reads messages in a format of your own.

    Parameters
    ----------
    python
        ``package.module:factory``; called with the `params`, it gives a function that takes the
        bytes of a message (a line of a file) and returns a mapping of names to scalars.
    params
        Its parameters.
    """

    python: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    params: dict[str, Any] = Field(default_factory=dict)


class RecordConfig(ConfigModel):
    """The columns of a record; those not named are ignored.

    Parameters
    ----------
    features
        Raw feature columns in the order that learners see: ``numeric``, ``boolean``, ``text`` or
        ``{kind: categorical, ...}``.
    id
        Column that names an event; by default its position in the source.
    key
        Column that says which entity or series an event belongs to; by default all are one.
    time
        Column of the event time.
    codec
        Reads messages in a format of your own; by default the format is the file's.
    """

    features: dict[str, Features] = Field(min_length=1)
    id: str | None = None
    key: str | None = None
    time: TimeField | None = None
    codec: CodecConfig | None = None


class OwnFeature(ConfigModel):
    """A feature function of your own.

    Parameters
    ----------
    python
        ``package.module:factory`` of a `streamadapt.derived.FeatureFunction`.
    """

    python: str


def _own_feature(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    is_own = isinstance(value, dict) and value.keys() == {"python"}
    return {"kind": "python", "factory": value["python"]} if is_own else value


DerivedFeature: TypeAlias = Annotated[
    DerivedSpec,
    BeforeValidator(_own_feature, json_schema_input_type=DerivedSpec | OwnFeature),
]


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


class OutputsConfig(ConfigModel):
    """What a replay writes beside its summary; the command's own switches come first.

    Parameters
    ----------
    predictions
        Whether every learner's output for every event is kept, in ``predictions.parquet``.
    report
        Whether ``report.html`` is written.
    """

    predictions: bool = True
    report: bool = True


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
    """A recorded stream, or a generated one.

    Parameters
    ----------
    path
        The file, relative to where the command runs; or a folder or pattern whose files are one
        stream; ``-`` for standard input; ``river:NAME`` for a data set of River.
    format
        By default what the file's name says.
    csv
        How CSV files are written, where that is not as usual.
    generator
        Instead of a file: what generates the rows.
    rows
        How many rows are generated.
    drifts
        Drifts of the generated stream to other concepts, in order.
    """

    path: str | None = None
    format: FileFormat | None = None
    csv: CSVDialect | None = None
    generator: Generators | None = None
    rows: int | None = Field(None, ge=1)
    drifts: tuple[DriftConfig, ...] = ()

    @model_validator(mode="after")
    def _file_or_generator(self) -> SourceConfig:
        if (self.path is None) == (self.generator is None):
            raise ValueError("source: name either a `path` or a `generator`")
        if self.generator is not None and self.rows is None:
            raise ValueError("source: a `generator` needs `rows`: how many to generate")
        if self.generator is None and (self.rows is not None or self.drifts):
            raise ValueError("source: `rows` and `drifts` go with a `generator`")
        return self

    @property
    def generated(self) -> GeneratedStream | None:
        """The stream to generate, if it is not a file."""
        if self.generator is None or self.rows is None:
            return None
        return GeneratedStream(generator=self.generator, rows=self.rows, drifts=self.drifts)
