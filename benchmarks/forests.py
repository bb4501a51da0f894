"""Adaptive trees and forests test-then-train: ours, MOA's and River's, on one core.

    python benchmarks/forests.py [--moa-jar moa.jar] [--rows 30000] [--river-rows 1000]

Times are CPU time of the thread that learns, so that other work on the machine counts little: of
ours the least of three passes, of ``MOA loop`` the last of three (its compiler and garbage
collector, which run on other threads, are not counted), of River's one pass over the first rows.
``MOA process`` is the time by the clock of a whole Java process with one pass: start of the JVM and
reading of binary rows included, but no text is parsed.  It has both cores.  ``floor`` is what as
many plain Hoeffding trees of the same settings cost, which learn each row once, watch no error and
grow nothing in the background.

Accuracies are those over all rows; ``agreement`` is the share of rows that both predict alike.
River is given MOA's settings; its accuracy and ours beside it are those over its rows.
Prints a table and writes ``benchmarks/results/forests.json``, in which what ``--cases`` and
``--learners`` leave out stays.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from river import drift, ensemble, forest, tree

from streamadapt.connectors.generators import LED, SEA, RandomRBF
from streamadapt.contracts import IntArray
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    ExtremelyFastDecisionTreeClassifier,
    HoeffdingAdaptiveTreeClassifier,
    HoeffdingTreeClassifier,
    LeveragingBaggingClassifier,
    StreamingRandomPatchesClassifier,
)

sys.path.insert(0, str(Path(__file__).parent))
from bench import HERE, Row, row, timed, versions, write_results
from hoeffding_tree import Case, electricity, generated
from moa_loop import MOALoop, java_versions, moa_jar, write_rows

N_MODELS = 10
EAGER: dict[str, Any] = {"grace_period": 50, "delta": 0.01}


def river_srp() -> Any:
    return ensemble.SRPClassifier(
        model=tree.HoeffdingTreeClassifier(grace_period=50, delta=0.01),
        n_models=N_MODELS,
        seed=1,
        drift_detector=drift.ADWIN(delta=1e-5),
        warning_detector=drift.ADWIN(delta=1e-4),
    )


def efdt(d: int, k: int, seed: int, **settings: Any) -> Any:
    """Return ours, in which nothing is random."""
    return ExtremelyFastDecisionTreeClassifier(d, k, **settings)


LEARNERS: dict[str, tuple[Callable[..., Any], str, Callable[[], Any], dict[str, Any], int]] = {
    "HAT": (
        HoeffdingAdaptiveTreeClassifier,
        "trees.HoeffdingAdaptiveTree",
        lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1),
        {},
        1,
    ),
    "EFDT": (
        efdt,
        "trees.EFDT",
        lambda: tree.ExtremelyFastDecisionTreeClassifier(min_samples_reevaluate=2000),
        {},
        1,
    ),
    "ARF-10": (
        partial(AdaptiveRandomForestClassifier, n_models=N_MODELS),
        f"meta.AdaptiveRandomForest -s {N_MODELS}",
        lambda: forest.ARFClassifier(n_models=N_MODELS, max_features=0.6, seed=1),
        EAGER,
        N_MODELS,
    ),
    "SRP-10": (
        partial(StreamingRandomPatchesClassifier, n_models=N_MODELS),
        f"meta.StreamingRandomPatches -s {N_MODELS}",
        river_srp,
        EAGER,
        N_MODELS,
    ),
    "LevBag-10": (
        partial(LeveragingBaggingClassifier, n_models=N_MODELS),
        f"meta.LeveragingBag -s {N_MODELS}",
        lambda: ensemble.LeveragingBaggingClassifier(
            tree.HoeffdingTreeClassifier(), n_models=N_MODELS, seed=1
        ),
        {},
        N_MODELS,
    ),
}
"""Ours, MOA's on its command line, River's; settings and number of the trees of the floor."""


def cases(n: int) -> Iterator[Case]:
    if (found := electricity()) is not None:
        yield found
    for name, stream in (("SEA", SEA()), ("RBF", RandomRBF()), ("LED", LED())):
        yield generated(name, stream, n)


def least_ns(make: Callable[[], Any], case: Case, passes: int = 3) -> tuple[float, IntArray]:
    """Return CPU nanoseconds per row, and the classes predicted."""
    make().test_then_train(case.X[:50], case.y[:50])  # compiles
    taken = []
    for _ in range(passes):
        learner = make()
        start = time.process_time()
        P = learner.test_then_train(case.X, case.y)
        taken.append((time.process_time() - start) / len(case.y) * 1e9)
    return min(taken), P.argmax(axis=1)


def moa(
    case: Case, command: str, loop: MOALoop, folder: Path
) -> list[tuple[str, float, IntArray | None]]:
    rows = folder / f"{case.name}.rows"
    if not rows.is_file():
        write_rows(rows, case.X, case.y, case.n_classes, case.n_values)
    process = timed(lambda: loop.run(rows, command, 1), len(case.y), 1)
    found = loop.run(rows, command, 3)
    predicted = found.predicted.astype(int)
    warm = found.cpu_ns[-1] / len(case.y)
    return [("MOA process", process, None), ("MOA loop", warm, predicted)]


def river(case: Case, make: Callable[[], Any], n: int) -> tuple[float, IntArray]:
    model = make()
    rows = [dict(enumerate(x)) for x in case.X[:n].tolist()]
    labels = case.y[:n].tolist()
    predicted = np.zeros(len(rows), np.int64)
    start = time.process_time()
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        predicted[i] = model.predict_one(x) or 0
        model.learn_one(x, y)
    return (time.process_time() - start) / len(rows) * 1e9, predicted


def measured(
    case: Case, name: str, loop: MOALoop | None, folder: Path, river_rows: int
) -> Iterator[tuple[str, float, IntArray | None]]:
    """Yield system, nanoseconds per row, and classes predicted; ours comes first."""
    ours, command, rivers, settings, n_trees = LEARNERS[name]
    nominal = {j: v for j, v in enumerate(case.n_values) if v}
    sizes = (case.X.shape[1], case.n_classes)
    yield (
        "streamadapt",
        *least_ns(lambda: ours(*sizes, nominal_features=nominal, seed=1), case),
    )
    plain, _ = least_ns(
        lambda: HoeffdingTreeClassifier(*sizes, nominal_features=nominal, **settings), case
    )
    yield "floor", plain * n_trees, None
    if loop is not None:
        yield from moa(case, command, loop, folder)
    yield "River", *river(case, rivers, river_rows)


def kept(rows: list[Row]) -> list[Row]:
    """Return the rows of the last results whose cases were not measured now."""
    path, new = HERE / "results" / "forests.json", {r["case"] for r in rows}
    if not path.is_file():
        return []
    return [r for r in json.loads(path.read_text())["rows"] if r["case"] not in new]


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of adaptive trees and forests.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--rows", type=int, default=30_000, help="of the generated streams")
    parser.add_argument("--river-rows", type=int, default=1_000)
    parser.add_argument("--learners", default=",".join(LEARNERS))
    parser.add_argument("--cases", default="electricity,SEA,RBF,LED")
    options = parser.parse_args()
    jar, rows = moa_jar(options.moa_jar), list[Row]()
    layout = "{:12} {:10} {:12} {:>10} {:>8} {:>9} {:>9} {:>10}"
    head = ("events/s", "x ours", "accuracy", "ours", "agreement")
    print(layout.format("case", "learner", "system", *head))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        loop = MOALoop(jar, folder) if jar else None
        for case in cases(options.rows):
            if case.name not in options.cases.split(","):
                continue
            for name in options.learners.split(","):
                own_ns, own = 1.0, case.y
                for system, ns, predicted in measured(case, name, loop, folder, options.river_rows):
                    if system == "streamadapt" and predicted is not None:
                        own_ns, own = ns, predicted
                    add = partial(row, f"{case.name}, {name}", system)
                    rows.append(add("speed", 1e9 / ns, "events/s"))
                    shown = ["", "", ""]
                    if predicted is not None:
                        n = len(predicted)
                        facts = {
                            "accuracy": (predicted == case.y[:n]).mean(),
                            "ours there": (own[:n] == case.y[:n]).mean(),
                            "agreement with ours": (own[:n] == predicted).mean(),
                        }
                        unit = f"share of {n} rows"
                        rows += [add(what, float(v), unit) for what, v in facts.items()]
                        shown = [f"{v:.4f}" for v in facts.values()]
                    speed = (f"{1e9 / ns:,.0f}", f"{ns / own_ns:.2f}")
                    print(layout.format(case.name, name, system, *speed, *shown), flush=True)
    write_results("forests", versions() | (java_versions() if jar else {}), [*kept(rows), *rows])


if __name__ == "__main__":
    main()
