"""The splitting of CSV bytes into records and cells, against a loop over characters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamadapt.connectors.csv_records import record_ends, split_cells
from streamadapt.errors import BadRecordError


def naive_ends(data: bytes) -> list[int]:
    """Ends of all records whose quotes are closed, by walking over the bytes."""
    ends, state = [], "cell start"
    for place, byte in enumerate(data):
        character = chr(byte)
        if state == "quoted":
            state = "quote in quoted" if character == '"' else "quoted"
        elif state == "quote in quoted" and character == '"':
            state = "quoted"
        elif character == "\n":
            ends.append(place + 1)
            state = "cell start"
        elif character == ",":
            state = "cell start"
        elif state == "cell start" and character == '"':
            state = "quoted"
        else:
            state = "plain"
    return ends


TEXTS = st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", "é", '"a,\nb"'])).map("".join)


@given(TEXTS)
@example('a"b\n"c\n"\nd')
@example('"a"b"\nc,"d\n')
@example(',"\n""')
def test_records_end_where_a_walk_over_the_bytes_ends_them(text: str) -> None:
    data = text.encode()
    assert record_ends(data, ",")[0].tolist() == naive_ends(data)


@given(st.lists(st.text('",\n ab', max_size=5), min_size=1))
def test_cells_that_are_quoted_come_back_as_they_were(cells: list[str]) -> None:
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    ends, is_tidy = record_ends(line.encode() + b"\n", ",")
    assert (ends.tolist(), is_tidy) == ([len(line) + 1], True)
    assert split_cells(line, ",") == cells


@given(st.lists(st.text("ab é", max_size=5), min_size=1))
def test_cells_without_quotes_come_back_as_they_were(cells: list[str]) -> None:
    assert split_cells(",".join(cells), ",") == cells


def test_a_quote_inside_an_unquoted_cell_is_a_character() -> None:
    assert split_cells('5" pipe,"x", "y"', ",") == ['5" pipe', "x", ' "y"']


@pytest.mark.parametrize("line", ['"a"b,c', 'a,"b', '"', '"a""', 'a,"b"c'])
def test_open_quotes_and_text_after_a_closing_quote_are_errors(line: str) -> None:
    with pytest.raises(BadRecordError, match="quote"):
        split_cells(line, ",")


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^", "]", "-", "\\", " "])
def test_any_character_can_delimit(delimiter: str) -> None:
    line = f'a{delimiter}"b{delimiter}c"{delimiter}'
    assert split_cells(line, delimiter) == ["a", f"b{delimiter}c", ""]
    assert record_ends(f'{line}\nx"\n'.encode(), delimiter)[0].tolist() == [
        len(line) + 1,
        len(line) + 4,
    ]
