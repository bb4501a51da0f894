"""Raw columns: numbers, truth values and categories."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamadapt.encoding import FeatureColumn, TextCodes, column_encoder, text_hash
from streamadapt.events import (
    BooleanField,
    CategoricalField,
    Encoding,
    FeatureField,
    NumericField,
    Records,
    TextField,
)
from tests.streamadapt.naive_features import block


def encoded(field: FeatureField, records: Records) -> tuple[np.ndarray, dict[str, int]]:
    encoder = column_encoder("c", field)
    X = np.zeros((len(records), len(encoder.columns)))
    return X, encoder.write(records, None, X)


@pytest.mark.parametrize("field", [NumericField(), BooleanField()])
def test_numbers_and_truth_values_are_copied_with_what_is_missing(field: FeatureField) -> None:
    X, counts = encoded(field, block({"c": [1.0, np.nan, 0.0]}))
    np.testing.assert_array_equal(X[:, 0], [1.0, np.nan, 0.0])
    assert counts == {}


def test_one_hot_has_a_column_per_value_and_one_for_unknown_texts() -> None:
    field = CategoricalField(encoding=Encoding.ONE_HOT, values=("a", "b"))
    X, counts = encoded(field, block(texts={"c": ["b", "?", None, "a"]}))
    assert X.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert counts == {"unknown_category": 1, "missing_category": 1}
    assert [c.name for c in column_encoder("c", field).columns] == ["c=a", "c=b", "c=<unknown>"]


def test_an_index_is_the_place_among_the_values() -> None:
    field = CategoricalField(encoding=Encoding.INDEX, values=("a", "b"))
    X, counts = encoded(field, block(texts={"c": ["b", "?", None, "a"]}))
    np.testing.assert_array_equal(X[:, 0], [1, 2, np.nan, 0])
    assert counts == {"unknown_category": 1, "missing_category": 1}
    assert column_encoder("c", field).columns == (FeatureColumn("c", 3),)


def test_a_hash_lights_the_bucket_that_every_machine_would() -> None:
    field = CategoricalField(buckets=10)
    X, counts = encoded(field, block(texts={"c": ["", None, "abc"]}))
    # XXH3_64bits with seed 0 of no bytes is 0x2D06800538D394C2 (xxHash's own test vectors).
    assert text_hash("") == 0x2D06800538D394C2
    assert X.argmax(axis=1).tolist() == [0x2D06800538D394C2 % 10, 0, 0x78AF5F94892F3950 % 10]
    assert X.sum(axis=1).tolist() == [1, 0, 1]
    assert counts == {"unknown_category": 0, "missing_category": 1}


@given(st.lists(st.none() | st.text(st.characters()), max_size=20))
def test_no_text_raises_not_even_one_with_half_a_surrogate_pair(texts: list[str | None]) -> None:
    X, _ = encoded(CategoricalField(buckets=5), block(texts={"c": [*texts, "\ud800"]}))
    assert X.sum(axis=1).tolist() == [0.0 if text is None else 1.0 for text in texts] + [1.0]


def test_remembered_codes_are_bounded_and_never_change_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamadapt.encoding._CACHED_TEXTS", 7)
    codes = TextCodes(len)
    texts: list[str | None] = ["x" * (i % 30) for i in range(100)] + [None, "y" * 5000]
    sizes = []
    for text in texts * 2:
        assert codes.of([text], None).tolist() == [-1 if text is None else len(text)]
        sizes.append(len(codes))
    assert max(sizes) == 7
    assert "y" * 5000 not in codes


notes = st.lists(st.none() | st.text("aAbB ,.-\0é\ud800", max_size=20), min_size=1, max_size=12)


@given(
    notes, st.integers(2, 9), st.booleans(), st.sampled_from([r"\w+", r"\w*", "(a)|b+"]),
    st.integers(1, 4), st.booleans(),
)  # fmt: skip
def test_words_and_phrases_are_counted_where_the_hash_says(
    texts: list[str | None], buckets: int, lowercase: bool, pattern: str, ngrams: int, binary: bool
) -> None:
    field = TextField(
        buckets=buckets, lowercase=lowercase, token_pattern=pattern, ngrams=ngrams, binary=binary
    )
    X, counts = encoded(field, block(texts={"c": texts}))
    expected = np.zeros((len(texts), buckets))
    for row, text in enumerate(texts):
        kept = (text or "").lower() if lowercase else text or ""
        words = [found.group() for found in re.compile(pattern).finditer(kept) if found.group()]
        for start in range(len(words)):
            for stop in range(start + 1, min(start + ngrams, len(words)) + 1):
                expected[row, text_hash(" ".join(words[start:stop])) % buckets] += 1
    np.testing.assert_array_equal(X, np.minimum(expected, 1.0) if binary else expected)
    assert counts == {"missing_category": texts.count(None)}


@given(notes, st.data())
def test_words_of_chosen_rows_are_those_of_the_rows_alone(
    texts: list[str | None], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, unique=True).map(sorted))
    encoder = column_encoder("c", TextField(buckets=3, ngrams=2))
    X = np.zeros((len(rows), 3))
    encoder.write(block(texts={"c": texts}), np.array(rows), X)
    whole, _ = encoded(TextField(buckets=3, ngrams=2), block(texts={"c": texts}))
    np.testing.assert_array_equal(X, whole[rows])


@pytest.mark.parametrize(
    "said", [{"token_pattern": "("}, {"ngrams": 0}, {"buckets": 1}, {"token_pattern": ""}]
)
def test_a_text_field_says_what_is_wrong_with_it(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(said))):
        TextField(**said)
