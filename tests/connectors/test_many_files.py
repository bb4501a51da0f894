"""Files that are read as one stream."""

from pathlib import Path

import pytest

from streamadapt.connectors import open_source
from streamadapt.errors import SourceError
from streamadapt.events import NumericField, RecordSchema

XY = RecordSchema(features={"x": NumericField()}, target="y")


def values(path: Path) -> list[tuple[int, float]]:
    source, found = open_source(path, XY), []
    while (records := source.poll(2)) is not None:
        found += list(zip(records.positions.tolist(), records.numbers["y"].tolist(), strict=True))
        found += [(reject.position, -1.0) for reject in records.rejects]
    source.close()
    return sorted(found)


def test_a_folder_is_read_by_name_and_only_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("y,x\n3,0\nodd,0\n5,0\n")
    (tmp_path / "a.jsonl").write_text('{"y": 1}\n{"y": 2}\n')
    (tmp_path / "aa.csv").write_text("x,y\n")
    for name in ("README", ".c.csv"):
        (tmp_path / name).write_text("x,y\n9,9\n")
    assert values(tmp_path) == [(0, 1), (1, 2), (2, 3), (3, -1), (4, 5)]
    assert values(tmp_path / "*.csv") == [(0, 3), (1, -1), (2, 5)]


def test_the_file_that_is_damaged_or_lacks_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    source = open_source(tmp_path, XY)
    assert source.poll(5) is not None
    for _ in range(2):
        with pytest.raises(SourceError, match=r"b\.csv has no column 'y'"):
            source.poll(5)
    source.seek(0)
    assert source.poll(5) is not None
    source.close()


def test_a_pattern_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\*\*.csv: Invalid pattern"):
        open_source(tmp_path / "**.csv", XY)


@pytest.mark.parametrize("name", ["", "*.csv"])
def test_no_files_are_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="no such files"):
        open_source(tmp_path / name, XY)


def test_a_position_beyond_the_last_file_is_of_other_files(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    source = open_source(tmp_path, XY)
    with pytest.raises(SourceError, match=r"record 3 of .*: it has 2 records"):
        source.seek(3)
    source.close()
