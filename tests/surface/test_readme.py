"""What README and docs show, works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamadapt.config_file import parse_config

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
