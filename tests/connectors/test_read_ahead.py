"""What a thread reads ahead is what would have been read."""

import threading
from pathlib import Path

import pytest

from streamadapt.connectors import CSVSource, ReadAhead
from streamadapt.errors import ParameterError, SourceError
from streamadapt.events import NumericField, Records, RecordSchema

XY = RecordSchema(features={"x": NumericField()}, target="y")


class Broken(CSVSource):
    """Breaks after its records, and counts polls."""

    polls = 0

    def poll(self, max_records: int) -> Records | None:
        self.polls += 1
        records = super().poll(max_records)
        if records is None:
            raise SourceError("it broke")
        return records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i},{i}\n" for i in range(20)))
    return tmp_path / "a.csv"


def taken(source: ReadAhead, max_records: int) -> list[float]:
    records = source.poll(max_records)
    assert records is not None
    return records.numbers["y"].tolist()


def test_an_error_comes_after_all_records_before_it_and_stays(path: Path) -> None:
    source = ReadAhead(Broken(path, XY), depth=8)
    assert [len(taken(source, 10)) for _ in range(2)] == [10, 10]
    for _ in range(2):
        with pytest.raises(SourceError, match="it broke"):
            source.poll(10)
        assert source.position() == 20
    source.seek(19)
    assert taken(source, 10) == [19]
    source.close()


def test_the_position_is_of_what_was_given_out_and_no_more_is_read_than_allowed(path: Path) -> None:
    inner = Broken(path, XY)
    source = ReadAhead(inner, depth=2)
    assert taken(source, 2) == [0, 1]
    assert source.position() == 2
    source.close()
    assert inner.polls <= 1 + 2 + 1


def test_smaller_polls_than_before_give_no_more_than_asked_for(path: Path) -> None:
    source = ReadAhead(CSVSource(path, XY))
    assert [taken(source, n) for n in (5, 2, 1, 3)] == [[0, 1, 2, 3, 4], [5, 6], [7], [8]]
    source.close()


def test_after_close_no_thread_is_left(path: Path) -> None:
    before = threading.active_count()
    source = ReadAhead(CSVSource(path, XY), depth=1)
    taken(source, 1)
    source.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("depth", [0, 2000])
def test_the_depth_is_bounded(path: Path, depth: int) -> None:
    source = CSVSource(path, XY)
    with pytest.raises(ParameterError, match="depth"):
        ReadAhead(source, depth)
    source.close()
