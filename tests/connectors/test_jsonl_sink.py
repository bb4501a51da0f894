"""The JSON Lines sink: appends, survives, and can be cut back."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamadapt.connectors.jsonl_sink import JSONLSink
from streamadapt.errors import FatalError

A, B, C = {"id": "a"}, {"id": "b"}, {"id": "c"}


def test_what_was_flushed_is_in_the_file_before_the_sink_is_closed(tmp_path: Path) -> None:
    sink = JSONLSink(tmp_path / "out" / "a.jsonl")
    sink.write([A, B])
    sink.flush()
    assert sink.path.read_bytes() == b'{"id":"a"}\n{"id":"b"}\n'
    assert sink.position() == 22
    sink.close()


def test_a_file_that_is_there_is_appended_to(tmp_path: Path) -> None:
    for record in (A, B):
        sink = JSONLSink(tmp_path / "a.jsonl")
        sink.write([record])
        sink.close()
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"id":"a"}\n{"id":"b"}\n'


BATCHES = st.lists(st.lists(st.dictionaries(st.text(max_size=2), st.integers(0, 9)), max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES, BATCHES, BATCHES, st.booleans())
def test_after_truncate_all_is_as_it_was_at_the_position(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[list[dict[str, object]]],
    dropped: list[list[dict[str, object]]],
    after: list[list[dict[str, object]]],
    reopened: bool,
) -> None:
    paths = [tmp_path_factory.getbasetemp() / name for name in ("cut.jsonl", "straight.jsonl")]
    for path in paths:
        path.unlink(missing_ok=True)
    cut, straight = map(JSONLSink, paths)
    for batch in before:
        cut.write(batch)
        straight.write(batch)
    position = cut.position()
    for batch in dropped:
        cut.write(batch)
    if reopened:
        cut.close()
        cut = JSONLSink(paths[0])
    cut.truncate(position)
    assert cut.position() == straight.position()
    for batch in after:
        cut.write(batch)
        straight.write(batch)
    cut.close()
    straight.close()
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_half_a_line_of_a_crash_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id":"a"}\n{"id"')
    sink = JSONLSink(tmp_path / "a.jsonl")
    sink.write([])
    sink.write([B])
    sink.close()
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"id":"a"}\n{"id"\n{"id":"b"}\n'


def test_half_a_line_can_be_cut_off(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id":"a"}\n{"id"')
    sink = JSONLSink(tmp_path / "a.jsonl")
    sink.truncate(11)
    sink.write([C])
    sink.close()
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"id":"a"}\n{"id":"c"}\n'


@pytest.mark.parametrize("position", [12, -1])
def test_a_position_that_the_file_never_had_is_an_error(tmp_path: Path, position: int) -> None:
    sink = JSONLSink(tmp_path / "a.jsonl")
    sink.write([A])
    with pytest.raises(FatalError, match=f"back to byte {position}: it has 11 bytes"):
        sink.truncate(position)
    sink.close()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="cannot write to"):
        JSONLSink(tmp_path)
