"""What all benchmarks share: timing, the machine, and the file of results."""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

__all__ = [
    "Row",
    "cost",
    "electricity_path",
    "machine",
    "row",
    "timed",
    "versions",
    "write_results",
]

HERE = Path(__file__).parent

Row = dict[str, object]


def row(case: str, system: str, metric: str, value: float, unit: str) -> Row:
    """One number of a results file."""
    return {"case": case, "system": system, "metric": metric, "value": value, "unit": unit}


def timed(work: Callable[[], object], n: int, passes: int) -> float:
    """Median nanoseconds per event."""
    taken = []
    for _ in range(passes):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) / n * 1e9)
    return statistics.median(taken)


def cost(work: Callable[[], object], n: int, passes: int) -> tuple[float, float]:
    """Median nanoseconds per event: by the clock, and of CPU time with that of child processes.

    On a machine that does other work as well, the clock tells of that too; CPU time hardly does.
    """
    wall, cpu = [], []
    for _ in range(passes):
        start, before = time.perf_counter(), _cpu_s()
        work()
        wall.append((time.perf_counter() - start) / n * 1e9)
        cpu.append((_cpu_s() - before) / n * 1e9)
    return statistics.median(wall), statistics.median(cpu)


def _cpu_s() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def electricity_path() -> Path | None:
    """Return ``$STREAMADAPT_DATA/electricity/elec.csv.gz`` if it is there."""
    path = Path(os.environ.get("STREAMADAPT_DATA", "")) / "electricity" / "elec.csv.gz"
    return path if path.is_file() else None


def machine() -> dict[str, object]:
    cpu = platform.processor()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system()}


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of the package, and of those that both benchmarks and it compute with."""
    names = ("numpy", "numba", "river", "streamadapt", *packages)
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def write_results(
    name: str,
    found: dict[str, str],
    rows: Iterable[Row],
    folder: Path = HERE / "results",
    **others: object,
) -> None:
    """Write ``results/<name>.json``, all of it or nothing; `found` are the versions.

    NaN, what could not be told, is null there.
    """
    folder.mkdir(exist_ok=True)
    told = [{name: _or_none(value) for name, value in row.items()} for row in rows]
    facts = {"machine": machine(), "versions": found, "rows": told, **others}
    unfinished = folder / f"{name}.unfinished"
    unfinished.write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n")
    unfinished.replace(folder / f"{name}.json")


def _or_none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
