"""Encoders of raw columns: each writes its own columns of the feature rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
import xxhash

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.events import CategoricalField, Encoding, FeatureField, Records, TextField

__all__ = ["ColumnEncoder", "FeatureColumn", "TextCodes", "column_encoder", "text_hash"]

_CACHED_TEXTS = 65_536
_CACHED_LENGTH = 256
_MISSING = -1


class FeatureColumn(NamedTuple):
    """A column of the feature rows.

    ``n_values`` is the number of values (0, 1, ...) of a nominal column, or 0 for a number.
    """

    name: str
    n_values: int = 0


def text_hash(text: str) -> int:
    """Return the 64-bit XXH3 of the text's UTF-8, seed 0; the same on every machine.

    Examples
    --------
    >>> text_hash("abc") == 0x78AF5F94892F3950
    True
    """
    # Lone surrogates, which JSON escapes can make, have no UTF-8 but must not raise.
    return int(xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), seed=0))


class TextCodes(dict[str | None, int]):
    """A function from texts to whole numbers that remembers its results, within bounds.

    Parameters
    ----------
    code
        The function; it must be pure.
    missing
        Code of None.
    """

    def __init__(self, code: Callable[[str], int], missing: int = _MISSING) -> None:
        super().__init__()
        self._code = code
        self._missing = missing

    def __missing__(self, text: str | None) -> int:
        code = self._missing if text is None else self._code(text)
        if len(self) >= _CACHED_TEXTS:
            self.clear()
        if text is None or len(text) <= _CACHED_LENGTH:
            self[text] = code
        return code

    def of(self, texts: list[str | None], rows: IntArray | None) -> IntArray:
        """Return the codes int64 of the texts, or of those at `rows`."""
        chosen = texts if rows is None else [texts[row] for row in rows.tolist()]
        return np.fromiter(map(self.__getitem__, chosen), np.int64, len(chosen))


class ColumnEncoder(Protocol):
    """Writes one raw column into consecutive columns of X."""

    columns: tuple[FeatureColumn, ...]

    def write(self, records: Records, rows: IntArray | None, X: FloatArray) -> dict[str, int]:
        """Fill X [n, len(columns)], which comes zeroed, for `rows` (None: all); return counts."""
        ...


def column_encoder(name: str, field: FeatureField) -> ColumnEncoder:
    """Return the encoder of the raw column `name`."""
    if isinstance(field, TextField):
        return _Words(name, field)
    if not isinstance(field, CategoricalField):
        return _Number(name)
    if field.encoding is Encoding.INDEX:
        return _Index(name, field)
    return _OneHot(name, field)


class _Number:
    def __init__(self, name: str) -> None:
        self.columns: tuple[FeatureColumn, ...] = (FeatureColumn(name),)

    def write(self, records: Records, rows: IntArray | None, X: FloatArray) -> dict[str, int]:
        values = records.numbers[self.columns[0].name]
        X[:, 0] = values if rows is None else values[rows]
        return {}


class _Index:
    def __init__(self, name: str, field: CategoricalField) -> None:
        self.columns: tuple[FeatureColumn, ...] = (FeatureColumn(name, len(field.values) + 1),)
        self._codes = TextCodes(_place_in(field.values))

    def write(self, records: Records, rows: IntArray | None, X: FloatArray) -> dict[str, int]:
        column = self.columns[0]
        codes = self._codes.of(records.texts[column.name], rows)
        X[:, 0] = np.where(codes == _MISSING, np.nan, codes)
        return _counts(codes, unknown=column.n_values - 1)


class _OneHot:
    """A 0/1 column per known value and one for all others, or per bucket of a hash."""

    def __init__(self, name: str, field: CategoricalField) -> None:
        self._name = name
        if field.encoding is Encoding.HASH:
            labels = [f"{name}#{bucket}" for bucket in range(field.buckets)]
            self._codes = TextCodes(lambda text: text_hash(text) % field.buckets)
            self._unknown = field.buckets  # no code is: a hash knows all texts
        else:
            labels = [f"{name}={value}" for value in (*field.values, "<unknown>")]
            self._codes = TextCodes(_place_in(field.values))
            self._unknown = len(field.values)
        self.columns = tuple(FeatureColumn(label) for label in labels)

    def write(self, records: Records, rows: IntArray | None, X: FloatArray) -> dict[str, int]:
        codes = self._codes.of(records.texts[self._name], rows)
        known = np.flatnonzero(codes != _MISSING)
        X[known, codes[known]] = 1.0
        return _counts(codes, self._unknown)


class _Words:
    """A column per bucket of a hash, for all words of a text."""

    def __init__(self, name: str, field: TextField) -> None:
        self._name = name
        self._field = field
        self._codes = TextCodes(lambda token: text_hash(token) % field.buckets)
        self.columns = tuple(FeatureColumn(f"{name}#{bucket}") for bucket in range(field.buckets))

    def write(self, records: Records, rows: IntArray | None, X: FloatArray) -> dict[str, int]:
        texts = records.texts[self._name]
        chosen = texts if rows is None else [texts[row] for row in rows.tolist()]
        tokens = [[] if text is None else self._field.tokens(text) for text in chosen]
        places = np.repeat(np.arange(len(tokens)), [len(each) for each in tokens])
        codes = self._codes.of(list(chain.from_iterable(tokens)), None)
        if self._field.binary:
            X[places, codes] = 1.0
        else:
            np.add.at(X, (places, codes), 1.0)
        return {"missing_category": chosen.count(None)}


def _place_in(values: tuple[str, ...]) -> Callable[[str], int]:
    places = {value: place for place, value in enumerate(values)}
    return lambda text: places.get(text, len(places))


def _counts(codes: IntArray, unknown: int) -> dict[str, int]:
    return {
        "unknown_category": int(np.count_nonzero(codes == unknown)),
        "missing_category": int(np.count_nonzero(codes == _MISSING)),
    }
