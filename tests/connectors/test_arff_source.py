"""ARFF files, as WEKA and MOA write them."""

from pathlib import Path

import pytest

from streamadapt.connectors import ARFFSource
from streamadapt.errors import SourceError
from streamadapt.events import CategoricalField, NumericField, RecordSchema

SCHEMA = RecordSchema(
    features={"x 1": NumericField(), "kind": CategoricalField()}, target="y", classes=("a", "b c")
)
HEADER = (
    "% x\n@RELATION r\n\n@attribute 'x 1' REAL\n@Attribute kind {p,q}\n@attribute y {a,'b c'}\n"
)


def opened(folder: Path, text: str) -> ARFFSource:
    (folder / "a.arff").write_text(text)
    return ARFFSource(folder / "a.arff", SCHEMA)


def test_blanks_comments_quotes_and_gaps_are_as_weka_has_them(tmp_path: Path) -> None:
    source = opened(tmp_path, HEADER + "@data\r\n 1.5 ,\tp, a \r\n% no\n?,?,'b c'\n2,q\n3,q,a\n")
    records = source.poll(9)
    assert records is not None
    assert records.positions.tolist() == [0, 1, 3]
    assert records.numbers["x 1"][[0, 2]].tolist() == [1.5, 3]
    assert records.texts == {"kind": ["p", None, "q"], "y": ["a", "b c", "a"]}
    assert records.counts == {"missing": 2}
    assert [reject.reason for reject in records.rejects] == ["malformed"]
    source.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line @data"),
        ("@data\n1,2", "no attributes"),
        (HEADER + "@data\n{0 1}\n", "sparse"),
        (HEADER + "@attribute y real\n@data\n", "twice"),
        ("@attribute x real\n@data\n", "no column 'x 1'"),
    ],
)
def test_what_is_no_dense_arff_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        opened(tmp_path, text)
