"""Rows of MOA's generators: the reference that tests compare ours with.

    python benchmarks/generators_moa_rows.py [--moa-jar moa.jar] [--rows 10000] [--write]

runs MOA for every case of ``tests/connectors/moa_rows/reference.json`` and compares all rows, bit
by bit.  ``--write`` writes the hashes of MOA's first 10,000 rows, and its first 5 rows, into the
file; what is ours has no part in them.  The jar is found as in ``benchmarks/moa_loop.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from streamadapt.contracts import FloatArray, IntArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from moa_loop import compiled, moa_jar

from tests.connectors.moa_rows.cases import REFERENCE, Case, cases, made

HASHED_ROWS, SHOWN_ROWS = 10_000, 5


class MOA:
    """Runs ``GeneratorRows`` of a jar."""

    def __init__(self, jar: Path, folder: Path) -> None:
        self._folder = folder
        self._java = ["java", "-cp", compiled("GeneratorRows", jar, folder), "GeneratorRows"]

    def rows(self, command: str, n: int) -> tuple[FloatArray, IntArray]:
        path = self._folder / "rows"
        subprocess.run([*self._java, "write", command, str(n), str(path)], check=True)
        table = np.fromfile(path, "<f8").reshape(n, -1)
        return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64)

    def times_ns(self, command: str, n: int, passes: int) -> list[float]:
        """Nanoseconds per row of each pass."""
        java = [*self._java, "time", command, str(n), str(passes)]
        done = subprocess.run(java, check=True, capture_output=True, text=True)
        return [int(line) / n for line in done.stdout.split()]


def facts(case: Case, X: FloatArray, y: IntArray) -> dict[str, Any]:
    """What the reference file says of MOA's rows."""
    digest = hashlib.sha256(X[:HASHED_ROWS].tobytes() + y[:HASHED_ROWS].tobytes())
    return {
        "sha256": digest.hexdigest(),
        "first_rows": X[:SHOWN_ROWS].tolist(),
        "first_labels": y[:SHOWN_ROWS].tolist(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares our generators with MOA's.")
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--rows", type=int, default=HASHED_ROWS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    jar = moa_jar(options.moa_jar)
    if jar is None:
        return 1
    n, found, n_other = max(options.rows, HASHED_ROWS), {}, 0
    with tempfile.TemporaryDirectory() as name:
        moa = MOA(jar, Path(name))
        for case in cases():
            X, y = moa.rows(case.moa, n)
            ours, labels = made(case.spec).rows(n)
            same = (ours.view(np.int64) == X.view(np.int64)).all(axis=1) & (labels == y)
            n_other += n - int(same.sum())
            found[case.name] = facts(case, X, y)
            shown = f"{case.name:22} {same.sum():12,} of {n:,} rows are MOA's   {case.moa}"
            print(shown, flush=True)
    if options.write:
        REFERENCE.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{len(found)} cases, {n_other} rows differ")
    return int(n_other > 0)


if __name__ == "__main__":
    sys.exit(main())
