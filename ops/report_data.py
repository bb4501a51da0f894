"""What a report shows of a run, out of the files of its folder; as much as a page can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.errors import SourceError
from streamadapt.ops.losses import class_codes
from streamadapt.ops.results import RESOURCES_FILE, WINDOWS_FILE
from streamadapt.ops.summary import SUMMARY_FILE
from streamadapt.predictions import PREDICTIONS_FILE

__all__ = ["Columns", "RunData", "horizon_of", "read_run", "thinned"]

Columns: TypeAlias = dict[str, list[Any]]

_MOST_FACTS = 1_000
_EVIDENCE = ("size", "age", "statistic", "threshold", "p_value")
_BINS = 10
_ERROR_BINS = 50


@dataclass(slots=True)
class RunData:
    """One run; columns are lists of equal length.

    ``calibration`` is of classes, ``errors`` of numbers; both are empty without predictions.
    """

    name: str
    summary: dict[str, Any]
    windows: Columns
    facts: Columns
    n_facts: int
    resources: Columns
    calibration: Columns
    errors: Columns

    @property
    def classes(self) -> list[str]:
        """Names of the classes; none if numbers are predicted."""
        return [str(name) for name in self.summary["config"]["task"].get("classes", ())]

    @property
    def lanes(self) -> list[str]:
        """Learners, then baselines; those of one horizon together."""
        found = list(self.summary["learners"])
        return sorted(found, key=lambda lane: (horizon_of(lane), self.is_baseline(lane)))

    def is_baseline(self, lane: str) -> bool:
        """Whether a lane is a trivial one that nobody asked for by name."""
        return lane.split("@")[0] not in self.summary["config"].get("learners", {})


def read_run(folder: Path) -> RunData:
    """Read what `streamadapt replay` left in a folder.

    Raises
    ------
    SourceError
        If it is no folder of a run, or a file is damaged.
    """
    try:
        summary = json.loads((folder / SUMMARY_FILE).read_bytes())
        windows = pq.read_table(folder / WINDOWS_FILE).to_pydict()
        resources = json.loads((folder / RESOURCES_FILE).read_bytes())
        run = RunData(folder.name, summary, windows, {}, 0, resources, {}, {})
        run.facts, run.n_facts = _facts(folder / "drifts.jsonl")
        _read_predictions(run, folder / PREDICTIONS_FILE)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise SourceError(f"{folder} holds no run that can be shown: {error}") from error
    return run


def horizon_of(lane: str) -> int:
    """Return how many rows ahead a learner forecasts, 0 if it does not.

    >>> horizon_of("run/tree@24"), horizon_of("tree")
    (24, 0)
    """
    horizon = lane.rpartition("@")[2]
    return int(horizon) if "@" in lane and horizon.isdecimal() else 0


def thinned(windows: Columns, most: int = 250) -> tuple[Columns, int]:
    """Return means of so many windows of a learner that at most `most` are left; and how many.

    More points than that are noise on a page, not a curve.

    >>> thinned({"learner": ["a"] * 3, "row": [9, 19, 29], "mae": [1.0, None, 2.0]}, most=2)
    ({'learner': ['a', 'a'], 'row': [19, 29], 'mae': [1.0, 2.0]}, 2)
    """
    learners = np.array(windows["learner"], object)
    places = [np.flatnonzero(learners == lane) for lane in dict.fromkeys(windows["learner"])]
    k = max((-(-len(place) // most) for place in places), default=1)
    groups = [place[i : i + k] for place in places for i in range(0, len(place), k)]
    found: Columns = {
        name: [values[group[-1]] for group in groups]
        if name in {"learner", "row", "graded"}
        else [_mean(values[i] for i in group) for group in groups]
        for name, values in windows.items()
    }
    return found, k


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) / len(known) if known else None


def _facts(path: Path) -> tuple[Columns, int]:
    names = ("learner", "kind", "row", "detector", *_EVIDENCE)
    with path.open("rb") as file:
        found = [json.loads(line) for line in islice(file, _MOST_FACTS)]
        n = len(found) + sum(1 for _ in file)
    return {name: [line.get(name) for line in found] for name in names}, n


def _read_predictions(run: RunData, path: Path) -> None:
    if path.exists():
        # Buffered ahead, the columns of the whole file would be in memory.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            # A run that was resumed with other learners has the columns of the old ones.
            written = [lane for lane in run.lanes if lane in file.schema_arrow.names]
            if run.classes:
                own = [lane for lane in written if not run.is_baseline(lane)]
                run.calibration = _calibration(file, own, run.classes)
            else:
                run.errors = _errors(file, written)


def _calibration(file: pq.ParquetFile, lanes: Sequence[str], classes: Sequence[str]) -> Columns:
    """Return by tenths of the probability given how often it came true.

    Of two classes it is the probability of the second; of more, that of the most probable one.
    """
    found = _no_columns("learner", "said", "came", "n")
    shown = classes[1:] if len(classes) == 2 else classes
    sums = {lane: np.zeros((3, _BINS)) for lane in lanes}
    for group in range(file.num_row_groups):
        asked = [f"{lane}:{name}" for lane in lanes for name in shown]
        table = file.read_row_group(group, ["label", *asked])
        codes = class_codes(table["label"].combine_chunks(), classes)
        for lane in lanes:
            P = [table[f"{lane}:{name}"].to_numpy() for name in shown]
            sums[lane] += _by_tenths(P, codes - (len(classes) == 2), codes >= 0)
    for lane in lanes:
        for n, said, hits in sums[lane].T[sums[lane][0] > 0].tolist():
            _append(found, (lane, said / n, hits / n, int(n)))
    return found


def _by_tenths(P: Sequence[FloatArray], codes: IntArray, known: BoolArray) -> FloatArray:
    """Return how many rows there are, what was said and what came, by the probability said."""
    best, p = np.zeros(len(codes), np.int64), P[0]
    for i in range(1, len(P)):
        is_more = P[i] > p
        best, p = np.where(is_more, i, best), np.where(is_more, P[i], p)
    known = known & ~np.isnan(P[0])
    came = codes == best
    if not known.all():
        p, came = p[known], came[known]
    place = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    counts = np.bincount(place, minlength=_BINS)
    return np.stack([counts, np.bincount(place, p, _BINS), np.bincount(place[came], None, _BINS)])


def _errors(file: pq.ParquetFile, lanes: Sequence[str]) -> Columns:
    """Return how often the error of a prediction was in which range; what is beyond is cut."""
    found = _no_columns("learner", "error", "share")
    if not file.num_row_groups:
        return found
    first = [_differences(file, 0, lane) for lane in lanes]
    ends = [np.quantile(d, (0.01, 0.99)) for d in first if len(d)]
    if not ends:
        return found
    # The second widest, so that one learner that fails does not flatten all others.
    reach = sorted(float(np.abs(end).max()) for end in ends)[max(0, len(ends) - 2)] or 1.0
    edges = np.linspace(-reach, reach, _ERROR_BINS + 1)
    for lane in lanes:
        counts = np.zeros(_ERROR_BINS)
        total = 0
        for group in range(file.num_row_groups):
            d = _differences(file, group, lane)
            counts += np.histogram(d, edges)[0]
            total += len(d)
        for centre, n in zip((edges[:-1] + edges[1:]) / 2, counts, strict=True):
            _append(found, (lane, float(centre), float(n) / max(1, total)))
    return found


def _differences(file: pq.ParquetFile, group: int, lane: str) -> FloatArray:
    _, at, horizon = lane.partition("@")
    table = file.read_row_group(group, [lane, f"label{at}{horizon}"])
    said, truth = (column.to_numpy(zero_copy_only=False) for column in table.columns)
    d = said - truth
    finite: FloatArray = d[np.isfinite(d)]
    return finite


def _no_columns(*names: str) -> Columns:
    return {name: [] for name in names}


def _append(columns: Columns, row: tuple[object, ...]) -> None:
    for values, value in zip(columns.values(), row, strict=True):
        values.append(value)
