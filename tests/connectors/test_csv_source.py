"""CSV files: what is a record, what is a reject, and that both ways of decoding agree."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streamadapt.connectors import line_blocks
from streamadapt.connectors.csv_block import CSVDecoder
from streamadapt.connectors.csv_check_kernels import NUMBER, surely_right
from streamadapt.connectors.csv_dialect import CSVDialect
from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.line_blocks import LineBlock
from streamadapt.errors import ParameterError, SourceError
from streamadapt.events import (
    MISSING_TIME,
    BooleanField,
    CategoricalField,
    NumericField,
    Records,
    RecordSchema,
    TimeField,
    TimeFormat,
)

SCHEMA = RecordSchema(
    features={"x": NumericField(), "on": BooleanField(), "kind": CategoricalField()},
    target="y",
    id="x",
    time=TimeField(column="at"),
)
HEADER = b"x,unused,on,kind,y,at\n"
XY = RecordSchema(features={"x": NumericField()}, target="y")
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def polls(source: CSVSource, max_records: int = 1000) -> Iterator[Records]:
    while (records := source.poll(max_records)) is not None:
        yield records
    source.close()


def read_all(data: bytes, schema: RecordSchema, folder: Path, **options: object) -> list[object]:
    """Everything a file holds, floats as bits, row by row; rejects; counts."""
    path = folder / "a.csv"
    path.write_bytes(data)
    rows, rejects, counts = [], [], {"missing": 0, "nan": 0}
    for records in polls(CSVSource(path, schema, CSVDialect(**options))):  # type: ignore[arg-type]
        for i in range(len(records)):
            numbers = {n: c[i].tobytes() for n, c in records.numbers.items()}
            texts = {n: c[i] for n, c in records.texts.items()}
            time = None if records.times_us is None else int(records.times_us[i])
            rows.append((int(records.positions[i]), numbers, texts, time, records.original(i)))
        rejects += records.rejects
        for name, n in records.counts.items():
            counts[name] += n
    return [rows, rejects, counts]


def one_poll(text: str, folder: Path, schema: RecordSchema = XY) -> Records:
    path = folder / "a.csv"
    path.write_bytes(text.encode())
    (records,) = polls(CSVSource(path, schema))
    return records


def reasons(records: Records) -> list[tuple[int, str, str]]:
    return [(reject.position, reject.reason, reject.where) for reject in records.rejects]


NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["NA", "", " 1", "1 ", " NA", " ", "nan", "-inf", "1e400", "+.5", "7.", '"3"']),
)
ODD = st.sampled_from(
    ["1_0", "nan(1)", "0x1", '"1', 'a"b', '"a"b', "\r", "\0", "\udcff", "é", ",", "\ufeff1", "1\n"]
)
TEXTS = st.sampled_from(["a", "b c", "NA", "", '"q, ""r"""', '"two\nlines"', " a", "null", "é"])
TRUTHS = st.sampled_from(["true", "0", "YES", "", "NA", " off", " ?", "maybe", '"1"'])
TIMES = st.sampled_from(
    ["2024-01-02", "2024-01-03", "2024-01-02T03:04:05Z", "NA", "", " NA", "never", "2024-02-30"]
)


@st.composite
def tables(draw: st.DrawFn, odd: float) -> bytes:
    """A table, now and then with an odd cell, or a line more, or one cut short."""
    lines = []
    for _ in range(draw(st.integers(0, 12))):
        cells = [draw(kind) for kind in (NUMBERS, TEXTS, TRUTHS, TEXTS, NUMBERS, TIMES)]
        if draw(st.floats(0, 1)) < odd:
            cells[draw(st.integers(0, 5))] = draw(ODD)
        lines.append(",".join(cells))
        if draw(st.floats(0, 1)) < odd / 2:
            lines.append(draw(st.sampled_from(["", "1,2", "\r", '"', "\ufeff"])))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    return HEADER + text.encode("utf-8", "surrogateescape")


@same_folder
@given(tables(odd=0.2), st.integers(1, 200))
@example(HEADER + b"nan(1),a,1,b,2,2024-01-02\n", 100)
@example(HEADER + b"1,a,1,b,2,2024-01-02\n\xef\xbb\xbf1,a,1,b,2,2024-01-02\n", 22)
def test_blocks_at_once_are_the_same_as_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block_bytes: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
        at_once = read_all(data, SCHEMA, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CSVDecoder, "decode_at_once", lambda *_: None)
        mostly = read_all(data, SCHEMA, folder)
        patch.setattr(CSVDecoder, "decode_mostly_at_once", lambda *_: None)
        assert read_all(data, SCHEMA, folder) == at_once == mostly


@same_folder
@given(tables(odd=0.2), st.integers(1, 200), st.sampled_from(["'", ""]), st.sampled_from(",."))
def test_both_ways_are_the_same_in_other_dialects(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    block_bytes: int,
    quote: str,
    decimal: str,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = data.replace(b",", b";").replace(b'"', b"'").replace(b".", decimal.encode())
    dialect = {"delimiter": ";", "quote": quote, "decimal": decimal}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
        at_once = read_all(data, SCHEMA, folder, **dialect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CSVDecoder, "decode_at_once", lambda *_: None)
        patch.setattr(CSVDecoder, "decode_mostly_at_once", lambda *_: None)
        assert read_all(data, SCHEMA, folder, **dialect) == at_once


def test_among_many_bad_rows_only_they_are_looked_at_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    of_line = CSVDecoder._cells
    monkeypatch.setattr(
        CSVDecoder, "_cells", lambda self, line: looked_at.append(line) or of_line(self, line)
    )
    good = [b'%d.5e1,"a,b",on,k,-%d,2024-01-01' % (i, i) for i in range(500)]
    bad = [b"oops,u,1,k,1,", b"1,2", b"1,\xff,1,k,1,", b'1,a"b,1,k,1,', b"1,\0,1,k,1,"]
    good[100:100] = bad
    rows, rejects, _ = read_all(HEADER + b"\n".join(good), SCHEMA, tmp_path)
    assert looked_at == bad
    assert [r.position for r in rejects] == [100, 101, 102, 104]
    assert [row[0] for row in rows if 98 < row[0] < 107] == [99, 103, 105, 106]


@pytest.mark.parametrize("cell", ["-1", "1.", ".5", "1e5", "1E-5", " 7 ", "\t7", "-0.0", "1e400"])
def test_numbers_that_are_called_right_are_right_for_arrow(cell: str) -> None:
    decoder = CSVDecoder(XY, ["x", "y"], CSVDialect())
    data = f"{cell},1\n".encode()
    lines = LineBlock.cut(data, np.array([len(data)]))
    decoded = decoder.decode_mostly_at_once(lines, 0)
    assert decoded is not None
    assert decoded.numbers["x"].tolist() == [float(cell)]
    bounds = lines.starts, lines.stops
    assert surely_right(
        data, *bounds, np.array([NUMBER, NUMBER]), (44, 34, 46), (b"NA",)
    ).tolist() == [True]


def test_decimal_commas_and_cells_lined_up_with_blanks(tmp_path: Path) -> None:
    rows, rejects, _ = read_all(
        b"x  y\n  1,5\t 2 \n3.5 1\r\n",
        XY,
        tmp_path,
        delimiter="whitespace",
        decimal=",",
    )
    assert np.frombuffer(rows[0][1]["x"])[0] == 1.5
    assert [(r.where, r.original) for r in rejects] == [("x", b"3.5\t1")]


def test_a_file_without_header_has_the_names_given_or_numbered_ones(tmp_path: Path) -> None:
    data = b"# by hand\n1,2\n#\n3,4"
    named = read_all(data, XY, tmp_path, header=False, names=("x", "y"), comment="#")
    assert [row[0] for row in named[0]] == [0, 1]
    schema = RecordSchema(features={"c1": NumericField()}, target="c2")
    numbered = read_all(data, schema, tmp_path, header=False, comment="#")
    assert [np.frombuffer(row[1]["c2"])[0] for row in numbered[0]] == [2, 4]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-be", "cp1252", "utf-8-sig"])
def test_other_encodings_give_the_same_texts(tmp_path: Path, encoding: str) -> None:
    schema = RecordSchema(features={"é": CategoricalField()}, target="y")
    rows, rejects, _ = read_all(
        "é,y\nÄ,1\n".encode(encoding) * 1, schema, tmp_path, encoding=encoding
    )
    assert [row[2] for row in rows] == [{"é": "Ä"}]
    assert not rejects


def test_bytes_that_are_no_text_of_the_encoding_are_rejects(tmp_path: Path) -> None:
    data = b"x,y,z\n1,2,\x81\n1,2,\x80\n"
    rows, rejects, _ = read_all(data, XY, tmp_path, encoding="cp1252")
    assert [row[0] for row in rows] == [1]
    assert [(r.position, r.reason) for r in rejects] == [(0, "not_utf8")]


def test_lines_at_the_start_can_be_skipped_whatever_they_are(tmp_path: Path) -> None:
    rows, _, _ = read_all(b'made by "x\n\nx,y\n1,2\n', XY, tmp_path, skip_lines=2)
    assert [row[0] for row in rows] == [0]


def test_a_block_with_all_that_is_allowed_is_decoded_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(CSVDecoder, "decode_rows")
    data = (
        HEADER
        + b'1.5,"a ""b"",\r\nc",yes,"NA",nan,2024-01-02\r\n\r\n'
        + b" 7.,,f,\xc3\xa9,-inf,never\r\n,,,,,\r\n"
    )
    rows, rejects, counts = read_all(data, SCHEMA, tmp_path)
    assert [row[0] for row in rows] == [0, 2]
    assert [(r.position, r.reason, r.where) for r in rejects] == [(1, "bad_time", "at")]
    assert counts == {"missing": 1 + 6, "nan": 1}


def test_one_bad_row_among_many_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    good = [b"%d,,1,k,%d.25,2024-01-01" % (i, i) for i in range(5000)]
    clean = read_all(HEADER + b"\n".join(good), SCHEMA, tmp_path)
    good[3333] = b"1,2"
    rows, rejects, _ = read_all(HEADER + b"\n".join(good), SCHEMA, tmp_path)
    assert rows == clean[0][:3333] + clean[0][3334:]
    assert [(r.position, r.where, r.original) for r in rejects] == [
        (3333, "expected 6 cells, found 2", b"1,2")
    ]


@same_folder
@given(st.binary(max_size=200))
def test_any_bytes_after_the_header_are_records_or_rejects(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    rows, rejects, _ = read_all(HEADER + data, SCHEMA, tmp_path_factory.getbasetemp())
    positions = sorted([row[0] for row in rows] + [reject.position for reject in rejects])
    assert positions == list(range(len(positions)))
    if b'"' not in data:
        lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
        assert len(positions) == sum(1 for line in lines if line)


def test_numbers_texts_truth_values_and_times_are_decoded(tmp_path: Path) -> None:
    records = one_poll(
        HEADER.decode() + "1.50,u,Yes,k,-2e3,1970-01-01T00:00:01Z\n", tmp_path, SCHEMA
    )
    assert {n: c.tolist() for n, c in records.numbers.items()} == {
        "x": [1.5],
        "on": [1],
        "y": [-2e3],
    }
    assert records.texts == {"kind": ["k"], "x": ["1.50"]}
    assert records.times_us is not None
    assert records.times_us.tolist() == [1_000_000]
    assert all(column.flags.writeable for column in records.numbers.values())


def test_missing_values_are_nan_none_and_missing_time_and_counted(tmp_path: Path) -> None:
    records = one_poll(HEADER.decode() + "NA,u,?,null,,None\n", tmp_path, SCHEMA)
    assert all(np.isnan(column).all() for column in records.numbers.values())
    assert records.texts == {"kind": [None], "x": [None]}
    assert records.times_us is not None
    assert records.times_us.tolist() == [MISSING_TIME]
    assert records.counts == {"missing": 6}


def test_nan_is_told_from_missing_and_infinity_is_kept(tmp_path: Path) -> None:
    records = one_poll("x,y\nnan,inf\nNA,-Infinity\n", tmp_path)
    assert records.numbers["y"].tolist() == [math.inf, -math.inf]
    assert np.isnan(records.numbers["x"]).all()
    assert records.counts == {"missing": 1, "nan": 1}


@pytest.mark.parametrize("cell", ["1_000", "0x10", "true", "a", "1;5", '"1,5"', "12e"])
def test_no_number_in_a_numeric_column_is_a_reject(tmp_path: Path, cell: str) -> None:
    records = one_poll(f"x,y\n1,2\n{cell},3\n", tmp_path)
    assert reasons(records) == [(1, "wrong_type", "x")]
    assert records.rejects[0].original == f"{cell},3".encode()


def test_a_row_with_more_or_fewer_cells_is_malformed(tmp_path: Path) -> None:
    assert reasons(one_poll("x,y\n1\n1,2,\n", tmp_path)) == [
        (0, "malformed", "expected 2 cells, found 1"),
        (1, "malformed", "expected 2 cells, found 3"),
    ]


def test_a_stray_quote_costs_its_line(tmp_path: Path) -> None:
    rows, rejects, _ = read_all(b'x,y\n1,2\n"3,4\n5,6\n', XY, tmp_path)
    assert [row[0] for row in rows] == [0, 2]
    assert [(r.position, r.reason, r.original) for r in rejects] == [(1, "malformed", b'"3,4')]


def test_bytes_that_are_no_text_are_rejects(tmp_path: Path) -> None:
    _, rejects, _ = read_all(b"x,y,z\n1,2,\xff\n1\x00,2,\n1,2,3\n", XY, tmp_path)
    assert [(r.position, r.reason, r.where) for r in rejects] == [
        (0, "not_utf8", "byte 4"),
        (1, "malformed", "NUL at byte 1"),
    ]


def test_a_line_beyond_the_limit_is_a_reject_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_blocks, "LINE_LIMIT_BYTES", 10)
    rows, rejects, _ = read_all(b"x,y\n1,2\n" + b"1" * 50 + b",2\n3,4\n", XY, tmp_path)
    assert [row[0] for row in rows] == [0, 2]
    assert [(r.position, r.reason, r.where) for r in rejects] == [
        (1, "too_long", "52 bytes; 10 are allowed and kept here")
    ]


@pytest.mark.parametrize("text", ["", "x,y\n", "x,y", "\n\n", "\ufeff", "\ufeffx,y\r\n\r\n"])
def test_a_file_without_rows_has_no_records(tmp_path: Path, text: str) -> None:
    assert read_all(text.encode(), XY, tmp_path)[:2] == [[], []]


def test_a_byte_order_mark_and_windows_line_ends_are_no_data(tmp_path: Path) -> None:
    records = one_poll('\ufeff"x",y\r\n1,2\r\n', tmp_path)
    assert records.numbers["y"].tolist() == [2.0]
    assert records.original(0) == b"1,2"


def test_empty_lines_are_no_records(tmp_path: Path) -> None:
    records = one_poll("\nx,y\n\n1,2\n\r\n3,4\n\n", tmp_path)
    assert records.positions.tolist() == [0, 1]


def test_originals_are_the_lines_as_they_came(tmp_path: Path) -> None:
    records = one_poll('x,y,z\n 1,2,"a\nb"\n3,4,c\n', tmp_path)
    assert [records.original(i) for i in range(2)] == [b' 1,2,"a\nb"', b"3,4,c"]


def test_the_delimiter_and_the_words_for_missing_can_be_chosen(tmp_path: Path) -> None:
    data = b"x;y\n-999;1\n -999;2\nNA;3\n"
    rows, rejects, counts = read_all(data, XY, tmp_path, delimiter=";", na_values=["-999"])
    assert np.frombuffer(rows[1][1]["x"])[0] == -999.0  # with a blank it is the number
    assert (len(rows), [r.where for r in rejects], counts["missing"]) == (2, ["x"], 1)


def test_unix_times_can_have_decimals(tmp_path: Path) -> None:
    schema = XY.model_copy(update={"time": TimeField(column="x", format=TimeFormat.UNIX_S)})
    records = one_poll("x,y\n1.5,2\n2,3\n", tmp_path, schema)
    assert records.times_us is not None
    assert records.times_us.tolist() == [1_500_000, 2_000_000]


def test_a_column_that_is_not_there_is_named_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv has no column 'y'; did you mean 'Y'\?|'Y'"):
        one_poll("x,Y\n", tmp_path)
    schema = XY.model_copy(update={"target": "price"})
    with pytest.raises(
        SourceError, match=r"no column 'price'; did you mean 'prices'\?.*'x', 'prices'"
    ):
        one_poll("x,prices\n", tmp_path, schema)
    with pytest.raises(SourceError, match=r"columns: 'x;price'; is source.csv.delimiter ';'\?"):
        one_poll("x;price\n1;2\n", tmp_path, schema)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"x,y,x\n", "names column 'x' 2 times"),
        (b'x,"y\n', "is no header"),
        (b"\xff,y\n", "is no header"),
    ],
)
def test_a_header_that_is_none_is_an_error(tmp_path: Path, header: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_all(header, XY, tmp_path)


def test_a_header_beyond_the_limit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_blocks, "LINE_LIMIT_BYTES", 10)
    with pytest.raises(SourceError, match="too long to be a header"):
        read_all(b"x,y" + b"y" * 20 + b"\n", XY, tmp_path)


def test_seek_works_inside_an_odd_block(tmp_path: Path) -> None:
    lines = [b"%d,%d\n" % (i, i) for i in range(200)]
    lines[77] = lines[150] = b"odd,1\n"
    (tmp_path / "a.csv").write_bytes(b"x,y\n" + b"".join(lines))
    source = CSVSource(tmp_path / "a.csv", XY)
    for position in (0, 60, 78, 79, 140, 151, 199, 3):
        source.seek(position)
        records = source.poll(1)
        assert records is not None
        assert records.numbers["y"].tolist() == [float(position)]
    source.close()


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "é"])
def test_a_delimiter_must_be_one_plain_character(delimiter: str) -> None:
    with pytest.raises(ValueError, match="delimiter"):
        CSVDialect(delimiter=delimiter)


def test_a_class_that_is_written_like_a_missing_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,NA\n")
    schema = RecordSchema(features={"x": NumericField()}, target="y", classes=("NA", "b"))
    with pytest.raises(ParameterError, match="'NA' is the name of a class"):
        CSVSource(path, schema)
