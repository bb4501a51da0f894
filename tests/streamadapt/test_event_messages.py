"""Messages of a recorded stream decode to the very records they were made of."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from streamadapt.connectors import CSVSource, JSONCodec
from streamadapt.event_messages import EventMessages
from streamadapt.events import (
    BooleanField,
    CategoricalField,
    NumericField,
    Records,
    RecordSchema,
    TimeField,
    TimeFormat,
)
from tests.recorded_streams import rows, write_csv

TIMES = {"at": TimeFormat.ISO8601, "unix": TimeFormat.UNIX_S}


def schema(time: str) -> RecordSchema:
    return RecordSchema(
        features={
            "price": NumericField(),
            "size": NumericField(),
            "open": BooleanField(),
            "side": CategoricalField(),
        },
        target="label",
        classes=("no", "up: yes"),
        id="event",
        key="symbol",
        time=TimeField(column=time, format=TIMES[time]),
    )


def read(path: Path, own: RecordSchema) -> Records:
    with closing(CSVSource(path, own)) as source:
        records = source.poll(1000)
    assert records is not None
    return records


@pytest.mark.parametrize("time", sorted(TIMES))
def test_every_column_comes_back_bit_for_bit(tmp_path: Path, time: str) -> None:
    write_csv(tmp_path / "a.csv", rows(200))
    own = schema(time)
    records = read(tmp_path / "a.csv", own)
    again = JSONCodec(own).decode(list(EventMessages(own).of(records)), records.positions)
    assert again.rejects == []
    assert again.texts == records.texts
    assert records.times_us is not None
    assert again.times_us is not None
    assert again.times_us.tolist() == records.times_us.tolist()
    for name, values in records.numbers.items():
        assert again.numbers[name].tobytes() == values.tobytes()


def test_an_infinite_number_is_refused_by_the_reader_as_in_replay(tmp_path: Path) -> None:
    own = RecordSchema(features={"x": NumericField()}, target="y")
    codec = JSONCodec(own)
    records = codec.decode([b'{"x": 1, "y": 2}', b'{"x": 3, "y": 4}'], np.arange(2))
    records.numbers["x"][1] = np.inf
    again = codec.decode(list(EventMessages(own).of(records)), np.arange(2))
    assert [(r.position, r.reason) for r in again.rejects] == [(1, "infinite")]


def test_microseconds_of_unix_times_are_kept() -> None:
    own = RecordSchema(
        features={"x": NumericField()},
        target="y",
        time=TimeField(column="t", format=TimeFormat.UNIX_S),
    )
    codec = JSONCodec(own)
    records = codec.decode([b'{"x": 1, "t": 1704067200.123457}'], np.arange(1))
    again = codec.decode(list(EventMessages(own).of(records)), np.arange(1))
    assert again.times_us is not None
    assert again.times_us.tolist() == [1_704_067_200_123_457]


def test_a_target_that_is_a_feature_stays_in_messages_without_labels() -> None:
    own = RecordSchema(features={"x": NumericField(), "y": NumericField()}, target="y")
    records = JSONCodec(own).decode([b'{"x": 1, "y": 2}'], np.arange(1))
    assert EventMessages(own, with_target=False).of(records) == [b'{"x":1.0,"y":2.0}']
