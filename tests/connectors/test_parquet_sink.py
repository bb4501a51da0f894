"""Rows to a Parquet file: whatever the calls, whenever groups are written, the same file."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamadapt.connectors import parquet_sink
from streamadapt.connectors.parquet_sink import ParquetSink
from streamadapt.errors import FatalError

SCHEMA = pa.schema({"n": pa.int64(), "x": pa.float64()})


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_sink, "GROUP_ROWS", 10)


def rows(first: int, stop: int) -> pa.RecordBatch:
    n = list(range(first, stop))
    return pa.record_batch({"n": n, "x": [i / 3 for i in n]})


def written(folder: Path, cuts: list[int], advance: bool) -> bytes:
    sink = ParquetSink(folder / "a.parquet", SCHEMA)
    sink.truncate(0)
    for first, stop in zip([0, *cuts], cuts, strict=False):
        sink.write(rows(first, stop))
        if advance:
            sink.advance()
    sink.finish()
    sink.close()
    return (folder / "a.parquet").read_bytes()


@pytest.mark.parametrize("n", [0, 1, 10, 25, 30])
def test_the_file_holds_all_rows_in_groups_of_one_size(tmp_path: Path, n: int) -> None:
    written(tmp_path, [n], advance=False)
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.read()["n"].to_pylist() == list(range(n))
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [10] * (n // 10) + ([n % 10] if n % 10 else [])


def test_neither_calls_nor_when_groups_are_written_change_the_file(tmp_path: Path) -> None:
    whole = written(tmp_path, [37], advance=False)
    for cuts in ([37], [5, 10, 15, 37], list(range(1, 38)), [0, 36, 37]):
        assert written(tmp_path, cuts, advance=True) == whole


def test_a_file_under_way_is_made_again_after_what_is_left_of_the_spool(tmp_path: Path) -> None:
    whole = written(tmp_path, [37], advance=False)
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "a.parquet.spool").unlink()
    first = ParquetSink(tmp_path / "a.parquet", SCHEMA)
    first.write(rows(0, 12))
    there = first.position()
    first.write(rows(90, 99))
    assert first.advance()
    first.close()
    assert not (tmp_path / "a.parquet").exists()
    second = ParquetSink(tmp_path / "a.parquet", SCHEMA)
    second.truncate(there)
    second.write(rows(12, 37))
    second.finish()
    second.close()
    assert (tmp_path / "a.parquet").read_bytes() == whole


def test_a_group_that_is_not_complete_waits_and_keeps_its_place(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path / "a.parquet", SCHEMA)
    sink.write(rows(0, 25))
    assert not sink.advance(lambda group: None)
    assert sink.advance()
    assert sink.advance()
    assert not sink.advance()
    sink.finish()
    sink.close()
    assert pq.read_table(tmp_path / "a.parquet")["n"].to_pylist() == list(range(25))


def test_a_spool_shorter_than_the_position_is_refused(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path / "a.parquet", SCHEMA)
    with pytest.raises(FatalError, match="cut"):
        sink.truncate(1 << 20)
    sink.close()
