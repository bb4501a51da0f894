"""What README and docs show, works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamadapt.config_file import parse_config
from streamadapt.config_live import KafkaConfig, StoreConfig

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_python_example_finds_its_drift(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(README, "python")
    exec(compile(code, "README.md", "exec"), {})
    first = int(capsys.readouterr().out.strip("[]\n "))
    assert 5000 < first < 5500


def test_the_first_pipeline_is_right_and_has_ten_lines() -> None:
    (text,) = blocks(README, "yaml")
    config = parse_config(text, {})
    assert list(config.learners) == ["tree", "logistic"]
    assert len(text.splitlines()) <= 10


def test_every_file_that_is_pointed_to_is_there() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_demo_pipeline_is_right() -> None:
    config = parse_config((ROOT / "ops/demo/pipeline.yaml").read_text(), {})
    assert len(config.learners) == 3


def test_the_live_pipeline_is_right_and_its_streams_columns_are_named() -> None:
    environ = {"KAFKA_BOOTSTRAP": "h:1", "REDIS_URL": "redis://h"}
    config = parse_config((ROOT / "ops/live/pipeline.yaml").read_text(), environ)
    assert config.kafka is not None
    assert config.kafka.labels is not None


LEARNERS = blocks((ROOT / "docs/learners.md").read_text(), "yaml")
SOURCES = [t for t in blocks((ROOT / "docs/pipeline.md").read_text(), "yaml") if "source:" in t]


@pytest.mark.parametrize("text", LEARNERS)
def test_the_learners_that_are_shown_are_right(text: str) -> None:
    rest = "name: a\ntask: {kind: classification, target: y, classes: [u, v]}\n"
    assert parse_config(text + rest + "record: {features: {x: numeric}}\n", {}).learners


@pytest.mark.parametrize("text", SOURCES)
def test_the_sources_that_are_shown_are_right(text: str) -> None:
    rest = "name: a\ntask: {kind: regression, target: y}\nlearners: {linear: linear}\n"
    source = parse_config(text + rest + "record: {features: {x: numeric}}\n", {}).source
    assert source is not None


PAGE = (ROOT / "docs/live.md").read_text()


@pytest.mark.parametrize("text", blocks(PAGE, "yaml"))
def test_the_sections_of_a_live_pipeline_are_right(text: str) -> None:
    environ = dict.fromkeys(("KAFKA_USER", "KAFKA_PASSWORD", "REDIS_PASSWORD"), "x")
    rest = """
name: clicks
task: {kind: regression, target: y}
record: {features: {x: numeric}, id: i}
learners: {linear: linear}
"""
    config = parse_config(text + rest, environ)
    assert config.kafka is not None


def test_every_option_of_topics_and_store_is_explained() -> None:
    for name in [*KafkaConfig.model_fields, *StoreConfig.model_fields]:
        assert f"`{name}`" in PAGE, name
