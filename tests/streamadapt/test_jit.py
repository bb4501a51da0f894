"""The cache of compiled kernels: never stale, always used, safe to fill at once, safe to lose."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import streamadapt
from streamadapt.jit import (
    cache_folder,
    fast_kernel,
    inlined_kernel,
    kernel,
    lean_kernel,
    source_key,
)

SOURCES = Path(streamadapt.__file__).parent

# A kernel that calls a kernel of another file: what Numba's own cache does not look at.
CALLED = """
from streamadapt.jit import kernel

@kernel
def step(x):
    return x + 1.0
"""
CALLING = """
import json
import streamadapt
from streamadapt.jit import kernel
from streamadapt.called_kernels import step

@kernel
def walk(x, n):
    for _ in range(n):
        x = step(x)
    return x

if __name__ == "__main__":
    found = {"value": walk(0.0, 10), "package": streamadapt.__file__}
    found["from_cache"] = sum(walk.stats.cache_hits.values())
    found["compiled"] = sum(walk.stats.cache_misses.values())
    print(json.dumps(found))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Make a package of this name with our `jit` and two kernels; return its folder."""
    folder = tmp_path / "streamadapt"
    folder.mkdir()
    for name in ("__init__.py", "errors.py", "jit.py"):
        shutil.copy(SOURCES / name, folder)
    (folder / "called_kernels.py").write_text(CALLED)
    (folder / "calling_kernels.py").write_text(CALLING)
    return folder


def begun(package: Path, cache: str = "cache") -> subprocess.Popen[str]:
    """Run the outer kernel in another process, with a cache beside the package."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "STREAMADAPT_CACHE_DIR": str(package.parent / cache),
    }
    command = [sys.executable, "-m", "streamadapt.calling_kernels"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=package.parent, env=environ, stdout=pipe, stderr=pipe, text=True
    )


def ended(process: subprocess.Popen[str], package: Path, warned: str = "") -> dict[str, Any]:
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert warned in errors
    found: dict[str, Any] = json.loads(said)
    assert Path(found.pop("package")).parent == package, "another package was imported"
    return found


def run(package: Path) -> dict[str, Any]:
    return ended(begun(package), package)


def test_a_kernel_is_compiled_once_and_then_read_from_the_cache(package: Path) -> None:
    assert run(package) == {"value": 10.0, "from_cache": 0, "compiled": 1}
    assert run(package) == {"value": 10.0, "from_cache": 1, "compiled": 0}


def test_a_change_of_a_called_kernel_in_another_file_is_seen_at_once(package: Path) -> None:
    assert run(package)["value"] == 10.0
    (package / "called_kernels.py").write_text(CALLED.replace("1.0", "2.0"))
    assert run(package) == {"value": 20.0, "from_cache": 0, "compiled": 1}


def test_what_was_compiled_before_a_change_serves_again_when_it_is_undone(package: Path) -> None:
    run(package)
    (package / "called_kernels.py").write_text(CALLED.replace("1.0", "2.0"))
    run(package)
    (package / "called_kernels.py").write_text(CALLED)
    assert run(package) == {"value": 10.0, "from_cache": 1, "compiled": 0}


def test_processes_that_fill_an_empty_cache_at_once_do_not_break_each_other(package: Path) -> None:
    processes = [begun(package) for _ in range(3)]
    values = [ended(process, package)["value"] for process in processes]
    assert values == [10.0, 10.0, 10.0]
    assert run(package) == {"value": 10.0, "from_cache": 1, "compiled": 0}


def test_a_cache_that_is_gone_costs_a_compilation_and_no_more(package: Path) -> None:
    run(package)
    shutil.rmtree(package.parent / "cache")
    assert run(package) == {"value": 10.0, "from_cache": 0, "compiled": 1}


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: bytes(len(whole)),
        lambda whole: b"no pickle at all",
    ],
    ids=["empty", "one byte", "half", "last byte lost", "zeros", "text"],
)
def test_a_damaged_cache_heals_by_a_compilation(
    package: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    run(package)
    damaged = list((package.parent / "cache").rglob(f"*walk*.{suffix}"))
    assert len(damaged) == 1
    damaged[0].write_bytes(damage(damaged[0].read_bytes()))
    process = begun(package)
    assert ended(process, package, "is damaged") == {"value": 10.0, "from_cache": 0, "compiled": 1}
    assert run(package) == {"value": 10.0, "from_cache": 1, "compiled": 0}


def test_without_a_place_for_it_each_process_compiles_and_says_so(package: Path) -> None:
    (package.parent / "file").touch()
    for added in (1.0, 2.0):
        (package / "called_kernels.py").write_text(CALLED.replace("1.0", str(added)))
        process = begun(package, "file")
        said, warned = process.communicate(timeout=120)
        assert json.loads(said)["value"] == 10 * added
        assert "set STREAMADAPT_CACHE_DIR" in warned
    assert list(package.rglob("*.nbi")) == []  # nor beside the sources, where Numba has its own key


# The key


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for part in ("", "connectors", "detectors", "models", "ops"):
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / "a.py").write_text(f"# {part}")
    return tmp_path


def test_the_key_is_of_sources_alone_not_of_where_or_when_they_are(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    before = source_key(sources)
    shutil.copytree(sources, elsewhere)
    os.utime(sources / "a.py", (0, 0))
    (sources / "notes.txt").write_text("no source")
    assert source_key(elsewhere) == source_key(sources) == before


@pytest.mark.parametrize("part", ["", "connectors", "detectors", "models", "ops"])
def test_any_change_of_a_source_makes_another_key(sources: Path, part: str) -> None:
    keys = [source_key(sources)]
    (sources / part / "a.py").write_text("# changed")
    keys.append(source_key(sources))
    (sources / part / "b.py").touch()
    keys.append(source_key(sources))
    (sources / part / "b.py").rename(sources / part / "c.py")
    keys.append(source_key(sources))
    assert len(set(keys)) == 4


def test_every_folder_with_sources_is_in_the_key(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    key = source_key(copy)
    for path in copy.rglob("__init__.py"):
        before = path.read_text()
        path.write_text(before + "# changed")
        assert source_key(copy) != key, path
        path.write_text(before)


def test_other_versions_make_another_key(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {source_key(sources)}
    for module in (np, numba):
        monkeypatch.setattr(module, "__version__", "0.0.1")
        keys.add(source_key(sources))
    monkeypatch.setattr("platform.python_version", lambda: "3.0.0")
    keys.add(source_key(sources))
    assert len(keys) == 4


def test_the_folder_is_ours_then_that_of_the_desktop_then_that_of_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/users/me"))
    monkeypatch.delenv("STREAMADAPT_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    end = Path("kernels") / source_key()
    assert cache_folder() == Path("/users/me/.cache/streamadapt") / end
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/streamadapt") / end
    monkeypatch.setenv("STREAMADAPT_CACHE_DIR", "/ours")
    assert cache_folder() == Path("/ours") / end


# What is compiled


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be found that was compiled by the other decorator: Numba's key has no flags."""
    monkeypatch.setattr("streamadapt.jit._CACHE_FOLDER", tmp_path / "cache")


def test_the_cache_of_other_packages_stays_where_it_was() -> None:
    config: Any = numba.config
    before = config.CACHE_DIR
    kernel(lambda x: x)
    assert before == config.CACHE_DIR


def _is_nan(x: float) -> bool:
    return x != x


def _is_infinite(x: float) -> bool:
    return x - x != 0.0 and x == x


@pytest.mark.parametrize("compiled", [kernel, fast_kernel])
def test_kernels_see_nan_and_infinity(compiled: Any) -> None:
    is_nan, is_infinite = compiled(_is_nan), compiled(_is_infinite)
    assert [is_nan(x) for x in (math.nan, 1.0, math.inf)] == [True, False, False]
    assert [is_infinite(x) for x in (math.inf, -math.inf, 1.0)] == [True, True, False]


def _quotient(x: float, y: float) -> float:
    return x / y


@pytest.mark.parametrize("compiled", [kernel, fast_kernel])
def test_kernels_divide_by_zero_without_raising(compiled: Any) -> None:
    assert compiled(_quotient)(1.0, 0.0) == math.inf


def _dot(x: Any, y: Any) -> float:
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


def test_a_kernel_gives_the_bits_of_python() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 1001))
    assert kernel(_dot)(x, y) == _dot(x, y)


def test_a_fast_kernel_keeps_the_order_of_sums() -> None:
    x = np.array([1e16, 1.0, -1e16, 1.0] * 250)
    assert fast_kernel(_dot)(x, np.ones(1000)) == _dot(x, np.ones(1000))


@inlined_kernel
def put_next(x: Any, i: int) -> None:
    x[i] = x[i - 1] / 3.0 + 0.1


@pytest.mark.parametrize("kind", [kernel, lean_kernel, inlined_kernel])
def test_kernels_that_count_no_references_give_the_same_bits(kind: Callable[..., Any]) -> None:
    def fill(x: Any) -> None:
        for i in range(1, x.size):
            put_next(x, i)

    found, wanted = np.ones(50), np.ones(50)
    kind(fill)(found)
    for i in range(1, 50):
        wanted[i] = wanted[i - 1] / 3.0 + 0.1
    assert np.array_equal(found, wanted)


def test_a_lean_kernel_can_make_no_array() -> None:
    @lean_kernel
    def doubled(x: Any) -> float:
        return float((x * 2.0)[0])

    with pytest.raises(numba.core.errors.NumbaError, match="NRT required"):
        doubled(np.ones(3))
