"""How a CSV file is written, guessed from its start."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.sniffing import sniffed

CASES: list[tuple[str | bytes, dict[str, Any]]] = [
    ("a,b\n1,2\n", {}),
    ("a\tb\n1\t2\n", {"delimiter": "\t"}),
    ("a;b;c\n1,5;x y;2\n3,25;x y z;2\n", {"delimiter": ";", "decimal": ","}),
    ("a;b\n1.5;a,b,c\n2.5;d\n", {"delimiter": ";"}),
    ("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n", {"header": False}),
    ("% made up\n1 2\n", {"delimiter": "whitespace", "header": False, "comment": "%"}),
    ("a|b\n'x|y'|'2'\n'z'|'3'\n", {"delimiter": "|", "quote": "'"}),
    ("größe,b\n1,2\n".encode("latin-1"), {"encoding": "iso8859-1"}),
    ("größe,b\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}),
    ("only\none two\nthree\n", {}),
    ("5\n6\n", {"header": False}),
    ("", {}),
]


@pytest.mark.parametrize(("start", "dialect"), CASES)
def test_what_is_unusual_is_found(start: str | bytes, dialect: dict[str, Any]) -> None:
    data = start.encode() if isinstance(start, str) else start
    assert sniffed(data).model_dump(exclude_defaults=True) == dialect


@given(st.binary(max_size=300))
def test_any_bytes_have_a_dialect(start: bytes) -> None:
    dialect = sniffed(start)
    assert type(dialect).model_validate(dialect.model_dump()) == dialect
