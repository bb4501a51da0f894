"""The rules of the house that a tool can check, and no other tool here does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("streamadapt", "connectors", "detectors", "models", "ops", "ops/services", "ops/live")
FILES = sorted(path for part in PARTS for path in (ROOT / part).glob("*.py"))
PURE = [path for path in FILES if path.parent.name in ("models", "detectors")]
KERNELS = [path for path in FILES if path.name.endswith("_kernels.py")]

# River's models are objects of others: their only full state is a pickle.
MAY_PICKLE = {"river_adapter.py", "river_pickle.py"}
RUNS_CODE = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "jsonpickle",
}
CLOCKS = {"time", "datetime", "asyncio", "threading", "socket", "os", "random", "uuid", "secrets"}
COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "jitclass"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> set[str]:
    """Return the first parts of all imported modules, wherever they are imported."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def _names(path: Path) -> set[str]:
    """Return all names and attributes that are used."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def _calls(path: Path) -> Iterator[ast.Call]:
    return (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _loops(path: Path) -> Iterator[ast.expr]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.For | ast.comprehension):
            yield node.iter


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 20
    assert KERNELS
    assert PURE


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_file_runs_code_that_it_is_given(path: Path) -> None:
    called = {_called(call) for call in _calls(path)}
    assert called & {"eval", "exec", "compile", "__import__", "yaml.unsafe_load"} == set()
    if path.name not in MAY_PICKLE:
        assert _imports(path) & RUNS_CODE == set()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_arrays_are_never_loaded_as_objects(path: Path) -> None:
    keywords = [keyword for call in _calls(path) for keyword in call.keywords]
    allowed = [k for k in keywords if k.arg == "allow_pickle" and ast.unparse(k.value) != "False"]
    assert allowed == []


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_learning_knows_no_clock_no_thread_and_no_environment(path: Path) -> None:
    allowed = {"random"} if path.name in MAY_PICKLE else set()  # classes a pickle may name
    assert _imports(path) & CLOCKS <= allowed


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_randomness_comes_from_a_seed(path: Path) -> None:
    for call in _calls(path):
        if _called(call).endswith(("default_rng", "Generator", "PCG64", "SeedSequence", "Philox")):
            assert call.args or call.keywords, f"line {call.lineno}: no seed"
        assert "np.random.rand" not in _called(call), f"line {call.lineno}: the global generator"


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_no_loop_runs_over_a_set(path: Path) -> None:
    for iterated in _loops(path):
        text = ast.unparse(iterated)
        assert not isinstance(iterated, ast.Set | ast.SetComp), f"line {iterated.lineno}: {text}"
        assert not text.startswith(("set(", "frozenset(")), f"line {iterated.lineno}: {text}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_numba_compiles_through_one_module_alone(path: Path) -> None:
    if path.name != "jit.py":
        assert _names(path) & COMPILERS == set()


@pytest.mark.parametrize("path", KERNELS, ids=_name)
def test_kernels_are_compiled_by_that_module(path: Path) -> None:
    assert _names(path) & {"kernel", "fast_kernel", "lean_kernel", "inlined_kernel"}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_file_is_small(path: Path) -> None:
    limit = 600 if path in KERNELS else 400
    assert len(path.read_text().splitlines()) <= limit
