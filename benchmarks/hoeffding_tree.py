"""Hoeffding tree classifiers test-then-train: ours, River's, MOA's, CapyMOA's, and the floor.

    python benchmarks/hoeffding_tree.py [--moa-jar moa.jar] [--passes 7] [--river-rows 20000]

Accuracies compare over the same rows: ``ours`` is our accuracy over those rows that the system
of that line had (River, being slow, has only the first ones).

Prints a table and writes ``benchmarks/results/hoeffding_tree.json``.  Ours and MOA's warm loop run
over rows in memory, each pass with a new tree, and the median counts; ``MOA process`` is the wall
time of a whole Java process with one pass, start of the JVM and reading of the binary rows
included.  CapyMOA, if it is installed, runs twice over all rows, and the second time counts: see
``benchmarks/hoeffding_tree_capymoa.py``.  Nothing is pinned, so Java may compile and collect
garbage on other cores meanwhile.

Electricity is read from ``$STREAMADAPT_DATA/electricity/elec.csv.gz`` and left out without it.
The jar is ``--moa-jar`` or ``$MOA_JAR``, or comes out of the CapyMOA wheel, which is fetched once
with pip; without Java, MOA is left out.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from river.tree import HoeffdingTreeClassifier as RiverTree

from streamadapt.connectors.generators import LED, SEA, RandomRBF, RowGenerator
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, electricity_path, row, timed, versions, write_results
from hoeffding_tree_capymoa import evaluated, is_installed, looped, write_arff
from hoeffding_tree_floor import floor_ns, work_per_event
from moa_loop import CAPYMOA, MOALoop, java_versions, moa_jar, write_rows


@dataclass(frozen=True)
class Case:
    """A stream: rows, labels, and how many values each nominal column has (0: numeric)."""

    name: str
    X: FloatArray
    y: IntArray
    n_classes: int
    n_values: list[int]

    def tree(self) -> HoeffdingTreeClassifier:
        nominal = {j: v for j, v in enumerate(self.n_values) if v}
        return HoeffdingTreeClassifier(self.X.shape[1], self.n_classes, nominal_features=nominal)


def electricity() -> Case | None:
    path = electricity_path()
    if path is None:
        print("electricity: no $STREAMADAPT_DATA/electricity/elec.csv.gz, left out")
        return None
    with gzip.open(path) as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    return Case(
        "electricity", np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int), 2, [0] * 6
    )


def generated(name: str, stream: RowGenerator, n: int) -> Case:
    """The first rows of a generator, which are those of MOA's."""
    X, y = stream.rows(n)
    n_values = [len(stream.nominal.get(j, ())) for j in range(stream.n_features)]
    return Case(name, X, y, stream.n_classes, n_values)


def cases(n: int) -> Iterator[Case]:
    if (found := electricity()) is not None:
        yield found
    for name, stream in (("SEA", SEA()), ("RBF", RandomRBF()), ("LED", LED())):
        yield generated(name, stream, n)


@dataclass(frozen=True)
class Result:
    """Speed of a system on a case, and what it predicted, one class per row, if that is known."""

    system: str
    ns: float
    predicted: NDArray[np.integer] | None = None


def ours(case: Case, passes: int) -> list[Result]:
    predicted = case.tree().test_then_train(case.X, case.y).argmax(axis=1)  # compiles as well
    ns = timed(lambda: case.tree().test_then_train(case.X, case.y), len(case.y), passes)

    def in_batches() -> None:
        tree = case.tree()
        for i in range(0, len(case.y), 64):
            tree.test_then_train(case.X[i : i + 64], case.y[i : i + 64])

    by_64 = timed(in_batches, len(case.y), max(3, passes // 2))
    return [
        Result("streamadapt", ns, predicted),
        Result("streamadapt, batches of 64", by_64, predicted),
    ]


def river(case: Case, n: int) -> Result:
    nominal = [j for j, v in enumerate(case.n_values) if v]
    model = RiverTree(nominal_attributes=nominal or None)
    rows = [dict(enumerate(row)) for row in case.X[:n].tolist()]
    labels = case.y[:n].tolist()
    predicted = np.zeros(len(rows), np.int64)
    start = time.perf_counter()
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        predicted[i] = model.predict_one(x) or 0
        model.learn_one(x, y)
    return Result("River", (time.perf_counter() - start) / len(rows) * 1e9, predicted)


def moa(case: Case, jar: Path, folder: Path, passes: int) -> list[Result]:
    rows, n, loop = folder / "rows", len(case.y), MOALoop(jar, folder)
    write_rows(rows, case.X, case.y, case.n_classes, case.n_values)
    process = timed(lambda: loop.run(rows, "trees.HoeffdingTree", 1), n, 3)
    found = loop.run(rows, "trees.HoeffdingTree", 3 + passes)
    ns = [taken / n for taken in found.wall_ns]
    return [
        Result("MOA process", process, found.predicted),
        Result("MOA loop, cold", ns[0], found.predicted),
        Result("MOA loop, warm", statistics.median(ns[3:]), found.predicted),
    ]


def capymoa(case: Case, folder: Path) -> list[Result]:
    arff, values = folder / "rows.arff", (case.n_classes, case.n_values)
    write_arff(arff, case.X, case.y, *values)
    runs = {
        "CapyMOA, rows of arrays": lambda: looped(case.X, case.y, *values),
        "CapyMOA, its evaluation": lambda: evaluated(arff),
    }
    results = []
    for name, run in runs.items():
        run()  # Java compiles
        results.append(Result(name, *run()))
    return results


def report(case: Case, results: list[Result], rows: list[Row]) -> None:
    """Print one case's lines of the table, and add them to `rows`."""
    own, add = results[0], partial(row, case.name)
    for result in results:
        shown = f"{case.name:12} {result.system:27} {1e9 / result.ns:12,.0f} {result.ns / 1e3:9.3f}"
        rows.append(add(result.system, "speed", 1e9 / result.ns, "events/s"))
        if result.predicted is not None and own.predicted is not None:
            n = len(result.predicted)
            accuracy = float((result.predicted == case.y[:n]).mean())
            same = float((result.predicted == own.predicted[:n]).mean())
            ours_there = float((own.predicted[:n] == case.y[:n]).mean())
            shown += f" {n:7,} {accuracy:9.4f} {ours_there:9.4f} {same:10.4f}"
            unit = f"share of {n} rows"
            rows.append(add(result.system, "ours there", ours_there, unit))
            rows.append(add(result.system, "accuracy", accuracy, unit))
            rows.append(add(result.system, "agreement with ours", same, unit))
        else:
            shown += " " * 39
        print(f"{shown} {result.ns / own.ns:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of Hoeffding tree classifiers.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--rows", type=int, default=200_000, help="of the generated streams")
    parser.add_argument("--river-rows", type=int, default=50_000)
    options = parser.parse_args()
    jar = moa_jar(options.moa_jar)
    has_capymoa = is_installed()
    if not has_capymoa:
        print(f"CapyMOA: not installed, left out (pip install capymoa=={CAPYMOA})")
    rows: list[Row] = []
    notes: list[str] = []
    header = ("events/s", "us/event", "rows", "accuracy", "ours", "agreement", "x ours")
    layout = "{:12} {:27} {:>12} {:>9} {:>7} {:>9} {:>9} {:>10} {:>8}"
    print(layout.format("case", "system", *header))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in cases(options.rows):
            results = ours(case, options.passes)
            tree = case.tree()
            tree.learn(case.X, case.y)
            floor = floor_ns(tree, case.X, case.y, options.passes)
            results += [
                Result("floor: same loads and flops", floor),
                river(case, options.river_rows),
            ]
            if jar is not None:
                results += moa(case, jar, folder, options.passes)
            if has_capymoa:
                results += capymoa(case, folder)
            report(case, results, rows)
            work = work_per_event(tree, case.X)
            rows += [
                row(case.name, "streamadapt", what, v, "per event") for what, v in work.items()
            ]
            said = ", ".join(f"{v:,.1f} {what}" for what, v in work.items())
            notes.append(f"{case.name}: per event {said}; {results[0].ns / floor:.2f} x the floor")
    print("\n".join(notes))
    found = versions(*(["capymoa"] if has_capymoa else []))
    found |= java_versions() if jar is not None else {}
    write_results("hoeffding_tree", found, rows)


if __name__ == "__main__":
    main()
