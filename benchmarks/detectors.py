"""Drift detectors: nanoseconds a value of ours, of River's and of MOA's, and the floor.

    python benchmarks/detectors.py [--passes 7] [--values 500000] [--moa-jar moa.jar]
        [--only ADWIN bank]

Prints a table and writes ``benchmarks/results/detectors.json``; what is measured again replaces
what the file says of it.  The values are the same for all:
errors whose rate jumps between 0.1 and 0.4 every 20,000 values; for those that take numbers, normal
ones whose mean jumps by 1 as often.  In "no change" the mean stays, so that a window grows.

Passes of ours and of River's alternate, the best of each
counts, so that other work on the machine does not; each begins with a fresh detector, and
alarms are raised.  River is given Python numbers, and in another loop the elements of the array as
they are, as from ``for x in losses``.  But for "no change" River's takes fewer values, as many as
a fraction of a second is good for.  MOA's is a warm Java loop, of the same values.

The floor is a loop that does what a value needs at the least, once: the divisions and square roots
of the method (counted from its formulas) and a running mean, in local variables.  For KSWIN it is
one shuffle of the sample and one pass over the window.  For the bank it is a loop that reads
and writes every row, and reads each value, once a call.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from river import drift
from river.drift import binary

from streamadapt.contracts import FloatArray, LevelArray
from streamadapt.detectors import (
    ADWIN,
    BOCPD,
    CUSUM,
    DDM,
    ECDD,
    EDDM,
    FHDDM,
    HDDMA,
    HDDMW,
    KSWIN,
    RDDM,
    SEED,
    STEPD,
    DetectorBank,
    ExchangeabilityMartingale,
    GeometricMovingAverage,
    PageHinkley,
)

sys.path.insert(0, str(Path(__file__).parent))
from bench import HERE, Row, row, versions, write_results
from moa_loop import java_versions, moa_jar

JUMP_EVERY = 20_000


@dataclass(frozen=True)
class Case:
    """One method as ours, as River's and as MOA's; divisions and roots that a value needs."""

    name: str
    ours: Callable[[], Any]
    river: Callable[[], Any] | None
    moa: str
    divisions: int
    roots: int
    takes_numbers: bool = False
    share: float = 1.0  # of the values: KSWIN is slow
    changes: bool = True


CASES = (
    Case("ADWIN", ADWIN, drift.ADWIN, "ADWINChangeDetector", 2, 0, takes_numbers=True),
    Case(
        "ADWIN, no change", ADWIN, drift.ADWIN, "ADWINChangeDetector", 2, 0,
        takes_numbers=True, changes=False,
    ),
    Case("PageHinkley", PageHinkley, drift.PageHinkley, "PageHinkleyDM", 1, 0, takes_numbers=True),
    Case("DDM", DDM, binary.DDM, "DDM", 2, 1),
    Case("EDDM", EDDM, binary.EDDM, "EDDM", 0, 0),  # at an error: three divisions and a root
    Case("HDDMA", HDDMA, binary.HDDMA, "HDDM_A_Test", 5, 3),
    Case("HDDMW", HDDMW, binary.HDDMW, "HDDM_W_Test", 0, 2),
    Case("FHDDM", FHDDM, binary.FHDDM, "", 2, 0),
    Case("KSWIN", KSWIN, partial(drift.KSWIN, seed=0), "", 0, 0, takes_numbers=True, share=0.04),
    Case("CUSUM", CUSUM, None, "CusumDM", 1, 0, takes_numbers=True),
    Case("GMA", GeometricMovingAverage, None, "GeometricMovingAverageDM", 1, 0, takes_numbers=True),
    Case("SEED", SEED, None, "SEEDChangeDetector", 1, 0, takes_numbers=True),
    Case("RDDM", RDDM, None, "RDDM", 2, 1),
    Case("STEPD", STEPD, None, "STEPD", 4, 1),
    Case("ECDD", ECDD, None, "EWMAChartDM", 2, 0),
    Case("Martingale", ExchangeabilityMartingale, None, "", 2, 0, takes_numbers=True, share=0.2),
    Case("BOCPD", BOCPD, None, "", 0, 0, takes_numbers=True, share=0.02),
)  # fmt: skip

N_KEYS = 100_000
LARGE = 3.0


@numba.njit
def arithmetic(xs: FloatArray, divisions: int, roots: int) -> float:
    """Take the mean of `xs`, and as many divisions and roots of each value as are asked for."""
    mean, kept = 0.0, 0.0
    for i in range(xs.size):
        mean += 0.01 * (xs[i] - mean)
        for k in range(divisions):
            kept += 1.0 / (i + 2 + k)
        for k in range(roots):
            kept += np.sqrt(mean * mean + k)
    return mean + kept


@numba.njit
def shuffle_and_pass(n: int) -> int:
    """Do what a test of KSWIN needs at the least: 30 random numbers and a walk over 100 values."""
    window, found = np.zeros(100, np.int64), 0
    for _ in range(n):
        for _ in range(30):
            window[np.random.randint(0, 70)] += 1  # noqa: NPY002 - what Numba has
        total = 0
        for j in range(100):
            total += window[j]
            found = max(found, abs(total))
    return found


@numba.njit
def touch(X: FloatArray, levels: LevelArray, bank: FloatArray) -> None:
    """Read and write every row of a bank, and read a value and write a level of each tick."""
    for key in range(bank.shape[0]):
        for j in range(bank.shape[1]):
            bank[key, j] += 1.0
    for t in range(X.shape[0]):
        for key in range(X.shape[1]):
            levels[t, key] = X[t, key] > LARGE


def values(n: int, takes_numbers: bool, changes: bool = True) -> FloatArray:
    rng = np.random.default_rng(1)
    is_high = np.arange(n) // JUMP_EVERY % 2 * changes
    if takes_numbers:
        return rng.normal(size=n) + is_high
    return (rng.random(n) < 0.1 + 0.3 * is_high).astype(np.float64)


def taken(work: Callable[[], object], n: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / n * 1e9


def one_by_one(make: Callable[[], Any], xs: Iterable[float]) -> Callable[[], object]:
    def work() -> object:
        detector, alarms = make(), 0
        for x in xs:
            detector.update(x)
            alarms += detector.drift_detected
        return alarms

    return work


def floor(case: Case, xs: FloatArray) -> Callable[[], object]:
    if case.name == "KSWIN":
        return partial(shuffle_and_pass, len(xs))
    return partial(arithmetic, xs, case.divisions, case.roots)


def measure(case: Case, n: int, passes: int) -> dict[str, float]:
    """Return the best nanoseconds a value of each way; the ways take turns."""
    xs = values(int(n * case.share), case.takes_numbers, case.changes)
    few = xs[: max(500, len(xs) // 25)] if case.changes else xs
    given = few.tolist() if case.takes_numbers else [int(x) for x in few]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "update_many": (lambda: case.ours().update_many(xs), len(xs)),
        "update": (one_by_one(case.ours, few[:20_000].tolist()), len(few[:20_000])),
        "floor": (floor(case, xs), len(xs)),
    }
    if case.river is not None:
        ways["River"] = (one_by_one(case.river, given), len(few))
        ways["River, of an array"] = (one_by_one(case.river, few), len(few))
    for work, _ in ways.values():
        work()  # compile, warm up
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(passes):
        for way, (work, count) in ways.items():
            best[way] = min(best[way], taken(work, count))
    return best | {"alarms": float(case.ours().update_many(xs).sum())}


def moas(case: Case, n: int, passes: int, jar: Path, folder: Path) -> float:
    """Return the best nanoseconds a value of MOA's class, after ten passes to warm up."""
    values(n, case.takes_numbers, case.changes).astype(">f8").tofile(folder / "values")
    path = f"{jar}{os.pathsep}{folder}"
    command = ["java", "-cp", path, "Speed", folder / "values", str(10 + passes), case.moa]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return min(float(line.split()[0]) for line in done.stdout.splitlines()[10:])


def bank(passes: int) -> dict[str, float]:
    """Return the best nanoseconds an update of 100,000 Page-Hinkleys, at random keys and at all."""
    rng = np.random.default_rng(2)
    keys, xs = rng.integers(0, N_KEYS, 1_000_000), values(1_000_000, takes_numbers=True)
    X = rng.normal(size=(8, N_KEYS))
    made, levels = DetectorBank(PageHinkley(), N_KEYS), np.zeros(X.shape, np.int8)
    rows = made.state().floats("rows")
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "random keys": (lambda: made.update(keys, xs), len(xs)),
        "all keys": (lambda: made.update_all(X), X.size),
        "all keys, floor": (lambda: touch(X, levels, rows), X.size),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(passes + 1):  # the first compiles
        for way, (work, count) in ways.items():
            best[way] = min(best[way], taken(work, count))
    return best


SYSTEMS = {"River": "River", "River, of an array": "River, of an array", "MOA": "MOA"}
"""Whose `update` it is; all else is ours."""


def rows_of(name: str, found: dict[str, float]) -> list[Row]:
    rows = []
    for way, value in found.items():
        system = SYSTEMS.get(way, "streamadapt")
        metric, unit = "update" if way in SYSTEMS else way, "count" if way == "alarms" else "ns"
        rows.append(row(name, system, metric, value, unit))
    return rows


def line(name: str, found: dict[str, float]) -> str:
    def cell(way: str) -> str:
        return f"{found[way]:,.1f}" if found.get(way, 1e9) < 100 else f"{found[way]:,.0f}"

    ways = ("floor", "update_many", "update", "River", "River, of an array", "MOA")
    cells = [cell(way) if way in found else "" for way in ways]
    faster = [found[way] / found["update_many"] if way in found else 0.0 for way in ways[3:]]
    ratios = [f"{r:.0f}" if r >= 10 else f"{r:.1f}" * (r > 0) for r in faster]
    return f"| {name} | {' | '.join(cells + ratios)} | {found['alarms']:.0f} |"


def measured(asked: list[str], n: int, passes: int, jar: Path | None, folder: Path) -> list[Row]:
    rows: list[Row] = []
    print("| ns | floor | `update_many` | `update` | River | of an array | MOA | ratios ||| |")
    print(f"|{'---|' * 11}", flush=True)
    for case in CASES:
        if asked and case.name not in asked:
            continue
        found = measure(case, n, passes)
        if case.moa and jar is not None:
            found["MOA"] = moas(case, n, passes, jar, folder)
        print(line(case.name, found), flush=True)
        rows += rows_of(case.name, found)
    if not asked or "bank" in asked:
        found = bank(passes)
        for way, ns in found.items():
            print(f"bank of {N_KEYS} Page-Hinkleys, {way}: {ns:.2f} ns, {1e3 / ns:.0f} million/s")
        rows += rows_of("bank", found)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--values", type=int, default=500_000)
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    names = [*(case.name for case in CASES), "bank"]
    parser.add_argument("--only", nargs="+", choices=names, default=[])
    args = parser.parse_args()
    jar = moa_jar(args.moa_jar)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if jar is not None:
            source = HERE / "detectors_moa" / "Speed.java"
            subprocess.run(["javac", "-cp", jar, "-d", folder, source], check=True)
        rows = measured(args.only, args.values, args.passes, jar, folder)
    file = HERE / "results" / "detectors.json"
    again = {r["case"] for r in rows}
    old = json.loads(file.read_text())["rows"] if file.is_file() else []
    kept = [r for r in old if r["case"] not in again and r["case"] in names]
    rows = sorted(kept + rows, key=lambda r: names.index(str(r["case"])))
    write_results("detectors", versions() | (java_versions() if jar else {}), rows)


if __name__ == "__main__":
    main()
