"""Regression trees test-then-train: ours and River's, on one core, over the same rows.

    python benchmarks/regressors.py [--rows 20000] [--river-rows 2000]

Times are CPU time of the thread that learns: of ours the least of three passes, of River's one pass
over the first rows (`--river-rows`), over which its errors and ours beside them are taken.  Those
of forests are means over three seeds: seeds differ by up to a fifth over so few rows.
Streams:
Friedman's with a global, recurring and abrupt drift (River's ``FriedmanDrift``), ``Planes2D``, and
ETTh1 (its last column an hour ahead, from the others and itself) where
``$STREAMADAPT_DATA/etth1/ETTh1.csv.gz`` is there.  Prints a table and writes
``benchmarks/results/regressors.json``.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from river import forest, tree
from river.datasets import synth

from streamadapt.contracts import FloatArray
from streamadapt.models import (
    AdaptiveRandomForestRegressor,
    GradientBoostingRegressor,
    HoeffdingAdaptiveTreeRegressor,
    HoeffdingTreeRegressor,
)

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

Case = tuple[str, FloatArray, FloatArray]

LEARNERS: dict[str, tuple[Callable[[int, int], Any], Callable[[int], Any], int]] = {
    "tree": (lambda d, _: HoeffdingTreeRegressor(d), lambda _: tree.HoeffdingTreeRegressor(), 1),
    "adaptive tree": (
        lambda d, _: HoeffdingAdaptiveTreeRegressor(d),
        lambda seed: tree.HoeffdingAdaptiveTreeRegressor(seed=seed),
        1,
    ),
    "ARF-10": (
        lambda d, seed: AdaptiveRandomForestRegressor(d, n_models=10, seed=seed),
        lambda seed: forest.ARFRegressor(n_models=10, seed=seed),
        3,
    ),
    "boosting": (
        lambda d, seed: GradientBoostingRegressor(d, seed=seed),
        lambda _: None,
        1,
    ),
}
"""Ours of a width and a seed, River's of a seed (None: it has none), and how many seeds."""


def of_river(name: str, stream: Any, n: int) -> Case:
    rows = list(islice(stream, n))
    return (
        name,
        np.array([list(x.values()) for x, _ in rows], float),
        np.array([y for _, y in rows], float),
    )


def cases(n: int) -> Iterator[Case]:
    drift = synth.FriedmanDrift(drift_type="gra", position=(n // 3, 2 * n // 3), seed=1)
    yield of_river("Friedman, drift", drift, n)
    yield of_river("planes", synth.Planes2D(seed=1), n)
    path = Path(os.environ.get("STREAMADAPT_DATA", "")) / "etth1" / "ETTh1.csv.gz"
    if not path.is_file():
        print("ETTh1: no $STREAMADAPT_DATA/etth1/ETTh1.csv.gz, left out")
        return
    with gzip.open(path) as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1, usecols=range(1, 8))
    yield "ETTh1", np.ascontiguousarray(table[:-1]), table[1:, -1].copy()


def ours(
    make: Callable[[int, int], Any], X: FloatArray, y: FloatArray, n_seeds: int
) -> tuple[float, FloatArray]:
    """Return CPU nanoseconds per row, and predictions float64 [seeds, n]."""
    make(X.shape[1], 1).test_then_train(X[:50], y[:50])  # compiles
    taken, told = [], []
    for turn in range(3):
        model = make(X.shape[1], 1 + turn % n_seeds)
        start = time.process_time()
        told.append(model.test_then_train(X, y)[:, 0])
        taken.append((time.process_time() - start) / len(y) * 1e9)
    return min(taken), np.array(told[:n_seeds])


def rivers(
    make: Callable[[int], Any], X: FloatArray, y: FloatArray, n_seeds: int
) -> tuple[float, FloatArray]:
    predicted, taken = np.zeros((n_seeds, len(y))), []
    rows = [dict(enumerate(x)) for x in X.tolist()]
    for seed in range(n_seeds):
        model, start = make(1 + seed), time.process_time()
        for i, (x, target) in enumerate(zip(rows, y.tolist(), strict=True)):
            predicted[seed, i] = model.predict_one(x)
            model.learn_one(x, target)
        taken.append((time.process_time() - start) / len(y) * 1e9)
    return min(taken), predicted


def errors(P: FloatArray, y: FloatArray) -> dict[str, float]:
    """Return means over seeds."""
    squares = ((P - y) ** 2).mean(axis=1)
    return {"MAE": float(abs(P - y).mean()), "RMSE": float(np.sqrt(squares).mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of regression trees.")
    parser.add_argument("--rows", type=int, default=20_000, help="of the generated streams")
    parser.add_argument("--river-rows", type=int, default=2_000)
    parser.add_argument("--learners", default=",".join(LEARNERS))
    options = parser.parse_args()
    rows: list[Row] = []
    layout = "{:16} {:14} {:12} {:>10} {:>8} {:>9} {:>9} {:>10} {:>10}"
    head = ("us/event", "x ours", "MAE", "RMSE", "ours, MAE", "ours, RMSE")
    print(layout.format("case", "learner", "system", *head))
    for case, X, y in cases(options.rows):
        for name in options.learners.split(","):
            make, rivers_make, n_seeds = LEARNERS[name]
            own_ns, own = ours(make, X, y, n_seeds)
            n = min(options.river_rows, len(y))
            results = [("streamadapt", own_ns, own)]
            if rivers_make(1) is not None:
                results.append(("River", *rivers(rivers_make, X[:n], y[:n], n_seeds)))
            for system, ns, P in results:
                n = P.shape[1]
                found, there = errors(P, y[:n]), errors(own[:, :n], y[:n])
                add = partial(row, f"{case}, {name}", system)
                rows += [add("speed", 1e9 / ns, "events/s")]
                rows += [add(what, value, f"over {n} rows") for what, value in found.items()]
                rows += [
                    add(f"ours there, {what}", value, f"over {n} rows")
                    for what, value in there.items()
                ]
                shown = [f"{value:.4g}" for value in (*found.values(), *there.values())]
                speed = (f"{ns / 1e3:.2f}", f"{ns / own_ns:.1f}")
                print(layout.format(case, name, system, *speed, *shown), flush=True)
    write_results("regressors", versions(), rows)


if __name__ == "__main__":
    main()
