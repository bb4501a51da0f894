from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamadapt.class_metrics import ClassGrades
from streamadapt.labels import Ops

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = 2_000


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are programs, no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def benchmark(tmp_path: Path, *options: str) -> str:
    """Run the program over the first rows of the streams; return what it prints."""
    places = ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path)]
    command = [sys.executable, str(BENCHMARKS / "drift_streams.py"), "--rows", str(ROWS)]
    done = subprocess.run([*command, *places, *options], capture_output=True, text=True, check=True)
    return done.stdout


def add(cells: Any, system: str, learner: str, hits: np.ndarray) -> None:
    cell = import_module("drift_streams_cells").Cell(system, learner, "SEA_a", 1, len(hits))
    cells.add(cell, np.arange(len(hits)) % 2, hits, {"events_per_s": 1e6, "n_bytes": 2_000})


def no_cells(folder: Path) -> Any:
    return import_module("drift_streams_cells").Cells.read(folder / "bits", folder)


def test_runs_that_are_there_are_not_run_again(tmp_path: Path) -> None:
    first = benchmark(tmp_path, "--only", "streamadapt/NB/SEA_?/1", "--river-rows", "50")
    assert "streamadapt/NB/SEA_a/1" in first
    rows = json.loads((tmp_path / "drift_streams.json").read_text())["rows"]
    assert [(row["stream"], row["rows"]) for row in rows] == [("SEA_a", ROWS), ("SEA_g", ROWS)]
    again = benchmark(tmp_path, "--only", "streamadapt/[NP]?/SEA_a/1")
    assert "streamadapt/NB/SEA_a/1" not in again
    assert "streamadapt/PA/SEA_a/1" in again
    after = json.loads((tmp_path / "drift_streams.json").read_text())["rows"]
    assert after[:2] == rows
    assert [row["learner"] for row in after[2:]] == ["PA"]


def test_no_minutes_print_the_tables_alone(tmp_path: Path) -> None:
    printed = benchmark(tmp_path, "--minutes", "0")
    assert "DriftMoE MoE-Data | 73.77 |" in printed
    assert not (tmp_path / "cache").exists()


def test_grades_are_those_of_the_package() -> None:
    rng, n = np.random.default_rng(3), 3_000
    y = rng.choice(3, n, p=[0.2, 0.5, 0.3])
    predicted = np.where(rng.random(n) < 0.6, y, rng.integers(0, 3, n))
    slots, times = np.zeros(n, np.int64), np.full(n, 3, np.int8)
    theirs = ClassGrades(1, 3)
    theirs.settle(
        Ops(times, slots, y.astype(float), slots, np.ones(n, np.bool_)), np.eye(3)[predicted], 0
    )
    expected = theirs.metrics()
    found = import_module("drift_streams_cells").grades("LED_a", y, predicted == y)
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-12)


def test_rows_after_a_return_are_graded_by_themselves() -> None:
    cells = import_module("drift_streams_cells")
    start = cells.RETURNS["SEA_a"]
    hits = np.zeros(start + 2 * cells.AFTER_RETURN_ROWS, np.bool_)
    hits[start : start + 1_000] = True
    found = cells.grades("SEA_a", np.arange(len(hits)) % 2, hits)
    assert found["after_return"] == 1_000 / cells.AFTER_RETURN_ROWS


def test_differences_pair_the_rows_both_had(tmp_path: Path) -> None:
    cells = no_cells(tmp_path)
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(4_001) < 0.9, rng.random(1_003) < 0.8
    add(cells, "River", "HT", theirs)
    add(cells, "River", "HAT", theirs)
    add(cells, "streamadapt", "HT", ours)
    (found,) = cells.differences
    assert (found["other"], found["learner"], found["rows"]) == ("River", "HT", 1_003)
    assert found["difference"] == pytest.approx(ours[:1_003].mean() - theirs.mean())
    assert found["low"] < found["difference"] < found["high"]


def test_results_are_read_back(tmp_path: Path) -> None:
    cells = no_cells(tmp_path)
    add(cells, "MOA", "HT", np.ones(100, np.bool_))
    add(cells, "streamadapt", "HT", np.ones(100, np.bool_))
    cells.write({})
    assert no_cells(tmp_path) == cells


def test_a_table_tells_the_spread_over_seeds() -> None:
    row = {"system": "MOA", "learner": "ARF-10", "stream": "LED_g", "rows": 9, "accuracy": 0.71}
    lines = list(import_module("drift_streams_table").tables([row, row | {"accuracy": 0.73}], []))
    assert "| MOA ARF-10 | - | 72.00 ± 1.41 (2) | - | - | - | - | - |" in lines


def test_the_first_rows_of_a_stream_are_those_of_the_whole(tmp_path: Path) -> None:
    data = import_module("drift_streams_data")
    whole = data.open_stream("SEA_a", 300, tmp_path)
    first = data.first_rows(whole, 100)
    X, y = next(first.blocks())
    rows, labels = next(whole.blocks())
    assert np.array_equal(X, rows[:100])
    assert np.array_equal(y, labels[:100])
    assert data.first_rows(whole, 300) is whole


def test_a_run_over_more_rows_stands_for_one_over_fewer(tmp_path: Path) -> None:
    cells, cell = no_cells(tmp_path), import_module("drift_streams_cells").Cell
    add(cells, "MOA", "ARF-100", np.ones(200, np.bool_))
    assert cell("MOA", "ARF-100", "SEA_a", 1, 100) in cells
    assert cell("MOA", "ARF-100", "SEA_a", 1, 300) not in cells
    assert cell("MOA", "ARF-100", "SEA_a", 2, 100) not in cells


def test_runs_over_fewer_rows_are_not_in_the_tables_of_the_whole(tmp_path: Path) -> None:
    cells, table = no_cells(tmp_path), import_module("drift_streams_table")
    add(cells, "streamadapt", "HT", np.ones(200, np.bool_))
    add(cells, "MOA", "HT", np.zeros(100, np.bool_))
    lines = list(table.tables(cells.rows, cells.differences))
    assert [line for line in lines if line.startswith("| MOA HT")] == []
    assert any(line.startswith("| HT less MOA's HT | SEA_a | 100 |") for line in lines)
