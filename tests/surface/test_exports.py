"""What a package exports is what it says it exports: no more, no less, in order."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import streamadapt

FOUND = list(pkgutil.walk_packages(streamadapt.__path__, "streamadapt."))
MODULES = sorted(module.name for module in FOUND if not module.name.endswith("_kernels"))
PACKAGES = ["streamadapt", *sorted(module.name for module in FOUND if module.ispkg)]


def _rank(name: str) -> tuple[int, str]:
    """Sort as ruff does: CONSTANTS, then Classes, then functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name


def _reexported(module: ModuleType) -> set[str]:
    """Return all public names that are no modules: what `import *` by hand could reach."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }


@pytest.mark.parametrize("name", MODULES)
def test_all_names_in_all_can_be_imported_and_are_sorted(name: str) -> None:
    module = importlib.import_module(name)
    exported = module.__all__
    assert [n for n in exported if not hasattr(module, n)] == []
    assert exported == sorted(set(exported), key=_rank)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_exactly_what_can_be_imported_from_it(name: str) -> None:
    module = importlib.import_module(name)
    public = {n for n in module.__all__ if not n.startswith("_")}
    lazily = {n for n in public - vars(module).keys() if hasattr(module, n)}  # by __getattr__
    assert public == _reexported(module) | lazily
