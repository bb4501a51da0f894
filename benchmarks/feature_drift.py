"""Drift of features without labels: how soon it is found, how often missed, how often imagined.

    python benchmarks/feature_drift.py [--seeds 50]

Prints a table and writes ``benchmarks/results/feature_drift.json``.  Each run has 5,000 rows of d
independent normal features; at row 2,500 something changes for good, or nothing ever does.  The
delay is the median number of rows to the first alarm after the change, of the runs with one; runs
without are missed.  False alarms are those before the change, or all where there is none, per
100,000 rows.  Also printed: nanoseconds a row, best of three runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.detectors import KernelTwoSample

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

N, CHANGE = 5000, 2500
KINDS = ("none", "mean", "slow mean", "variance", "correlation", "one feature")


def rows_of(kind: str, d: int, seed: int) -> FloatArray:
    X = np.random.default_rng(seed).normal(size=(N, d))
    new = X[CHANGE:]
    if kind == "mean":
        new += 0.5
    elif kind == "slow mean":
        new += np.minimum(1.0, np.arange(len(new)) / 1000)[:, None] * 0.5
    elif kind == "variance":
        new *= 1.5
    elif kind == "correlation":
        new[:, 1::2] = 0.8 * new[:, : d // 2 * 2 : 2] + 0.6 * new[:, 1::2]
    elif kind == "one feature":
        new[:, 0] += 1.0
    return X


def quality(kind: str, d: int, n_seeds: int) -> tuple[float, float, float]:
    """Return the median delay, the share of runs missed, false alarms per 100,000 rows."""
    delays, n_false, n_calm = [], 0, 0
    for seed in range(n_seeds):
        flags = KernelTwoSample(d, seed=seed).update_many(rows_of(kind, d, seed))
        calm = N if kind == "none" else CHANGE
        n_false, n_calm = n_false + int(flags[:calm].sum()), n_calm + calm
        if flags[calm:].any():
            delays.append(int(flags[calm:].argmax()) + 1)
    missed = 1.0 - len(delays) / n_seeds if kind != "none" else float("nan")
    return float(np.median(delays)) if delays else float("nan"), missed, n_false / n_calm * 1e5


def speed(d: int) -> float:
    X = np.random.default_rng(0).normal(size=(20_000, d))
    best = float("inf")
    for _ in range(3):
        detector = KernelTwoSample(d)
        start = time.perf_counter()
        detector.update_many(X)
        best = min(best, time.perf_counter() - start)
    return best / len(X) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    args = parser.parse_args()
    results: list[Row] = []
    print("change        features   delay  missed  false alarms / 100,000 rows")
    for d in (4, 20):
        for kind in KINDS:
            delay, missed, false = quality(kind, d, args.seeds)
            print(f"{kind:12} {d:9} {delay:7.0f} {missed:7.2f} {false:8.2f}")
            name = f"{kind}, {d} features"
            for metric, value, unit in (
                ("delay", delay, "rows"),
                ("missed", missed, "share"),
                ("false alarms", false, "per 100,000 rows"),
            ):
                if value == value:
                    results.append(row(name, "streamadapt", metric, value, unit))
        ns = speed(d)
        print(f"{d} features: {ns:.0f} ns a row")
        results.append(row(f"{d} features", "streamadapt", "speed", ns, "ns"))
    write_results("feature_drift", versions(), results)


if __name__ == "__main__":
    main()
