"""Looks at the start of a recorded stream: what each column holds, as far as its values tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from streamadapt.connectors.decode import (
    CellError,
    boolean,
    canonical_text,
    number_from_text,
    number_from_value,
)
from streamadapt.connectors.times import time_us
from streamadapt.events import TimeFormat
from streamadapt.samples import Sample, read_sample

__all__ = ["Column", "Content", "columns_of", "inspect"]

_GOOD_SHARE = 0.99
"""So many values must be of a type; the others will be dead letters."""

_MIN_UNIQUE = 20
"""With fewer values it proves nothing that all are different, or long."""

_MIN_WORDS = 4
"""Texts of so many words on average are sentences, no names of something."""

# Of the years 2000 to 2100: plain numbers there are hardly anything but times.
_UNIX_RANGES = {
    TimeFormat.UNIX_S: (946_684_800, 4_102_444_800),
    TimeFormat.UNIX_MS: (946_684_800_000, 4_102_444_800_000),
    TimeFormat.UNIX_US: (946_684_800_000_000, 4_102_444_800_000_000),
}
_TIME_NAMES = ("time", "date", "stamp", "epoch")


class Content(StrEnum):
    """What a column holds."""

    NOTHING = "nothing"
    CONSTANT = "one and the same value"
    NUMBERS = "numbers"
    TRUTH_VALUES = "truth values"
    TEXTS = "texts"
    FREE_TEXT = "free text"
    TIMES = "times"
    UNIQUE_TEXTS = "texts that are all different"
    ROW_NUMBERS = "row numbers"
    STRUCTURES = "lists, objects or bytes"


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column: n values, of which some are missing, and a few may be broken.

    ``texts`` are all different values as texts, in order.
    """

    name: str
    content: Content
    n: int
    n_missing: int = 0
    texts: tuple[str, ...] = ()
    time_format: TimeFormat | None = None
    n_broken: int = 0
    is_whole: bool = False


Make = Callable[..., Column]


def inspect(path: str | Path, n_records: int = 50_000) -> dict[str, Column]:
    r"""Look at the first `n_records` of a stream; return {name: column}.

    Raises
    ------
    SourceError
        If the file cannot be opened, or holds no record.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("x,side,day\n1.5,buy,2024-01-01\n2,sell,2024-01-02\n")
    >>> [column.content.value for column in inspect(path).values()]
    ['numbers', 'texts', 'times']
    """
    return columns_of(read_sample(Path(path), n_records))


def columns_of(sample: Sample) -> dict[str, Column]:
    """Say what each column of a sample holds."""
    number = number_from_value if sample.is_typed else number_from_text
    return {name: _column(name, values, number) for name, values in sample.columns.items()}


def _column(name: str, values: Sequence[Any], number: Callable[[Any], float]) -> Column:
    there = [value for value in values if value is not None and value == value]
    make = partial(Column, name, n=len(values), n_missing=len(values) - len(there))
    if not there:
        return make(content=Content.NOTHING)
    if all(isinstance(value, dt.date) for value in there):  # a datetime is one, too
        return make(content=Content.TIMES, time_format=TimeFormat.ISO8601)
    try:
        texts = {text for text in map(canonical_text, there) if text is not None}
    except CellError:
        return make(content=Content.STRUCTURES)
    make = partial(make, texts=tuple(sorted(texts)))
    if len(texts) == 1:
        return make(content=Content.CONSTANT)
    numbers = _converted(number, there)
    if numbers is not None:
        return _of_numbers(partial(make, n_broken=len(there) - len(numbers)), name, numbers)
    return _of_texts(make, there)


def _converted(convert: Callable[[Any], Any], values: Sequence[Any]) -> list[Any] | None:
    """Return the values converted, without a few that cannot be; None if there are too many."""
    found, n_broken_allowed = [], int(len(values) * (1 - _GOOD_SHARE))
    for value in values:
        try:
            found.append(convert(value))
        except CellError:
            n_broken_allowed -= 1
            if n_broken_allowed < 0:
                return None
    return found


def _of_numbers(make: Make, name: str, numbers: list[float]) -> Column:
    array = np.array(numbers, np.float64)
    finite = array[np.isfinite(array)]
    time_format = _unix_format(name, finite)
    if time_format is not None:
        return make(content=Content.TIMES, time_format=time_format)
    is_whole = bool((finite == np.floor(finite)).all())
    if is_whole and len(finite) >= _MIN_UNIQUE and bool((np.diff(finite) == 1).all()):
        return make(content=Content.ROW_NUMBERS)
    return make(content=Content.NUMBERS, is_whole=is_whole)


def _unix_format(name: str, numbers: np.ndarray[Any, np.dtype[np.float64]]) -> TimeFormat | None:
    """Return the unit if these are times since 1970: in range, and in order or so named."""
    if not (
        bool((np.diff(numbers) >= 0).all()) or any(part in name.lower() for part in _TIME_NAMES)
    ):
        return None
    for time_format, (low, high) in _UNIX_RANGES.items():
        if bool(((numbers >= low) & (numbers < high)).all()):
            return time_format
    return None


def _of_texts(make: Make, there: Sequence[Any]) -> Column:
    for content, convert in (
        (Content.TRUTH_VALUES, boolean),
        (Content.TIMES, partial(time_us, time_format=TimeFormat.ISO8601)),
    ):
        found = _converted(convert, there)
        if found is not None:
            n_broken = len(there) - len(found)
            is_time = content is Content.TIMES
            return make(
                content=content,
                n_broken=n_broken,
                time_format=TimeFormat.ISO8601 if is_time else None,
            )
    column = make(content=Content.TEXTS)
    n_words = sum(len(text.split()) for text in column.texts)
    if len(column.texts) >= _MIN_UNIQUE and n_words >= _MIN_WORDS * len(column.texts):
        return make(content=Content.FREE_TEXT)
    if len(column.texts) == len(there) >= _MIN_UNIQUE:
        return make(content=Content.UNIQUE_TEXTS)
    return column
