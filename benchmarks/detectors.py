"""Drift detectors: nanoseconds a value of ours and of River's, and the floor of the arithmetic.

    python benchmarks/detectors.py [--passes 7] [--values 500000]

Prints a table and writes ``benchmarks/results/detectors.json``.  The values are the same for both:
errors whose rate jumps between 0.1 and 0.4 every 20,000 values; for those that take numbers, normal
ones whose mean jumps by 1 as often.  Passes of ours and of River's alternate, the best of each
counts, so that other work on the machine does not; each begins with a fresh detector, and
alarms are raised.  River's take fewer values, as many as a fraction of a second is good for; what
River has not is measured alone.

The floor is a loop that does what a value needs at the least, once: the divisions and square roots
of the method (counted from its formulas) and a running mean, in local variables.  For KSWIN it is
one shuffle of the sample and one pass over the window.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from river import drift
from river.drift import binary

from streamadapt.contracts import FloatArray
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
from bench import Row, row, versions, write_results

JUMP_EVERY = 20_000


@dataclass(frozen=True)
class Case:
    """One method as ours and as River's; divisions and roots that a value needs."""

    name: str
    ours: Callable[[], Any]
    river: Callable[[], Any] | None
    divisions: int
    roots: int
    takes_numbers: bool = False
    share: float = 1.0  # of the values: KSWIN is slow


CASES = (
    Case("ADWIN", ADWIN, drift.ADWIN, 2, 0, takes_numbers=True),
    Case("PageHinkley", PageHinkley, drift.PageHinkley, 1, 0, takes_numbers=True),
    Case("DDM", DDM, binary.DDM, 2, 1),
    Case("EDDM", EDDM, binary.EDDM, 0, 0),  # only at an error: three divisions and a root
    Case("HDDMA", HDDMA, binary.HDDMA, 5, 3),
    Case("HDDMW", HDDMW, binary.HDDMW, 0, 2),
    Case("FHDDM", FHDDM, binary.FHDDM, 2, 0),
    Case("KSWIN", KSWIN, partial(drift.KSWIN, seed=0), 0, 0, takes_numbers=True, share=0.04),
    Case("CUSUM", CUSUM, None, 1, 0, takes_numbers=True),
    Case("GMA", GeometricMovingAverage, None, 1, 0, takes_numbers=True),
    Case("SEED", SEED, None, 1, 0, takes_numbers=True),
    Case("RDDM", RDDM, None, 2, 1),
    Case("STEPD", STEPD, None, 4, 1),
    Case("ECDD", ECDD, None, 2, 1),
    Case("Martingale", ExchangeabilityMartingale, None, 2, 0, takes_numbers=True, share=0.2),
    Case("BOCPD", BOCPD, None, 0, 0, takes_numbers=True, share=0.02),
)

N_KEYS = 100_000


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


def values(n: int, takes_numbers: bool) -> FloatArray:
    rng = np.random.default_rng(1)
    is_high = np.arange(n) // JUMP_EVERY % 2
    if takes_numbers:
        return rng.normal(size=n) + is_high
    return (rng.random(n) < 0.1 + 0.3 * is_high).astype(np.float64)


def taken(work: Callable[[], object], n: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / n * 1e9


def one_by_one(make: Callable[[], Any], xs: list[float]) -> Callable[[], object]:
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
    xs = values(int(n * case.share), case.takes_numbers)
    few = xs[: max(500, len(xs) // 25)]
    few_values = few.tolist() if case.takes_numbers else [int(x) for x in few]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "update_many": (lambda: case.ours().update_many(xs), len(xs)),
        "update": (one_by_one(case.ours, few.tolist()), len(few)),
        "floor": (floor(case, xs), len(xs)),
    }
    if case.river is not None:
        ways["River"] = (one_by_one(case.river, few_values), len(few))
    for work, _ in ways.values():
        work()  # compile, warm up
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(passes):
        for way, (work, count) in ways.items():
            best[way] = min(best[way], taken(work, count))
    return best | {"alarms": float(case.ours().update_many(xs).sum())}


def bank(passes: int) -> dict[str, float]:
    """Return the best nanoseconds an update of 100,000 Page-Hinkleys, at random keys and at all."""
    rng = np.random.default_rng(2)
    keys, xs = rng.integers(0, N_KEYS, 1_000_000), values(1_000_000, takes_numbers=True)
    X = rng.normal(size=(8, N_KEYS))
    made = DetectorBank(PageHinkley(), N_KEYS)
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "random keys": (lambda: made.update(keys, xs), len(xs)),
        "all keys": (lambda: made.update_all(X), X.size),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(passes + 1):  # the first compiles
        for way, (work, count) in ways.items():
            best[way] = min(best[way], taken(work, count))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--values", type=int, default=500_000)
    args = parser.parse_args()
    rows: list[Row] = []
    print("ns a value      floor  update_many    update     River   many/River  alarms")
    for case in CASES:
        found = measure(case, args.values, args.passes)
        river = found.get("River", float("nan"))
        ratio = river / found["update_many"]
        print(
            f"{case.name:12} {found['floor']:8.1f} {found['update_many']:12.1f} "
            f"{found['update']:9.0f} {river:9.0f} {ratio:12.0f} {found['alarms']:7.0f}"
        )
        for way, unit in (
            ("floor", "ns"),
            ("update_many", "ns"),
            ("update", "ns"),
            ("River", "ns"),
        ):
            if way not in found:
                continue
            system = "River" if way == "River" else "streamadapt"
            rows.append(row(case.name, system, way.replace("River", "update"), found[way], unit))
        rows.append(row(case.name, "streamadapt", "alarms", found["alarms"], "count"))
    for way, ns in bank(args.passes).items():
        print(f"bank of {N_KEYS} Page-Hinkleys, {way}: {ns:.1f} ns, {1e3 / ns:.0f} million/s")
        rows.append(row("bank", "streamadapt", way, ns, "ns"))
    write_results("detectors", versions(), rows)


if __name__ == "__main__":
    main()
