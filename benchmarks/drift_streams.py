"""Our classifiers, MOA's and River's on drifting streams, beside DriftMoE's published table.

    python benchmarks/drift_streams.py [--moa-jar moa.jar] [--minutes 60] [--only 'MOA/*/RBF_?/1']

Each stream, system, learner and seed is one row of ``benchmarks/results/drift_streams.json``,
written as soon as it is there; rows that are there already are not run again, so that the program
can be stopped and started.  It goes by importance: the first seed of all comes before the other
ones, and ensembles of 100 come last.  ``--only`` takes patterns of SYSTEM/LEARNER/STREAM/SEED,
``--minutes 0`` prints the tables alone.

All learn the same rows, test-then-train; River, being slow, the first 50,000, MOA's ensembles of
100, of which a million take up to an hour, the first 300,000 (``--large-rows``).  Speed is by CPU
time of the thread that learns, over one pass: MOA's begins cold.  Bytes are those of the learner at
the end: of ours, its state; of MOA's, what the heap loses when it is dropped; of River's, by its
own walk.  The streams, and which rows were predicted right, are kept in ``--cache``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import versions
from drift_streams_cells import Cell, Cells
from drift_streams_data import ELECTRICITY, Stream, first_rows, open_stream
from drift_streams_systems import MOAS, OURS, RANDOM, RIVERS, Run, run_moa, run_ours, run_river
from drift_streams_table import STREAMS, tables
from moa_loop import MOALoop, cache_folder, java_versions, moa_jar

ELECTRICITY_ROWS = 45_312
# One thread collects garbage, and leaves none where the heap is measured.
JAVA = ("-Xmx6g", "-XX:+UseSerialGC", "-XX:MarkSweepAlwaysCompactCount=1")
PEERS = ["HT", "HAT", "LevBag-10", "EFDT", "NB"]


def plan(rows: int, river_rows: int, large_rows: int, seeds: int) -> Iterator[Cell]:
    """Yield what to run, the most important first."""
    systems = {"streamadapt": OURS, "MOA": MOAS, "River": RIVERS}
    both = ("streamadapt", "MOA")
    large = [name for name in MOAS if name.endswith("-100")]
    small = [name for name in OURS if name not in large]
    random = [name for name in OURS | MOAS if name in RANDOM and name not in large]
    stages = [
        ("MOA", ["ARF-10", "SRP-10"], [1], STREAMS),
        ("streamadapt", small, [1], STREAMS),
        ("MOA", PEERS, [1], STREAMS),
        ("River", list(RIVERS), [1], STREAMS),
        *((who, random, [s], STREAMS) for s in range(2, seeds + 1) for who in both),
        *((who, ["ARF-100"], [1], ("RBF_m", "RBF_f")) for who in both),
        *((who, large, [1], STREAMS) for who in both),
    ]
    for system, learners, which, streams in stages:
        for seed in which:
            for learner in (name for name in learners if name in systems[system]):
                for stream in streams:
                    most = ELECTRICITY_ROWS if stream == ELECTRICITY else rows
                    n = min(most, river_rows) if system == "River" else most
                    n = min(n, large_rows) if system == "MOA" and learner in large else n
                    yield Cell(system, learner, stream, seed, min(n, rows))


def run(cell: Cell, stream: Stream, loop: MOALoop | None, river_rows: int) -> Run | None:
    """Run a cell; None if that cannot be done here."""
    if cell.system == "streamadapt":
        return run_ours(cell.learner, stream, cell.seed)
    if cell.system == "River":
        return run_river(cell.learner, stream, cell.seed, river_rows)
    try:
        first = first_rows(stream, cell.rows)
        return run_moa(cell.learner, first, cell.seed, loop) if loop is not None else None
    except RuntimeError as error:  # a run of hours does not end because one of them did
        print(f"{cell}: {error}", flush=True)
        return None


def fill(cells: Cells, options: argparse.Namespace) -> None:
    """Run what is wanted and not there yet, until the time is over."""
    end = time.monotonic() + 60.0 * options.minutes
    planned = dict.fromkeys(
        plan(options.rows, options.river_rows, options.large_rows, options.seeds)
    )
    patterns = options.only.split(",")
    wanted = [c for c in planned if any(fnmatch(str(c), p) for p in patterns) and c not in cells]
    is_java = options.minutes > 0 and any(cell.system == "MOA" for cell in wanted)
    jar = moa_jar(options.moa_jar) if is_java else None
    found = versions() | (java_versions() if jar else {})
    with tempfile.TemporaryDirectory() as folder:
        loop = MOALoop(jar, Path(folder), *JAVA) if jar is not None else None
        for cell in wanted:
            if time.monotonic() >= end:
                print("the time is over: run again to go on")
                return
            stream = open_stream(cell.stream, options.rows, options.cache)
            done = run(cell, stream, loop, options.river_rows) if stream else None
            if stream is None or done is None:
                continue
            y = stream.y[: len(done.predicted)]
            cost = {"events_per_s": len(y) / done.cpu_s, "n_bytes": done.n_bytes}
            row = cells.add(cell, y, done.predicted == y, cost)
            cells.write(found)
            accuracy, speed = 100.0 * float(str(row["accuracy"])), cost["events_per_s"]
            print(f"{cell}, {len(y):,} rows: {accuracy:.2f} %, {speed:,.0f} events/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of classifiers on drifting streams.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each stream, at most")
    parser.add_argument("--river-rows", type=int, default=50_000)
    parser.add_argument("--large-rows", type=int, default=300_000, help="of MOA's 100 trees")
    parser.add_argument("--seeds", type=int, default=5, help="of learners that draw numbers")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run later")
    parser.add_argument("--only", default="*", help="patterns of SYSTEM/LEARNER/STREAM/SEED")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "drift_streams")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    cells = Cells.read(options.cache, options.results)
    fill(cells, options)
    print("\n".join(tables(cells.rows, cells.differences)))


if __name__ == "__main__":
    main()
