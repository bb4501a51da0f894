"""Stream generators: our rows per second, MOA's, River's, and the floor of the random numbers.

    python benchmarks/generators.py [--moa-jar moa.jar] [--passes 7] [--rows 500000]

Prints a table and writes ``benchmarks/results/generators.json``.  Ours and MOA's are the very same
rows (``benchmarks/generators_moa_rows.py`` compares them): ours in blocks of 16,384 as arrays,
MOA's one by one as instances, of which one value and the class are read.  The best of all passes
counts, so that other work on the machine does not; for MOA after three passes to warm up.  River's
streams are the like ones, with its own rows, taken once over fewer rows.

The floor is the number of steps of Java's random number generator that a row takes (counted), times
the nanoseconds of one step after another.  Where the seed after two steps, or after many, is
computed at once, a generator can be faster than that; moving centroids are not in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from river.datasets import synth

from streamadapt.connectors.generators import (
    LED,
    SEA,
    STAGGER,
    Agrawal,
    ConceptDrift,
    Hyperplane,
    LEDDrift,
    RandomRBF,
    RandomRBFDrift,
    RowGenerator,
    Sine,
)
from streamadapt.java_random_kernels import INCREMENT, MASK, MULTIPLIER

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, timed, versions, write_results
from generators_moa_rows import MOA
from moa_loop import java_versions, moa_jar

BLOCK_ROWS = 16_384
WARM_UP = 3


@dataclass(frozen=True)
class Case:
    """A stream as ours, as MOA's command, and as the like of River."""

    name: str
    ours: Callable[[], RowGenerator]
    moa: str
    river: Callable[[], Any]


def drift() -> RowGenerator:
    return ConceptDrift(SEA(1), SEA(4), position=250_000, width=10**8)


RIVER_RBF = {"n_classes": 2, "n_features": 10, "n_centroids": 50}
CASES = (
    Case("SEA", SEA, "generators.SEAGenerator", partial(synth.SEA, seed=1, noise=0.1)),
    Case(
        "LED",
        LED,
        "generators.LEDGenerator",
        partial(synth.LED, seed=1, noise_percentage=0.1, irrelevant_features=True),
    ),
    Case(
        "LED drift",
        partial(LEDDrift, n_drift_features=7),
        "generators.LEDGeneratorDrift -d 7",
        partial(
            synth.LEDDrift,
            seed=1,
            noise_percentage=0.1,
            irrelevant_features=True,
            n_drift_features=7,
        ),
    ),
    Case(
        "RBF",
        RandomRBF,
        "generators.RandomRBFGenerator",
        partial(synth.RandomRBF, 1, 1, **RIVER_RBF),
    ),
    Case(
        "RBF drift",
        partial(RandomRBFDrift, change_speed=0.001),
        "generators.RandomRBFGeneratorDrift -s 0.001",
        partial(synth.RandomRBFDrift, 1, 1, change_speed=0.001, n_drift_centroids=50, **RIVER_RBF),
    ),
    Case(
        "Hyperplane",
        partial(Hyperplane, mag_change=0.01),
        "generators.HyperplaneGenerator -t 0.01",
        partial(synth.Hyperplane, seed=1, n_features=10, mag_change=0.01),
    ),
    Case(
        "Agrawal",
        Agrawal,
        "generators.AgrawalGenerator",
        partial(synth.Agrawal, seed=1, perturbation=0.05),
    ),
    Case("Sine 1", Sine, "generators.SineGenerator", partial(synth.Sine, seed=1, has_noise=True)),
    Case(
        "Sine 3",
        partial(Sine, function=3),
        "generators.SineGenerator -f 3",
        partial(synth.Sine, 2, seed=1, has_noise=True),
    ),
    Case("STAGGER", STAGGER, "generators.STAGGERGenerator", partial(synth.STAGGER, seed=1)),
    Case(
        "SEA to SEA",
        drift,
        "ConceptDriftStream -s generators.SEAGenerator -d (generators.SEAGenerator -f 4)"
        " -p 250000 -w 100000000",
        partial(
            synth.ConceptDriftStream,
            synth.SEA(0, seed=1, noise=0.1),
            synth.SEA(3, seed=1, noise=0.1),
            seed=1,
            position=250_000,
            width=10**8,
        ),
    ),
)


@numba.njit
def walk(seed: int, stop: int, most: int) -> tuple[int, int]:
    """Step until the seed is `stop`, `most` times at most; return the seed and the steps."""
    n = 0
    while n < most and seed & MASK != stop:
        seed = seed * MULTIPLIER + INCREMENT
        n += 1
    return seed, n


def step_ns(passes: int) -> float:
    """Nanoseconds of one step after the other, at best: it is to be a floor."""
    n = 1_000_000
    return min(timed(lambda: walk(1, -1, n), n, 1) for _ in range(10 * passes))


def steps_per_row(stream: RowGenerator, n: int = 100_000) -> float:
    """How many steps the generator's seed has gone, and those of the streams inside of it."""
    inner = [stream.before, stream.after] if isinstance(stream, ConceptDrift) else []
    streams = [stream, *inner]
    before = [seed_of(s) for s in streams]
    stream.rows(n)
    pairs = zip(before, map(seed_of, streams), strict=True)
    return sum(walk(a, b, 10**8)[1] for a, b in pairs) / n


def seed_of(stream: RowGenerator) -> int:
    return int(stream.state().integers("rng")[0])


def ours_ns(case: Case, n: int, passes: int) -> float:
    stream = case.ours()
    stream.rows(BLOCK_ROWS)  # compiles

    def blocks() -> None:
        for _ in range(n // BLOCK_ROWS):
            stream.rows(BLOCK_ROWS)

    return min(timed(blocks, n // BLOCK_ROWS * BLOCK_ROWS, 1) for _ in range(5 * passes))


def river_ns(case: Case, n: int) -> float:
    rows = case.river().take(n + 100)
    for _ in range(100):
        next(rows)
    start = time.perf_counter()
    taken = sum(1 for _ in rows)
    return (time.perf_counter() - start) / taken * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of stream generators.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--river-rows", type=int, default=10_000)
    options = parser.parse_args()
    jar, rows, one_step = moa_jar(options.moa_jar), list[Row](), step_ns(options.passes)
    print(f"one step of the random numbers takes {one_step:.2f} ns; nanoseconds per row:")
    print(f"{'stream':12}{'steps':>8}{'floor':>8}{'ours':>8}{'MOA':>9}{'River':>10}", end="")
    print(f"{'rows/s':>14}{'x MOA':>8}{'x River':>9}{'x floor':>9}")
    with tempfile.TemporaryDirectory() as folder:
        moa = MOA(jar, Path(folder)) if jar else None
        for case in CASES:
            n = options.rows
            found = {"streamadapt": ours_ns(case, n, options.passes)}
            if moa:
                warm = moa.times_ns(case.moa, n, WARM_UP + options.passes)[WARM_UP:]
                found["MOA"] = min(warm)
            found["River"] = river_ns(case, options.river_rows)
            steps = steps_per_row(case.ours())
            found["floor"] = steps * one_step
            own, other = found["streamadapt"], found.get("MOA", np.nan)
            print(
                f"{case.name:12}{steps:8.1f}{found['floor']:8.1f}{own:8.1f}{other:9.1f}"
                f"{found['River']:10.0f}{1e9 / own:14,.0f}{other / own:8.1f}"
                f"{found['River'] / own:9.0f}{own / found['floor']:9.2f}",
                flush=True,
            )
            rows += [
                row(case.name, name, "speed", 1e9 / ns, "rows/s") for name, ns in found.items()
            ]
            rows.append(row(case.name, "streamadapt", "random steps", steps, "per row"))
    write_results("generators", versions() | (java_versions() if jar else {}), rows)


if __name__ == "__main__":
    main()
