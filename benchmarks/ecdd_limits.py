"""ECDD's control limits: makes the table that the detector has, and checks what it promises.

    python benchmarks/ecdd_limits.py [--only table]

``table`` prints ``streamadapt/detectors/ecdd_limits.py``'s numbers, ``check`` how many values there
are between false alarms, as a share of those asked for, and writes ``results/ecdd_limits.json``.

The detector is the one that is shipped, with what it does in use: it estimates the rate from the
values since its start or last alarm, and hears nothing in the first 30.  Its limit is a function of
the estimated rate, and its run length at a true rate depends on that function around it; so
all knots are moved together until each true rate has the run length that was asked for (stochastic
approximation: the logarithm of a knot moves by a share of the logarithm by which the run length is
short; the mean of the last moves counts).
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.detectors import ECDD
from streamadapt.detectors.detector_kernels import N_FIELDS
from streamadapt.detectors.ecdd_kernels import N_COUNTS, ecdd_run
from streamadapt.detectors.ecdd_limits import LAMBDAS, RATES, RUN_LENGTHS, at_all_rates

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

BLOCK = 100_000
FIRST, LAST, COUNTED = 10, 24, 12
"""Rough moves, fine ones, and how many of these are averaged."""

CHECKED = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.5, 0.55, 0.7, 0.8, 0.9, 0.95, 0.98)


def run_length(lambda_: float, limits: FloatArray, p: float, n: int, seed: int) -> float:
    """Return the values between alarms in `n` values with errors at rate p."""
    rng, rows = np.random.default_rng(seed), np.empty((BLOCK, N_FIELDS))
    params = np.array([30.0, lambda_, *limits])
    counts, sums, n_alarms = np.zeros(N_COUNTS, np.int64), np.zeros(1), 0
    for start in range(0, n, BLOCK):
        xs = (rng.random(min(BLOCK, n - start)) < p).astype(np.float64)
        n_alarms += ecdd_run(xs, np.zeros(len(xs), np.int8), rows, params, counts, sums)
    return n / max(n_alarms, 0.5)


def knots(lambda_: float, asked: int, start: FloatArray) -> FloatArray:
    """Return w at each of `RATES` so that there are `asked` values between false alarms."""
    # One error after none for long must not be an alarm: then every error would be.
    least = -1.01 * math.log(1.0 - lambda_) * (1.0 - RATES)
    true_rates = np.maximum(RATES, 0.006)
    w, kept = start, []
    for move in range(FIRST + LAST):
        is_rough = move < FIRST
        n, step = asked * (200 if is_rough else 800), 0.35 if is_rough else 0.15
        limits = at_all_rates(w)
        found = [
            run_length(lambda_, limits, p, n, move * len(RATES) + i)
            for i, p in enumerate(true_rates.tolist())
        ]
        w = np.maximum(w * np.exp(step * np.clip(np.log(asked / np.array(found)), -1, 1)), least)
        kept.append(w)
    return np.mean(kept[-COUNTED:], axis=0)


def table() -> None:
    print("_TABLE = (")
    for lambda_ in LAMBDAS:
        w = np.full(len(RATES), 0.3)
        for asked in RUN_LENGTHS:
            w = knots(lambda_, asked, w * 1.15)
            print(f"    # lambda {lambda_}, one false alarm in {asked:,} values\n    (")
            for part in (w[:10], w[10:]):
                print(f"        {', '.join(f'{x:.4f}' for x in part)},", flush=True)
            print("    ),")
    print(")  # fmt: skip")


def check() -> list[Row]:
    rows: list[Row] = []
    print("values between false alarms, of those asked for\n")
    print(f"| lambda | asked for | {' | '.join(f'{p:g}' for p in CHECKED)} |")
    print(f"|---|---|{'---|' * len(CHECKED)}", flush=True)
    cases = [(0.2, "paper", asked) for asked in (100, 400, 1000)]
    cases += [(w, "simulated", n) for w in (0.05, 0.15, 0.2, 0.4) for n in (100, 400, 2000, 10000)]
    for lambda_, limits, asked in cases:
        detector = ECDD(lambda_=lambda_, average_run_length=asked, limits=limits)
        params, *_ = detector.arrays()
        cells = []
        for p in CHECKED:
            found = run_length(lambda_, params[2:], p, 1000 * asked, 987)
            name = f"{limits}, lambda {lambda_}, {asked}"
            rows.append(row(name, "streamadapt", f"run length at {p}", found, "values"))
            cells.append(f"{found / asked:.2f}" if found <= 500 * asked else "none")
        shown = f"{asked}{' (paper)' * (limits == 'paper')}"
        print(f"| {lambda_} | {shown} | {' | '.join(cells)} |", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["table", "check"])
    only = parser.parse_args().only
    if only != "check":
        table()
    if only != "table":
        write_results("ecdd_limits", versions(), check())


if __name__ == "__main__":
    main()
