"""JSON messages into columns by a schema, and output records into JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np

from streamadapt.connectors.decode import boolean, canonical_text, number_from_value
from streamadapt.connectors.decoded import BlockBuilder, DecodedBlock
from streamadapt.connectors.times import time_us
from streamadapt.contracts import IntArray
from streamadapt.errors import BadRecordError
from streamadapt.events import Records, RecordSchema, Reject

__all__ = ["JSONCodec", "ReadMessage", "encode_each", "encode_json", "encode_lines"]

ReadMessage: TypeAlias = Callable[[bytes], Mapping[str, object]]

_Scalar = bool | int | float | str | None
_TEXTS = frozenset({str, type(None)})


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


def encode_json(record: object) -> bytes:
    """Return a record as JSON; NaN and infinities become null.

    >>> encode_json({"p": float("inf")})
    b'{"p":null}'
    """
    return _ENCODER.encode(record)


def encode_lines(records: Sequence[Mapping[str, object]]) -> bytes:
    r"""Return records as JSON, each with a line end; NaN and infinities become null.

    >>> encode_lines([{"p": float("nan")}, {"p": 0.5}])
    b'{"p":null}\n{"p":0.5}\n'
    """
    return _ENCODER.encode_lines(records)


def encode_each(records: Sequence[object]) -> list[bytes]:
    r"""Return each record as JSON, by one call of the encoder; NaN and infinities become null.

    >>> encode_each([{"p": float("nan")}, {"text": "two\nlines"}]), encode_each([])
    ([b'{"p":null}', b'{"text":"two\\nlines"}'], [])
    """
    return _ENCODER.encode_lines(records).split(b"\n")[:-1]  # JSON has no line ends of its own


class JSONCodec:
    """Decodes messages that are JSON objects, and encodes output records.

    A missing key and null are missing values; keys that the schema does not name are ignored.
    Numbers must be JSON numbers; truth values, numbers or words of `BooleanField`; texts may be
    any scalar and are made canonical; a repeated key counts with its last value.

    Rejects: ``tombstone`` (no value), ``empty``, ``not_utf8``, ``malformed``, ``wrong_type``,
    ``infinite`` (a number beyond float64), ``bad_time``.

    Parameters
    ----------
    schema
        Which keys to decode.

    Examples
    --------
    >>> from streamadapt.events import NumericField, RecordSchema
    >>> codec = JSONCodec(RecordSchema(features={"x": NumericField()}, target="y"))
    >>> records = codec.decode([b'{"x": 1, "y": 2.5}', None, b'{"x": "1"}'], np.arange(3))
    >>> records.numbers["y"].tolist(), [(r.reason, r.where) for r in records.rejects]
    ([2.5], [('tombstone', ''), ('wrong_type', 'x')])
    """

    def __init__(self, schema: RecordSchema, read: ReadMessage | None = None) -> None:
        self.schema = schema
        self._is_json = read is None
        time = () if schema.time is None else (schema.time.column,)
        others = (*schema.boolean_columns(), *schema.text_columns(), *time)
        names = dict.fromkeys((*schema.number_columns(), *others))
        self._fields = {name: f"f{i}" for i, name in enumerate(names)}
        self._only_numbers = frozenset(schema.number_columns()).difference(others)
        row = msgspec.defstruct(
            "Row",
            [
                (field, self._type(name), msgspec.field(name=name, default=None))
                for name, field in self._fields.items()
            ],
            gc=False,
        )
        decode = msgspec.json.Decoder(row).decode
        self._decode_row = decode if read is None else _translated(read, decode)

    def _type(self, name: str) -> Any:  # noqa: ANN401 - a type expression
        return float | None if name in self._only_numbers else _Scalar

    def encode(self, records: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Return each record as JSON; NaN and infinities become null."""
        return encode_each(records)

    def decode(self, values: Sequence[bytes | None], positions: IntArray) -> Records:
        """Decode messages.

        Parameters
        ----------
        values
            n messages; None is a tombstone.
        positions
            int64 [n], ascending.
        """
        first, stop = (int(positions[0]), int(positions[-1]) + 1) if len(values) else (0, 0)
        return self.decode_block(values, positions).between(first, stop)

    def decode_block(self, values: Sequence[bytes | None], positions: IntArray) -> DecodedBlock:
        """Decode messages into a block that can be given out in parts; parameters as `decode`."""
        places = list(range(len(values)))
        rejects: list[Reject] = []
        try:
            if self._is_json:
                _check_utf8(values)
            rows = list(map(self._decode_row, values))  # type: ignore[arg-type]
        except (TypeError, UnicodeDecodeError, msgspec.DecodeError, RecursionError, BadRecordError):
            rows, places, rejects = self._decode_one_by_one(values, positions)
        builder = BlockBuilder(len(rows))
        self._add_columns(builder, rows)
        where = np.array(places, np.int64)
        return builder.finish(positions[where], where, lambda i: values[i] or b"", rejects)

    def _decode_one_by_one(
        self, values: Sequence[bytes | None], positions: IntArray
    ) -> tuple[list[Any], list[int], list[Reject]]:
        rows, places, rejects = [], [], []
        for place, value in enumerate(values):
            row = self._row_or_reason(value)
            if isinstance(row, tuple):
                reason, where = row
                rejects.append(Reject(int(positions[place]), reason, where, value or b""))
            else:
                rows.append(row)
                places.append(place)
        return rows, places, rejects

    def _row_or_reason(self, value: bytes | None) -> Any:  # noqa: ANN401 - a row, or two texts
        if not value:
            return ("tombstone" if value is None else "empty"), ""
        try:
            if self._is_json:
                _check_utf8([value])
            return self._decode_row(value)
        except UnicodeDecodeError as error:
            return "not_utf8", f"byte {error.start}"
        except msgspec.ValidationError as error:
            message, _, path = str(error).rpartition(" - at `$")
            reason = "infinite" if message.startswith("Number out of range") else "wrong_type"
            return reason, path.strip(".`") or str(error)
        except (msgspec.DecodeError, RecursionError, BadRecordError) as error:
            return "malformed", str(error)

    def _add_columns(self, builder: BlockBuilder, rows: list[Any]) -> None:
        def values(name: str) -> list[Any]:
            return list(map(attrgetter(self._fields[name]), rows))

        for name in self.schema.number_columns():
            if name in self._only_numbers:
                numbers = np.array(values(name), np.float64)
                builder.add_numbers(name, numbers, np.isnan(numbers))  # JSON has no NaN
            else:
                builder.convert_numbers(name, values(name), number_from_value)
        for name in self.schema.boolean_columns():
            builder.convert_numbers(name, values(name), boolean)
        for name in self.schema.text_columns():
            texts = values(name)
            if _TEXTS.issuperset(map(type, texts)):  # canonical as they are
                builder.add_texts(name, texts)
            else:
                builder.convert_texts(name, texts, canonical_text)
        if (time := self.schema.time) is not None:
            convert = partial(time_us, time_format=time.format)
            builder.convert_times(time, values(time.column), convert)


def _translated(read: ReadMessage, decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return what decodes a message that `read` understands."""

    def decoded(value: bytes | None) -> Any:  # noqa: ANN401 - a row
        if not value:
            raise BadRecordError("tombstone" if value is None else "empty")
        try:
            return decode(_ENCODER.encode(_with_infinities(read(value))))
        except msgspec.ValidationError:
            raise
        except Exception as error:  # a message may break the user's code in any way
            raise BadRecordError(f"{type(error).__name__}: {error}") from error

    return decoded


def _with_infinities(row: Mapping[str, object]) -> Mapping[str, object]:
    """Keep what JSON has no form for: an infinity is a number beyond float64, and refused so."""
    infinite = [k for k, v in row.items() if isinstance(v, float | np.floating) and np.isinf(v)]
    return {**row, **dict.fromkeys(infinite, msgspec.Raw(b"1e999"))} if infinite else row


def _check_utf8(values: Sequence[bytes | None]) -> None:
    """Raise UnicodeDecodeError (or TypeError for None); strings that are skipped count too."""
    joined = b"\n".join(values)  # type: ignore[arg-type]
    if not joined.isascii():
        joined.decode()
