"""Streams of Electricity's shape: six numbers and a class of two, in every format of files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from bench import electricity_path

__all__ = ["CLASSES", "FEATURES", "TARGET", "stream_lines", "write_streams"]

FEATURES = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
TARGET = "class"
CLASSES = ("0", "1")


def write_streams(folder: Path, n_rows: int) -> tuple[dict[str, Path], int]:
    """Write at least `n_rows` rows in each format; return the files and the number of rows."""
    lines = stream_lines()
    times = -(-n_rows // len(lines))
    header = ",".join((*FEATURES, TARGET)) + "\n"
    ends = {"CSV": ".csv", "CSV.gz": ".csv.gz", "JSONL": ".jsonl", "Parquet": ".parquet"}
    files = {name: folder / f"stream{end}" for name, end in ends.items()}
    text = (header + "".join(lines) * times).encode()
    files["CSV"].write_bytes(text)
    files["CSV.gz"].write_bytes(gzip.compress(text, 6))
    with files["JSONL"].open("w") as out:
        jsons = "".join(map(_json, lines))
        for _ in range(times):
            out.write(jsons)
    types = pa.csv.ConvertOptions(column_types={TARGET: pa.string()})
    pq.write_table(pa.csv.read_csv(files["CSV"], convert_options=types), files["Parquet"])
    return files, times * len(lines)


def stream_lines() -> list[str]:
    """Lines of a CSV file without its header: Electricity's, or generated ones."""
    return _recorded() or _generated()


def _recorded() -> list[str]:
    path = electricity_path()
    if path is None:
        print("no $STREAMADAPT_DATA/electricity/elec.csv.gz: generated rows")
        return []
    with gzip.open(path, "rt") as lines:
        return list(lines)[1:]


def _generated(n: int = 45_312, seed: int = 1) -> list[str]:
    """Half hours with prices that wander; the class says if the price is above its recent mean."""
    rng = np.random.default_rng(seed)
    prices = np.abs(np.cumsum(rng.normal(0, 0.01, n)) * 0.1 + rng.normal(0, 0.02, n))
    recent = np.convolve(prices, np.ones(48) / 48)[:n]
    others = rng.random((n, 4)).round(6)
    columns = (np.arange(n) % 48 / 47, prices, *others.T, prices > recent)
    return [
        ",".join([*(f"{value:.6f}" for value in cells), str(int(up))]) + "\n"
        for *cells, up in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _json(line: str) -> str:
    *cells, target = line.strip().split(",")
    pairs = [f'"{name}": {cell}' for name, cell in zip(FEATURES, cells, strict=True)]
    return "{" + ", ".join([*pairs, f'"{TARGET}": "{target}"']) + "}\n"
