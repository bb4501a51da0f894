"""Compressed files, whole and broken."""

import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from streamadapt.connectors.byte_stream import ByteStream
from streamadapt.connectors.csv_source import CSVSource
from streamadapt.errors import SourceError
from streamadapt.events import NumericField, RecordSchema
from streamadapt.recorded import stream_identity

XY = RecordSchema(features={"x": NumericField()}, target="y")
RANDOM = random.Random(1)
TABLE = b"x,y\n" + b"".join(b"%d,%r\n" % (i, RANDOM.random()) for i in range(30_000))


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


def drain(stream: ByteStream) -> bytes:
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
@pytest.mark.parametrize("n_bytes", [1, 1000, 1 << 20])
def test_all_bytes_come_however_they_are_asked_for(
    tmp_path: Path, pack: Callable[[bytes], bytes], n_bytes: int
) -> None:
    data = TABLE[: 200 * n_bytes]
    (tmp_path / "a").write_bytes(pack(data))
    stream = ByteStream(tmp_path / "a")
    parts = list(iter(lambda: stream.read(n_bytes), b""))
    stream.close()
    assert b"".join(parts) == data


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_compressed_files_can_be_joined(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a").write_bytes(pack(b"one,") + pack(b"two"))
    stream = ByteStream(tmp_path / "a")
    assert stream.read(100) == b"one,two"
    stream.close()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd)])
def test_records_before_a_cut_come_and_then_an_error_says_where(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"a.csv{suffix}"
    packed = pack(TABLE)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    source = CSVSource(path, XY)
    xs: list[float] = []

    def read_on() -> None:
        while (records := source.poll(1000)) is not None:
            xs.extend(records.numbers["x"].tolist())

    with pytest.raises(SourceError, match="damaged") as error:
        read_on()
    assert len(xs) > 5000
    assert xs == list(range(len(xs)))
    assert f"the {len(xs)} records before can be read" in str(error.value)
    with pytest.raises(SourceError, match="damaged"):
        source.poll(1)
    source.seek(3)
    records = source.poll(1)
    source.close()
    assert records is not None
    assert records.numbers["x"].tolist() == [3.0]


def test_changed_bytes_in_gzip_are_an_error_at_its_checksum(tmp_path: Path) -> None:
    packed = gzip.compress(TABLE)
    half = len(packed) // 2
    (tmp_path / "a.gz").write_bytes(packed[:half] + bytes(64) + packed[half + 64 :])
    stream = ByteStream(tmp_path / "a.gz")
    with pytest.raises(SourceError, match="is damaged or cut short"):
        drain(stream)
    stream.close()


def test_bytes_after_the_compressed_ones_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.zst").write_bytes(zstd(b"one") + b"garbage")
    stream = ByteStream(tmp_path / "a.zst")
    with pytest.raises(SourceError, match="is damaged or cut short"):
        drain(stream)
    stream.close()


@pytest.mark.parametrize(("suffix", "kind"), [(".gz", "gzip"), (".zst", "zstd")])
@pytest.mark.parametrize("data", [b"", b"x,y\n1,2\n"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_an_error(
    tmp_path: Path, suffix: str, kind: str, data: bytes
) -> None:
    (tmp_path / f"a.csv{suffix}").write_bytes(data)
    with pytest.raises(SourceError, match=f"is not {kind} data"):
        CSVSource(tmp_path / f"a.csv{suffix}", XY)


def test_a_file_that_is_not_there_is_named_with_one_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_bytes(b"x,y\n")
    with pytest.raises(
        SourceError, match=r"no file .*event\.csv in .*; did you mean 'events\.csv'"
    ):
        CSVSource(tmp_path / "event.csv", XY)
    with pytest.raises(SourceError, match="there is no folder"):
        CSVSource(tmp_path / "nowhere" / "event.csv", XY)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot open"):
        CSVSource(tmp_path, XY)


@pytest.mark.parametrize("name", ["fifo", "descriptor"])
def test_a_pipe_is_refused_for_a_look_at_it_would_take_its_beginning(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "pipe.csv"
    ends = os.pipe()
    os.write(ends[1], b"x,y\n1,2\n")
    if name == "fifo":
        os.mkfifo(path)
    else:
        path = Path(f"/dev/fd/{ends[0]}")
    for look in (ByteStream, stream_identity):
        with pytest.raises(SourceError, match=r"is no file, but a pipe.*--source - <"):
            look(path)
    assert os.read(ends[0], 100) == b"x,y\n1,2\n"
    os.close(ends[0])
    os.close(ends[1])


@pytest.mark.parametrize("look", [ByteStream, stream_identity])
def test_a_path_that_cannot_even_be_looked_at_is_a_source_error(
    look: Callable[[Path], object],
) -> None:
    with pytest.raises(SourceError, match="File name too long"):
        look(Path("a" * 300 + ".csv"))
