"""What a replay leaves beside its summary, for reports and for other tools."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.replay import Replay
from streamadapt.resources import RESOURCES_FILE

__all__ = ["RESOURCES_FILE", "WINDOWS_FILE", "write_series"]

WINDOWS_FILE = "windows.parquet"


def write_series(folder: Path, run: Replay) -> None:
    """Write the metrics by windows (`WINDOWS_FILE`), and speed and memory."""
    tables = [
        pa.table({"learner": [lane.name] * len(series["row"]), **series})
        for track in run.task.tracks
        for lane in track.pipeline.lanes
        for series in [lane.grades.series()]
    ]
    pq.write_table(pa.concat_tables(tables), folder / WINDOWS_FILE)
    run.resources.save(folder)
