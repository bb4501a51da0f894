"""MOA's test-then-train loop over rows of ours, for all benchmarks; and where its jar comes from.

``benchmarks/moa/LearnerLoop.java`` is that loop, and says what the file of rows looks like.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray

__all__ = [
    "CAPYMOA",
    "Loop",
    "MOALoop",
    "cache_folder",
    "compiled",
    "java_versions",
    "moa_jar",
    "write_rows",
]

CAPYMOA = "0.15.1"
SOURCES = Path(__file__).parent / "moa"


@dataclass(frozen=True)
class Loop:
    """Nanoseconds of each pass, by the clock and of CPU time of the thread that learns.

    ``predicted`` are the last pass's classes, uint8 [n]; ``n_bytes`` the heap of its learner, if
    that was asked for.
    """

    wall_ns: list[int]
    cpu_ns: list[int]
    predicted: NDArray[np.uint8]
    n_bytes: int | None = None


class MOALoop:
    """Runs ``LearnerLoop`` of a jar; its class file and predictions go to `folder`."""

    def __init__(self, jar: Path, folder: Path, *java_options: str) -> None:
        path = compiled("LearnerLoop", jar, folder)
        self._java = ["java", *java_options, "-cp", path, "LearnerLoop"]
        self._out = folder / "predictions"

    def run(
        self, rows: Path, learner: str, passes: int, *, seed: int = 1, with_bytes: bool = False
    ) -> Loop:
        """Run `learner`, MOA's command line for it, over a file of rows.

        `seed` 1 is MOA's own; learners that draw no random numbers do not look at it.

        Raises
        ------
        RuntimeError
            If Java ended with an error.
        """
        options = [str(passes), learner, str(seed), *["bytes"] * with_bytes]
        done = subprocess.run(
            [*self._java, str(rows), str(self._out), *options], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"MOA's {learner}: {done.stderr[-2000:]}")
        lines = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
        wall, cpu = zip(*lines[:passes], strict=True)
        n_bytes = lines[passes][0] if with_bytes else None
        return Loop(list(wall), list(cpu), np.fromfile(self._out, np.uint8), n_bytes)


def compiled(name: str, jar: Path, folder: Path) -> str:
    """Compile one of our Java programs into `folder`; return the class path to run it with."""
    subprocess.run(["javac", "-cp", jar, "-d", folder, SOURCES / f"{name}.java"], check=True)
    return f"{jar}{os.pathsep}{folder}"


def write_rows(
    path: Path, X: FloatArray, y: IntArray, n_classes: int, n_values: Sequence[int]
) -> None:
    """Write the file of rows that the loop reads; `n_values` by feature, 0 if it is numeric."""
    with path.open("wb") as file:
        np.array([*X.shape, n_classes, *n_values], "<i4").tofile(file)
        np.column_stack([X, y]).astype("<f8").tofile(file)


def cache_folder() -> Path:
    """Return the folder of what benchmarks fetch or make once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "streamadapt-benchmarks"


def moa_jar(given: str | None) -> Path | None:
    """Return a jar of MOA, fetched into the user's cache if none is given; None without Java."""
    if not (shutil.which("java") and shutil.which("javac")):
        print("MOA: no java and javac, left out")
        return None
    if given:
        return Path(given)
    folder = cache_folder()
    jar = folder / f"moa-capymoa-{CAPYMOA}.jar"
    if not jar.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", f"capymoa=={CAPYMOA}"]
        if subprocess.run([*pip, "-d", str(folder)]).returncode != 0:
            print("MOA: no jar given, and CapyMOA cannot be downloaded, left out")
            return None
        with zipfile.ZipFile(next(folder.glob("capymoa-*.whl"))) as wheel:
            jar.write_bytes(wheel.read("capymoa/jar/moa.jar"))
    return jar


def java_versions() -> dict[str, str]:
    """Return the versions of Java, and which MOA it is."""
    said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    java = next(line for line in said.splitlines() if " version " in line)  # after what it was told
    return {"java": java, "moa": f"in CapyMOA {CAPYMOA}, if fetched"}
