"""JSON Lines files: any bytes are lines, and lines are records or rejects."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamadapt.connectors import line_blocks
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.events import NumericField, RecordSchema, Reject

XY = RecordSchema(features={"x": NumericField()}, target="y")


def read_all(data: bytes, folder: Path) -> tuple[dict[int, float], list[Reject]]:
    """Return x by position, and the rejects."""
    (folder / "a.jsonl").write_bytes(data)
    source = JSONLSource(folder / "a.jsonl", XY)
    xs: dict[int, float] = {}
    rejects: list[Reject] = []
    while (records := source.poll(1000)) is not None:
        xs |= dict(zip(records.positions.tolist(), records.numbers["x"].tolist(), strict=True))
        rejects += records.rejects
    source.close()
    return xs, rejects


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.binary(max_size=9), st.sampled_from([b'{"x":1}', b"\n", b"\r\n"]))).map(
        b"".join
    )
)
def test_every_line_that_is_not_empty_is_a_record_or_a_reject(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    data = b"\n" + data  # lest it look compressed
    xs, rejects = read_all(data, tmp_path_factory.getbasetemp())
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    lines = [line for line in lines if line]
    assert sorted([*xs, *(r.position for r in rejects)]) == list(range(len(lines)))
    assert all(lines[r.position] == r.original for r in rejects)


def test_a_byte_order_mark_and_windows_line_ends_are_no_data(tmp_path: Path) -> None:
    assert read_all(b'\xef\xbb\xbf{"x":1}\r\n\r\n{"x":2}', tmp_path) == ({0: 1.0, 1: 2.0}, [])


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert read_all(b"", tmp_path) == ({}, [])


def test_a_line_beyond_the_limit_is_a_reject_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_blocks, "LINE_LIMIT_BYTES", 10)
    xs, rejects = read_all(b'{"x":1}\n{"x":' + b"1" * 50 + b'}\n{"x":3}\n', tmp_path)
    assert xs == {0: 1.0, 2: 3.0}
    assert [(r.position, r.reason, r.original) for r in rejects] == [(1, "too_long", b'{"x":11111')]


def test_a_line_of_sixteen_mebibytes_is_allowed_and_a_longer_one_not(tmp_path: Path) -> None:
    def line(length: int) -> bytes:
        return b'{"x":1,"z":"' + b"a" * (length - 15) + b'"}\n'

    limit = 16 * 1024 * 1024
    xs, rejects = read_all(line(limit) + line(limit + 1) + b'{"x":2}', tmp_path)
    assert xs == {0: 1.0, 2: 2.0}
    assert [(r.position, r.reason) for r in rejects] == [(1, "too_long")]
