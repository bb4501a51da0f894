"""The adaptive tree against MOA's over streams of many seeds: one stream alone says little.

    python benchmarks/adaptive_tree_seeds.py [--moa-jar moa.jar] [--seeds 12] [--streams RBF_f]

The streams of ``drift_streams.py`` that are not LED (there both predict nearly alike), but with
the seeds 2, 3, 4... in place of 1, the same rows for both.  Over centroids that never stand still
each tree is pulled down and grown again hundreds of times, and after the first row that is judged
differently the two are different trees: a stream's accuracies differ by tenths of a point, either
way.
Prints a line per stream and seed, then the mean difference with its 95 % interval (Student's t),
and writes ``benchmarks/results/adaptive_tree_seeds.json``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from streamadapt.connectors.generators import SEA, RandomRBFDrift, RowGenerator
from streamadapt.models import HoeffdingAdaptiveTreeClassifier

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results
from drift_streams_data import ABRUPT, GRADUAL, drifting
from hoeffding_tree import Case, generated
from moa_loop import MOALoop, java_versions, moa_jar, write_rows


def rbf(change_speed: float, seed: int) -> RowGenerator:
    return RandomRBFDrift(change_speed=change_speed, seed_model=seed, seed=seed)


def sea(drifts: Any, seed: int) -> Any:
    return drifting(partial(SEA, seed=seed), [1, 2, 4, 1], drifts)


STREAMS: dict[str, Callable[[int], Any]] = {
    "RBF_f": partial(rbf, 0.001),
    "RBF_m": partial(rbf, 0.0001),
    "SEA_a": partial(sea, ABRUPT),
    "SEA_g": partial(sea, GRADUAL),
}


def accuracies(case: Case, loop: MOALoop, folder: Path) -> tuple[float, float]:
    """Return ours and MOA's over all rows."""
    path = folder / "rows"
    write_rows(path, case.X, case.y, case.n_classes, case.n_values)
    theirs = loop.run(path, "trees.HoeffdingAdaptiveTree", 1).predicted == case.y
    tree = HoeffdingAdaptiveTreeClassifier(case.X.shape[1], case.n_classes, seed=1)
    ours = tree.test_then_train(case.X, case.y).argmax(axis=1) == case.y
    return float(ours.mean()), float(theirs.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="The adaptive tree and MOA's over many seeds.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=12, help="two or more")
    parser.add_argument("--streams", default=",".join(STREAMS))
    options = parser.parse_args()
    jar, rows = moa_jar(options.moa_jar), list[Row]()
    if jar is None:
        return
    with tempfile.TemporaryDirectory() as place:
        loop = MOALoop(jar, Path(place))
        for name in options.streams.split(","):
            differences = []
            for seed in range(2, 2 + options.seeds):
                case = generated(name, STREAMS[name](seed), options.rows)
                found = accuracies(case, loop, Path(place))
                differences.append(found[0] - found[1])
                for system, value in zip(("streamadapt", "MOA"), found, strict=True):
                    rows.append(row(f"{name}, seed {seed}", system, "accuracy", value, "share"))
                print(f"{name:6} {seed:3} {found[0]:.5f} {found[1]:.5f}", flush=True)
            mean, n = float(np.mean(differences)), len(differences)
            half = float(stats.t.ppf(0.975, n - 1) * stats.sem(differences))
            bounds = {"mean": mean, "low": mean - half, "high": mean + half}
            for what, value in bounds.items():
                rows.append(row(name, "streamadapt - MOA", what, value, f"share, {n} seeds"))
            print(f"{name:6} ours - MOA's: {mean:+.5f} [{mean - half:+.5f}, {mean + half:+.5f}]")
    write_results("adaptive_tree_seeds", versions() | java_versions(), rows)


if __name__ == "__main__":
    main()
