"""Trees within 1 MiB over ten million rows: bytes in use after every block, and accuracy.

    python benchmarks/bounded_memory.py [--rows 10000000] [--kinds hoeffding_tree,...]

The stream is RandomRBF (50 centroids, 10 columns), whose labels are turned over each million rows,
so that adaptive trees plant and drop branches all the time.  The process's own memory is read after
the first tenth and at the end.  Ends with an error if any block leaves more bytes in use than
allowed.  Prints a line per tenth and writes
``benchmarks/results/bounded_memory.json``.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from streamadapt.connectors.generators import RandomRBF
from streamadapt.models import LEARNERS

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

BLOCK = 10_000
MIB = 2**20
PERIOD = 1_000_000


def resident_mib() -> float:
    """Return the most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(kind: str, n: int, max_size: float) -> list[Row]:
    stream: Any = RandomRBF()
    learner: Any = LEARNERS[kind](stream.n_features, stream.n_classes, max_size=max_size)
    most = n_right = n_done = 0
    seconds, resident = 0.0, []
    while n_done < n:
        X, y = stream.rows(min(BLOCK, n - n_done))
        turned = n_done // PERIOD % 2 == 1
        labels = (y + 1) % stream.n_classes if turned else y
        start = time.process_time()
        P = learner.test_then_train(X, labels)
        seconds += time.process_time() - start
        n_right += int((P.argmax(axis=1) == labels).sum())
        n_done += len(y)
        most = max(most, learner.n_bytes)
        if learner.n_bytes > max_size * MIB:
            raise SystemExit(f"{kind}: {learner.n_bytes} bytes in use after {n_done} rows")
        if n_done % (n // 10) < BLOCK:
            resident.append(resident_mib())
            print(
                f"{kind:25} {n_done:11,} rows {learner.n_bytes:9,} bytes, {learner.n_nodes:5} nodes"
                f" accuracy {n_right / n_done:.4f} process {resident[-1]:.1f} MiB",
                flush=True,
            )
    add = partial(row, f"{n} rows in {max_size} MiB", kind)
    return [
        add("most bytes in use", most, "bytes"),
        add("bytes allowed", int(max_size * MIB), "bytes"),
        add("accuracy", n_right / n_done, "share"),
        add("speed", n_done / seconds, "events/s"),
        add("growth of the process after the first tenth", resident[-1] - resident[0], "MiB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Trees within 1 MiB over ten million rows.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--max-size", type=float, default=1.0)
    parser.add_argument("--kinds", default="hoeffding_tree,hoeffding_adaptive_tree")
    options = parser.parse_args()
    rows = [
        line
        for kind in options.kinds.split(",")
        for line in run(kind, options.rows, options.max_size)
    ]
    write_results("bounded_memory", versions(), rows)


if __name__ == "__main__":
    main()
