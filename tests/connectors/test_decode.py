"""Single values: which are accepted, as what, and why the others are not."""

import math

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.connectors.decode import (
    CellError,
    boolean,
    canonical_text,
    number_from_text,
    number_from_value,
)


@given(st.floats(allow_nan=False))
def test_every_float_comes_back_from_its_repr(number: float) -> None:
    assert number_from_text(repr(number)) == number
    assert math.copysign(1, number_from_text(repr(number))) == math.copysign(1, number)


@given(st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_arrow_and_python_read_the_same_bits(text: str) -> None:
    try:
        ours = number_from_text(text).hex()
    except CellError:
        ours = "no number"
    options = pa.csv.ConvertOptions(column_types={"0": pa.float64()}, null_values=[])
    reading = pa.csv.ReadOptions(column_names=["0", "1"])
    try:
        data = pa.py_buffer(f"{text},\n".encode())
        arrow = pa.csv.read_csv(data, reading, convert_options=options)["0"][0].as_py().hex()
    except pa.ArrowInvalid:
        arrow = "no number"
    assert ours == arrow


@pytest.mark.parametrize("text", ["inf", "+INF", "Infinity", " inf "])
def test_infinity_is_kept_for_the_features_to_judge(text: str) -> None:
    assert number_from_text(text) == math.inf


@pytest.mark.parametrize("text", ["nan", "NaN", "-NAN", "\tnan"])
def test_nan_is_a_number_that_is_not_one(text: str) -> None:
    assert math.isnan(number_from_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "0x10",
        "1,5",
        "true",
        "",
        " ",
        ".",
        "-",
        "1e",
        "1 2",
        "nan(1)",
        "\u0661",
        "\v1",
        "1\n",
    ],
)
def test_what_is_no_decimal_number_is_of_the_wrong_type(text: str) -> None:
    with pytest.raises(CellError, match="wrong_type"):
        number_from_text(text)


@pytest.mark.parametrize("value", [True, "1", [], {}, None])
def test_only_ints_and_floats_are_number_values(value: object) -> None:
    with pytest.raises(CellError, match="wrong_type"):
        number_from_value(value)


def test_an_int_beyond_float64_is_infinite() -> None:
    assert number_from_value(-(10**400)) == -math.inf


@pytest.mark.parametrize("value", ["true", "T", "YES", "y", " on ", "1", 1, 1.0, True])
def test_words_for_true_are_one(value: object) -> None:
    assert boolean(value) == 1.0


@pytest.mark.parametrize("value", ["false", "F", "NO", "n", "\toff", "0", 0, -0.0, False])
def test_words_for_false_are_zero(value: object) -> None:
    assert boolean(value) == 0.0


@pytest.mark.parametrize("value", ["maybe", "", "2", 2, -1, 0.5, math.inf, 10**400, [], {}])
def test_what_is_no_truth_value_is_of_the_wrong_type(value: object) -> None:
    with pytest.raises(CellError, match="wrong_type"):
        boolean(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        ("1.0", "1.0"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (1e300, "1e+300"),
        (2**64, "18446744073709551616"),
        (math.inf, "inf"),
        (math.nan, None),
        ("", ""),
    ],
)
def test_texts_are_canonical(value: object, text: str | None) -> None:
    assert canonical_text(value) == text


@pytest.mark.parametrize("value", [[], {}, b"a", None])
def test_what_is_no_scalar_is_no_text(value: object) -> None:
    with pytest.raises(CellError, match="wrong_type"):
        canonical_text(value)


def test_a_truth_value_that_is_nan_is_missing() -> None:
    assert boolean(math.nan) is None
