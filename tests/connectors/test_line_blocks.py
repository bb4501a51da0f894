"""Blocks of lines: nothing is lost, whatever the sizes of reads and lines."""

import io
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.connectors import line_blocks
from streamadapt.connectors.csv_records import record_ends
from streamadapt.connectors.line_blocks import LineBlock, read_line_blocks


def blocks_of(data: bytes, block_bytes: int, limit: int, csv: bool = False) -> list[LineBlock]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
        patch.setattr(line_blocks, "LINE_LIMIT_BYTES", limit)
        ends = partial(record_ends, delimiter=",") if csv else line_blocks.line_ends
        return list(read_line_blocks(io.BytesIO(data).read, ends))


def lines_of(blocks: list[LineBlock]) -> list[bytes]:
    return [line for block in blocks for line in block.all_lines()]


@given(st.binary(max_size=60), st.integers(1, 70))
def test_blocks_hold_exactly_the_lines_that_are_not_empty(data: bytes, block_bytes: int) -> None:
    data = data.removeprefix(line_blocks.BOM)
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    assert lines_of(blocks_of(data, block_bytes, 1000)) == [line for line in lines if line]


@given(
    st.lists(st.sampled_from(['"', '""', ",", "\n", "ab", '"a\nb"\n']), max_size=30).map("".join),
    st.integers(1, 60),
    st.integers(3, 20),
)
def test_records_do_not_depend_on_the_size_of_reads(
    text: str, block_bytes: int, limit: int
) -> None:
    def records(size: int) -> list[tuple[list[bytes], int]]:
        blocks = blocks_of(text.encode(), size, limit, csv=True)
        return [([line], b.too_long_bytes) for b in blocks for line in b.all_lines()]

    assert records(block_bytes) == records(1000)


def test_a_line_may_be_as_long_as_the_limit() -> None:
    blocks = blocks_of(b"1234\n12345\nab\n", 3, 5)
    assert lines_of(blocks) == [b"1234", b"12345", b"ab"]
    assert [block.too_long_bytes for block in blocks] == [0, 5, 0]


def test_of_a_line_that_is_too_long_the_start_is_kept_and_the_length_told() -> None:
    (long, rest) = blocks_of(b"x" * 1000 + b"\nab\n", 7, 5)
    assert (long.line(0), long.too_long_bytes, rest.line(0)) == (b"xxxxx", 1000, b"ab")


def test_a_last_line_that_is_too_long_ends_the_file() -> None:
    (long,) = blocks_of(b"x" * 1000, 7, 5)
    assert (long.line(0), long.too_long_bytes) == (b"xxxxx", 1000)


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    blocks = blocks_of(b'a,b\n"c,d\ne,f\ng,h\n', 1000, 1000, csv=True)
    assert lines_of(blocks) == [b"a,b", b'"c,d', b"e,f", b"g,h"]


def test_a_quote_that_is_not_closed_within_the_limit_costs_one_line() -> None:
    blocks = blocks_of(b'"c,d\n' + b"e,f\n" * 10 + b'"\n', 4, 12, csv=True)
    assert lines_of(blocks) == [b'"c,d', *[b"e,f"] * 10, b'"']


def test_a_byte_order_mark_is_dropped_only_at_the_start() -> None:
    bom = line_blocks.BOM
    assert lines_of(blocks_of(bom + b"a\n" + bom + b"b", 1000, 1000)) == [b"a", bom + b"b"]


@given(st.lists(st.sampled_from([b"a\n", b"\n", b"bc\r\n", b"\r\n"]), min_size=1), st.data())
def test_parts_of_a_block_are_its_records(lines: list[bytes], data: st.DataObject) -> None:
    block = LineBlock.cut(b"".join(lines), np.cumsum([len(line) for line in lines]))
    first = data.draw(st.integers(0, len(block)))
    stop = data.draw(st.integers(first, len(block)))
    if first < stop:
        part = block.part(first, stop)
        assert part.all_lines() == block.all_lines()[first:stop]
        assert part.data in block.data


def test_many_stray_quotes_cost_few_scans() -> None:
    scans = []

    def never_closed(data: bytes) -> tuple[np.ndarray, bool]:
        scans.append(len(data))
        return np.zeros(0, np.int64), False

    lines = b'"a"b,"\n' * 5000
    chunks = iter([lines, b""])
    blocks = list(read_line_blocks(lambda n: next(chunks, b""), never_closed))
    assert sum(len(block) for block in blocks) == 5000
    assert len(scans) < 40
