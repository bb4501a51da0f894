"""From a checked configuration to the objects that do the work."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from streamadapt.config import Component, Config, WatchConfig
from streamadapt.connectors.json_codec import ReadMessage
from streamadapt.contracts import Learner, LearningTask
from streamadapt.derived import Derived, PythonFeature
from streamadapt.detectors import DETECTORS, ROW_DETECTORS
from streamadapt.envelope import LIMIT_BYTES
from streamadapt.errors import ConfigError, StreamAdaptError
from streamadapt.events import Records
from streamadapt.features import FeatureMap
from streamadapt.intake import Intake
from streamadapt.labels import LabelJoin
from streamadapt.models import BASELINES, LEARNERS
from streamadapt.models.change import learning_changes
from streamadapt.models.robust import learning_robustly
from streamadapt.pipeline import AnyDetector, Lane, Pipeline, Watch
from streamadapt.task import Task
from streamadapt.tracks import LabelTrack, MaturingTrack, Track, maturing_limits

__all__ = [
    "PIPELINE",
    "SIGNING_KEY_VARIABLE",
    "build_task",
    "detector_of",
    "fingerprints",
    "imported",
    "read_message",
    "warm_up",
]

PIPELINE = "@pipeline"
"""Fingerprint of what all learners share; no learner can have this name."""

SIGNING_KEY_VARIABLE = "STREAMADAPT_SIGNING_KEY"
"""Environment variable with the key that signs pickled River models."""

EXTRAS = {"torch": "torch"}
"""Which extra of this package brings a module that is not installed with it."""


def imported(name: str, where: str) -> Any:  # noqa: ANN401 - whatever the user's module holds
    """Return what ``package.module:attribute`` names.

    Raises
    ------
    ConfigError
        If the module cannot be imported, or has no such attribute.
    """
    module, _, path = name.partition(":")
    try:
        found = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{where}: python: {name!r} {_absent(error)}") from error
    except Exception as error:  # the user's module may break in any way
        raise ConfigError(f"{where}: python: {name!r} cannot be imported: {error}") from error
    return found


def _absent(error: ModuleNotFoundError) -> str:
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return f"cannot be imported: {error}"
    return f"needs {module}: pip install 'streamadapt[{EXTRAS[module]}]'"


def build_task(config: Config, environ: Mapping[str, str]) -> Task:
    """Return a task that has seen nothing.

    Raises
    ------
    ConfigError
        If a component refuses its parameters, or one does not fit the others.
    """
    schema = config.schema_of_records()
    is_forecast = config.task.kind == "forecast"
    labels_apart = config.kafka is not None and config.kafka.labels is not None
    immediate = not (labels_apart or config.labels.delay.events or config.labels.delay.seconds)
    features = FeatureMap(
        schema,
        [_derived(spec) for spec in config.derived],
        target_is_known=is_forecast,
        past_targets_are_known=immediate,
    )
    _check_waiting(config, features.n_features)
    join = LabelJoin(features.n_features, config.labels, dedup_only=is_forecast)
    makers = _Makers(config, features, environ)
    tracks: list[Track] = []
    if not is_forecast:
        tracks.append(LabelTrack(join, Pipeline(makers.lanes(join.n_slots), config.reaction_block)))
    for horizon in config.task.horizons:
        waits = LabelJoin(features.n_features, maturing_limits(horizon, config.labels.max_pending))
        lanes = makers.lanes(waits.n_slots, f"@{horizon}")
        tracks.append(MaturingTrack(horizon, Pipeline(lanes, config.reaction_block), waits))
    return Task(Intake(schema), features, join, tracks, labels_apart)


def warm_up(task: Task) -> None:
    """Let a task that is used for nothing else compile, or load, all kernels of its kind."""
    schema = task.schema
    texts: dict[str, list[str | None]] = {n: ["0", "1"] for n in schema.text_columns()}
    if schema.classes:
        texts[schema.target] = [schema.classes[0]] * 2
    numbers = {n: np.zeros(2) for n in schema.number_columns() + schema.boolean_columns()}
    times = np.zeros(2, np.int64) if schema.time else None
    task.run(Records(np.arange(2), numbers, texts, times, lambda row: b""))
    task.state().digest()


def _check_waiting(config: Config, n_features: int) -> None:
    """Raise if rows could not wait for their labels, or a checkpoint not hold them."""
    labels = config.labels
    if labels.delay.events >= labels.max_pending:
        raise ConfigError(
            f"labels.max_pending: with a delay of {labels.delay.events} events each event would "
            "expire before its label comes"
        )
    n_bytes = 8 * n_features * labels.max_pending
    if n_bytes > LIMIT_BYTES:
        raise ConfigError(
            f"labels.max_pending: {labels.max_pending} rows of {n_features} features may take "
            f"{n_bytes >> 20} MiB, and a checkpoint holds {LIMIT_BYTES >> 20} MiB: wait for fewer"
        )


def read_message(config: Config) -> ReadMessage | None:
    """Return the user's own reader of messages, if the file names one."""
    codec = config.record.codec
    if codec is None:
        return None
    factory = imported(codec.python, "record.codec")
    return _tried(partial(factory, **codec.params), "record.codec")  # type: ignore[no-any-return]


def fingerprints(config: Config) -> dict[str, str]:
    """Return {component: hash of its configuration}: same hash, same meaning of its state.

    How often checkpoints are made, and where the stream stands, is nobody's state.
    """
    tree = config.model_dump(mode="json")
    shared = {
        name: tree[name]
        for name in ("task", "record", "derived", "labels", "reaction_block", "evaluation")
    }
    parts: dict[str, Any] = {PIPELINE: shared}
    parts |= {
        name: [_as_ever(learner.model_dump(mode="json")), tree["seed"]]
        for name, learner in config.learners.items()
    }
    parts |= {kind: kind for kind in _baselines(config)}
    return {
        name: sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
        for name, part in parts.items()
    }


def _as_ever(learner: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says by default what older releases did, so that their checkpoints load."""
    watch = learner.get("watch")
    if watch is None or watch["signal"] != "loss":
        return learner
    return learner | {"watch": {name: v for name, v in watch.items() if name != "signal"}}


class _Makers:
    """Gives lanes of a configuration; remembers what learners are told by the pipeline."""

    def __init__(self, config: Config, features: FeatureMap, environ: Mapping[str, str]) -> None:
        self._config = config
        nominal = {
            i: column.n_values for i, column in enumerate(features.columns) if column.n_values
        }
        self._told: dict[str, Any] = {
            "n_features": features.n_features,
            "n_classes": len(config.task.classes),
            "seed": config.seed,
            "feature_names": tuple(column.name for column in features.columns),
        }
        if nominal:
            self._told["nominal_features"] = nominal
        if key := environ.get(SIGNING_KEY_VARIABLE):
            self._told["signing_key"] = key.encode()
        # A series' value now: the persistence forecast, and what changes are added to.
        names = [column.name for column in features.columns]
        is_known = config.task.kind == "forecast" and config.task.target in names
        self._now = names.index(config.task.target) if is_known else None

    def lanes(self, n_slots: int, suffix: str = "") -> list[Lane]:
        """Return all lanes, baselines last."""
        config = self._config
        lanes: list[Lane] = []
        mistakes: list[str] = []
        for name, learner in config.learners.items():
            try:
                lanes.append(self._lane(name + suffix, f"learners.{name}", learner, n_slots))
            except ConfigError as error:
                mistakes += error.mistakes
        if mistakes:
            raise ConfigError(*mistakes)
        for kind in _baselines(config):
            given = {"column": self._now} if kind == "persistence" else {}
            make = _maker(LEARNERS[kind], self._told, given, f"baselines.{kind}")
            lanes.append(Lane(kind + suffix, make, n_slots, None, config.evaluation))
        return lanes

    def _lane(self, name: str, where: str, learner: Component, n_slots: int) -> Lane:
        component, given = _component(learner, LEARNERS, where)
        if isinstance(known := getattr(component, "learning_task", None), LearningTask):
            self._check_task(learner.kind, known, where)  # sooner than it refuses n_classes = 0
        make = _maker(component, self._told, given, where)
        self._check_task(learner.kind, make().learning_task, where)
        watch: WatchConfig | None = getattr(learner, "watch", None)
        if self._config.task.predict == "change" and self._now is not None:
            make = partial(learning_changes, make, self._now)
        if robust := getattr(learner, "robust", None):
            make = partial(learning_robustly, make, **dict(robust))
        if watch is None:
            return Lane(name, make, n_slots, None, self._config.evaluation)
        watched = _watch(watch, where, self._told["n_features"])
        lane = partial(Lane, name, make, n_slots, watched, self._config.evaluation)
        return _tried(lane, f"{where}.watch")  # type: ignore[no-any-return]

    def _check_task(self, kind: str, found: LearningTask, where: str) -> None:
        wanted = _wanted_task(self._config)
        if found is not wanted:
            fitting = ", ".join(k for k, c in LEARNERS.items() if c.learning_task is wanted)
            raise ConfigError(
                f"{where}: {kind} is for {found}, the task needs {wanted}; "
                f"such learners are: {fitting}"
            )


def _wanted_task(config: Config) -> LearningTask:
    return LearningTask.CLASSIFICATION if config.task.classes else LearningTask.REGRESSION


def _baselines(config: Config) -> tuple[str, ...]:
    """Return the kinds of the baselines that run beside the learners."""
    fitting = BASELINES[_wanted_task(config)]
    if isinstance(config.baselines, bool):
        chosen = fitting if config.baselines else ()
    else:
        chosen = config.baselines
    for kind in chosen:
        if kind not in LEARNERS or LEARNERS[kind].learning_task is not _wanted_task(config):
            raise ConfigError(
                f"baselines: {kind!r} does not fit the task; allowed are {', '.join(fitting)}"
            )
        if kind in config.learners:
            raise ConfigError(f"learners.{kind}: a baseline has this name; rename the learner")
    return chosen


def _component(
    spec: Component, registry: Mapping[str, type], where: str
) -> tuple[Any, dict[str, Any]]:
    if spec.kind == "python":
        return imported(spec.python, where), dict(spec.params)  # type: ignore[attr-defined]
    return registry[spec.kind], spec.given()


def _maker(
    component: Callable[..., Any], told: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> Callable[[], Learner]:
    """Return what makes the learner; it is told only what its constructor asks for."""
    asked = inspect.signature(component).parameters
    if "signing_key" in asked and "signing_key" not in told:
        raise ConfigError(
            f"{where}: the state of a River model is a pickle, which is trusted only if signed: "
            f"set {SIGNING_KEY_VARIABLE} in the environment to a secret of 16 or more characters"
        )
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values())
    arguments = {name: value for name, value in told.items() if name in asked or takes_all}
    arguments |= given

    def make() -> Learner:
        return component(**arguments)  # type: ignore[no-any-return]

    _tried(make, where)
    return make


def _watch(watch: WatchConfig, where: str, n_features: int) -> Watch:
    warning = watch.warning
    return Watch(
        _detector(watch.drift, f"{where}.watch.drift", n_features),
        _detector(warning, f"{where}.watch.warning", n_features) if warning else None,
        watch.on_drift,
        watch.on_warning,
        watch.signal,
    )


def detector_of(spec: Component, where: str) -> tuple[Any, dict[str, Any]]:
    """Return the class of a detector, or what else makes it, and the parameters given for it."""
    return _component(spec, DETECTORS | ROW_DETECTORS, where)


def _detector(spec: Component, where: str, n_features: int) -> Callable[[], AnyDetector]:
    component, given = detector_of(spec, where)
    if "n_features" in inspect.signature(component).parameters:
        given = {"n_features": n_features} | given

    def make() -> AnyDetector:
        return component(**given)  # type: ignore[no-any-return]

    _tried(make, where)
    return make


def _derived(spec: Any) -> Derived:  # noqa: ANN401 - any of the derived specifications
    if not isinstance(spec, PythonFeature):
        return spec  # type: ignore[no-any-return]
    return _tried(imported(spec.factory, "derived"), f"derived: {spec.factory}")  # type: ignore[no-any-return]


def _tried(make: Callable[[], Any], where: str) -> Any:  # noqa: ANN401 - what `make` gives
    """Make one, so that wrong parameters are said now, and where they stand."""
    try:
        return make()
    except StreamAdaptError as error:
        raise ConfigError(f"{where}: {error}") from error
    except Exception as error:  # a user's own component may break in any way
        raise ConfigError(f"{where}: {type(error).__name__}: {error}") from error
