"""Features of one row alone: waves, products, hashed texts."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.derived import Lag
from streamadapt.derived_calendar import Fourier
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.errors import ConfigError
from streamadapt.events import (
    MISSING_TIME,
    CategoricalField,
    Encoding,
    NumericField,
    Records,
    RecordSchema,
)
from streamadapt.features import FeatureMap
from tests.streamadapt.naive_features import block

TEXTS = RecordSchema(
    features={"a": CategoricalField(buckets=2), "b": CategoricalField(buckets=2)}, target="y"
)
NUMBERS = RecordSchema(features={"a": NumericField(), "b": NumericField()}, target="y")
words = st.text("abAB \0,", max_size=12)
columns = st.lists(st.tuples(st.none() | words, st.none() | words), min_size=1, max_size=20)


@given(st.lists(st.integers(-(2**55), 2**55), min_size=1, max_size=20), st.integers(1, 5))
def test_waves_are_sines_of_the_place_in_the_period(times: list[int], harmonics: int) -> None:
    starts = {"day": 0, "week": 4 * 86_400_000_000, "year": 0}  # 1970-01-05 was a Monday
    lengths = {"day": 86_400_000_000, "week": 7 * 86_400_000_000, "year": 31_556_952_000_000}
    periods: list[Any] = ["day", "week", "year"]
    for period in periods:
        got = Fourier(period=period, harmonics=harmonics).transform(np.array(times))
        turns = [(t - starts[period]) % lengths[period] / lengths[period] for t in times]
        expected = [
            [
                wave(2 * math.pi * k * turn)
                for k in range(1, harmonics + 1)
                for wave in (math.sin, math.cos)
            ]
            for turn in turns
        ]
        np.testing.assert_allclose(got, expected, atol=1e-12)


@given(st.lists(st.integers(MISSING_TIME, 2**63 - 1), max_size=40), st.integers(0, 40))
def test_waves_of_a_row_do_not_depend_on_the_rows_beside_it(times: list[int], cut: int) -> None:
    times_us = np.array(times, np.int64)
    spec = Fourier(period="year", harmonics=3)
    halves = [spec.transform(times_us[:cut]), spec.transform(times_us[cut:])]
    assert np.concatenate(halves).tobytes() == spec.transform(times_us).tobytes()


def test_only_a_missing_time_has_no_waves() -> None:
    times = np.array([MISSING_TIME, MISSING_TIME + 1, 0, 2**63 - 1])
    got = Fourier(period="week").transform(times)
    assert np.isfinite(got).all(axis=1).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("squares", "names"),
    [(True, ["a^2", "a*b", "a*b_lag_1", "b^2", "b*b_lag_1", "b_lag_1^2"]),
     (False, ["a*b", "a*b_lag_1", "b*b_lag_1"])],
)  # fmt: skip
def test_products_are_of_raw_and_derived_columns(squares: bool, names: list[str]) -> None:
    derived = [Polynomial(of=("a", "b", "b_lag_1"), squares=squares), Lag(of="b", steps=(1,))]
    features = FeatureMap(NUMBERS, derived)
    X = features.transform(block({"a": [2.0, 3.0], "b": [5.0, 7.0]}))
    by_name = dict(zip([column.name for column in features.columns], X[1].tolist(), strict=True))
    values = {"a": 3.0, "b": 7.0, "b_lag_1": 5.0}
    for name in names:
        left, right = name[:-2].split("*") * 2 if name.endswith("^2") else name.split("*")
        assert by_name[name] == values[left] * values[right]
    assert len(by_name) == 3 + len(names)


def test_a_category_crosses_numbers_by_the_names_of_its_columns() -> None:
    one_hot = CategoricalField(encoding=Encoding.ONE_HOT, values=("r", "g"))
    schema = RecordSchema(features={"x": NumericField(), "c": one_hot}, target="y")
    features = FeatureMap(schema, [Polynomial(of=("x", "c=g"), squares=False)])
    X = features.transform(block({"x": [2.0, 3.0]}, {"c": ["g", "r"]}))
    assert X[:, -1].tolist() == [2.0, 0.0]


def test_a_product_that_is_no_number_is_missing() -> None:
    features = FeatureMap(NUMBERS, [Polynomial(of=("a", "b"), squares=False)])
    X = features.transform(block({"a": [1e200, np.inf, np.nan, 2.0], "b": [1e200, 0.0, 1.0, 3.0]}))
    np.testing.assert_array_equal(X[:, -1], [np.nan, np.nan, np.nan, 6.0])


@pytest.mark.parametrize("of", ["z", "a*b"])
def test_a_product_of_no_column_is_refused(of: str) -> None:
    derived = [Polynomial(of=("a", "b"), squares=False), Polynomial(of=(of,))]
    with pytest.raises(ConfigError, match=r"which is no column \(there are: a, b\)"):
        FeatureMap(NUMBERS, derived)


def hashed(rows: list[tuple[str | None, str | None]], spec: Hashed) -> Any:
    texts: dict[str, list[str | None]] = {"a": [a for a, _ in rows], "b": [b for _, b in rows]}
    X = FeatureMap(TEXTS, [spec]).transform(block({}, texts))
    return X[:, -spec.width :]


def naive_tokens(texts: list[tuple[str, str | None]], tokens: str) -> list[tuple[str, str]]:
    found = [(name, text) for name, text in texts if text is not None]
    if tokens == "cross":
        return [("", repr(found))] if len(found) == len(texts) else []
    if tokens == "values":
        return found
    split = [(name, text.lower().replace(",", " ").replace("\0", " ")) for name, text in found]
    return [(name, word) for name, text in split for word in text.split()]


@settings(deadline=None)
@given(columns, st.sampled_from(["values", "words", "cross"]), st.booleans())
def test_hashed_columns_count_tokens_as_if_each_had_its_own(
    rows: list[tuple[str | None, str | None]], tokens: Any, signed: bool
) -> None:
    """So wide that none of the few tokens meet: the counts are those of a dictionary."""
    X = hashed(rows, Hashed(of=("a", "b"), width=65_536, tokens=tokens, signed=signed))
    naive = [Counter(naive_tokens([("a", a), ("b", b)], tokens)) for a, b in rows]
    places: dict[tuple[str, str], tuple[int, ...]] = {}
    for row, counts in zip(X, naive, strict=True):
        assert sorted(np.abs(row[row != 0])) == sorted(counts.values())
        for token in counts if len(counts) == 1 else ():
            at = tuple(np.flatnonzero(row).tolist())
            assert places.setdefault(token, at) == at
    assert signed or (X >= 0).all()


@given(columns, st.integers(1, 8))
def test_narrow_hashes_lose_no_token(rows: list[tuple[str | None, str | None]], width: int) -> None:
    X = hashed(rows, Hashed(of=("a", "b"), width=width))
    assert X.sum(axis=1).tolist() == [(a is not None) + (b is not None) for a, b in rows]


def test_signs_are_even_and_tell_nothing_of_the_place() -> None:
    rows: list[tuple[str | None, str | None]] = [(f"t{i}", None) for i in range(20_000)]
    X = hashed(rows, Hashed(of=("a", "b"), width=4, signed=True))
    share = (X == 1.0).sum(axis=0) / (X != 0.0).sum(axis=0)
    np.testing.assert_allclose(share, 0.5, atol=0.03)


def test_hashes_are_the_same_on_every_machine() -> None:
    X = hashed([("red", "green"), (None, "red")], Hashed(of=("a", "b"), width=8, signed=True))
    assert X.nonzero()[1].tolist() == [1, 3, 2]
    assert X[X != 0.0].tolist() == [1.0, 1.0, -1.0]


def test_a_cross_tells_all_combinations_apart() -> None:
    rows: list[tuple[str | None, str | None]] = [("ab", "c"), ("a", "bc"), ("ab", "c"), ("", "abc")]
    X = hashed(rows, Hashed(of=("a", "b"), width=65_536, tokens="cross"))
    assert len({row.tobytes() for row in X}) == 3


@pytest.mark.parametrize("of", ["y", "x"])
def test_only_texts_that_are_not_the_target_are_hashed(of: str) -> None:
    schema = RecordSchema(
        features={"c": CategoricalField(), "x": NumericField()}, target="y", classes=("a", "b")
    )
    with pytest.raises(ConfigError, match=r"no text column but the target \(there are: c\)"):
        FeatureMap(schema, [Hashed(of=(of,))])


def test_texts_that_are_no_features_have_no_hash_of_their_own() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", key="k")
    records: Records = block({"x": [1.0]}, {"k": ["a"]})
    X = FeatureMap(schema, [Hashed(of=("k",), width=2)]).transform(records)
    assert X.sum() == 2.0
