"""Numba, with a cache that cannot be stale.

Numba's own cache looks only at the file of the kernel itself.  Kernels here call kernels of other
files, so the cache folder is keyed by a hash of all sources of the package and of the versions of
Python, NumPy and Numba: change one line anywhere, and nothing of the old cache is ever read.

The folder is ``STREAMADAPT_CACHE_DIR`` if set, else ``$XDG_CACHE_HOME/streamadapt`` or
``~/.cache/streamadapt``.  It may be deleted at any time.  Where it cannot be written, each process
compiles for itself, after a warning; a kernel whose file is damaged, as by a full disk or a loss of
power, is compiled again.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import hashlib
import os
import platform
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numba
import numpy as np
from numba.core.caching import FunctionCache

__all__ = [
    "Kernel",
    "cache_folder",
    "fast_kernel",
    "inlined_kernel",
    "kernel",
    "lean_kernel",
    "loose_kernel",
    "source_key",
]

Kernel: TypeAlias = Callable[..., Any]
"""A compiled function; its types are what Numba infers at the first call."""

config: Any = numba.config
_PARTS = ("", "connectors", "detectors", "models", "ops")


def source_key(root: Path | None = None) -> str:
    """Hash all sources of the package and the versions that decide what is compiled."""
    hasher = hashlib.sha256(
        f"{platform.python_version()} {np.__version__} {numba.__version__}".encode()
    )
    for part in _PARTS:
        for path in sorted(((root or Path(__file__).parent) / part).glob("*.py")):
            hasher.update(f"{part}/{path.name}\0".encode() + path.read_bytes())
    return hasher.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels of exactly these sources are kept."""
    base = os.environ.get("STREAMADAPT_CACHE_DIR") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamadapt"
    )
    return Path(base) / "kernels" / source_key()


def _is_writable(folder: Path) -> bool:
    """Whether kernels can be kept there.

    Numba itself would then go on to ``__pycache__`` beside the source, whose key is not ours.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        warnings.warn(
            f"compiled kernels cannot be kept in {folder} ({error.strerror}), so every start takes "
            "long: set STREAMADAPT_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


_CACHE_FOLDER = cache_folder()
_IS_KEPT = _is_writable(_CACHE_FOLDER)

# No `nnan` and no `ninf`: kernels meet NaN (missing values) and must see it.  No `reassoc`: sums
# keep their order, so that results do not depend on the width of the CPU's vectors.
_FASTMATH = {"nsz", "arcp", "contract"}


def kernel(function: Kernel) -> Kernel:
    """Compile `function` at its first call: strict IEEE floats, no GIL, cached on disk.

    All array arguments must be C-contiguous and writable, so that each kernel is compiled once.
    """
    return _compiled(function)


def fast_kernel(function: Kernel) -> Kernel:
    """Like `kernel`, but lets the compiler fuse multiply-adds and divide by reciprocals.

    For learners whose oracle is a tolerance; detectors, whose oracle is River's very index, use
    `kernel`.  The result still depends on nothing but the arguments and the CPU's feature set.
    """
    return _compiled(function, fastmath=_FASTMATH)


def lean_kernel(function: Kernel) -> Kernel:
    """Like `kernel`, for one that makes no array and returns none: it counts no references.

    Numba counts the references to each array at the calls between kernels, with locked
    instructions; where calls are small, that takes as long as all their work.  Of what a lean
    kernel calls, kernels that take arrays should be lean too.  Making an array fails to compile.
    """
    return _compiled(function, _nrt=False)  # as Numba's own sorts have it


def inlined_kernel(function: Kernel) -> Kernel:
    """Like `lean_kernel`, but LLVM puts its machine code into each caller's, however long it is.

    For what is called many times a row: an array is handed over as some eight numbers, on the
    stack, and most kernels take ten arrays.
    """
    return _compiled(function, _nrt=False, forceinline=True)


class _Cache(FunctionCache):
    """Numba's cache of a function, but for damaged files, at which it would raise for ever."""

    def load_overload(self, sig: object, target_context: object) -> object:
        """Return what was compiled for these types; None if nothing was, or it is unreadable."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:  # the folder, not the file: nothing could be written anew either
            raise
        except Exception as error:  # what pickle and LLVM raise about garbage is not bounded
            warnings.warn(
                f"{self._name} is compiled again: its file in {self.cache_path} is damaged "
                f"({type(error).__name__}: {error})",
                RuntimeWarning,
                stacklevel=2,
            )
            self.flush()  # an empty index: the files are written anew
            return None


def loose_kernel(function: Kernel) -> Kernel:
    """Like `lean_kernel`, but sums are taken in any order: for estimates with known errors.

    Not for anything that is kept or predicted, as that would depend on the width of vectors.
    """
    return _compiled(function, _nrt=False, fastmath=_FASTMATH | {"reassoc"})


def _compiled(function: Kernel, **more: bool | set[str]) -> Kernel:
    before, config.CACHE_DIR = config.CACHE_DIR, str(_CACHE_FOLDER)
    try:
        options: Any = {"fastmath": False, "error_model": "numpy", **more}
        compiled: Any = numba.njit(nogil=True, **options)(function)
        if _IS_KEPT:
            # What njit(cache=True) does, but with a class of our own.
            compiled._cache = _Cache(function)  # noqa: SLF001 - Numba has no public way
    finally:
        config.CACHE_DIR = before
    kept: Kernel = compiled
    return kept
