"""What is made of columns that nobody has described."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamadapt.errors import SourceError
from streamadapt.events import TimeFormat
from streamadapt.inspection import Column, Content, inspect
from tests.recorded_streams import WRITERS, rows, write_csv, write_jsonl


def column(tmp_path: Path, values: list[str], name: str = "c") -> Column:
    path = tmp_path / "one.csv"
    path.write_text(f"{name},other\n" + "".join(f"{value},1\n" for value in values))
    return inspect(path)[name]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_tells_the_same_of_the_same_records(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, rows())
    found = inspect(tmp_path / name)
    assert {name: c.content for name, c in found.items()} == {
        "event": Content.UNIQUE_TEXTS,
        "row": Content.ROW_NUMBERS,
        "at": Content.TIMES,
        "unix": Content.TIMES,
        "price": Content.NUMBERS,
        "size": Content.NUMBERS,
        "side": Content.TEXTS,
        "symbol": Content.TEXTS,
        "open": Content.TRUTH_VALUES,
        "venue": Content.CONSTANT,
        "empty": Content.NOTHING,
        "up": Content.NUMBERS,
        "label": Content.TEXTS,
        "next": Content.NUMBERS,
    }
    assert found["size"].n_missing == 12
    assert found["side"].texts == ("buy", "hold: no", "sell")
    assert found["unix"].time_format is TimeFormat.UNIX_S
    assert found["at"].time_format is TimeFormat.ISO8601
    assert (found["up"].is_whole, found["price"].is_whole) == (True, False)


def test_no_more_records_are_looked_at_than_asked_for(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        write(tmp_path / name, rows(300))
        assert {c.n for c in inspect(tmp_path / name, 100).values()} == {100}


def test_a_few_broken_values_do_not_change_what_a_column_holds(tmp_path: Path) -> None:
    found = column(tmp_path, [*map(str, range(500, 0, -1)), "oops"])
    assert (found.content, found.n_broken) == (Content.NUMBERS, 1)


def test_many_broken_values_do(tmp_path: Path) -> None:
    assert column(tmp_path, [*map(str, range(10, 0, -1)), "oops", "oops"]).content is Content.TEXTS


@pytest.mark.parametrize(
    ("start", "time_format"),
    [
        (1_700_000_000, TimeFormat.UNIX_S),
        (1_700_000_000_000, TimeFormat.UNIX_MS),
        (1_700_000_000_000_000, TimeFormat.UNIX_US),
    ],
)
def test_numbers_of_our_time_that_never_fall_are_times(
    tmp_path: Path, start: int, time_format: TimeFormat
) -> None:
    found = column(tmp_path, [str(start + 7 * i * i) for i in range(30)])
    assert (found.content, found.time_format) == (Content.TIMES, time_format)


def test_numbers_of_our_time_that_fall_are_times_only_by_their_name(tmp_path: Path) -> None:
    values = [str(1_700_000_000 + i * 997 % 500) for i in range(30)]
    assert column(tmp_path, values).content is Content.NUMBERS
    assert column(tmp_path, values, "event_time").content is Content.TIMES


def test_zeros_and_ones_are_numbers_but_words_for_them_are_truth_values(tmp_path: Path) -> None:
    assert column(tmp_path, ["0", "1", "0"]).content is Content.NUMBERS
    assert column(tmp_path, ["Yes", "no", "no"]).content is Content.TRUTH_VALUES


def test_many_texts_of_many_words_are_free_text_be_they_all_different_or_not(
    tmp_path: Path,
) -> None:
    notes = [f"link {i % 40} is down again" for i in range(80)]
    assert column(tmp_path, notes).content is Content.FREE_TEXT
    assert column(tmp_path, notes[:40]).content is Content.FREE_TEXT
    assert column(tmp_path, notes[:10] * 4).content is Content.TEXTS


@pytest.mark.parametrize("name", ["192.168.0.{}", "https://a.b/c-d-e/f-{}", "San Francisco {}"])
def test_names_are_no_free_text_however_long(tmp_path: Path, name: str) -> None:
    values = [name.format(chr(97 + i % 26)) for i in range(60)]
    assert column(tmp_path, values).content is Content.TEXTS


def test_numbers_written_as_texts_in_json_are_texts_as_for_the_source(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"a": str(i % 7)} for i in range(50)])
    assert inspect(tmp_path / "a.jsonl")["a"].content is Content.TEXTS


def test_lists_and_objects_are_structures_and_lines_that_are_no_records_are_left_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": [1], "b": 1}\nnonsense\n[1]\n{"a": {"c": 1}, "b": 2}\n')
    found = inspect(path)
    assert found["a"].content is Content.STRUCTURES
    assert found["b"].n == 2


def test_a_stream_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    write_csv(tmp_path / "stream.txt", rows(1))
    for name, problem in (
        ("absent.csv", "there is no file"),
        ("absent.parquet", "there is no file"),
        ("empty.csv", "holds no records"),
        ("header.csv", "holds no records"),
        ("a.parquet", "cannot read .* as Parquet"),
        ("stream.txt", "the name does not tell the format"),
    ):
        with pytest.raises(SourceError, match=problem):
            inspect(tmp_path / name)
