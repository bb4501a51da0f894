"""What DriftMoE's rewiring brings where labels are late: regions of the inputs take turns.

    python benchmarks/drift_moe_rewiring.py [--rows 80000] [--seeds 8] [--delays 1000,2500]

Rows of a stream whose concept never changes (centroids at rest, RBF; SEA) are put in another order:
inputs are cut into four regions by random directions, and runs of 2,500 rows of one region follow
one another.  So experts that are good elsewhere are suddenly asked here, and labels of a region
come ``delay`` rows after its first row.  Rows are predicted when they come, and learned when their
labels do; with a rate above 0 the mixture may `adapt` to them first.  "early" rows are those before
a region's first labels.

Prints accuracy at rate 0, and mean differences from it in points with standard errors over seeds;
writes ``benchmarks/results/drift_moe_rewiring.json``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from streamadapt.connectors.generators import SEA, RandomRBF, RowGenerator
from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.models import DriftMoEClassifier

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

RATES = (0.0, 0.05, 0.1, 0.2, 0.5)
STREAMS: dict[str, Callable[[int], RowGenerator]] = {
    "RBF": lambda seed: RandomRBF(seed_model=seed, seed=seed),
    "SEA": lambda seed: SEA(seed=seed),
}
_RUN, _N_REGIONS, _BLOCK = 2_500, 4, 50


def in_turns(X: FloatArray, y: IntArray, seed: int) -> tuple[FloatArray, IntArray]:
    """Return rows in runs of one region each, until one that is drawn has too few left."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(X.shape[1], _N_REGIONS))
    region = ((X - X.mean(axis=0)) / X.std(axis=0) @ directions).argmax(axis=1)
    left = [np.flatnonzero(region == r) for r in range(_N_REGIONS)]
    order, now = [], 0
    while len(left[now]) >= _RUN:
        order.append(left[now][:_RUN])
        left[now] = left[now][_RUN:]
        now = (now + 1 + int(random.integers(_N_REGIONS - 1))) % _N_REGIONS
    if not order:
        return X[:0], y[:0]
    at = np.concatenate(order)
    return X[at], y[at]


def hits(rate: float, X: FloatArray, y: IntArray, delay: int, seed: int) -> BoolArray:
    """Tell which rows are predicted right when labels come `delay` rows late."""
    model = DriftMoEClassifier(X.shape[1], 2, rewiring_rate=rate, seed=seed)
    hit = np.zeros(len(y), np.bool_)
    for start in range(0, len(y), _BLOCK):
        now = slice(start, start + _BLOCK)
        if rate > 0.0:
            model.adapt(X[now])
        hit[now] = model.predict(X[now]).argmax(axis=1) == y[now]
        late = slice(max(0, start - delay), max(0, start - delay + _BLOCK))
        model.learn(X[late], y[late])
    return hit


def main() -> None:
    parser = argparse.ArgumentParser(description="What rewiring brings where labels are late.")
    parser.add_argument("--rows", type=int, default=80_000, help="of which runs are made")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--delays", default="1000,2500")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, make in STREAMS.items():
        for delay in map(int, options.delays.split(",")):
            found = []
            for seed in range(1, options.seeds + 1):
                X, y = make(seed).rows(options.rows)
                X, y = in_turns(np.array(X), np.array(y), seed)
                if len(y) < 2 * _RUN:
                    continue
                is_early = (np.arange(len(y)) >= _RUN) & (np.arange(len(y)) % _RUN < delay)
                each = [hits(rate, X, y, delay, seed) for rate in RATES]
                found.append([[hit.mean(), hit[is_early].mean()] for hit in each])
            of = np.array(found)  # [seeds, rates, all and early rows]
            for what, plain in zip(("all", "early"), of[:, 0].mean(axis=0), strict=True):
                case = f"{name}, labels {delay} rows late, {what} rows"
                rows.append(row(case, "rate 0", "accuracy", float(plain), f"{len(of)} seeds"))
                print(f"{case:40} rate 0    {100 * plain:6.2f}", flush=True)
                more = 100 * (of[:, 1:] - of[:, :1])[:, :, int(what == "early")]
                for rate, gained in zip(RATES[1:], more.T, strict=True):
                    error = gained.std(ddof=1) / math.sqrt(len(gained))
                    for metric, value in (("gain", gained.mean()), ("standard error", error)):
                        rows.append(row(case, f"rate {rate}", metric, float(value), "points"))
                    print(f"{case:40} rate {rate:<4} {gained.mean():+6.2f} +- {error:.2f}")
    write_results("drift_moe_rewiring", versions(), rows)


if __name__ == "__main__":
    main()
