"""The sdist, and the wheel built from it, hold every module and work without the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("connectors", "detectors", "models", "ops")
FILES = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc", "data")

MODULES = {
    f"streamadapt/{path.relative_to(ROOT).as_posix().removeprefix('streamadapt/')}"
    for part in ("streamadapt", *PARTS)
    for path in (ROOT / part).glob("*.py")
}

IMPORT_ALL = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import streamadapt
names = [m.name for m in pkgutil.walk_packages(streamadapt.__path__, "streamadapt.")]
files = [importlib.import_module(name).__file__ for name in names if not name.endswith("__main__")]
print(json.dumps(files))
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel out of it, from a copy; return their folder."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    for part in ("streamadapt", *PARTS, "tests"):
        shutil.copytree(ROOT / part, copy / part, symlinks=True, ignore=NOT_COPIED)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("streamadapt-*.whl"))


def test_the_wheel_holds_every_module_and_no_other(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    assert names == MODULES


def test_the_wheel_says_that_it_is_typed_and_how_it_is_licensed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "streamadapt/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)


def test_the_sdist_holds_the_modules_and_the_tests(dist: Path) -> None:
    with tarfile.open(next(dist.glob("streamadapt-*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for part in (*PARTS, "streamadapt", "tests"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / part).glob("*.py")}
        assert files <= names
    assert f"tests/surface/{Path(__file__).name}" in names
    assert [name for name in names if "__pycache__" in name] == []


def test_the_installed_wheel_imports_from_where_it_was_installed(
    wheel: Path, tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-compile", "--target", str(tmp_path), str(wheel)], check=True, timeout=100
    )
    command = [sys.executable, "-I", "-c", IMPORT_ALL, str(tmp_path)]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert out.returncode == 0, out.stderr[-2000:]
    files = json.loads(out.stdout)
    assert len(files) >= len(MODULES) - 2  # but streamadapt itself, and __main__
    assert [file for file in files if not file.startswith(str(tmp_path))] == []
