"""Where the time of a replay goes: clocks around the calls of each stage; and what it is at least.

The clocks stand around methods that do not call one another, cost about 0.2 us a call, and are
taken off again; ``rest`` is what is left of the whole.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from bench import cost
from replay_streams import CLASSES, FEATURES, TARGET

from streamadapt.connectors import ReadAhead
from streamadapt.delay import DelayedLabels
from streamadapt.detectors import ADWIN
from streamadapt.features import FeatureMap
from streamadapt.intake import Intake
from streamadapt.labels import LabelJoin
from streamadapt.metrics import ClassGrades
from streamadapt.models import ArrayLearner, HoeffdingTreeClassifier
from streamadapt.replay import Replay

__all__ = ["floors", "stage_times"]


def _learner(learner: Any) -> str:
    return type(learner).__name__


STAGES: list[tuple[str | Callable[[Any], str], type, str]] = [
    ("wait for records", ReadAhead, "poll"),
    ("intake", Intake, "take"),
    ("labels on their way", DelayedLabels, "interleave"),
    ("label join", LabelJoin, "admit"),
    ("features", FeatureMap, "transform"),
    ("rows of the ops", LabelJoin, "gather"),
    (_learner, ArrayLearner, "run"),
    ("grades", ClassGrades, "settle"),
    ("detector", ADWIN, "update_many"),
    ("new trees", HoeffdingTreeClassifier, "__init__"),
    ("checkpoints", Replay, "_save"),
]


def stage_times(work: Callable[[], object], passes: int) -> dict[str, float]:
    """Return seconds by stage, those of the quickest pass: the least disturbed one."""
    taken = []
    for _ in range(passes):
        spent: Counter[str] = Counter()
        with _clocks(spent):
            start = time.perf_counter()
            work()
            whole = time.perf_counter() - start
        taken.append({**spent, "rest": whole - spent.total(), "whole": whole})
    return min(taken, key=lambda table: table["whole"])


@contextmanager
def _clocks(spent: Counter[str]) -> Iterator[None]:
    before = [(owner, name, getattr(owner, name)) for _, owner, name in STAGES]
    for (stage, owner, name), (_, _, method) in zip(STAGES, before, strict=True):
        setattr(owner, name, _clocked(method, stage, spent))
    try:
        yield
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)


def _clocked(
    method: Callable[..., Any], stage: str | Callable[[Any], str], spent: Counter[str]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def clocked(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(self, *args, **kwargs)
        finally:
            took = time.perf_counter() - start
            spent[stage if isinstance(stage, str) else stage(self)] += took

    return clocked


def floors(stream: Path, n_rows: int, passes: int) -> dict[str, float]:
    """Return nanoseconds of CPU time per event of what cannot be left out, from CSV."""

    def cpu(work: Callable[[], object]) -> float:
        return cost(work, n_rows, passes)[1]

    data = stream.read_bytes()
    found = {
        "copy the file's bytes in memory": cpu(lambda: bytearray(data)),
        "read the file's bytes": cpu(stream.read_bytes),
    }
    numbers: dict[str, pa.DataType] = dict.fromkeys(FEATURES, pa.float64())
    convert = pa.csv.ConvertOptions(column_types={**numbers, TARGET: pa.string()})
    reading = pa.csv.ReadOptions(use_threads=False)
    read = functools.partial(pa.csv.read_csv, stream, reading, convert_options=convert)
    found["pyarrow.csv alone, one thread"] = cpu(read)
    table = read()
    X = np.column_stack([table.column(name).to_numpy() for name in FEATURES])
    y = table.column(TARGET).cast(pa.int64()).to_numpy().copy()
    X = np.ascontiguousarray(X)

    def learn() -> None:
        HoeffdingTreeClassifier(len(FEATURES), len(CLASSES)).test_then_train(X, y)

    found["tree alone, rows in memory, one call"] = cpu(learn)
    found["pyarrow.csv and tree together"] = sum(list(found.values())[2:])
    return found
