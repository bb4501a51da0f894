"""Small recorded streams with columns of every sort, in every format."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def rows(n: int = 600, seed: int = 1) -> list[Row]:
    """Return n records: texts few and many, numbers, truth values, times, ids, and two targets."""
    rng = np.random.default_rng(seed)
    found: list[Row] = []
    for i in range(n):
        x, side = float(rng.normal()), ["buy", "sell", "hold: no"][int(rng.integers(3))]
        found.append(
            {
                "event": f"e{i:06x}",
                "row": i,
                "at": (START + dt.timedelta(minutes=i)).isoformat(),
                "unix": 1_704_067_200 + 60 * i,
                "price": round(x, 6),
                "size": None if i % 50 == 7 else int(rng.integers(1, 1000)),
                "side": side,
                "symbol": f"S{int(rng.integers(100))}",
                "open": bool(rng.integers(2)),
                "venue": "X",
                "empty": None,
                "up": int(x + (side == "buy") > 0),
                "label": "up: yes" if x > 0 else "no",
                "next": round(2 * x + float(rng.normal()) / 10, 6),
            }
        )
    return found


def write_csv(path: Path, records: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def write_csv_gz(path: Path, records: list[Row]) -> None:
    plain = path.with_name("plain.csv")
    write_csv(plain, records)
    path.write_bytes(gzip.compress(plain.read_bytes()))


def write_jsonl(path: Path, records: list[Row]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def write_parquet(path: Path, records: list[Row]) -> None:
    times = [{**r, "at": dt.datetime.fromisoformat(r["at"])} for r in records]
    pq.write_table(pa.Table.from_pylist(times), path)


WRITERS: dict[str, Callable[[Path, list[Row]], None]] = {
    "stream.csv": write_csv,
    "stream.csv.gz": write_csv_gz,
    "stream.jsonl": write_jsonl,
    "stream.parquet": write_parquet,
}
