"""Five folders at the root, one import package: the map, the links and the names agree."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import streamadapt

ROOT = Path(__file__).parents[2]
PARTS = ["connectors", "detectors", "models", "ops"]


def _setuptools() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
        "setuptools"
    ]
    return table


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_each_part_has_one_name() -> None:
    for module in pkgutil.walk_packages(streamadapt.__path__, "streamadapt."):
        importlib.import_module(module.name)
    assert set(PARTS) & set(sys.modules) == set()


def test_every_folder_with_an_init_is_in_the_package_dir_map() -> None:
    folders = [
        path.parent.relative_to(ROOT).as_posix()
        for top in ["streamadapt", *PARTS]
        for path in (ROOT / top).rglob("__init__.py")
        if not any(parent.is_symlink() for parent in path.parents)
    ]
    table = _setuptools()
    assert sorted(table["package-dir"].values()) == sorted(folders)
    assert sorted(table["package-dir"]) == sorted(table["packages"])


def test_every_part_is_a_link_in_the_package() -> None:
    links = {path.name: path for path in (ROOT / "streamadapt").iterdir() if path.is_symlink()}
    assert sorted(links) == PARTS
    assert {name: path.readlink().as_posix() for name, path in links.items()} == {
        part: f"../{part}" for part in PARTS
    }


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a git checkout is what is tested")
def test_git_keeps_the_four_links_as_links() -> None:
    lines = [line.split() for line in _git("ls-files", "-s", "streamadapt").splitlines()]
    assert [path for mode, *_, path in lines if mode == "120000"] == [
        f"streamadapt/{part}" for part in PARTS
    ]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a git checkout is what is tested")
def test_git_knows_each_file_of_the_parts_by_its_root_path() -> None:
    paths = _git("ls-files", *PARTS).splitlines()
    assert {path.split("/")[0] for path in paths} == set(PARTS)
    deeper = [path for path in paths if path.count("/") > 1 and path.endswith(".py")]
    assert {path.rpartition("/")[0] for path in deeper} == {
        "ops/live",
        "ops/services",
    }  # not in the wheel
