"""The tree of a configuration: kinds out of registries, rules that bind its parts, its schema."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from streamadapt.build import build_task
from streamadapt.config import Config, LearnerConfig
from streamadapt.config_file import parse_config
from streamadapt.config_kinds import kinds_of, parameters
from streamadapt.config_schema import DIALECT, json_schema, parameter_texts
from streamadapt.contracts import LearningTask
from streamadapt.detectors import DETECTORS
from streamadapt.errors import ConfigError
from streamadapt.models import BASELINES, LEARNERS
from tests.streams import CLASSIFY

CONFIG: dict[str, Any] = {
    "name": "demo",
    "task": {"kind": "regression", "target": "y"},
    "record": {"features": {"a": "numeric"}},
    "learners": {"linear": "linear"},
}
FORECAST = {"kind": "forecast", "target": "y", "horizons": [1, 3]}
GIVEN_ELSEWHERE = {"n_features", "n_classes", "feature_names", "nominal_features", "signing_key"}


def config(**changes: Any) -> Config:
    return Config.model_validate({**CONFIG, **changes})


def problem(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        config(**changes)
    return str(caught.value)


class Mine:
    """A learner of one's own.

    It is added by one line in a registry.

    Parameters
    ----------
    n_features
        Width of a row.
    rate
        How fast it
        learns.
    mode
        How it learns.
    seed
        Of its randomness.
    """

    def __init__(
        self, n_features: int, rate: float, mode: Literal["a", "b"] = "a", seed: int = 0
    ) -> None:
        raise NotImplementedError


def test_a_component_added_to_a_registry_appears_with_its_parameters_by_itself() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kinds_of(LearnerConfig, {**LEARNERS, "mine": Mine}))
    found = adapter.validate_python({"kind": "mine", "rate": 2, "mode": "b"})
    assert (found.rate, found.mode, found.seed) == (2.0, "b", 0)
    assert found.given() == {"rate": 2.0, "mode": "b"}
    schema = adapter.json_schema()["$defs"]["MineConfig"]
    assert set(schema["properties"]) == {"kind", "watch", "robust", "rate", "mode", "seed"}
    assert set(schema["required"]) == {"kind", "rate"}
    with pytest.raises(ValidationError, match="rate"):
        adapter.validate_python("mine")


def test_parameters_told_by_the_pipeline_or_secret_are_not_in_the_file() -> None:
    assert set(parameters(Mine)) == {"rate", "mode", "seed"}
    for component in [*LEARNERS.values(), *DETECTORS.values()]:
        assert GIVEN_ELSEWHERE.isdisjoint(parameters(component))


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_registered_learner_is_in_the_schema_with_every_parameter_described(kind: str) -> None:
    definition = json_schema()["$defs"][f"{LEARNERS[kind].__name__}Config"]
    assert definition["properties"]["kind"]["const"] == kind
    assert definition["description"]
    for name in parameters(LEARNERS[kind]):
        assert definition["properties"][name]["description"], name


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_registered_detector_is_in_the_schema_with_every_parameter_described(kind: str) -> None:
    definition = json_schema()["$defs"][f"{DETECTORS[kind].__name__}Config"]
    assert definition["properties"]["kind"]["const"] == kind
    for name in parameters(DETECTORS[kind]):
        assert definition["properties"][name]["description"], name


def test_the_schema_names_its_dialect_and_allows_no_other_names() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    models = [d for d in schema["$defs"].values() if d["type"] == "object"]
    assert models
    assert all(model["additionalProperties"] is False for model in models)


def test_every_field_at_the_top_of_the_schema_is_described() -> None:
    fields = json_schema()["properties"]
    assert set(fields) == set(Config.model_fields)
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_schema_knows_that_a_kind_may_stand_alone() -> None:
    schema = json_schema()
    (learners,) = schema["properties"]["learners"]["patternProperties"].values()
    assert set(learners["anyOf"][0]["enum"]) == set(LEARNERS)
    features = schema["$defs"]["RecordConfig"]["properties"]["features"]["additionalProperties"]
    assert features["anyOf"][0]["enum"] == ["numeric", "boolean", "categorical", "text"]
    reactions = schema["$defs"]["WatchConfig"]["properties"]["on_drift"]["items"]
    assert reactions["anyOf"][0]["enum"] == ["reset", "forget", "swap", "alert"]


def test_only_the_section_of_parameters_is_taken_from_a_docstring() -> None:
    texts = parameter_texts(inspect.getdoc(Mine))
    assert texts["rate"] == "How fast it learns."
    assert parameter_texts("Sum.\n\nRaises\n------\nError\n    If.\n") == {}
    assert parameter_texts(None) == {}
    text = "Sum.\n\nParameters\n----------\na\n    One.\n\n    Two.\n\nRaises\n------\nE\n    If.\n"
    assert parameter_texts(text) == {"a": "One. Two."}


def test_a_learner_of_your_own_is_named_by_python_alone() -> None:
    found: Any = config(learners={"mine": {"python": "my.module:Make", "params": {"rate": 1}}})
    assert found.learners["mine"].kind == "python"
    assert found.learners["mine"].params == {"rate": 1}


def test_a_learner_of_your_own_can_be_watched_by_a_detector_of_your_own() -> None:
    watch = {"drift": {"python": "my.module:Detector"}, "on_drift": ["reset"]}
    found: Any = config(learners={"mine": {"python": "my.module:Make", "watch": watch}})
    assert found.learners["mine"].watch.drift.python == "my.module:Detector"


def test_a_feature_function_of_your_own_is_named_by_python_alone() -> None:
    found: Any = config(derived=[{"python": "my.module:features"}])
    assert found.derived[0].factory == "my.module:features"


def test_classes_are_for_a_classification_and_needed_there() -> None:
    def task(**changes: object) -> str:
        return problem(task={"kind": "classification", "target": "y", **changes})

    assert "a classification needs `classes`, at least 2" in task()
    assert "a classification needs `classes`, at least 2" in task(classes=["a"])
    assert "`classes` holds a value twice" in task(classes=["1", 1])
    assert "`horizons` is for a forecast, not for a classification" in task(
        classes=["a", "b"], horizons=[1]
    )


def test_horizons_are_for_a_forecast_and_needed_there() -> None:
    assert "a forecast needs `horizons`, at least 1" in problem(
        task={"kind": "forecast", "target": "y"}
    )
    assert "`horizons` holds a value twice" in problem(task={**FORECAST, "horizons": [2, 2]})
    assert "horizons.0" in problem(task={**FORECAST, "horizons": [0]})
    assert "`classes` is for a classification, not for a regression" in problem(
        task={"kind": "regression", "target": "y", "classes": ["a", "b"]}
    )


def test_a_target_may_be_a_feature_only_of_a_forecast() -> None:
    record = {"features": {"y": "numeric"}}
    assert "record.features.y: it is the target" in problem(record=record)
    assert config(record=record, task=FORECAST).task.horizons == (1, 3)


def test_a_forecast_has_no_label_delay() -> None:
    assert "labels.delay: leave it out" in problem(task=FORECAST, labels={"delay": {"events": 1}})


@pytest.mark.parametrize(
    ("labels", "path"),
    [
        ({"delay": {"seconds": 1}}, "labels.delay.seconds"),
        ({"max_age_s": 1}, "labels.max_age_s"),
        ({"allowed_lateness_s": 1}, "labels.allowed_lateness_s"),
    ],
)
def test_what_counts_in_event_time_needs_its_column(labels: dict[str, object], path: str) -> None:
    assert f"{path}: needs the column of event times" in problem(labels=labels)
    record = {"features": {"a": "numeric"}, "time": {"column": "t"}}
    assert config(labels=labels, record=record).record.time is not None


def test_a_configuration_never_changes() -> None:
    made = config()
    with pytest.raises(ValidationError, match="frozen"):
        made.seed = 3  # type: ignore[misc]


def test_baselines_are_those_that_fit_or_those_named_or_none() -> None:
    def lanes(**changes: object) -> list[str]:
        task = build_task(config(**changes), {})
        return [lane.name for track in task.tracks for lane in track.pipeline.lanes]

    fitting = list(BASELINES[LearningTask.REGRESSION])
    assert lanes() == ["linear", *fitting]
    assert lanes(baselines=False) == ["linear"]
    assert lanes(baselines=["running_mean"]) == ["linear", "running_mean"]


def test_a_forecast_has_lanes_for_each_horizon() -> None:
    task = build_task(config(task=FORECAST, baselines=False), {})
    assert [lane.name for t in task.tracks for lane in t.pipeline.lanes] == ["linear@1", "linear@3"]


def test_the_schema_of_records_is_what_sources_need() -> None:
    record: dict[str, Any] = {
        "features": {"a": "numeric", "b": {"kind": "categorical"}},
        "id": "i",
        "key": "k",
        "time": {"column": "t", "format": "unix_s"},
    }
    schema = config(record=record).schema_of_records()
    assert schema.number_columns() == ("a", "y")
    assert schema.text_columns() == ("b", "i", "k")


def test_a_type_may_be_made_of_any_annotation() -> None:
    class Annotated_:
        """Has an odd parameter."""

        def __init__(self, sizes: Annotated[list[int], "in rows"], other: Any = None) -> None:
            raise NotImplementedError

    adapter: TypeAdapter[Any] = TypeAdapter(kinds_of(LearnerConfig, {"odd": Annotated_}))
    assert adapter.validate_python({"kind": "odd", "sizes": ["1"]}).sizes == [1]


@pytest.mark.parametrize("name", ["label", "position", "time"])
def test_a_learner_cannot_be_called_like_a_column_of_the_predictions(name: str) -> None:
    text = CLASSIFY.replace("  logistic:", f"  {name}:")
    with pytest.raises(ConfigError, match=f"learners.{name}.*column of this name"):
        parse_config(text, {})
