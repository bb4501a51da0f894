"""One stream with gaps, quotes, line ends in cells and damage, in each format that is read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.events import (
    BooleanField,
    CategoricalField,
    NumericField,
    RecordSchema,
    TimeField,
    TimeFormat,
)

SCHEMA = RecordSchema(
    features={"x": NumericField(), "on": BooleanField(), "shop": CategoricalField()},
    target="y",
    id="name",
    time=TimeField(column="t", format=TimeFormat.UNIX_S),
)
N = 250
COLUMNS = ("x", "on", "shop", "y", "name", "t")


def _row(i: int) -> tuple[object, ...]:
    x = None if i % 11 == 3 else i / 7
    shop = None if i % 13 == 5 else ("a", 'b "quoted"', "c, d", "line\nend", "é 😀")[i % 5]
    return x, i % 3 == 0, shop, -i / 3, f"n{i}", 1_700_000_000 + 60 * i


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for i in range(N):
            writer.writerow(["" if value is None else value for value in _row(i)])
            if i % 40 == 20:
                writer.writerow(["seven", *_row(i)[1:]])
                writer.writerow(["too", "few"])
    path.write_bytes(path.read_bytes() + b"1,true,\xff\xfe,2,n,1700000000\n\n1,true,a,2,last,1700")


def write_arff(path: Path) -> None:
    kinds = ("numeric", "{True, False}", "string", "numeric", "string", "numeric")
    head = "".join(
        f'@attribute "{name}" {kind}\n' for name, kind in zip(COLUMNS, kinds, strict=True)
    )
    write_csv(path)
    rows = path.read_bytes().partition(b"\n")[2].replace(b"\n\n1,true,a", b"\n% the end\n1,true,a")
    path.write_bytes(
        f"% made up\n@relation r\n{head}@data\n".encode() + rows.replace(b",,", b",?,")
    )


def write_folder(path: Path) -> None:
    path.mkdir()
    write_csv(path / "a.csv")
    write_jsonl(path / "b.jsonl")
    (path / "c.csv").write_text(",".join(COLUMNS) + "\n")
    write_parquet(path / "d.parquet")


def write_svmlight(path: Path) -> None:
    lines = [f"k{i % 3} 1:{i / 7} 3:{-i} # {i}" for i in range(N)]
    lines[20:20] = ["k1 1:seven 3:1", "# none", "", "k1 3", "k0 1:1 1:2", "k2 2:5", "\0 1:2"]
    path.write_bytes("\r\n".join(lines).encode() + b"\n\xff 1:2\nk1")


def write_jsonl(path: Path) -> None:
    lines = []
    for i in range(N):
        lines.append(json.dumps(dict(zip(COLUMNS, _row(i), strict=True))))
        if i % 40 == 20:
            lines += ['{"x": "seven", "y": 1}', '{"x": 1,', "", "[1, 2]", '{"x": 1e999}']
    path.write_bytes("\n".join(lines).encode() + b'\n{"shop": "\xff"}\n{"x": 5')


def write_parquet(path: Path) -> None:
    columns = zip(*(_row(i) for i in range(N)), strict=True)
    table = dict(zip(COLUMNS, map(list, columns), strict=True))
    for i in range(20, N, 40):
        table["on"][i] = None
    pq.write_table(
        pa.table({**table, "on": [_text(v) for v in table["on"]]}), path, row_group_size=64
    )


def _text(value: object) -> str | None:
    """Return texts for truth values, one of which is none."""
    return {True: "yes", False: "no"}.get(bool(value)) if value is not None else "perhaps"


SVMLIGHT_SCHEMA = RecordSchema(
    features={"1": NumericField(), "2": NumericField(), "3": NumericField()},
    target="label",
    classes=("k0", "k1", "k2"),
)
RIVER_SCHEMA = RecordSchema(
    features={"age_of_domain": NumericField()}, target="target", classes=("true", "false")
)

WRITERS: dict[str, Callable[[Path], None]] = {
    "a.arff": write_arff,
    "a.csv": write_csv,
    "folder": write_folder,
    "a.jsonl": write_jsonl,
    "a.parquet": write_parquet,
}
