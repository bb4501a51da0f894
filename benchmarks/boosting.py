"""Boosted trees test-then-train: ours, MOA's and River's, on one core, over the same rows.

    python benchmarks/boosting.py [--moa-jar moa.jar] [--rows 50000] [--slow-rows 5000]

Streams of two classes: Electricity, moving centroids (RBF_m of ``drift_streams.py``), and SEA whose
concept changes three times.  Ten steps, or trees, each; MOA's streaming gradient boosted trees
(SGBT) have ten steps of ten times its rate of 0.0125, and once, over the first ``--slow-rows``, its
own hundred.  River has those rows too; ``ours there`` is the accuracy of our boosting over them.
Our adaptive tree and forest stand beside, to show what boosting is worth.
Times are CPU time of the thread that learns, of Java's second pass.  Prints a table and writes
``benchmarks/results/boosting.json``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from river import ensemble, tree

from streamadapt.connectors.generators import SEA, RandomRBFDrift
from streamadapt.contracts import IntArray
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    GradientBoostingClassifier,
    HoeffdingAdaptiveTreeClassifier,
)

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results
from drift_streams_data import drifting
from forests import least_ns, river
from hoeffding_tree import Case, electricity, generated
from moa_loop import MOALoop, java_versions, moa_jar, write_rows

OURS: dict[str, Callable[..., Any]] = {
    "gradient boosting": GradientBoostingClassifier,
    "adaptive tree": HoeffdingAdaptiveTreeClassifier,
    "forest": AdaptiveRandomForestClassifier,
}
SGBT = "meta.StreamingGradientBoostedTrees"
MOAS = {
    "SGBT": f"{SGBT} -s 10 -L 0.125",
    "OzaBoost": "meta.OzaBoost -s 10",
    "OzaBoostAdwin": "meta.OzaBoostAdwin -s 10",
    "OnlineSmoothBoost": "meta.OnlineSmoothBoost -s 10",
}
SLOW = {"SGBT, 100 steps": SGBT}
RIVERS: dict[str, Callable[[], Any]] = {
    "ADWINBoosting": lambda: ensemble.ADWINBoostingClassifier(
        tree.HoeffdingTreeClassifier(), n_models=10, seed=1
    ),
    "BOLE": lambda: ensemble.BOLEClassifier(tree.HoeffdingTreeClassifier(), n_models=10, seed=1),
}


def cases(n: int) -> Iterator[Case]:
    if (found := electricity()) is not None:
        yield found
    yield generated("RBF_m", RandomRBFDrift(change_speed=0.0001), n)
    places = (n // 4, n // 2, 3 * n // 4)
    yield generated("SEA, drift", drifting(SEA, [1, 2, 4, 1], (50, places)), n)


def measured(
    case: Case, loop: MOALoop | None, folder: Path, n_slow: int
) -> Iterator[tuple[str, str, float, IntArray]]:
    """Yield system, learner, nanoseconds a row, and the classes predicted; ours comes first."""
    sizes = (case.X.shape[1], case.n_classes)
    for name, make in OURS.items():
        yield "streamadapt", name, *least_ns(partial(make, *sizes, seed=1), case)
    if loop is not None:
        for n, commands in ((len(case.y), MOAS), (n_slow, SLOW)):
            rows = folder / "rows"
            write_rows(rows, case.X[:n], case.y[:n], case.n_classes, case.n_values)
            for name, command in commands.items():
                found = loop.run(rows, command, 2)
                yield "MOA", name, found.cpu_ns[-1] / n, found.predicted.astype(int)
    for name, make in RIVERS.items():
        yield "River", name, *river(case, make, n_slow)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of boosted trees.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--rows", type=int, default=50_000, help="of the generated streams")
    parser.add_argument("--slow-rows", type=int, default=5_000)
    options = parser.parse_args()
    jar, rows = moa_jar(options.moa_jar), list[Row]()
    layout = "{:12} {:12} {:18} {:>10} {:>8} {:>9} {:>11}"
    print(
        layout.format("case", "system", "learner", "events/s", "x ours", "accuracy", "ours there")
    )
    with tempfile.TemporaryDirectory() as place:
        loop = MOALoop(jar, Path(place)) if jar else None
        for case in cases(options.rows):
            own_ns, own = 0.0, case.y
            for system, name, ns, predicted in measured(case, loop, Path(place), options.slow_rows):
                if own_ns == 0.0:
                    own_ns, own = ns, predicted
                n = len(predicted)
                accuracy = float((predicted == case.y[:n]).mean())
                there = float((own[:n] == case.y[:n]).mean())
                add = partial(row, f"{case.name}, {name}", system)
                rows.append(add("speed", 1e9 / ns, "events/s"))
                rows.append(add("accuracy", accuracy, f"share of {n} rows"))
                rows.append(add("accuracy of our boosting there", there, f"share of {n} rows"))
                shown = (
                    f"{1e9 / ns:,.0f}",
                    f"{ns / own_ns:.2f}",
                    f"{accuracy:.4f}",
                    f"{there:.4f}",
                )
                print(layout.format(case.name, system, name, *shown), flush=True)
    write_results("boosting", versions() | (java_versions() if jar else {}), rows)


if __name__ == "__main__":
    main()
