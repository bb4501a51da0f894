"""The laws of sources, on every kind of file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamadapt.connectors import line_blocks, parquet_source
from streamadapt.connectors.file_source import FileSource
from streamadapt.connectors.files import open_source
from streamadapt.errors import ParameterError, SourceError
from streamadapt.events import BooleanField, CategoricalField, NumericField, Records, RecordSchema

SCHEMA = RecordSchema(
    features={"x": NumericField(), "on": BooleanField(), "kind": CategoricalField()}, target="y"
)
N = 60
ROWS = [
    {
        "x": None if i % 7 == 0 else i / 3,
        "on": "maybe" if i % 11 == 0 else "yes",
        "kind": f"k{i % 5}",
        "y": i,
    }
    for i in range(N)
]


def write_csv(path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    pa.csv.write_csv(table, path)


def write_jsonl(path: Path) -> None:
    path.write_bytes(msgspec.json.Encoder().encode_lines(ROWS))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=17)


def packed(
    write: Callable[[Path], None], compress: Callable[[bytes], bytes]
) -> Callable[[Path], None]:
    def write_packed(path: Path) -> None:
        write(path)
        path.write_bytes(compress(path.read_bytes()))

    return write_packed


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.csv": write_csv,
    "a.csv.gz": packed(write_csv, gzip.compress),
    "a.jsonl": write_jsonl,
    "a.jsonl.zst": packed(write_jsonl, zstd),
    "a.parquet": write_parquet,
}


@pytest.fixture(params=WRITERS, scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources") / request.param
    WRITERS[request.param](path)
    return path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 300)
    monkeypatch.setattr(parquet_source, "_BATCH_ROWS", 7)


def seen(records: Records) -> list[tuple[object, ...]]:
    """Each record by position, with all that is known of it."""
    rows: list[tuple[object, ...]] = [
        (
            int(position),
            *(column[i].tobytes() for column in records.numbers.values()),
            *(column[i] for column in records.texts.values()),
            records.original(i),
        )
        for i, position in enumerate(records.positions)
    ]
    rows += [(r.position, r.reason, r.where, r.original) for r in records.rejects]
    return sorted(rows, key=lambda row: row[0])  # type: ignore[arg-type, return-value]


def read(source: FileSource, sizes: list[int]) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    rows: list[tuple[object, ...]] = []
    counts = {"missing": 0}
    turn = 0
    while (records := source.poll(sizes[turn % len(sizes)])) is not None:
        assert 0 < len(seen(records)) <= sizes[turn % len(sizes)]
        rows += seen(records)
        assert source.position() == len(rows)
        counts["missing"] += records.counts.get("missing", 0)
        turn += 1
    return rows, counts


function_fixtures = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)


@function_fixtures
@given(sizes=st.lists(st.integers(1, 2 * N), min_size=1, max_size=5))
def test_cutting_a_stream_into_other_polls_changes_no_record(path: Path, sizes: list[int]) -> None:
    whole, pieces = open_source(path, SCHEMA), open_source(path, SCHEMA)
    assert read(pieces, sizes) == read(whole, [10 * N])
    whole.close()
    pieces.close()


def test_positions_count_every_record_from_zero(path: Path) -> None:
    source = open_source(path, SCHEMA)
    rows, counts = read(source, [13])
    source.close()
    assert [row[0] for row in rows] == list(range(N))
    assert counts["missing"] == sum(r["x"] is None and r["on"] == "yes" for r in ROWS)
    assert [row[0] for row in rows if row[1] == "wrong_type"] == list(range(0, N, 11))


@function_fixtures
@given(steps=st.lists(st.tuples(st.integers(0, N), st.integers(1, N)), max_size=6))
def test_after_seek_the_very_record_comes_next(path: Path, steps: list[tuple[int, int]]) -> None:
    source = open_source(path, SCHEMA)
    whole, _ = read(source, [N])
    for position, size in steps:
        source.seek(position)
        assert source.position() == position
        records = source.poll(size)
        if records is None:
            assert position == N
        else:
            rows = seen(records)
            assert rows == whole[position : position + len(rows)]
    source.close()


def test_a_fresh_source_can_go_on_from_a_position(path: Path) -> None:
    source = open_source(path, SCHEMA)
    whole, _ = read(source, [N])
    source.close()
    source = open_source(path, SCHEMA)
    source.seek(41)
    records = source.poll(1)
    source.close()
    assert records is not None
    assert seen(records) == whole[41:42]


def test_the_end_stays_the_end(path: Path) -> None:
    source = open_source(path, SCHEMA)
    read(source, [N])
    assert [source.poll(1), source.poll(1)] == [None, None]
    source.seek(N)
    assert source.poll(1) is None
    source.close()


def test_a_position_beyond_the_end_is_from_another_file(path: Path) -> None:
    source = open_source(path, SCHEMA)
    with pytest.raises(SourceError, match=f"cannot go on from record 99 .* it has {N} records"):
        source.seek(99)
    source.close()


@pytest.mark.parametrize("max_records", [0, -1])
def test_a_poll_asks_for_one_record_at_least(path: Path, max_records: int) -> None:
    source = open_source(path, SCHEMA)
    with pytest.raises(ParameterError, match="max_records"):
        source.poll(max_records)
    source.close()


def test_all_kinds_of_file_give_the_same_numbers_and_texts(tmp_path: Path) -> None:
    found = []
    for name, write in WRITERS.items():
        write(tmp_path / name)
        source = open_source(tmp_path / name, SCHEMA)
        rows, counts = read(source, [N])
        source.close()
        found.append(([row[:-1] for row in rows], counts))
    assert all(other == found[0] for other in found[1:])
