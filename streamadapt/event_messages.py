"""Decoded records as JSON messages of their raw columns: what a live worker reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from streamadapt.connectors.json_codec import encode_json
from streamadapt.connectors.times import UNIT_US
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.events import MISSING_TIME, Records, RecordSchema, TimeField, TimeFormat

__all__ = ["EventMessages", "written_times"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEYOND = msgspec.Raw(b"1e999")  # JSON has no infinity, but numbers that are read as too large
_TRUTH = {0.0: False, 1.0: True}


class EventMessages:
    """Writes records as JSON objects: features, id, key, time and, if asked for, the label.

    Numbers are the very floats that were decoded.  A missing value is null; an infinite one is
    written so that its reader refuses it, as replay does.

    Parameters
    ----------
    schema
        The columns.
    with_target
        Whether the label stands in the message; a target that is a feature always does.

    Examples
    --------
    >>> from streamadapt.connectors import JSONCodec
    >>> from streamadapt.events import NumericField
    >>> schema = RecordSchema(features={"x": NumericField()}, target="y", classes=("a", "b"))
    >>> records = JSONCodec(schema).decode([b'{"x": 0.1, "y": "a"}'], np.arange(1))
    >>> EventMessages(schema).of(records), EventMessages(schema, with_target=False).of(records)
    ([b'{"x":0.1,"y":"a"}'], [b'{"x":0.1}'])
    """

    def __init__(self, schema: RecordSchema, with_target: bool = True) -> None:
        self._schema = schema
        self._omitted = {schema.target} - schema.features.keys() if not with_target else set()

    def of(self, records: Records, more: dict[str, list[Any]] | None = None) -> list[bytes]:
        """Return one message for each row.

        Parameters
        ----------
        records
            n rows, decoded by the schema.
        more
            {column: n values} to be written too.
        """
        columns = self._columns(records) | (more or {})
        names = [name for name in columns if name not in self._omitted]
        values = [columns[name] for name in names]
        return [
            encode_json(dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)
        ]

    def _columns(self, records: Records) -> dict[str, list[Any]]:
        schema = self._schema
        columns: dict[str, list[Any]] = {}
        if schema.time is not None and records.times_us is not None:
            columns[schema.time.column] = written_times(schema.time, records.times_us)
        # A column may be read as text and as number: the number is what its feature needs.
        columns |= {name: records.texts[name] for name in schema.text_columns()}
        columns |= {name: _truths(records.numbers[name]) for name in schema.boolean_columns()}
        columns |= {name: _numbers(records.numbers[name]) for name in schema.number_columns()}
        last = [*schema.features, schema.target]
        first = [name for name in columns if name not in last]
        return {name: columns[name] for name in dict.fromkeys(first + last)}


def written_times(field: TimeField, times_us: IntArray) -> list[Any]:
    """Return times as the field's format writes them; None for `MISSING_TIME`.

    >>> written_times(TimeField(column="t", format=TimeFormat.UNIX_S), np.array([1_500_000]))
    [1.5]
    """
    write = _iso if field.format is TimeFormat.ISO8601 else _unix(UNIT_US[field.format])
    return [None if time == MISSING_TIME else write(time) for time in times_us.tolist()]


def _iso(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat()


def _unix(unit_us: int) -> Callable[[int], int | float]:
    def written(time_us: int) -> int | float:
        return time_us / unit_us if time_us % unit_us else time_us // unit_us

    return written


def _truths(values: FloatArray) -> list[bool | None]:
    return list(map(_TRUTH.get, values.tolist()))


def _numbers(values: FloatArray) -> list[Any]:
    written: list[Any] = values.tolist()  # NaN is null in JSON
    for row in np.flatnonzero(np.isinf(values)).tolist():
        written[row] = _BEYOND
    return written
