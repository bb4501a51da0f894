"""Functional-link learners: ours, the published form in NumPy, and the floor, on drifting streams.

    OPENBLAS_NUM_THREADS=1 python benchmarks/rvfl.py [--rows 10000000] [--numpy-rows 3000]

NumPy has one thread, as we have; more only cost it time at this size.
Prints a table and writes ``benchmarks/results/rvfl.json``.  Speeds are taken in turns, block by
block, and the median ratio of neighbours counts, since the machine may do other work.  ``floor`` is
the one pass over the inverse that each row learned needs, and nothing else.  The long runs, each of
``--rows`` events, look at the weights after every block.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.models import RVFLClassifier
from streamadapt.models.rvfl_kernels import settle
from streamadapt.models.rvfl_nodes import draw_grouped_nodes

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

from tests.models.naive_rvfl import PublishedLiteRVFL

THETA = 1.003
D, N_HIDDEN, GROUP = 6, 99, 3
M = D + N_HIDDEN + 1
BLOCK = 50_000
PACE_ROWS = 5000


def drifting(start: int, n: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Rows start..start+n-1 of a stream whose concept turns each 250,000 rows."""
    rng = np.random.default_rng([seed, start])
    X = rng.normal(size=(n, D))
    concept = (start + np.arange(n)) // 250_000 % 4
    angle = concept * (np.pi / 2)
    score = np.cos(angle) * X[:, 0] * X[:, 1] + np.sin(angle) * X[:, 2] + 0.5 * X[:, 3]
    return X, (score > 0).astype(np.int64)


def stuck(start: int, n: int) -> tuple[FloatArray, IntArray]:
    """Rows that vary for 5,000 rows and then never again; the labels are coins."""
    X, _ = drifting(start, n)
    if start == 0:
        X[5000:] = 0.25
    else:
        X[:] = 0.25
    return X, np.random.default_rng([1, start]).integers(0, 2, n)


def collinear(start: int, n: int) -> tuple[FloatArray, IntArray]:
    X, y = drifting(start, n)
    return np.outer(X[:, 0], np.arange(1.0, D + 1)), y


def constant(start: int, n: int) -> tuple[FloatArray, IntArray]:
    _, y = drifting(start, n)
    return np.full((n, D), 3.0), y


LONG: dict[str, Callable[[int, int], tuple[FloatArray, IntArray]]] = {
    "drifting": drifting,
    "stuck": stuck,
    "collinear": collinear,
    "constant": constant,
}


@numba.njit(nogil=True)
def passes(P, u, v, a, g, n):  # noqa: ANN001, ANN201
    for _ in range(n):
        settle(P, 1.0, u, v, a, g)


def floor_us(n: int) -> float:
    """Microseconds of one pass, n times, over an inverse of M features."""
    m = -(-M // 4) * 4
    P, lanes = np.eye(m), np.full((4, m), 1e-9)
    start = time.perf_counter()
    passes(P, lanes[0], lanes[1], lanes[2], lanes[3], n)
    return (time.perf_counter() - start) / n * 1e6


def numpy_us(model: PublishedLiteRVFL, X: FloatArray, Y: FloatArray) -> tuple[float, IntArray]:
    guesses = np.empty(len(X), np.int64)
    start = time.perf_counter()
    for i in range(len(X)):
        guesses[i] = model.scores(X[i]).argmax()
        model.learn(X[i], Y[i])
    return (time.perf_counter() - start) / len(X) * 1e6, guesses


def speeds(numpy_rows: int) -> list[Row]:
    """Ours, NumPy's and the floor in turns; accuracies are over the same rows.

    Ours is timed on blocks of more rows, as the clock could not tell those few apart.
    """
    X, y = drifting(0, 200 + numpy_rows)
    ours = RVFLClassifier(D, 2, N_HIDDEN, THETA**-2)
    pacer = RVFLClassifier(D, 2, N_HIDDEN, THETA**-2)
    lap, lap_labels = drifting(0, PACE_ROWS, seed=1)
    floor_us(10)
    pacer.test_then_train(lap, lap_labels)
    ours.test_then_train(X[:200], y[:200])
    theirs = PublishedLiteRVFL(THETA, 0.1, *draw_grouped_nodes(D, N_HIDDEN, GROUP, 0))
    theirs.fit(X[:200], np.eye(2)[y[:200]])
    taken: dict[str, list[float]] = {"streamadapt": [], "NumPy": [], "floor": []}
    hits: dict[str, list[bool]] = {"streamadapt": [], "NumPy": []}
    step = max(numpy_rows // 20, 1)
    for a in range(200, 200 + numpy_rows, step):
        rows, labels = X[a : a + step], y[a : a + step]
        us, guesses = numpy_us(theirs, rows, np.eye(2)[labels])
        taken["NumPy"].append(us)
        hits["NumPy"] += (guesses == labels).tolist()
        P = ours.test_then_train(rows, labels)
        hits["streamadapt"] += (P.argmax(axis=1) == labels).tolist()
        start = time.perf_counter()
        pacer.test_then_train(lap, lap_labels)
        taken["streamadapt"].append((time.perf_counter() - start) / PACE_ROWS * 1e6)
        taken["floor"].append(floor_us(PACE_ROWS))
    case = f"{numpy_rows} rows, m = {M}"
    out = [row(case, name, "time", statistics.median(us), "us/event") for name, us in taken.items()]
    out += [row(case, name, "accuracy", float(np.mean(h)), "") for name, h in hits.items()]
    for other in ("NumPy", "floor"):
        pairs = zip(taken[other], taken["streamadapt"], strict=True)
        out.append(row(case, other, "times ours", statistics.median(t / o for t, o in pairs), ""))
    return out


def long_run(name: str, n_rows: int) -> list[Row]:
    """Ours over n_rows events: accuracy, best microseconds of a block, largest weight, resets."""
    model = RVFLClassifier(D, 2, N_HIDDEN, THETA**-2)
    taken, right, largest = [], 0, 0.0
    for start in range(0, n_rows, BLOCK):
        X, y = LONG[name](start, BLOCK)
        before = time.perf_counter()
        P = model.test_then_train(X, y)
        taken.append((time.perf_counter() - before) / BLOCK * 1e6)
        right += int((P.argmax(axis=1) == y).sum())
        largest = max(largest, float(np.abs(model.weights).max()))
    case = f"{name}, {n_rows:,} events, m = {M}"
    return [
        row(case, "streamadapt", "accuracy", right / n_rows, ""),
        row(case, "streamadapt", "time, median block", statistics.median(taken), "us/event"),
        row(case, "streamadapt", "time, best block", min(taken), "us/event"),
        row(case, "streamadapt", "largest weight", largest, ""),
        row(case, "streamadapt", "resets", model.n_resets, ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--numpy-rows", type=int, default=3000)
    args = parser.parse_args()
    rows = speeds(args.numpy_rows)
    for name in LONG:
        rows += long_run(name, args.rows)
    for r in rows:
        print(
            f"{r['case']:<38} {r['system']:<12} {r['metric']:<20} {r['value']:>12.4f} {r['unit']}"
        )
    write_results("rvfl", versions(), rows)


if __name__ == "__main__":
    main()
