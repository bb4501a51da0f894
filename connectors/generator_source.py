"""Records of a stream generator: a source that needs no file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamadapt.connectors.file_source import check_columns
from streamadapt.connectors.generator import CLASS_COLUMN, RowGenerator
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ParameterError, SourceError, whole
from streamadapt.events import Records, RecordSchema

__all__ = ["GeneratorSource", "row_object"]

_BLOCK_ROWS = 16_384
"""Rows of one poll at most, and of one step on the way to a position."""


class GeneratorSource:
    """Gives the first rows of a generator as records, the label in the column ``class``.

    Nominal features are texts, as MOA names their values; where these are numbers, as the bits of
    `LED` are, they may be read as numbers or truth values as well.  Rows on the way to a position
    that is sought are generated and dropped, which takes some 10 ns each.

    Parameters
    ----------
    generator
        It belongs to this source from now on, and must be at its start.
    schema
        Which columns to give, e.g. ``generator.schema()``.
    rows
        How many records there are.

    Raises
    ------
    SourceError
        If the generator has no such column, or gives texts where numbers are asked for.

    Examples
    --------
    >>> from streamadapt.connectors.generators import STAGGER
    >>> source = GeneratorSource(STAGGER(), STAGGER().schema(), rows=3)
    >>> records = source.poll(10)
    >>> records.texts["color"], records.texts["class"], source.poll(10)
    (['blue', 'green', 'blue'], ['false', 'false', 'false'], None)
    """

    def __init__(self, generator: RowGenerator, schema: RecordSchema, rows: int) -> None:
        self.schema = schema
        self.rows = whole("rows", rows, 0, 2**62)
        self._generator = generator
        self._start = generator.state()
        self._position = 0
        place = Path(f"generator {generator.kind}")
        check_columns(place, schema, (*generator.names, CLASS_COLUMN))
        values = {n: generator.nominal.get(j) for j, n in enumerate(generator.names)}
        values[CLASS_COLUMN] = generator.class_names
        numbers = (*schema.number_columns(), *schema.boolean_columns())
        self._numbers = {name: _as_numbers(name, values[name]) for name in numbers}
        self._texts = {name: _as_texts(name, values[name]) for name in schema.text_columns()}
        self._check_truth_values()

    def poll(self, max_records: int) -> Records | None:
        """Return up to `max_records` records, or None at the end for ever.

        Raises
        ------
        ParameterError
            If `max_records` is less than 1.
        """
        if max_records < 1:
            raise ParameterError(f"max_records = {max_records!r} is not at least 1")
        n = min(max_records, self.rows - self._position, _BLOCK_ROWS)
        if n == 0:
            return None
        X, y = self._generator.rows(n)
        positions = np.arange(self._position, self._position + n)
        self._position += n
        columns = dict(zip(self._generator.names, X.T, strict=True))
        return Records(
            positions=positions,
            numbers={name: self._number_column(name, columns, y) for name in self._numbers},
            texts={name: self._text_column(name, columns, y) for name in self._texts},
            times_us=None,
            original=lambda row: self._original(X[row], int(y[row])),
        )

    def position(self) -> int:
        """Return the position of the record that comes next."""
        return self._position

    def seek(self, position: int) -> None:
        """Go on from `position`.

        Raises
        ------
        SourceError
            If there are fewer records.
        """
        if position > self.rows:
            raise SourceError(f"cannot go on from record {position}: there are {self.rows} records")
        if position < self._position:
            self._generator.restore(self._start)
            self._position = 0
        while self._position < position:
            n = min(position - self._position, _BLOCK_ROWS)
            self._generator.rows(n)
            self._position += n

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _number_column(self, name: str, columns: dict[str, FloatArray], y: IntArray) -> FloatArray:
        numbers = self._numbers[name]
        if numbers is None:
            return np.ascontiguousarray(columns[name])
        return numbers[_places(name, columns, y)]

    def _text_column(
        self, name: str, columns: dict[str, FloatArray], y: IntArray
    ) -> list[str | None]:
        texts: list[str | None] = self._texts[name][_places(name, columns, y)].tolist()
        return texts

    def _original(self, x: FloatArray, label: int) -> bytes:
        return json.dumps(row_object(self._generator, x, label)).encode()

    def _check_truth_values(self) -> None:
        for name in self.schema.boolean_columns():
            numbers = self._numbers[name]
            if numbers is None or not set(numbers.tolist()) <= {0.0, 1.0}:
                raise SourceError(f"column {name!r} is no truth value")


def row_object(generator: RowGenerator, x: FloatArray, label: int) -> dict[str, float | str]:
    """Return one row by names, nominal values and the class as texts."""
    nominal = generator.nominal
    row: dict[str, float | str] = {
        name: nominal[j][int(value)] if j in nominal else value
        for j, (name, value) in enumerate(zip(generator.names, x.tolist(), strict=True))
    }
    return row | {CLASS_COLUMN: generator.class_names[label]}


def _places(name: str, columns: dict[str, FloatArray], y: IntArray) -> IntArray:
    return y if name == CLASS_COLUMN else columns[name].astype(np.int64)


def _as_numbers(name: str, values: tuple[str, ...] | None) -> FloatArray | None:
    """Return the numbers that the names of values stand for; None for a numeric column."""
    if values is None:
        return None
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        raise SourceError(f"column {name!r} is no number, its values are {values}") from None


def _as_texts(name: str, values: tuple[str, ...] | None) -> NDArray[np.object_]:
    if values is None:
        raise SourceError(f"column {name!r} is a number, not a text")
    return np.array(values, object)
