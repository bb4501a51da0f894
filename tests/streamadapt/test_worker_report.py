"""What a worker tells at its end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streamadapt.worker_report import WorkerReport
from tests.streamadapt.live import Notes


def left(*skipped: dict[str, int]) -> dict[str, Any]:
    """Return the last fact of a worker whose tasks have learners that skipped so many rows."""
    tasks = [SimpleNamespace(task=SimpleNamespace(rows_skipped=lambda n=n: n)) for n in skipped]
    holdings: Any = SimpleNamespace(tasks=dict(enumerate(tasks)))
    consumer: Any = None
    notes = Notes()
    WorkerReport(notes, holdings, consumer).end()
    return dict(notes.facts[-1][1])


def test_the_end_tells_rows_skipped_by_learner_over_all_partitions() -> None:
    assert left({"tree": 2}, {"tree": 3, "rvfl": 1})["rows_skipped"] == {"tree": 5, "rvfl": 1}


def test_where_none_was_skipped_nothing_is_told_of_it() -> None:
    assert left({}, {}) == {"records": 0}
