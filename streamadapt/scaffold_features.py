"""The features of a proposed pipeline file: raw columns, and what to derive from them."""

from __future__ import annotations

from collections.abc import Iterator

from streamadapt.config_yaml import scalar_text
from streamadapt.inspection import Column, Content

__all__ = ["MAX_ONE_HOT", "USED", "derived_lines", "record_lines"]

MAX_ONE_HOT = 20
"""Texts with more different values are hashed."""

USED = (Content.NUMBERS, Content.TRUTH_VALUES, Content.TEXTS, Content.FREE_TEXT)
"""What can be a feature."""

_MAX_BUCKETS = 128
_MAX_TOLD_CLASSES = 10
_MIN_ROWS_PER_VALUE = 5
"""With fewer records to a category, the mean of its labels is mostly chance."""


def record_lines(others: list[Column], time: Column | None) -> Iterator[str]:
    """Return the section of the record's columns."""
    yield "record:"
    yield from _roles(others, time)
    yield "  features:  # in the order that learners see; other columns are ignored"
    for column in others:
        yield from _feature(column) if column.content in USED else _left_out(column, time)
    yield ""


def _roles(others: list[Column], time: Column | None) -> Iterator[str]:
    unique = [column for column in others if column.content is Content.UNIQUE_TEXTS]
    keys = [column for column in others if column.content is Content.TEXTS]
    if time is not None and time.time_format is not None:
        yield f"  time: {{column: {scalar_text(time.name)}, format: {time.time_format.value}}}"
    for column in unique:
        yield f"  # id: {scalar_text(column.name)}  # names an event; by default its position does"
    for column in keys:
        n = len(column.texts)
        yield f"  # key: {scalar_text(column.name)}  # if its {n} values are series of their own"


def _feature(column: Column) -> Iterator[str]:
    name, notes = scalar_text(column.name), _notes(column)
    if column.content is Content.NUMBERS:
        yield f"    {name}: numeric{notes}"
    elif column.content is Content.TRUTH_VALUES:
        yield f"    {name}: boolean{notes}"
    elif column.content is Content.FREE_TEXT:
        yield f"    {name}: text{notes}  # its words, counted; {{kind: text, ngrams: 2}}: and pairs"
    elif len(column.texts) <= MAX_ONE_HOT:
        yield f"    {name}:  # {len(column.texts)} values; `encoding: index` makes nominal splits"
        yield "      kind: categorical"
        yield "      encoding: one_hot"
        yield f"      values: [{', '.join(map(scalar_text, column.texts))}]"
    else:
        yield f"    {name}:  # {len(column.texts)} values, too many for one_hot"
        yield "      kind: categorical"
        yield "      encoding: hash"
        yield f"      buckets: {_buckets(len(column.texts))}"


def _notes(column: Column) -> str:
    notes = []
    if column.n_missing:
        notes.append(f"{column.n_missing} missing")
    if column.n_broken:
        notes.append(f"{column.n_broken} are none: dead letters")
    return f"  # {', '.join(notes)}" if notes else ""


def _buckets(n_values: int) -> int:
    return min(_MAX_BUCKETS, 1 << (n_values - 1).bit_length())


def _left_out(column: Column, time: Column | None) -> Iterator[str]:
    if column is not time and column.n_missing < column.n and column.content is Content.TIMES:
        yield f"    # {scalar_text(column.name)} holds times: no feature as such, see `derived`"
    elif column is not time:
        yield f"    # {scalar_text(column.name)} holds {column.content}: no feature"


def derived_lines(
    others: list[Column], time: Column | None, classes: tuple[str, ...]
) -> Iterator[str]:
    """Return the section of derived features: those to start with, and others as comments."""
    means = [] if len(classes) > _MAX_TOLD_CLASSES else list(filter(_has_means, others))
    start = "" if means else "# "
    yield f"{start}derived:  # from earlier records (of the same key) and labels that have arrived"
    for column in means:
        n, name = len(column.texts), scalar_text(column.name)
        yield f"  - {{kind: target_mean, of: {name}}}  # labels so far, by its {n} values"
    for line in _examples(others, time):
        yield f"{'  # ' if means else '#   '}- {line}"


def _has_means(column: Column) -> bool:
    """Whether categories are too many for columns of their own, but each there often enough."""
    n = len(column.texts)
    is_often = column.n - column.n_missing >= _MIN_ROWS_PER_VALUE * n
    return column.content is Content.TEXTS and n > MAX_ONE_HOT and is_often


def _examples(others: list[Column], time: Column | None) -> Iterator[str]:
    yield from _OF_ALL
    for column in [column for column in others if column.content is Content.NUMBERS][:1]:
        yield from (line.replace("NAME", scalar_text(column.name)) for line in _OF_NUMBERS)
    yield from _OF_TIMES if time is not None else ()
    for column in [column for column in others if column.content is Content.TEXTS][:1]:
        yield f"{{kind: hash, of: [{scalar_text(column.name)}], tokens: words}}  # by word"


_OF_ALL = (
    "{kind: lag, of: COLUMN, steps: [1, 2]}",
    "{kind: rolling, of: COLUMN, window: 24, statistics: [mean, std]}",
    "{kind: calendar, parts: [hour_of_day, day_of_week], encoding: cyclic}  # needs `time`",
)

_OF_NUMBERS = (
    "{kind: difference, of: NAME}  # to the record before",
    "{kind: ewm, of: NAME, half_life: 24}  # mean and spread, the latest counting most",
    "{kind: scale, of: NAME, method: robust}  # or standard, min_max",
)

_OF_TIMES = (
    "{kind: rate, half_life_s: 3600}  # events per second",
    "{kind: time_since_last}  # seconds since the event before",
    "{kind: count, window: 3600}  # events of the last hour",
    "{kind: fourier, period: day, harmonics: 2}  # smooth curves over the day",
)
